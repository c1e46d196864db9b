using System.Globalization;
using RaftKv.Client;
using RaftKv.Faults.Checking;
using RaftKv.Faults.Histories;

namespace RaftKv.Faults.Workloads;

/// <summary>
/// Objects as an API server keeps them: created if they are not there, updated and deleted if they are as they were read; and
/// informers, who list, watch from there, and keep a copy. A copy counts as a read at the revision that it has come to.
/// </summary>
internal sealed class KubernetesWorkload : Workload
{
    private const string Prefix = "registry/pods/";
    private const int Objects = 30;
    private long _next;

    public override string Name => "kubernetes";

    public override string Story => "objects are created, updated and deleted with care, and informers keep copies of them";

    public override IReadOnlyList<IChecker> Checkers { get; } = [new SnapshotReads(), new RevisionOrder()];

    public override async Task StepAsync(ClientSession session, CancellationToken stop)
    {
        if (session.Process % 4 == 3)
        {
            await InformAsync(session, TimeSpan.FromSeconds(0.5 + (session.Chance.NextDouble() * 4)), stop);
            return;
        }

        var key = string.Create(CultureInfo.InvariantCulture, $"{Prefix}{session.Chance.Next(Objects):D3}");
        var draw = session.Chance.Next(100);
        if (draw < 15)
        {
            await ListAsync(session, isLocal: draw < 5);
            return;
        }

        var found = await GetAsync(session, key);
        if (found is { Exists: false })
        {
            await ChangeAsync(session, "write", key, 0, Operation.Put(key, Value(out var value)), value);
        }
        else if (found is not null && draw < 30)
        {
            await ChangeAsync(session, "delete", key, found.Modified, Operation.Delete(key), null);
        }
        else if (found is not null)
        {
            await ChangeAsync(session, "write", key, found.Modified, Operation.Put(key, Value(out var value)), value);
        }
    }

    public override async Task FinishAsync(ClientSession session)
    {
        await ListAsync(session, isLocal: false);
        await InformAsync(session, TimeSpan.FromSeconds(2), CancellationToken.None);
    }

    private static async Task<KeyState?> GetAsync(ClientSession session, string key)
    {
        var read = await session.ReadAsync(session.Asked("read", key), async operation =>
        {
            var range = await session.Client.RangeAsync(key);
            return operation with { Found = StateOf(range.KeyValues.Count > 0 ? range.KeyValues[0] : null), Revision = range.Header.Revision };
        });
        return read.Found;
    }

    private static Task ChangeAsync(ClientSession session, string call, string key, long modified, Operation change, string? value)
        => session.WriteAsync(session.Asked(call, key) with { Value = value }, async operation =>
        {
            var done = await session.Client.CommitAsync(new Transaction().If(Condition.ModRevision(key).Is(modified)).Then(change));
            return done.Succeeded
                ? operation with { Done = true, Wrote = true, Revision = done.Header.Revision }
                : operation with { Outcome = Outcome.Fail, Error = "somebody was faster" };
        });

    private static Task ListAsync(ClientSession session, bool isLocal)
    {
        var asked = session.Asked("range", Prefix);
        isLocal &= asked.Member is not null;
        return session.ReadAsync(asked with { Local = isLocal }, async operation =>
        {
            var range = await session.Client.RangeAsync(KeyRange.Prefix(Prefix), new RangeOptions { IsSerializable = isLocal });
            return operation with { Entries = StatesOf(range), Revision = range.Header.Revision };
        });
    }

    /// <summary>Lists, watches for a while, and shows the copy. It may be old, so it counts as what one member says.</summary>
    private static Task InformAsync(ClientSession session, TimeSpan patience, CancellationToken stop)
        => session.ReadAsync(session.Asked("range", Prefix) with { Local = true, Member = null }, async operation =>
        {
            using var time = CancellationTokenSource.CreateLinkedTokenSource(stop);
            time.CancelAfter(patience);
            var copy = new SortedDictionary<string, KeyState>(StringComparer.Ordinal);
            var (revision, isWhole) = (0L, false);
            try
            {
                var options = new WatchOptions { StartsWithSnapshot = true, OnCompaction = WatchCompaction.Lists, WantsProgress = true };
                await foreach (var batch in session.Client.WatchAsync(KeyRange.Prefix(Prefix), options, time.Token))
                {
                    isWhole = batch.Kind != WatchBatchKind.Snapshot || batch.IsSnapshotEnd;
                    Apply(batch, copy);
                    revision = batch.Revision;
                }
            }
            catch (OperationCanceledException)
            {
                // Its time is over.
            }

            return isWhole
                ? operation with { Entries = [.. copy.Values], AtRevision = revision, Revision = revision }
                : operation with { Outcome = Outcome.Fail, Error = "no list was told in time" };
        });

    private static void Apply(WatchBatch batch, SortedDictionary<string, KeyState> copy)
    {
        if (batch.IsSnapshotStart)
        {
            copy.Clear();
        }

        foreach (var told in batch.Events)
        {
            if (told.IsDelete)
            {
                copy.Remove(told.KeyValue.KeyText);
            }
            else
            {
                copy[told.KeyValue.KeyText] = StateOf(told.KeyValue) with { Key = told.KeyValue.KeyText };
            }
        }
    }

    private string Value(out string value) => value = Interlocked.Increment(ref _next).ToString(CultureInfo.InvariantCulture);
}
