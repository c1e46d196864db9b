using System.Runtime.CompilerServices;
using RaftKv.Client.Queues;

namespace RaftKv.Client;

public sealed partial class RaftKvClient
{
    private static readonly LockOptions UsualLock = new();

    /// <summary>Makes a lease and keeps it alive. See <see cref="KeptLease"/>.</summary>
    public ValueTask<KeptLease> KeepLeaseAsync(TimeSpan timeToLive, CancellationToken cancellation = default)
    {
        ObjectDisposedException.ThrowIf(_isDisposed != 0, this);
        return KeptLease.StartAsync(this, _options.Time, timeToLive, _disposal.Token, cancellation);
    }

    /// <summary>Waits for a lock. Who waits is served in the order of coming, with other clients of etcd's locks, too.</summary>
    /// <exception cref="LockLostException">The place in the line was lost while it was waited for.</exception>
    public async ValueTask<LockHandle> AcquireLockAsync(KvBytes name, LockOptions? options = null, CancellationToken cancellation = default)
        => new(this, (await Place.TakeAsync(this, name, options ?? UsualLock, waits: true, cancellation).ConfigureAwait(false))!);

    /// <summary>Takes a lock if it is free, or becomes so within a time. Null: it did not.</summary>
    public async ValueTask<LockHandle?> TryAcquireLockAsync(
        KvBytes name, TimeSpan wait = default, LockOptions? options = null, CancellationToken cancellation = default)
    {
        if (wait <= TimeSpan.Zero)
        {
            var free = await Place.TakeAsync(this, name, options ?? UsualLock, waits: false, cancellation).ConfigureAwait(false);
            return free is null ? null : new LockHandle(this, free);
        }

        using var timeout = new CancellationTokenSource(wait, _options.Time);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation, timeout.Token);
        try
        {
            return await AcquireLockAsync(name, options, stop.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (timeout.IsCancellationRequested && !cancellation.IsCancellationRequested)
        {
            return null;
        }
    }

    /// <summary>
    /// Stands for election for as long as this is read: a follower first, then leader, a follower again when the leadership
    /// is lost, and so on. Leaving the loop resigns.
    /// </summary>
    /// <example><code>
    /// await foreach (var state in client.StandForElectionAsync("scheduler", new LockOptions { Value = "host-1" }, stop))
    /// {
    ///     if (state.Leadership is { } leadership)
    ///     {
    ///         await LeadAsync(leadership); // until leadership.Lost
    ///     }
    /// }
    /// </code></example>
    public async IAsyncEnumerable<CandidateState> StandForElectionAsync(
        KvBytes name, LockOptions? options = null, [EnumeratorCancellation] CancellationToken cancellation = default)
    {
        while (true)
        {
            yield return new(null);
            LockHandle? leadership = null;
            while (leadership is null)
            {
                try
                {
                    leadership = await AcquireLockAsync(name, options, cancellation).ConfigureAwait(false);
                }
                catch (RaftKvException e) when (e.IsTransient || e.IsOutcomeUnknown)
                {
                    await Task.Delay(_options.RetryPause.Longest, _options.Time, cancellation).ConfigureAwait(false);
                }
            }

            await using (leadership.ConfigureAwait(false))
            {
                yield return new(leadership);
                var lost = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
                using var onLost = leadership.Lost.UnsafeRegister(static lost => ((TaskCompletionSource)lost!).TrySetResult(), lost);
                await lost.Task.WaitAsync(cancellation).ConfigureAwait(false);
            }
        }
    }

    /// <summary>Tells who leads, and each change of that and of what the leader says, without taking part.</summary>
    /// <remarks>Of several changes at one revision only what came of them is told.</remarks>
    public async IAsyncEnumerable<LeaderState> ObserveElectionAsync(
        KvBytes name, [EnumeratorCancellation] CancellationToken cancellation = default)
    {
        var line = new Dictionary<KvBytes, KeyValue>();
        LeaderState? told = null;
        var options = new WatchOptions { StartsWithSnapshot = true, OnCompaction = WatchCompaction.Lists };
        await foreach (var batch in WatchAsync(KeyRange.Prefix(Place.LineOf(name)), options, cancellation).ConfigureAwait(false))
        {
            if (batch.IsSnapshotStart)
            {
                line.Clear();
            }

            foreach (var one in batch.Events)
            {
                if (one.IsDelete)
                {
                    line.Remove(one.KeyValue.Key);
                }
                else
                {
                    line[one.KeyValue.Key] = one.KeyValue;
                }
            }

            if (batch.Kind == WatchBatchKind.Snapshot && !batch.IsSnapshotEnd)
            {
                continue;
            }

            var first = line.Values.MinBy(one => one.CreateRevision);
            if (told is null || told.Leader?.ModRevision != first?.ModRevision)
            {
                told = new LeaderState(first, batch.Revision);
                yield return told;
            }
        }
    }
}
