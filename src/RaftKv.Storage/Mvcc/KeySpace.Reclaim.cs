using RaftKv.Raft;
using RaftKv.Storage.Records;

namespace RaftKv.Storage.Mvcc;

/// <summary>
/// How space comes back. Compaction says at once what can no longer be read, takes it out of the index step by step, and
/// once a checkpoint knows of that, the records go step by step as well.
/// </summary>
/// <remarks>
/// <code>
///   Compact(9)   CompactStep …          checkpoint durable, released to    ReclaimStep …
///   |            |  out of the index    |  a restart would not ask either  |  out of the store
/// </code>
/// <para><b>Checkpoints.</b> A restart opens an old checkpoint and replays the log, and so looks at what was alive when
/// that was begun. Records are therefore let go of only while nothing was taken out of the index since the checkpoint
/// that is durable was begun.</para>
/// <para><b>Tombstones.</b> At a restart the index is rebuilt from the records that are found. If the tombstone of a key
/// were gone and a put before it not yet, the key would rise from the dead; and the put may lie behind the tombstone in
/// the store, because reclaiming moves what is alive. So a dead tombstone is moved once more, marked: then whatever the
/// store holds of its key lies before it and is gone by the time the tombstone is met again.</para>
/// </remarks>
public sealed partial class KeySpace
{
    private const long MarkOfDead = 1;

    private readonly List<KeyRevision> _removed = [];
    private readonly List<HistoryPin> _closedPins = [];
    private readonly List<(Revision Revision, byte[] Record)> _moved = [];

    // What compaction has taken out of the index, ever; and how much that was when the last two checkpoints were begun.
    private long _removals;
    private long _removalsAtCheckpoint;
    private long _removalsAtDurable = -1;

    /// <summary>Whether <see cref="CompactStep"/> has something to do.</summary>
    public bool IsCompacting => _index.IsCompacting;

    /// <summary>Whether <see cref="ReclaimStep"/> would only wait for a checkpoint.</summary>
    public bool NeedsCheckpointToReclaim => _removalsAtDurable != _removals;

    /// <summary>From now on, and for readers with the next <see cref="Publish"/>, nothing from before a revision can be
    /// read.</summary>
    /// <param name="revision">After <see cref="Compacted"/>, and not after <see cref="Revision"/>.</param>
    public void Compact(long revision)
    {
        Invariant.Holds(!_isWriting);
        Invariant.Holds(revision > Compacted);
        Invariant.Holds(revision <= Revision);
        Compacted = revision;
        _index.StartCompaction(revision);

        // Views of what is published now keep it whole. What is written but not published comes under the new pin.
        var closed = _published.Pin;
        _published = _published with { Pin = new HistoryPin() };
        closed.Close(_published.Keys);
        _closedPins.Add(closed);
    }

    /// <summary>Takes a bounded part of what compaction has condemned out of the index.</summary>
    /// <returns>Whether there is more to do.</returns>
    public bool CompactStep(int maxKeys)
    {
        var isMore = _index.CompactStep(maxKeys, _removed);
        foreach (ref readonly var item in System.Runtime.InteropServices.CollectionsMarshal.AsSpan(_removed))
        {
            LiveBytes -= KeyIndex.CountedBytes(item);
        }

        _removals += _removed.Count;
        _removed.Clear();
        return isMore;
    }

    /// <summary>Begins to make everything durable that was written so far. To be remembered with it:
    /// <see cref="Position"/> as of this moment.</summary>
    public IRecordCheckpoint BeginCheckpoint()
    {
        Invariant.Holds(!_isWriting);
        _removalsAtCheckpoint = _removals;
        return _records.BeginCheckpoint();
    }

    /// <summary>The last checkpoint that was begun will be opened at the next start, and none before it.</summary>
    public void ReleaseBefore(ReadOnlyMemory<byte> checkpointToken)
    {
        _removalsAtDurable = _removalsAtCheckpoint;
        _records.ReleaseBefore(checkpointToken);
    }

    /// <summary>Lets go of dead records in a bounded part of the store.</summary>
    /// <returns>What came of it; nothing looked through if there is nothing to be had now.</returns>
    public ReclaimOutcome ReclaimStep(long maxBytes)
    {
        Invariant.Holds(!_isWriting);
        if (NeedsCheckpointToReclaim)
        {
            return default;
        }

        _closedPins.RemoveAll(pin => !pin.IsHeld);
        var outcome = _records.ReclaimStep(maxBytes, new Liveness(this));
        foreach (var (revision, record) in _moved)
        {
            _records.Put(revision, record);
        }

        _moved.Clear();
        return outcome;
    }

    private sealed class Liveness(KeySpace space) : IRecordLiveness
    {
        private readonly KeySnapshot _working = space._index.Working;

        public bool IsLive(Revision revision, ReadOnlySpan<byte> record)
        {
            var fields = RecordFormat.Read(record);
            if (_working.IsLive(fields.Key, revision))
            {
                return true;
            }

            foreach (var pin in space._closedPins)
            {
                if (pin.Keys is { } keys && keys.IsLive(fields.Key, revision))
                {
                    return true;
                }
            }

            if (fields.IsTombstone && fields.Lease != MarkOfDead)
            {
                var item = KeyRevision.Tombstone(revision, fields.Key.Length);
                var moved = new byte[RecordFormat.Bytes(fields.Key.Length, item, 0, MarkOfDead)];
                RecordFormat.Write(moved, fields.Key, item, default, MarkOfDead);
                space._moved.Add((revision, moved));
            }

            return false;
        }
    }
}
