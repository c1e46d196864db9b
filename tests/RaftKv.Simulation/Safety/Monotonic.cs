using RaftKv.Raft;

namespace RaftKv.Simulation.Safety;

/// <summary>
/// <b>A member's term, commit index and applied index never go back while it runs; its term not through a restart either,
/// once anybody has heard it.</b> Thesis §3.3, §3.8.
/// <para>After a restart the commit and applied indexes may lag: they are learnt again.</para>
/// </summary>
internal sealed class Monotonic
{
    private readonly List<Marks> _members = [];

    public void Restarted(NodeId member)
    {
        var marks = Of(member);
        marks.Term = marks.TermHeard;
        marks.Committed = 0;
        marks.Applied = 0;
    }

    /// <summary>It is not the member any more that it was.</summary>
    public void Forgotten(NodeId member)
    {
        var marks = Of(member);
        (marks.Term, marks.TermHeard, marks.Committed, marks.Applied) = (0, 0, 0, 0);
    }

    public void Spoke(NodeId member, ulong term)
    {
        var marks = Of(member);
        marks.TermHeard = Math.Max(marks.TermHeard, term);
    }

    public void Stepped(RaftNode raft)
    {
        var marks = Of(raft.Self);
        if (raft.Term < marks.Term)
        {
            throw new Violation(nameof(Monotonic), $"the term of {raft.Self} went from {marks.Term} to {raft.Term}");
        }

        if (raft.Committed < marks.Committed)
        {
            throw new Violation(
                nameof(Monotonic), $"the commit index of {raft.Self} went from {marks.Committed} to {raft.Committed}");
        }

        if (raft.Applied < marks.Applied)
        {
            throw new Violation(
                nameof(Monotonic), $"the applied index of {raft.Self} went from {marks.Applied} to {raft.Applied}");
        }

        (marks.Term, marks.Committed, marks.Applied) = (raft.Term, raft.Committed, raft.Applied);
    }

    private Marks Of(NodeId member)
    {
        while (_members.Count <= (int)member.Value)
        {
            _members.Add(new Marks());
        }

        return _members[(int)member.Value];
    }

    private sealed class Marks
    {
        public ulong Term { get; set; }

        public ulong TermHeard { get; set; }

        public ulong Committed { get; set; }

        public ulong Applied { get; set; }
    }
}
