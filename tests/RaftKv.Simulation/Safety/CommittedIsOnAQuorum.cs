using RaftKv.Raft;
using RaftKv.Raft.Membership;

namespace RaftKv.Simulation.Safety;

/// <summary>
/// <b>When an entry is first known to be committed, a majority of the voters have it on their disks; of both halves of a
/// joint configuration.</b> Thesis §3.5, §4.3: what an acknowledgement to a client is worth.
/// <para>Counts by the configuration of the leader that committed it, as the log says it; a disk counts that was destroyed
/// later.</para>
/// </summary>
internal sealed class CommittedIsOnAQuorum
{
    public static void Check(ulong index, ulong hash, ClusterConfig config, Func<NodeId, ulong, ulong, bool> isOnDisk)
    {
        Check(index, hash, config.Voters, isOnDisk);
        Check(index, hash, config.Outgoing, isOnDisk);
    }

    public static bool Holds(ulong index, ulong hash, ClusterConfig config, Func<NodeId, ulong, ulong, bool> isOnDisk)
        => IsMajority(Count(index, hash, config.Voters, isOnDisk), config.Voters)
            && IsMajority(Count(index, hash, config.Outgoing, isOnDisk), config.Outgoing);

    /// <summary>A voter that was alone is every majority of the configuration before, and belongs to every majority of the
    /// one that gives it a single companion: what it has on its disk, through that change, asks nobody else.</summary>
    public static bool DecidesAlone(NodeId voter, ClusterConfig before, ClusterConfig config)
        => !before.IsJoint
            && before.Voters is [var only]
            && only == voter
            && !config.IsJoint
            && config.Voters.Length == 2
            && config.IsVoter(voter);

    private static void Check(
        ulong index, ulong hash, ReadOnlySpan<NodeId> voters, Func<NodeId, ulong, ulong, bool> isOnDisk)
    {
        var holders = Count(index, hash, voters, isOnDisk);
        if (!IsMajority(holders, voters))
        {
            throw new Violation(
                nameof(CommittedIsOnAQuorum),
                $"entry {index} is taken for committed with {holders} of {voters.Length} voters holding it");
        }
    }

    private static int Count(
        ulong index, ulong hash, ReadOnlySpan<NodeId> voters, Func<NodeId, ulong, ulong, bool> isOnDisk)
    {
        var holders = 0;
        foreach (var voter in voters)
        {
            holders += isOnDisk(voter, index, hash) ? 1 : 0;
        }

        return holders;
    }

    private static bool IsMajority(int holders, ReadOnlySpan<NodeId> voters) => voters.Length == 0 || holders > voters.Length / 2;
}
