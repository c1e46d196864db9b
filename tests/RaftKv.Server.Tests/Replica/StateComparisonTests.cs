using RaftKv.Raft;
using RaftKv.Server.Replica;

namespace RaftKv.Server.Tests.Replica;

/// <summary>Who is right when members come to different sums.</summary>
public sealed class StateComparisonTests
{
    private const ulong Mark = 7;

    private static readonly NodeId[] Three = [new(1), new(2), new(3)];

    private readonly StateComparison _comparison = new();

    [Fact]
    public void Nothing_can_be_said_before_most_have_spoken()
    {
        Assert.Equal(ComparisonOutcome.Pending, Judge(Three));
        _comparison.Marked(Mark, 5);
        Tell(1, 5);
        Assert.Equal(ComparisonOutcome.Pending, Judge(Three));
        Tell(2, 6);
        Assert.Equal(ComparisonOutcome.Pending, Judge(Three));
    }

    [Fact]
    public void Most_are_right()
    {
        _comparison.Marked(Mark, 5);
        Tell(1, 5);
        Tell(2, 6);
        Tell(3, 6);
        Assert.Equal(ComparisonOutcome.Differs, Judge(Three));
        Tell(3, 5);
        Assert.Equal(ComparisonOutcome.Agrees, Judge(Three));
    }

    [Fact]
    public void A_learner_judges_itself_by_the_voters_and_has_no_say()
    {
        _comparison.Marked(Mark, 5);
        Tell(4, 5);
        Tell(5, 5);
        Tell(1, 6);
        Assert.Equal(ComparisonOutcome.Pending, Judge(Three));
        Tell(2, 6);
        Assert.Equal(ComparisonOutcome.Differs, Judge(Three));
    }

    [Fact]
    public void Where_no_sum_has_a_majority_nobody_can_tell()
    {
        _comparison.Marked(Mark, 5);
        Tell(1, 5);
        Tell(2, 6);
        Assert.Equal(ComparisonOutcome.Undecided, Judge([new(1), new(2)]));
        Assert.Equal(ComparisonOutcome.Pending, Judge(Three));
        Tell(3, 7);
        Assert.Equal(ComparisonOutcome.Undecided, Judge(Three));
    }

    [Fact]
    public void What_was_told_of_another_state_is_forgotten_and_so_are_old_marks()
    {
        _comparison.Marked(Mark, 5);
        Tell(1, 6);
        Tell(2, 6);
        _comparison.Forget();
        Assert.Equal(ComparisonOutcome.Pending, Judge(Three));

        _comparison.Marked(Mark, 5);
        for (var later = Mark + 1; later < Mark + 10; later++)
        {
            _comparison.Marked(later, 5);
        }

        Tell(1, 6);
        Tell(2, 6);
        Assert.Equal(ComparisonOutcome.Pending, Judge(Three));
    }

    private void Tell(ulong member, ulong sum) => _comparison.Told(new NodeId(member), Mark, sum);

    private ComparisonOutcome Judge(NodeId[] voters) => _comparison.Judge(Mark, voters);
}
