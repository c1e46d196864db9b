using System.Globalization;
using RaftKv.Client;
using RaftKv.Faults.Checking;

namespace RaftKv.Faults.Workloads;

/// <summary>Single keys that are read, written, swapped and deleted; now and then one member is asked for what it has.</summary>
internal sealed class RegisterWorkload(string name, string story, int reads, int writes, int swaps, int deletes, int localReads) : Workload
{
    private const int KeysAtATime = 5;
    private const int OperationsPerKey = 150;

    private readonly Lock _gate = new();
    private readonly int[] _left = new int[KeysAtATime];
    private readonly int[] _keys = new int[KeysAtATime];
    private int _nextKey;
    private long _nextValue;

    public override string Name => name;

    public override string Story => story;

    public override IReadOnlyList<IChecker> Checkers { get; } = [new Linearizability(), new RevisionOrder(), new SnapshotReads()];

    public override async Task StepAsync(ClientSession session, CancellationToken stop)
    {
        var key = Key(session);
        var value = Interlocked.Increment(ref _nextValue).ToString(CultureInfo.InvariantCulture);
        var draw = session.Chance.Next(reads + writes + swaps + deletes + localReads);
        if (draw < reads)
        {
            await ReadAsync(session, key, isLocal: false);
        }
        else if (draw < reads + writes)
        {
            await WriteAsync(session, key, value);
        }
        else if (draw < reads + writes + swaps)
        {
            // Of what was there a moment ago: it may still be.
            var found = await ReadAsync(session, key, isLocal: false);
            await SwapAsync(session, key, found is { Exists: true } ? found.Value : null, value);
        }
        else if (draw < reads + writes + swaps + deletes)
        {
            await DeleteAsync(session, key);
        }
        else
        {
            await ReadAsync(session, key, isLocal: true);
        }
    }

    public override async Task FinishAsync(ClientSession session)
    {
        foreach (var key in _keys)
        {
            await ReadAsync(session, $"r/{key}", isLocal: false);
        }
    }

    private static async Task<Histories.KeyState?> ReadAsync(ClientSession session, string key, bool isLocal)
    {
        var asked = session.Asked("read", key);

        // Which member has answered is known only of a client that asks no other.
        isLocal &= asked.Member is not null;
        var read = await session.ReadAsync(asked with { Local = isLocal }, async operation =>
        {
            var range = await session.Client.RangeAsync(key, new RangeOptions { IsSerializable = isLocal });
            return operation with { Found = StateOf(range.KeyValues.Count > 0 ? range.KeyValues[0] : null), Revision = range.Header.Revision };
        });
        return read.Found;
    }

    private static Task WriteAsync(ClientSession session, string key, string value)
        => session.WriteAsync(session.Asked("write", key) with { Value = value }, async operation =>
        {
            var put = await session.Client.PutAsync(key, value, new PutOptions { WantsPrevious = true });
            return operation with { Found = StateOf(put.Previous), Revision = put.Revision, Wrote = true };
        });

    private static Task SwapAsync(ClientSession session, string key, string? expected, string value)
        => session.WriteAsync(session.Asked("cas", key) with { Expected = expected, Value = value }, async operation =>
        {
            var swap = await session.Client.CommitAsync(new Transaction()
                .If(expected is null ? Condition.Missing(key) : Condition.Value(key).Is(expected))
                .Then(Operation.Put(key, value, new PutOptions { WantsPrevious = true }))
                .Else(Operation.Get(key)));
            var range = swap.Results[0].Range;
            return operation with
            {
                Done = swap.Succeeded,
                Wrote = swap.Succeeded,
                Revision = swap.Header.Revision,
                Found = StateOf(swap.Succeeded ? swap.Results[0].Put!.Previous : range!.KeyValues.Count > 0 ? range.KeyValues[0] : null),
            };
        });

    private static Task DeleteAsync(ClientSession session, string key)
        => session.WriteAsync(session.Asked("delete", key), async operation =>
        {
            var deleted = await session.Client.DeleteAsync(key, new DeleteOptions { WantsPrevious = true });
            return operation with
            {
                Done = deleted.Deleted > 0,
                Wrote = deleted.Deleted > 0,
                Revision = deleted.Header.Revision,
                Found = StateOf(deleted.Previous.Count > 0 ? deleted.Previous[0] : null),
            };
        });

    // A search is the harder the longer its history, so that keys are left behind after some operations.
    private string Key(ClientSession session)
    {
        lock (_gate)
        {
            var slot = session.Chance.Next(KeysAtATime);
            if (_left[slot]-- <= 0)
            {
                (_left[slot], _keys[slot]) = (OperationsPerKey, _nextKey++);
            }

            return $"r/{_keys[slot]}";
        }
    }
}
