using System.Globalization;
using System.Text;
using RaftKv.Raft.Membership;

namespace RaftKv.Raft.Quorum;

/// <summary>Both majorities at once: what a joint configuration asks for. Outside one, the outgoing half is empty
/// and objects to nothing.</summary>
internal static class JointQuorum
{
    public static ulong Reached(ClusterConfig config, IReached reached)
        => Math.Min(
            MajorityQuorum.Reached(config.Voters, reached),
            MajorityQuorum.Reached(config.Outgoing, reached));

    public static VoteResult Count(ClusterConfig config, IBallot ballot)
    {
        var incoming = MajorityQuorum.Count(config.Voters, ballot);
        var outgoing = MajorityQuorum.Count(config.Outgoing, ballot);
        if (incoming == outgoing)
        {
            return incoming;
        }

        return incoming == VoteResult.Lost || outgoing == VoteResult.Lost ? VoteResult.Lost : VoteResult.Pending;
    }

    /// <summary>
    /// Draws how far each voter has got, with a mark where the quorum stands:
    /// <code>
    /// 1  ###########  12
    /// 2  ########      9  &lt; quorum
    /// 3  ###           4
    /// </code>
    /// </summary>
    public static string Describe(ClusterConfig config, IReached reached)
    {
        const int Width = 20;
        var text = new StringBuilder();
        var most = 1UL;
        foreach (var member in config.Members)
        {
            most = Math.Max(most, reached.ReachedBy(member));
        }

        var quorum = Reached(config, reached);
        foreach (var member in config.Members)
        {
            if (!config.IsVoter(member))
            {
                continue;
            }

            var index = reached.ReachedBy(member);
            var bar = new string('#', (int)(index * Width / most)).PadRight(Width);
            text.Append(CultureInfo.InvariantCulture, $"{member}  {bar} {index,6}{(index == quorum ? "  < quorum" : "")}\n");
        }

        return text.ToString();
    }
}
