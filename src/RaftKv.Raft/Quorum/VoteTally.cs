namespace RaftKv.Raft.Quorum;

/// <summary>The answers of one election. Each voter is heard once; what it says first stands.</summary>
internal sealed class VoteTally : IBallot
{
    private readonly List<(NodeId Voter, bool IsGranted)> _votes = [];

    public void Clear() => _votes.Clear();

    public void Record(NodeId voter, bool isGranted)
    {
        if (VoteOf(voter) is null)
        {
            _votes.Add((voter, isGranted));
        }
    }

    public bool? VoteOf(NodeId voter)
    {
        foreach (var (one, isGranted) in _votes)
        {
            if (one == voter)
            {
                return isGranted;
            }
        }

        return null;
    }
}
