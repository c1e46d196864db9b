namespace RaftKv.Client;

/// <summary>What becomes of a watch whose place in history was compacted while nobody told it what happened there.</summary>
public enum WatchCompaction
{
    /// <summary>It ends with <see cref="CompactedException"/>.</summary>
    Ends,

    /// <summary>It tells what there is now, as a snapshot, and goes on from there.</summary>
    Lists,
}

/// <summary>What a watch tells.</summary>
/// <example><code>new WatchOptions { StartsWithSnapshot = true, OnCompaction = WatchCompaction.Lists }</code></example>
public sealed record WatchOptions
{
    /// <summary>The first revision to tell of; 0 for what happens after the watch has started.</summary>
    public long StartRevision { get; init; }

    /// <summary>Tell first what there is, and then what becomes of it. <see cref="StartRevision"/> must be 0.</summary>
    public bool StartsWithSnapshot { get; init; }

    public WatchCompaction OnCompaction { get; init; }

    /// <summary>Tell with each event what the key was before it.</summary>
    public bool WantsPrevious { get; init; }

    /// <summary>Tell from time to time how far the watch is, although nothing has happened.</summary>
    public bool WantsProgress { get; init; }

    public bool LeavesOutPuts { get; init; }

    public bool LeavesOutDeletes { get; init; }

    /// <summary>
    /// Bytes that may wait for the reader, about. One who falls behind by more is served on a connection of his own, at his
    /// own pace.
    /// </summary>
    public int BufferBytes { get; init; } = 4 * 1024 * 1024;

    /// <summary>How long the start may take; <see cref="RaftKvClientOptions.Timeout"/> if nothing is said. Once started, a watch goes on.</summary>
    public TimeSpan? StartTimeout { get; init; }
}
