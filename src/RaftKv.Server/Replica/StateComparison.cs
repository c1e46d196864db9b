using RaftKv.Raft;

namespace RaftKv.Server.Replica;

/// <summary>What comparing the states of members has come to.</summary>
public enum ComparisonOutcome
{
    /// <summary>Too few have said what they came to.</summary>
    Pending,

    /// <summary>This member came to what most voters came to.</summary>
    Agrees,

    /// <summary>Most voters came to something else than this member.</summary>
    Differs,

    /// <summary>All voters have spoken, and no sum has most of them: nobody can tell who is right.</summary>
    Undecided,
}

/// <summary>
/// Collects what members came to at the marks in the log, and judges this member by it. Everything it is told comes out of
/// the log, so that all members are told the same; only a member's own sum is its own. By the applier.
/// </summary>
/// <example><code>
/// comparison.Marked(index, machine.Sum);
/// comparison.Told(other, index, itsSum);
/// if (comparison.Judge(index, self, config.Voters) == ComparisonOutcome.Differs) { … }
/// </code></example>
public sealed class StateComparison
{
    // Sums that come later than that many marks after theirs tell nothing any more.
    private const int RememberedMarks = 4;

    private readonly List<Mark> _marks = [];

    /// <summary>This member came by a mark.</summary>
    public void Marked(ulong index, ulong sum) => Of(index).Own = sum;

    /// <summary>A member, this one among them, has said what it came to.</summary>
    public void Told(NodeId member, ulong index, ulong sum) => Of(index).Sums[member] = sum;

    /// <summary>What can be said of this member at a mark.</summary>
    /// <param name="index">Of the mark.</param>
    /// <param name="voters">Whose word counts.</param>
    public ComparisonOutcome Judge(ulong index, ReadOnlySpan<NodeId> voters)
    {
        var mark = Of(index);
        if (mark.Own is not { } own)
        {
            return ComparisonOutcome.Pending;
        }

        var told = 0;
        foreach (var voter in voters)
        {
            if (!mark.Sums.TryGetValue(voter, out var sum))
            {
                continue;
            }

            told++;
            var same = 0;
            foreach (var other in voters)
            {
                same += mark.Sums.TryGetValue(other, out var otherSum) && otherSum == sum ? 1 : 0;
            }

            if (same > voters.Length / 2)
            {
                return sum == own ? ComparisonOutcome.Agrees : ComparisonOutcome.Differs;
            }
        }

        return told == voters.Length ? ComparisonOutcome.Undecided : ComparisonOutcome.Pending;
    }

    /// <summary>The state is another one now: what it came to before says nothing of it.</summary>
    public void Forget() => _marks.Clear();

    private Mark Of(ulong index)
    {
        foreach (var mark in _marks)
        {
            if (mark.Index == index)
            {
                return mark;
            }
        }

        var added = new Mark(index);
        _marks.Add(added);
        _marks.Sort(static (left, right) => left.Index.CompareTo(right.Index));
        if (_marks.Count > RememberedMarks)
        {
            _marks.RemoveAt(0);
        }

        return added;
    }

    private sealed class Mark(ulong index)
    {
        public ulong Index { get; } = index;

        public ulong? Own { get; set; }

        public Dictionary<NodeId, ulong> Sums { get; } = [];
    }
}
