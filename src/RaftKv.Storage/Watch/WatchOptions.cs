namespace RaftKv.Storage.Watch;

/// <summary>The bounds of a watch hub.</summary>
public sealed record WatchOptions
{
    /// <summary>How many changes are kept in memory for watchers that are a little behind. Those further behind read from
    /// the key space.</summary>
    public int RecentChanges { get; init; } = 64 * 1024;

    /// <summary>How many bytes of records these may hold on to.</summary>
    public long RecentBytes { get; init; } = 32 * 1024 * 1024;

    /// <summary>How many matches all ranges together remember; a watcher whose range has forgotten some looks through the
    /// recent changes instead.</summary>
    public int RememberedMatches { get; init; } = 1024 * 1024;

    /// <summary>About how many bytes of events a stream takes at a time, to be handed out one response after the other.
    /// This is all that a client that does not read can hold on to.</summary>
    public int StreamBytes { get; init; } = 64 * 1024;

    /// <summary>How many revisions' events one response carries at most, where history is told.</summary>
    public int ResponseRevisions { get; init; } = 1000;

    /// <summary>After how many bytes a response about history ends, with the revision that reaches them.</summary>
    public int ResponseBytes { get; init; } = 1024 * 1024;

    /// <summary>From this size on a response is split, if the client allows it.</summary>
    public int FragmentBytes { get; init; } = 2 * 1024 * 1024;

    /// <summary>How many bytes of history, read for one watcher, are kept a while for those near it.</summary>
    public int HistoryBytes { get; init; } = 8 * 1024 * 1024;

    /// <summary>How many revisions of history are read at a time.</summary>
    public int HistoryRevisions { get; init; } = 1024;
}
