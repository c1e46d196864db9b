namespace RaftKv.Raft.Quorum;

/// <summary>How far each voter has got: in the log, in answering rounds of heartbeats, in being heard of.</summary>
internal interface IReached
{
    /// <summary>Zero if nothing is known of the voter.</summary>
    ulong ReachedBy(NodeId voter);
}

/// <summary>What has been heard from each voter in an election.</summary>
internal interface IBallot
{
    /// <summary>Null while the voter has not answered.</summary>
    bool? VoteOf(NodeId voter);
}

/// <summary>What an election has come to.</summary>
public enum VoteResult
{
    Pending,
    Won,
    Lost,
}

/// <summary>One majority: more than half of the voters.</summary>
internal static class MajorityQuorum
{
    private const int VotersOnStack = 32;

    public static int MajorityOf(int voters) => (voters / 2) + 1;

    /// <summary>
    /// The largest number that a majority has reached. For five voters that reached 2 4 5 7 9 it is 5: three of them
    /// have reached it. A group of no voters objects to nothing.
    /// </summary>
    public static ulong Reached(ReadOnlySpan<NodeId> voters, IReached reached)
    {
        if (voters.IsEmpty)
        {
            return ulong.MaxValue;
        }

        Span<ulong> sorted = voters.Length <= VotersOnStack ? stackalloc ulong[voters.Length] : new ulong[voters.Length];

        // Sorted as they come: for a handful of numbers nothing is faster than insertion.
        for (var count = 0; count < voters.Length; count++)
        {
            var value = reached.ReachedBy(voters[count]);
            var at = count;
            while (at > 0 && sorted[at - 1] > value)
            {
                sorted[at] = sorted[at - 1];
                at--;
            }

            sorted[at] = value;
        }

        return sorted[voters.Length - MajorityOf(voters.Length)];
    }

    /// <summary>Whether a majority has said yes, can still say yes, or no longer can.</summary>
    public static VoteResult Count(ReadOnlySpan<NodeId> voters, IBallot ballot)
    {
        if (voters.IsEmpty)
        {
            return VoteResult.Won;
        }

        var granted = 0;
        var missing = 0;
        foreach (var voter in voters)
        {
            switch (ballot.VoteOf(voter))
            {
                case true: granted++; break;
                case null: missing++; break;
            }
        }

        var majority = MajorityOf(voters.Length);
        if (granted >= majority)
        {
            return VoteResult.Won;
        }

        return granted + missing >= majority ? VoteResult.Pending : VoteResult.Lost;
    }
}
