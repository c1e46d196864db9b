using RaftKv.Raft;
using RaftKv.Storage.Files;
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
/// that was begun. Records are therefore let go of only while the checkpoint that is durable knows of the last
/// compaction.</para>
/// <para><b>Dead is dead.</b> A record is dead when no read from the horizon on, and no view, can come upon it, whether or
/// not it was taken out of the index already: a restart finds it in there again. What is dead once stays so, across
/// restarts too, and is never moved again.</para>
/// <para><b>Tombstones.</b> At a restart the index is rebuilt from the records that are found. If the tombstone of a key
/// were gone and a put before it not yet, the key would rise from the dead; and the put may lie behind the tombstone in
/// the store, because reclaiming moves what is alive. So a dead tombstone is moved once more, marked, when all before it
/// is dead as well: then whatever the store holds of its key lies before it and is gone by the time the tombstone is met
/// again. While a view may see a put of the key, the tombstone stays with it.</para>
/// </remarks>
public sealed partial class KeySpace
{
    private const long MarkOfDead = 1;

    private readonly List<KeyRevision> _removed = [];
    private readonly List<HistoryPin> _closedPins = [];

    // Not in the store any more, or at a place that is about to go.
    private readonly Queue<(Revision Revision, byte[] Record)> _moved = [];

    // What could be seen before the compaction that readers do not know of yet; null if there is none.
    private KeySnapshot? _beforeCompaction;

    // What the last checkpoints were begun with; null for none.
    private long? _compactedAtCheckpoint;
    private long? _compactedAtDurable;

    /// <summary>Whether <see cref="CompactStep"/> has something to do.</summary>
    public bool IsCompacting => _index.IsCompacting;

    /// <summary>Whether <see cref="ReclaimStep"/> would only wait for a checkpoint.</summary>
    public bool NeedsCheckpointToReclaim => _compactedAtDurable != Compacted && !_faults.ReclaimsBeforeCheckpoint;

    /// <summary>From now on, and for readers with the next <see cref="Publish"/>, nothing from before a revision can be
    /// read.</summary>
    /// <param name="revision">After <see cref="Compacted"/>, and not after <see cref="Revision"/>.</param>
    public void Compact(long revision)
    {
        Invariant.Holds(!_isWriting);
        Invariant.Holds(revision > Compacted);
        Invariant.Holds(revision <= Revision);

        // Views of what is published keep all of it, and those opened from now to the next Publish are such.
        _beforeCompaction ??= _index.Freeze();
        Compacted = revision;
        _index.StartCompaction(revision);
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

        CompactedCount += _removed.Count;
        _removed.Clear();
        return isMore;
    }

    /// <summary>Begins to make everything durable that was written so far. To be remembered with it:
    /// <see cref="Position"/> as of this moment.</summary>
    public IRecordCheckpoint BeginCheckpoint()
    {
        Invariant.Holds(!_isWriting);
        try
        {
            PutMoved();
        }
        catch (DiskFullException failure)
        {
            return new FailedCheckpoint(failure);
        }

        _compactedAtCheckpoint = Compacted;
        return _records.BeginCheckpoint();
    }

    /// <summary>The last checkpoint that was begun will be opened at the next start, and none before it.</summary>
    public void ReleaseBefore(ReadOnlyMemory<byte> checkpointToken)
    {
        _compactedAtDurable = _compactedAtCheckpoint;
        _records.ReleaseBefore(checkpointToken);
    }

    /// <summary>Lets go of dead records in a bounded part of the store.</summary>
    /// <returns>What came of it; nothing looked through if there is nothing to be had now.</returns>
    /// <exception cref="DiskFullException">There is no room for what has to be moved. Nothing is lost by it.</exception>
    public ReclaimOutcome ReclaimStep(long maxBytes)
    {
        Invariant.Holds(!_isWriting);
        if (NeedsCheckpointToReclaim || _beforeCompaction is not null)
        {
            return default;
        }

        PutMoved();
        _closedPins.RemoveAll(pin => !pin.IsHeld);
        var outcome = _records.ReclaimStep(maxBytes, new Liveness(this));
        PutMoved();
        return outcome;
    }

    // What a full disk refuses waits for the next try: the next checkpoint would be without it.
    private void PutMoved()
    {
        while (_moved.TryPeek(out var next))
        {
            _records.Put(next.Revision, next.Record);
            _moved.Dequeue();
        }
    }

    private sealed class FailedCheckpoint(StorageException failure) : IRecordCheckpoint
    {
        public ReadOnlyMemory<byte> Token => throw failure;

        public bool IsDurable => throw failure;

        public void Wait() => throw failure;
    }

    private sealed class Liveness(KeySpace space) : IRecordLiveness
    {
        private readonly KeySnapshot _working = space._index.Working;

        public bool IsLive(Revision revision, ReadOnlySpan<byte> record)
        {
            var fields = RecordFormat.Read(record);
            if (_working.IsNeeded(fields.Key, revision))
            {
                return true;
            }

            var isKnown = false;
            foreach (var pin in space._closedPins)
            {
                if (pin.Keys is { } keys && !space._faults.ForgetsPins)
                {
                    if (keys.IsNeeded(fields.Key, revision))
                    {
                        return true;
                    }

                    isKnown |= keys.Knows(fields.Key) && !space._faults.MarksTombstonesTooEarly;
                }
            }

            if (!fields.IsTombstone || space._faults.DropsTombstonesAtOnce)
            {
                return false;
            }

            if (isKnown)
            {
                return true;
            }

            if (fields.Lease != MarkOfDead)
            {
                var item = KeyRevision.Tombstone(revision, fields.Key.Length);
                var moved = new byte[RecordFormat.Bytes(fields.Key.Length, item, 0, MarkOfDead)];
                RecordFormat.Write(moved, fields.Key, item, default, MarkOfDead);
                space._moved.Enqueue((revision, moved));
            }

            return false;
        }
    }
}
