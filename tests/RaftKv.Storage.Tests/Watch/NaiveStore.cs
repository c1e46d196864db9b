using Google.Protobuf;
using RaftKv.Protocol.Mvcc;
using RaftKv.Storage.Mvcc;

namespace RaftKv.Storage.Tests.Watch;

/// <summary>A change as the model has it.</summary>
internal sealed record NaiveEvent(long Main, byte[] Key, bool IsDelete, KeyValue Kv, KeyValue? Before);

/// <summary>
/// The store in the plainest way: every write as a list of what it changed. Writes are made here first, and played to any
/// number of key spaces.
/// </summary>
internal sealed class NaiveStore
{
    private readonly SortedDictionary<byte[], KeyValue> _values
        = new(Comparer<byte[]>.Create((left, right) => left.AsSpan().SequenceCompareTo(right)));

    private readonly List<Action<KeySpace>> _steps = [];

    /// <summary>All changes there ever were, in order.</summary>
    public List<NaiveEvent> Events { get; } = [];

    public long Revision { get; private set; } = 1;

    public long Compacted { get; private set; } = -1;

    /// <summary>A write. Keys are put where there is a value and deleted where there is none; no key twice.</summary>
    public void Write(KeySpace space, params (byte[] Key, byte[]? Value, long Lease)[] changes)
    {
        var main = Revision + 1;
        foreach (var (key, value, lease) in changes)
        {
            var before = _values.GetValueOrDefault(key);
            if (value is not null)
            {
                var after = new KeyValue
                {
                    Key = ByteString.CopyFrom(key),
                    CreateRevision = before?.CreateRevision ?? main,
                    ModRevision = main,
                    Version = (before?.Version ?? 0) + 1,
                    Value = ByteString.CopyFrom(value),
                    Lease = lease,
                };
                _values[key] = after;
                Events.Add(new NaiveEvent(main, key, false, after, before));
                Revision = main;
            }
            else if (_values.Remove(key))
            {
                var tombstone = new KeyValue { Key = ByteString.CopyFrom(key), ModRevision = main };
                Events.Add(new NaiveEvent(main, key, true, tombstone, before));
                Revision = main;
            }
        }

        Do(space, target =>
        {
            target.BeginWrite();
            foreach (var (key, value, lease) in changes)
            {
                if (value is not null)
                {
                    target.Put(key, value, lease);
                }
                else
                {
                    target.Delete(key, out _);
                }
            }

            target.EndWrite();
        });
        Assert.Equal(Revision, space.Revision);
    }

    /// <summary>Compacts, and lets everything that is dead be forgotten.</summary>
    public void Compact(KeySpace space, long revision)
    {
        Compacted = revision;
        Do(space, target =>
        {
            target.Compact(revision);
            while (target.CompactStep(10))
            {
            }
        });
    }

    /// <summary>Another key space of the same contents.</summary>
    public KeySpace Replay()
    {
        var space = new KeySpace(new MemoryRecords());
        foreach (var step in _steps)
        {
            step(space);
        }

        space.Publish();
        Forget(space);
        return space;
    }

    public static void Forget(KeySpace space)
    {
        space.ReleaseBefore(space.BeginCheckpoint().Token);
        space.ReclaimStep(long.MaxValue);
    }

    private void Do(KeySpace space, Action<KeySpace> step)
    {
        _steps.Add(step);
        step(space);
    }
}
