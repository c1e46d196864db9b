namespace RaftKv.Raft;

/// <summary>
/// Mistakes a Raft implementation can make, each behind a switch that only a test can turn on by handing this object
/// to the core. They exist to test the tests: a simulation that does not notice one of them has a hole. Numbers are
/// those of the project's list of mutations.
/// </summary>
public sealed record RaftFaults
{
    public static readonly RaftFaults None = new();

    /// <summary>M1: votes and acknowledgements leave before what they claim is durable.</summary>
    public bool AnswersBeforeDurable { get; init; }

    /// <summary>M3: the vote is not handed out to be persisted.</summary>
    public bool ForgetsVote { get; init; }

    /// <summary>M4: a leader answers reads without asking anybody whether it still leads.</summary>
    public bool ReadsWithoutRound { get; init; }

    /// <summary>M5: a new leader answers reads before it has committed an entry of its own term.</summary>
    public bool ReadsBeforeOwnCommit { get; init; }

    /// <summary>M6: learners count towards the majority that commits and that elects.</summary>
    public bool CountsLearners { get; init; }

    /// <summary>M7: a follower cuts its log back to the end of every append it accepts, whatever it already holds there
    /// and whether or not that is committed.</summary>
    public bool TruncatesAlways { get; init; }

    /// <summary>M8: a leader commits entries of earlier terms by counting (thesis figure 3.7).</summary>
    public bool CommitsOldTerms { get; init; }

    /// <summary>M9: after a restart, membership changes the configuration already contains are made again.</summary>
    public bool RepeatsConfigChanges { get; init; }

    /// <summary>A write is taken as durable by its last index alone, even if the entries were replaced after it was
    /// handed out (A, B, A again: the index is right and the entry is not).</summary>
    public bool TrustsOverwrittenWrites { get; init; }

    /// <summary>A vote is granted to a candidate whose log is behind.</summary>
    public bool IgnoresCandidateLog { get; init; }

    /// <summary>A leader starts a membership change while the one before is not yet committed, and before it has
    /// committed an entry of its own term: two majorities may then have no member in common.</summary>
    public bool AllowsConcurrentChanges { get; init; }

    /// <summary>A member that is told that its leader is gone votes and campaigns at once, although reads rely on leases.</summary>
    public bool BreaksPromisesToTheGone { get; init; }

    /// <summary>A leader that has told another one to take over goes on reading by its lease.</summary>
    public bool KeepsLeaseOverTransfer { get; init; }
}
