using RaftKv.Raft;
using RaftKv.Raft.Membership;

namespace RaftKv.Simulation.Safety;

/// <summary>
/// <b>A member's configuration is the one its log implies, and a leader's shares a member in every two majorities with the
/// configuration that is committed.</b> Thesis §4.1, §4.3: otherwise two majorities could decide without each other.
/// <para>Compares a leader with the newest committed configuration only, not with those that stale leaders may still hold;
/// of those, <see cref="ElectionSafety"/> and <see cref="LeaderCompleteness"/> see the consequences.</para>
/// </summary>
internal sealed class ConfigurationSafety(Ledger ledger)
{
    /// <summary>The configuration a member uses, where its place in the log is committed.</summary>
    public void InUse(RaftNode raft)
    {
        if (raft.ConfigIndex <= ledger.LastIndex
            && raft.ConfigIndex <= raft.Committed
            && !raft.Config.Equals(ledger.ConfigAt(raft.ConfigIndex)))
        {
            throw new Violation(
                nameof(ConfigurationSafety),
                $"{raft.Self} uses {raft.Config} since {raft.ConfigIndex}, where {ledger.ConfigAt(raft.ConfigIndex)} "
                + "is committed");
        }
    }

    public void LeadsWith(RaftNode raft)
    {
        var committed = ledger.Config;
        if (raft.ConfigIndex <= ledger.LastIndex || committed.IsEmpty)
        {
            return;
        }

        if (!Overlap(raft.Config, committed))
        {
            throw new Violation(
                nameof(ConfigurationSafety),
                $"{raft.Self} leads {raft.Config}, and {committed} is committed: they can decide without each other");
        }
    }

    /// <summary>Whether every set that decides in one configuration meets every set that decides in the other: tried with
    /// every set there is, for a rule that is only believed would prove nothing.</summary>
    public static bool Overlap(ClusterConfig one, ClusterConfig other)
    {
        var members = new SortedSet<NodeId>();
        members.UnionWith(one.Members.ToArray());
        members.UnionWith(other.Members.ToArray());
        var all = members.ToArray();
        var sets = 1u << all.Length;
        for (var set = 0u; set < sets; set++)
        {
            // The complement is the largest set that does not meet this one.
            if (Decides(one, all, set) && Decides(other, all, ~set & (sets - 1)))
            {
                return false;
            }
        }

        return true;
    }

    private static bool Decides(ClusterConfig config, NodeId[] all, uint set)
        => Decides(config.Voters, all, set) && Decides(config.Outgoing, all, set);

    private static bool Decides(ReadOnlySpan<NodeId> voters, NodeId[] all, uint set)
    {
        var agreed = 0;
        foreach (var voter in voters)
        {
            agreed += ((set >> Array.IndexOf(all, voter)) & 1u) != 0 ? 1 : 0;
        }

        return voters.Length == 0 || agreed > voters.Length / 2;
    }
}
