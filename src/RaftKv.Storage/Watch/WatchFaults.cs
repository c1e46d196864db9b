namespace RaftKv.Storage.Watch;

/// <summary>
/// Mistakes a watch can make, each behind a switch that only a test can turn on by handing this object to the hub. They
/// exist to test the tests: whatever checks the guarantees of a watch and does not notice one of them has a hole. Numbers
/// are those of the project's list of mutations.
/// </summary>
public sealed record WatchFaults
{
    public static readonly WatchFaults None = new();

    /// <summary>M10: after a snapshot was installed, watchers that were up to date go on as if they still were.</summary>
    public bool KeepsPositionsOverSnapshot { get; init; }

    /// <summary>M11, as seen from here: at the revision that history is compacted to, deletes are gone.</summary>
    public bool LosesDeletesAtCompacted { get; init; }

    /// <summary>M12: progress is told from the store's revision, whatever the watchers were told so far.</summary>
    public bool TellsProgressTooEarly { get; init; }

    /// <summary>M13: the events of one revision leave in two responses that do not say that they belong
    /// together.</summary>
    public bool SplitsRevisions { get; init; }

    /// <summary>Where history meets the present, what was written meanwhile is skipped.</summary>
    public bool LosesEventsAtJoin { get; init; }

    /// <summary>Where history meets the present, the last revision is told again.</summary>
    public bool RepeatsEventsAtJoin { get; init; }

    /// <summary>A watcher that begins at a revision to come is told what comes before it.</summary>
    public bool ForgetsFutureStart { get; init; }

    /// <summary>The value before an event is looked up as of now.</summary>
    public bool LooksUpBeforeTooLate { get; init; }

    /// <summary>A watcher that compaction has overtaken goes on where history begins now.</summary>
    public bool SkipsWhatIsCompacted { get; init; }
}
