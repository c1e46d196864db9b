using RaftKv.Storage.Records;

namespace RaftKv.Storage.Mvcc;

/// <summary>How a key space comes back: from the records of a checkpoint, and from a snapshot of another member.</summary>
public sealed partial class KeySpace
{
    private List<(Revision Revision, byte[] Key, long Lease)> _leased = [];

    /// <summary>Opens a key space as of a checkpoint. Compaction goes on where it may have been, with
    /// <see cref="CompactStep"/>.</summary>
    /// <param name="records">The store, opened with the checkpoint's token. This takes possession of it.</param>
    /// <param name="position">As remembered with the checkpoint.</param>
    /// <param name="faults">None, but in tests.</param>
    /// <exception cref="RecordCorruptException">A record is damaged.</exception>
    public static KeySpace Open(IRecordStore records, KeySpacePosition position, KeySpaceFaults? faults = null)
    {
        faults ??= KeySpaceFaults.None;
        var index = new KeyIndex { Faults = faults };
        using var restorer = new IndexRestorer(index, faults.RestoresTooMuch ? long.MaxValue : position.Revision);
        records.Scan(restorer);
        restorer.Finish();
        if (position.Compacted >= 0 && !faults.ForgetsCompactionAtRestart)
        {
            index.StartCompaction(position.Compacted);
        }

        return new KeySpace(records, index, position, faults)
        {
            _leased = restorer.Leased,
            _compactedAtDurable = position.Compacted,
        };
    }

    /// <summary>The keys that are attached to leases, as found when the key space was opened or imported. Can be asked
    /// once.</summary>
    public IEnumerable<(ReadOnlyMemory<byte> Key, long Lease)> TakeLeasedKeys()
    {
        var leased = _leased;
        _leased = [];
        foreach (var (revision, key, lease) in leased)
        {
            // Only what was put last binds the key.
            if (_faults.RestoresOldLeases || (TryFind(key.AsSpan(), out var newest) && newest.Modified == revision))
            {
                yield return (key, lease);
            }
        }
    }

    /// <summary>Takes in a record of a snapshot. Nothing else is done with a key space before
    /// <see cref="FinishImport"/>.</summary>
    public void Import(Revision revision, ReadOnlySpan<byte> record)
    {
        _records.Put(revision, record);
        IndexRestorer.Add(_index, revision, record, _leased);
    }

    /// <summary>All records of the snapshot were taken in.</summary>
    /// <param name="position">Of the snapshot.</param>
    public void FinishImport(KeySpacePosition position)
    {
        (Revision, Compacted, Chain) = position;
        if (Compacted >= 0)
        {
            _index.StartCompaction(Compacted);
        }

        LiveBytes = _index.Bytes;
        Publish();
    }
}
