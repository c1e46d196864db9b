using RaftKv.Raft.Log;
using RaftKv.Raft.Membership;
using RaftKv.Raft.Messages;
using RaftKv.Raft.Replication;

namespace RaftKv.Raft;

/// <summary>The member plays another part, or plays it in another term.</summary>
public readonly record struct RoleChanged(Role From, Role To, ulong Term);

/// <summary>The member follows somebody else, or nobody.</summary>
public readonly record struct LeaderChanged(NodeId Leader, ulong Term);

/// <summary>The host said that nobody is left where the leader was.</summary>
public readonly record struct LeaderReportedGone(NodeId Leader, ulong Term);

/// <summary>The member answered a candidate.</summary>
public readonly record struct VoteDecided(NodeId Candidate, ulong Term, bool IsPreVote, bool IsGranted);

/// <summary>A candidate counted an answer.</summary>
public readonly record struct VoteCounted(NodeId Voter, ulong Term, bool IsPreVote, bool IsGranted);

/// <summary>Entries were added to the end of the log.</summary>
public readonly record struct EntriesAppended(LogPosition First, LogPosition Last);

/// <summary>Entries of another leader were removed, from <paramref name="First"/> on.</summary>
public readonly record struct LogTruncated(ulong First);

/// <summary>The member knows everything up to here to be committed.</summary>
public readonly record struct CommitAdvanced(ulong Index);

/// <summary>A configuration is in force, because it was appended, installed, or is the newest left after a truncation.</summary>
public readonly record struct ConfigAdopted(ulong Index, ClusterConfig Config);

/// <summary>The leader sends to a follower in another way.</summary>
public readonly record struct ProgressChanged(NodeId Follower, ProgressState From, ProgressState To);

/// <summary>A snapshot replaces the log.</summary>
public readonly record struct SnapshotAccepted(LogPosition Position);

/// <summary>A proposal, own or passed on by <paramref name="From"/>, was not appended.</summary>
public readonly record struct ProposalRefused(NodeId From, ProposalOutcome Outcome);

/// <summary>A quorum confirmed the leader: reads of this round may be answered at this index.</summary>
public readonly record struct ReadRoundConfirmed(ulong Round, ulong Index, int Reads);

/// <summary>A transfer of leadership started, or ended without the target taking over.</summary>
public readonly record struct TransferChanged(NodeId Target, bool IsUnderWay);

/// <summary>A message had no effect.</summary>
public readonly record struct MessageIgnored(Message Message, string Reason);

/// <summary>
/// Told what the core does, as it does it: logs, metrics, traces and transcripts are observers. An observer must not
/// call back into the core. Every method does nothing unless implemented.
/// </summary>
public interface IRaftObserver
{
    void On(in RoleChanged e)
    {
    }

    void On(in LeaderChanged e)
    {
    }

    void On(in LeaderReportedGone e)
    {
    }

    void On(in VoteDecided e)
    {
    }

    void On(in VoteCounted e)
    {
    }

    void On(in EntriesAppended e)
    {
    }

    void On(in LogTruncated e)
    {
    }

    void On(in CommitAdvanced e)
    {
    }

    void On(in ConfigAdopted e)
    {
    }

    void On(in ProgressChanged e)
    {
    }

    void On(in SnapshotAccepted e)
    {
    }

    void On(in ProposalRefused e)
    {
    }

    void On(in ReadRoundConfirmed e)
    {
    }

    void On(in TransferChanged e)
    {
    }

    void On(in MessageIgnored e)
    {
    }
}
