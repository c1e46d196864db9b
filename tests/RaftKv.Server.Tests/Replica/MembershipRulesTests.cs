using RaftKv.Raft;
using RaftKv.Server.Replica;
using RaftKv.Storage.State;

namespace RaftKv.Server.Tests.Replica;

/// <summary>Which changes of the membership wait for better times. The leader is member 1.</summary>
public sealed class MembershipRulesTests
{
    private static readonly TimeSpan Long = TimeSpan.FromMinutes(1);

    [Theory]
    [InlineData(true, true)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    [InlineData(false, false)]
    public void A_lone_member_may_be_given_another_before_its_name_is_known(bool isNameKnown, bool isLearner)
        => Check(MemberChange.Add(isLearner ? Learner(2) : Voter(2)), [Voter(1, isNameKnown)]);

    [Fact]
    public void A_voter_is_added_when_a_quorum_with_it_is_there_without_it()
    {
        Check(MemberChange.Add(Voter(4)), [Voter(1), Voter(2), Voter(3)], 2, 3);
        Assert.Equal(RequestRefusal.Unhealthy, Refusal(MemberChange.Add(Voter(4)), [Voter(1), Voter(2), Voter(3)], 2));
        Assert.Equal(
            RequestRefusal.NotEnoughStarted,
            Refusal(MemberChange.Add(Voter(4)), [Voter(1), Voter(2), Voter(3, hasStarted: false)], 2, 3));
    }

    [Fact]
    public void A_voter_is_removed_when_the_rest_has_a_quorum_or_it_is_gone_anyway()
    {
        Check(MemberChange.Remove(new NodeId(3)), [Voter(1), Voter(2), Voter(3)], 2, 3);
        Check(MemberChange.Remove(new NodeId(3)), [Voter(1), Voter(2), Voter(3)], 2);
        Assert.Equal(RequestRefusal.Unhealthy, Refusal(MemberChange.Remove(new NodeId(2)), [Voter(1), Voter(2), Voter(3)], 2));
    }

    private static Member Voter(ulong id, bool hasStarted = true) => new(new NodeId(id), hasStarted ? $"m{id}" : "", [$"http://m{id}:2380"], [], IsLearner: false);

    private static Member Learner(ulong id) => Voter(id, hasStarted: false) with { IsLearner = true };

    private static void Check(MemberChange change, Member[] members, params ulong[] connected)
        => MembershipRules.CheckHealth(change, members, new NodeId(1), id => connected.Any(one => new NodeId(one) == id) ? Long : null);

    private static RequestRefusal Refusal(MemberChange change, Member[] members, params ulong[] connected)
        => Assert.Throws<RequestRefusedException>(() => Check(change, members, connected)).Reason;
}
