using Mvcc = RaftKv.Protocol.Mvcc;

namespace RaftKv.Client;

/// <summary>Something that happened to a key.</summary>
public sealed class WatchEvent
{
    /// <summary>What the key is now. Of a deletion, only the key and its revision are there.</summary>
    public required KeyValue KeyValue { get; init; }

    public bool IsDelete { get; init; }

    /// <summary>What the key was before, if that was asked for, there was something, and it is not compacted.</summary>
    public KeyValue? Previous { get; init; }

    /// <summary>Whether the key was not there before.</summary>
    public bool IsCreate => !IsDelete && KeyValue.CreateRevision == KeyValue.ModRevision;

    internal static WatchEvent Of(Mvcc.Event wire) => new()
    {
        KeyValue = KeyValue.Of(wire.Kv),
        IsDelete = wire.Type == Mvcc.Event.Types.EventType.Delete,
        Previous = KeyValue.OfNullable(wire.PrevKv),
    };
}

public enum WatchBatchKind
{
    /// <summary>What happened at one revision, or at several whole ones.</summary>
    Events,

    /// <summary>Nothing has happened up to <see cref="WatchBatch.Revision"/> that was not told.</summary>
    Progress,

    /// <summary>Part of what there was at <see cref="WatchBatch.Revision"/>, in the order of keys.</summary>
    Snapshot,
}

/// <summary>What a watch tells at once: the events of whole revisions, in order.</summary>
public sealed class WatchBatch
{
    public WatchBatchKind Kind { get; init; }

    /// <summary>Everything up to this revision has now been told; of a snapshot, with its last part.</summary>
    public long Revision { get; init; }

    /// <summary>What happened. Of a snapshot, the keys that are there.</summary>
    public IReadOnlyList<WatchEvent> Events { get; init; } = [];

    /// <summary>Whether a snapshot begins: what was told before is no longer true of itself.</summary>
    public bool IsSnapshotStart { get; init; }

    /// <summary>Whether the snapshot is complete with this part.</summary>
    public bool IsSnapshotEnd { get; init; }
}
