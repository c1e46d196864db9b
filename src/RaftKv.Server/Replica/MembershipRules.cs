using RaftKv.Raft;
using RaftKv.Storage.State;

namespace RaftKv.Server.Replica;

/// <summary>The checks by which a cluster keeps itself from being reconfigured into a state that it cannot leave.</summary>
public static class MembershipRules
{
    // So long a member must have been connected to count as there.
    private static readonly TimeSpan Stable = TimeSpan.FromSeconds(5);

    /// <summary>The way into the log for a change that <see cref="MemberTable.Check"/> has found in order.</summary>
    public static MembershipProposal Proposal(StateMachine machine, MemberChange change)
        => new(
            machine.Members.ToConfigChange(change),
            machine.Applied.Index,
            change.Kind == MemberChangeKind.Promote ? change.Member.Id : NodeId.None);

    /// <param name="change">To be made.</param>
    /// <param name="members">As they are.</param>
    /// <param name="self">The leader, which asks.</param>
    /// <param name="connectedFor">For how long a member has been connected; null if it is not.</param>
    /// <exception cref="RequestRefusedException">It would not be safe now.</exception>
    public static void CheckHealth(
        MemberChange change, IReadOnlyList<Member> members, NodeId self, Func<NodeId, TimeSpan?> connectedFor)
    {
        var voters = members.Where(member => !member.IsLearner).ToArray();

        // Whoever asks has started, whether or not the cluster has heard it by now.
        bool HasStarted(Member one) => one.HasStarted || one.Id == self;
        var target = members.FirstOrDefault(member => member.Id == change.Member.Id);
        int started;
        int after;
        switch (change.Kind)
        {
            case MemberChangeKind.Add:
                (started, after) = (voters.Count(HasStarted), voters.Length + 1);
                if (voters.Length == 1 && started == 1)
                {
                    return;
                }

                // Whoever has no vote may be slow to start.
                started = change.Member.IsLearner ? after : started;
                break;
            case MemberChangeKind.Promote:
                (started, after) = (voters.Count(HasStarted) + 1, voters.Length + 1);
                break;
            case MemberChangeKind.Remove when target is { IsLearner: false }:
                (started, after) = (voters.Count(one => HasStarted(one) && one.Id != target.Id), voters.Length - 1);
                break;
            default:
                return;
        }

        if (started < (after / 2) + 1)
        {
            throw new RequestRefusedException(RequestRefusal.NotEnoughStarted);
        }

        if (change.Kind == MemberChangeKind.Promote)
        {
            return;
        }

        var active = 1 + voters.Count(one => one.Id != self && connectedFor(one.Id) >= Stable);
        if (change.Kind == MemberChangeKind.Remove)
        {
            var isDown = target!.Id != self && connectedFor(target.Id) is null;
            if (!isDown && active - 1 < (after / 2) + 1)
            {
                throw new RequestRefusedException(RequestRefusal.Unhealthy);
            }
        }
        else if (active < (after / 2) + 1)
        {
            throw new RequestRefusedException(RequestRefusal.Unhealthy);
        }
    }
}
