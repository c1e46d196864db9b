using RaftKv.Raft;

namespace RaftKv.Simulation;

/// <summary>
/// <b>Once nothing is broken that can be mended, the cluster elects a leader, serves fresh writes, and all its members come
/// to the same state, in bounded time.</b> Not a theorem of Raft's, which needs chance for it; with timeouts drawn anew for
/// each election, a hundred of them in vain are as good as a proof of the contrary.
/// <para>Members whose disks are destroyed stay away, and, if the plan says so, as many more as can be spared. Cannot see
/// slowness short of the bound.</para>
/// </summary>
internal sealed class Liveness(Cluster cluster, TroubleMaker troubles)
{
    private const long Bound = 20 * Simulator.Second;
    private const long Interval = 20 * Simulator.Millisecond;
    private const int FreshWrites = 3;

    public void Check()
    {
        troubles.HealEverything();
        if (cluster.Plan.SparesMinority)
        {
            troubles.SpareMinority();
        }

        cluster.StopClients();
        var healed = cluster.Simulator.Now;
        var bound = Bound;
        var probe = cluster.AddProbe(FreshWrites, Interval);
        var next = cluster.Simulator.Now;
        while (true)
        {
            next += Interval;
            while (cluster.Simulator.TryStep(next))
            {
            }

            if (probe.SucceededCount >= FreshWrites && cluster.Whole?.IsSettled != false && HaveConverged())
            {
                probe.Stop();
                return;
            }

            bound = Math.Max(bound, Bound + (cluster.Whole?.LeaseSpreadNanos ?? 0));
            if (next > healed + bound)
            {
                if (CannotBeAskedFor())
                {
                    return;
                }

                throw new Violation(nameof(Liveness), Describe(bound, probe.SucceededCount));
            }
        }
    }

    // The membership moved on, after the last disk was destroyed, to one that has no majority left.
    private bool CannotBeAskedFor()
    {
        foreach (var node in cluster.Nodes)
        {
            if (node?.Member is { } member && !troubles.HasQuorum(member.Raft.Config, NodeId.None))
            {
                return true;
            }
        }

        return !troubles.HasQuorum(cluster.Checks.Ledger.Config, NodeId.None);
    }

    private bool HaveConverged()
    {
        if (cluster.Leader is not { Member: { } leader } || leader.Raft.Applied != leader.Raft.Committed)
        {
            return false;
        }

        // A state that was harmed is still to be mended.
        if (cluster.Nodes.Any(node => node?.Member is Whole.WholeMember { IsOfDoubtfulState: true }))
        {
            return false;
        }

        foreach (var id in leader.Raft.Config.Members)
        {
            if (cluster.Find(id) is not { } node || node.IsLost || node.IsAway)
            {
                continue;
            }

            if (node.Member is not { } member || member.AppliedIndex != leader.AppliedIndex)
            {
                return false;
            }

            if (member.StateHash != leader.StateHash)
            {
                throw new Violation(nameof(Liveness), $"{id} and {leader.Raft.Self} have converged to different states");
            }
        }

        return !IsRemovedOneRunning(leader);
    }

    // Who was removed is told so, and ends, if anybody whom it knows is left to tell it.
    private bool IsRemovedOneRunning(Members.IMember leader)
    {
        foreach (var node in cluster.Nodes)
        {
            if (node is { IsLost: false, IsRetired: false, IsAway: false }
                && leader is Whole.WholeMember member
                && member.Members.IsRemoved(node.Self)
                && node.Member is Whole.WholeMember removed
                && removed.Known.Members.Any(one => leader.Raft.Config.IsMember(one.Id) && cluster.Find(one.Id) is { IsUp: true }))
            {
                return true;
            }
        }

        return false;
    }

    private string Describe(long bound, int succeeded)
    {
        var text = new System.Text.StringBuilder();
        text.Append($"{bound / Simulator.Second} s after everything was healed, {succeeded} of {FreshWrites} fresh writes ");
        text.Append("were served, and the members are:\n");
        foreach (var node in cluster.Nodes)
        {
            if (node is not null)
            {
                text.Append(node.Member?.Raft.Describe() ?? $"{node.Self} is down {node.LossReason}\n");
            }
        }

        text.Append(cluster.Whole?.Unsettled);
        return text.ToString();
    }
}
