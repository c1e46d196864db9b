using System.Globalization;
using RaftKv.Client;
using RaftKv.Faults.Checking;
using RaftKv.Faults.Histories;

namespace RaftKv.Faults.Workloads;

/// <summary>
/// A lock that ends with a lease, and holders who sometimes are away for longer than it lives: as a process that is paused,
/// which does not know. Under the fence they write only if the store finds the lock still theirs.
/// </summary>
internal sealed class LeasedLockWorkload(bool isFenced) : Workload
{
    private const string Lock = "lock/one";
    private const string Guarded = "lock/guarded";
    private static readonly TimeSpan TimeToLive = TimeSpan.FromSeconds(2);
    private long _next;
    private int _held;

    public override string Name => isFenced ? "lock-fenced" : "lock-unsafe";

    public override string Story => isFenced
        ? "a leased lock whose holders are late, and write under its token only"
        : "a leased lock whose holders are late, and trust it: two holders must be found";

    public override bool MustFail => !isFenced;

    public override IReadOnlyList<IChecker> Checkers { get; } = isFenced ? [new Fencing(), new RevisionOrder()] : [new MutualExclusion()];

    public override async Task StepAsync(ClientSession session, CancellationToken stop)
    {
        var acquired = await session.WriteAsync(session.Asked(MutualExclusion.Acquire, Lock), operation => AcquireAsync(session, operation));
        if (!acquired.IsOk)
        {
            await Task.Delay(session.Chance.Next(50, 200), stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            return;
        }

        // Most are quick. Every third is away for longer than the lease lives.
        var isAway = Interlocked.Increment(ref _held) % 3 == 0;
        await Task.Delay(isAway ? session.Chance.Next(4000, 6000) : session.Chance.Next(0, 300), stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        var token = acquired.Token!.Value;
        if (isFenced)
        {
            await WriteAsync(session, token);
        }

        await session.WriteAsync(session.Asked(MutualExclusion.Release, Lock) with { Token = token }, async operation =>
        {
            var freed = await session.Client.CommitAsync(new Transaction().If(Condition.CreateRevision(Lock).Is(token)).Then(Operation.Delete(Lock)));
            return operation with { Done = freed.Succeeded, Revision = freed.Header.Revision, Wrote = freed.Succeeded };
        });
    }

    private static async Task<Invocation> AcquireAsync(ClientSession session, Invocation operation)
    {
        long lease;
        try
        {
            lease = (await session.Client.GrantLeaseAsync(TimeToLive)).Id;
        }
        catch (RaftKvException failed)
        {
            return operation with { Outcome = Outcome.Fail, Error = failed.Message };
        }

        var taken = await session.Client.CommitAsync(new Transaction()
            .If(Condition.Missing(Lock))
            .Then(Operation.Put(Lock, string.Create(CultureInfo.InvariantCulture, $"{session.Process}"), new PutOptions { Lease = lease })));
        return taken.Succeeded
            ? operation with { Token = taken.Header.Revision, Revision = taken.Header.Revision, Wrote = true, Lease = lease }
            : operation with { Outcome = Outcome.Fail, Error = "held by another" };
    }

    private Task WriteAsync(ClientSession session, long token)
    {
        var value = Interlocked.Increment(ref _next).ToString(CultureInfo.InvariantCulture);
        return session.WriteAsync(session.Asked(Fencing.GuardedWrite, Guarded) with { Token = token, Value = value }, async operation =>
        {
            var written = await session.Client.CommitAsync(new Transaction().If(Condition.CreateRevision(Lock).Is(token)).Then(Operation.Put(Guarded, value)));
            return written.Succeeded
                ? operation with { Revision = written.Header.Revision, Wrote = true }
                : operation with { Outcome = Outcome.Fail, Error = "the lock was lost" };
        });
    }
}

/// <summary>
/// The client library's own lock. Its holder stops when it is told that the lock is lost, which must be before anybody else
/// can have it, since this process is not paused.
/// </summary>
internal sealed class ClientLockWorkload : Workload
{
    private const string Lock = "lock/client";
    private static readonly LockOptions Short = new() { TimeToLive = TimeSpan.FromSeconds(3) };
    private long _next;

    public override string Name => "lock";

    public override string Story => "the client library's lock, whose holders stop when they are told that it is lost";

    public override IReadOnlyList<IChecker> Checkers { get; } = [new MutualExclusion(), new Fencing(), new RevisionOrder()];

    public override async Task StepAsync(ClientSession session, CancellationToken stop)
    {
        LockHandle? held = null;
        var acquired = await session.WriteAsync(session.Asked(MutualExclusion.Acquire, Lock), async operation =>
        {
            held = await session.Client.TryAcquireLockAsync(Lock, TimeSpan.FromSeconds(2), Short, CancellationToken.None);
            return held is null
                ? operation with { Outcome = Outcome.Fail, Error = "held by another" }
                : operation with { Token = held.FencingToken };
        });
        if (held is null)
        {
            return;
        }

        await using (held)
        {
            using var over = CancellationTokenSource.CreateLinkedTokenSource(held.Lost, stop);
            await Task.Delay(session.Chance.Next(0, 1500), over.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (!held.Lost.IsCancellationRequested)
            {
                await WriteAsync(session, held);
            }

            // That it was lost while it wrote is known here at the latest.
            session.Recorder.Add(session.Asked(MutualExclusion.Release, Lock) with
            {
                Token = acquired.Token,
                Begin = session.Recorder.Now,
                End = session.Recorder.Now,
                Outcome = Outcome.Ok,
            });
        }
    }

    private async Task WriteAsync(ClientSession session, LockHandle held)
    {
        var value = Interlocked.Increment(ref _next).ToString(CultureInfo.InvariantCulture);
        await session.WriteAsync(session.Asked(Fencing.GuardedWrite, "lock/guarded") with { Token = held.FencingToken, Value = value }, async operation =>
        {
            try
            {
                using var lost = CancellationTokenSource.CreateLinkedTokenSource(held.Lost);
                var written = await held.CommitAsync(new Transaction().Then(Operation.Put("lock/guarded", value)), cancellation: lost.Token);
                return operation with { Revision = written.Header.Revision, Wrote = true };
            }
            catch (LockLostException gone)
            {
                return operation with { Outcome = Outcome.Fail, Error = gone.Message };
            }
        });
    }
}
