using RaftKv.Raft.Log;

namespace RaftKv.Raft;

/// <summary>The part a member plays.</summary>
public enum Role
{
    /// <summary>Follows a leader, or waits for one. Learners and newcomers are followers that never campaign.</summary>
    Follower,

    /// <summary>Asks whether it would be elected.</summary>
    PreCandidate,

    /// <summary>Asks to be elected.</summary>
    Candidate,

    /// <summary>Decides what the log is.</summary>
    Leader,
}

/// <summary>What became of a proposal. Refusals are ordinary weather, and definite: what was refused will never be
/// committed. Accepted or forwarded proposals may still be lost with their leader.</summary>
public enum ProposalOutcome
{
    /// <summary>In this leader's log.</summary>
    Accepted,

    /// <summary>Sent to the leader, who may refuse it or never receive it.</summary>
    Forwarded,

    /// <summary>No leader is known.</summary>
    NoLeader,

    /// <summary>Another member leads, and forwarding is off.</summary>
    NotLeader,

    /// <summary>This leader is about to hand over.</summary>
    Transferring,

    /// <summary>This leader is no longer a member; it leads only until that is committed.</summary>
    Leaving,

    /// <summary>Too much is uncommitted already.</summary>
    Overloaded,

    /// <summary>An earlier membership change, or the first entry of this leader's term, is not committed yet.</summary>
    ChangeInFlight,

    /// <summary>The membership change may not follow the current configuration.</summary>
    ChangeNotAllowed,
}

/// <summary>The answer to a proposal.</summary>
/// <param name="Outcome">Whether it is on its way.</param>
/// <param name="Position">If accepted: where the first entry stands. It is committed if an entry with this term is
/// applied at this index.</param>
/// <param name="Leader">Who leads, as far as is known.</param>
/// <param name="Problem">If a membership change is not allowed: why, in a sentence.</param>
public readonly record struct ProposalTicket(
    ProposalOutcome Outcome,
    LogPosition Position,
    NodeId Leader,
    string Problem = "");

/// <summary>What became of a request to read.</summary>
public enum ReadOutcome
{
    /// <summary>The answer comes as a <see cref="ReadState"/>, unless leadership or a message is lost first: a read not
    /// answered within an election timeout is to be asked again, under a new token.</summary>
    Asked,

    /// <summary>No leader is known.</summary>
    NoLeader,
}

/// <summary>What became of a request to hand leadership over.</summary>
public enum TransferOutcome
{
    /// <summary>The target takes over as soon as it has the whole log; if it does not within an election timeout, this
    /// leader goes on.</summary>
    Started,

    Forwarded,

    NoLeader,

    /// <summary>The target leads already.</summary>
    AlreadyLeader,

    /// <summary>Only a voter can lead.</summary>
    NotAVoter,
}
