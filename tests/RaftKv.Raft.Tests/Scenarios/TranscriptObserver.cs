namespace RaftKv.Raft.Tests.Scenarios;

/// <summary>Writes what one member does, one line per event.</summary>
internal sealed class TranscriptObserver(NodeId self, Action<string> write) : IRaftObserver
{
    public void On(in RoleChanged e) => write($"{self} becomes {e.To} in term {e.Term}");

    public void On(in LeaderChanged e)
    {
        if (e.Leader != self)
        {
            write(e.Leader.IsNone ? $"{self} follows nobody" : $"{self} follows {e.Leader}");
        }
    }

    public void On(in LeaderReportedGone e) => write($"{self} believes its leader {e.Leader} to be gone");

    public void On(in VoteDecided e)
        => write($"{self} {(e.IsGranted ? "grants" : "refuses")} {e.Candidate} its {(e.IsPreVote ? "pre-vote" : "vote")} for term {e.Term}");

    public void On(in EntriesAppended e)
        => write(e.First == e.Last ? $"{self} appends {e.First}" : $"{self} appends {e.First} to {e.Last}");

    public void On(in LogTruncated e) => write($"{self} truncates from {e.First}");

    public void On(in CommitAdvanced e) => write($"{self} commits through {e.Index}");

    public void On(in ConfigAdopted e) => write($"{self} is configured by {e.Index}: {e.Config}");

    public void On(in ProgressChanged e) => write($"{self} sends to {e.Follower}: {e.From} -> {e.To}");

    public void On(in SnapshotAccepted e) => write($"{self} accepts snapshot {e.Position}");

    public void On(in ProposalRefused e)
    {
        if (e.From != self)
        {
            write($"{self} refuses a proposal of {e.From}: {e.Outcome}");
        }
    }

    public void On(in ReadRoundConfirmed e) => write($"{self} is confirmed by round {e.Round}: {e.Reads} read(s) at {e.Index}");

    public void On(in TransferChanged e)
        => write(e.IsUnderWay ? $"{self} hands over to {e.Target}" : $"{self} no longer hands over to {e.Target}");

    public void On(in MessageIgnored e)
        => write($"{self} ignores {e.Message.Kind} of {e.Message.From}: {e.Reason}");
}
