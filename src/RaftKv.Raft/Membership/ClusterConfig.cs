using System.Text;

namespace RaftKv.Raft.Membership;

/// <summary>
/// Who the members are and whose agreement counts. Immutable.
/// <para>
/// A joint configuration (thesis §4.3) has outgoing voters beside the incoming ones, and every decision needs a
/// majority of both. A member that is demoted from voter to learner still votes in the outgoing half until the joint
/// configuration is left; until then it waits in <see cref="LearnersNext"/>, because nobody is voter and learner at
/// once:
/// </para>
/// <code>
/// voters 1 2 3                          {2: learner, 3: remove, 4: voter}
/// voters 1 4, outgoing 1 2 3, next 2    leave
/// voters 1 4, learners 2
/// </code>
/// </summary>
public sealed class ClusterConfig : IEquatable<ClusterConfig>
{
    /// <summary>No members: the start of a member that has yet to be told by a leader who the others are.</summary>
    public static readonly ClusterConfig Empty = new([], [], [], [], leavesAutomatically: false);

    private readonly NodeId[] _voters;
    private readonly NodeId[] _outgoing;
    private readonly NodeId[] _learners;
    private readonly NodeId[] _learnersNext;
    private readonly NodeId[] _members;

    private ClusterConfig(
        IEnumerable<NodeId> voters,
        IEnumerable<NodeId> outgoing,
        IEnumerable<NodeId> learners,
        IEnumerable<NodeId> learnersNext,
        bool leavesAutomatically)
    {
        _voters = Sorted(voters);
        _outgoing = Sorted(outgoing);
        _learners = Sorted(learners);
        _learnersNext = Sorted(learnersNext);
        _members = Sorted(_voters.Concat(_outgoing).Concat(_learners));
        LeavesAutomatically = leavesAutomatically;
        CheckInvariants();
    }

    /// <summary>In order of their identifiers, as are all the others.</summary>
    public ReadOnlySpan<NodeId> Voters => _voters;

    /// <summary>The voters of the configuration being left; empty outside a joint configuration.</summary>
    public ReadOnlySpan<NodeId> Outgoing => _outgoing;

    /// <summary>Members that receive the log and have no say.</summary>
    public ReadOnlySpan<NodeId> Learners => _learners;

    /// <summary>Outgoing voters that become learners when the joint configuration is left.</summary>
    public ReadOnlySpan<NodeId> LearnersNext => _learnersNext;

    /// <summary>Everybody who receives the log.</summary>
    public ReadOnlySpan<NodeId> Members => _members;

    public bool IsEmpty => _members.Length == 0;

    public bool IsJoint => _outgoing.Length > 0;

    /// <summary>Whether the leader proposes to leave this joint configuration as soon as it is committed.</summary>
    public bool LeavesAutomatically { get; }

    public static ClusterConfig Of(IEnumerable<NodeId> voters, IEnumerable<NodeId>? learners = null)
        => new(voters, [], learners ?? [], [], leavesAutomatically: false);

    /// <summary>Every part spelled out, for whoever stores a configuration and reads it back.</summary>
    public static ClusterConfig Restore(
        IEnumerable<NodeId> voters,
        IEnumerable<NodeId> outgoing,
        IEnumerable<NodeId> learners,
        IEnumerable<NodeId> learnersNext,
        bool leavesAutomatically)
        => new(voters, outgoing, learners, learnersNext, leavesAutomatically);

    /// <summary>Whether the member's vote counts, in either half.</summary>
    public bool IsVoter(NodeId member) => Contains(_voters, member) || Contains(_outgoing, member);

    public bool IsMember(NodeId member) => Contains(_members, member);

    public bool IsLearner(NodeId member) => IsMember(member) && !IsVoter(member);

    /// <summary>
    /// The configuration after <paramref name="change"/>, or the reason why it may not follow this one. A function of
    /// nothing else, so that every member, and the application, comes to the same answer.
    /// </summary>
    /// <param name="change">What is asked for.</param>
    /// <param name="next">The configuration that follows; this one if refused.</param>
    /// <param name="problem">A sentence for humans; empty if allowed.</param>
    public bool TryChange(ConfigChange change, out ClusterConfig next, out string problem)
    {
        next = this;
        problem = Problem(change);
        if (problem.Length > 0)
        {
            return false;
        }

        if (change.LeavesJoint)
        {
            next = new ClusterConfig(_voters, [], _learners.Concat(_learnersNext), [], leavesAutomatically: false);
            return true;
        }

        // The first configuration of all has no majority that would have to agree.
        var throughJoint = !IsEmpty && (change.Transition != ConfigTransition.Auto || change.Steps.Length > 1);
        var draft = new Draft(this, throughJoint);
        foreach (var step in change.Steps)
        {
            draft.Take(step);
        }

        problem = draft.Problem(this, throughJoint);
        if (problem.Length > 0)
        {
            return false;
        }

        next = draft.ToConfig(throughJoint && change.Transition != ConfigTransition.JointExplicit);
        return true;
    }

    public bool Equals(ClusterConfig? other)
        => other is not null
            && _voters.AsSpan().SequenceEqual(other._voters)
            && _outgoing.AsSpan().SequenceEqual(other._outgoing)
            && _learners.AsSpan().SequenceEqual(other._learners)
            && _learnersNext.AsSpan().SequenceEqual(other._learnersNext)
            && LeavesAutomatically == other.LeavesAutomatically;

    public override bool Equals(object? obj) => Equals(obj as ClusterConfig);

    public override int GetHashCode()
    {
        // Not HashCode: its seed differs per process.
        var hash = 17UL;
        foreach (var member in _members)
        {
            hash = (hash * 31) + member.Value;
        }

        return hash.GetHashCode();
    }

    /// <summary>"voters=(1 2 3)&amp;(1 2) learners=(4) next=(2)", leaving out what is empty.</summary>
    public override string ToString()
    {
        var text = new StringBuilder("voters=(").AppendJoin(' ', _voters).Append(')');
        if (IsJoint)
        {
            text.Append("&(").AppendJoin(' ', _outgoing).Append(')');
        }

        if (_learners.Length > 0)
        {
            text.Append(" learners=(").AppendJoin(' ', _learners).Append(')');
        }

        if (_learnersNext.Length > 0)
        {
            text.Append(" next=(").AppendJoin(' ', _learnersNext).Append(')');
        }

        if (LeavesAutomatically)
        {
            text.Append(" auto-leave");
        }

        return text.ToString();
    }

    private string Problem(ConfigChange change)
    {
        if (change.LeavesJoint)
        {
            return IsJoint ? "" : "There is no joint configuration to leave.";
        }

        if (IsJoint)
        {
            return "The joint configuration must be left before another change.";
        }

        foreach (var step in change.Steps)
        {
            if (step.Member.IsNone)
            {
                return "Member 0 stands for nobody.";
            }
        }

        return "";
    }

    private static NodeId[] Sorted(IEnumerable<NodeId> members) => [.. members.Distinct().Order()];

    // A handful of members: looking at each is faster than any search.
    private static bool Contains(NodeId[] members, NodeId member)
    {
        foreach (var one in members)
        {
            if (one == member)
            {
                return true;
            }
        }

        return false;
    }

    private void CheckInvariants()
    {
        foreach (var learner in _learners)
        {
            Invariant.Holds(!IsVoter(learner));
        }

        foreach (var next in _learnersNext)
        {
            Invariant.Holds(Contains(_outgoing, next));
            Invariant.Holds(!Contains(_voters, next));
        }

        if (!IsEmpty)
        {
            Invariant.Holds(_voters.Length > 0);
        }

        if (LeavesAutomatically)
        {
            Invariant.Holds(IsJoint);
        }
    }

    /// <summary>The next configuration while its steps are taken one by one.</summary>
    private sealed class Draft(ClusterConfig from, bool joint)
    {
        private readonly HashSet<NodeId> _voters = [.. from._voters];
        private readonly HashSet<NodeId> _outgoing = joint ? [.. from._voters] : [];
        private readonly HashSet<NodeId> _learners = [.. from._learners];
        private readonly HashSet<NodeId> _learnersNext = [];

        public void Take(ConfigStep step)
        {
            switch (step.Kind)
            {
                case ConfigStepKind.AddVoter:
                    _learners.Remove(step.Member);
                    _learnersNext.Remove(step.Member);
                    _voters.Add(step.Member);
                    break;

                case ConfigStepKind.AddLearner:
                    _voters.Remove(step.Member);
                    (_outgoing.Contains(step.Member) ? _learnersNext : _learners).Add(step.Member);
                    break;

                case ConfigStepKind.Remove:
                    _voters.Remove(step.Member);
                    _learners.Remove(step.Member);
                    _learnersNext.Remove(step.Member);
                    break;
            }
        }

        public string Problem(ClusterConfig before, bool throughJoint)
        {
            if (_voters.Count == 0)
            {
                return "The last voter cannot be removed.";
            }

            // Thesis §4.1: majorities of two configurations overlap only if they differ in one voter.
            var moved = _voters.Except(before._voters).Count() + before._voters.Except(_voters).Count();
            return !throughJoint && !before.IsEmpty && moved > 1
                ? "More than one voter changes; that needs a joint configuration."
                : "";
        }

        public ClusterConfig ToConfig(bool leavesAutomatically)
            => new(_voters, _outgoing, _learners, _learnersNext, leavesAutomatically);
    }
}
