namespace RaftKv.Storage.Watch;

/// <summary>A client's wish to watch; the fields of an <c>etcdserverpb.WatchCreateRequest</c>. The bytes are
/// copied.</summary>
/// <param name="Key">Empty for the smallest key there can be.</param>
/// <param name="RangeEnd">Empty for one key, 0x00 for no end.</param>
public readonly record struct WatchCreate(ReadOnlyMemory<byte> Key, ReadOnlyMemory<byte> RangeEnd)
{
    /// <summary>The first revision to be told of; 0 for whatever comes after the reply.</summary>
    public long StartRevision { get; init; }

    /// <summary>0 for any that is free.</summary>
    public long WatchId { get; init; }

    public bool NoPut { get; init; }

    public bool NoDelete { get; init; }

    /// <summary>Whether events carry what was before.</summary>
    public bool PrevKv { get; init; }

    public bool ProgressNotify { get; init; }

    /// <summary>Whether a response that is too large may come in parts.</summary>
    public bool Fragment { get; init; }
}
