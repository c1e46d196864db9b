using RaftKv.Raft.Log;
using RaftKv.Raft.Messages;

namespace RaftKv.Raft.Tests.Paper;

/// <summary>Thesis section 3.3: terms and roles.</summary>
public sealed class BasicsTests
{
    /// <summary>"When servers start up, they begin as followers."</summary>
    [Fact]
    public void A_member_starts_as_a_follower() => Assert.Equal(Role.Follower, new LoneNode().Raft.Role);

    /// <summary>"If one server's current term is smaller than the other's, then it updates its current term to the larger
    /// value. If a candidate or leader discovers that its term is out of date, it immediately reverts to follower."</summary>
    [Theory]
    [InlineData(Role.Follower)]
    [InlineData(Role.Candidate)]
    [InlineData(Role.Leader)]
    public void Whoever_sees_a_later_term_follows_in_it(Role role)
    {
        var node = InRole(role);

        node.Receive(LoneNode.Append(from: 2, term: 9, new LogPosition(1, 1)));

        Assert.Equal(Role.Follower, node.Raft.Role);
        Assert.Equal(9u, node.Raft.Term);
        Assert.Equal(new NodeId(2), node.Raft.Leader);
    }

    /// <summary>"If a server receives a request with a stale term number, it rejects the request."</summary>
    [Fact]
    public void A_stale_append_is_refused_and_has_no_effect()
    {
        var node = new LoneNode(term: 5);

        node.Receive(LoneNode.Append(from: 2, term: 4, new LogPosition(1, 1), terms: [4]));

        Assert.Equal([1UL], node.Terms);
        var answer = Assert.Single(node.TakeSent());
        Assert.True(answer.IsRejected);
        Assert.Equal(5u, answer.Term);
    }

    [Fact]
    public void A_stale_vote_request_is_not_granted()
    {
        var node = new LoneNode(term: 5);

        node.Receive(LoneNode.VoteRequest(from: 2, term: 4, new LogPosition(9, 9)));

        Assert.DoesNotContain(node.TakeSent(MessageKind.VoteResponse), answer => !answer.IsRejected);
    }

    internal static LoneNode InRole(Role role) => role switch
    {
        Role.Follower => new LoneNode(),
        Role.Candidate => new LoneNode().BecomeCandidate(),
        _ => new LoneNode().Elected(),
    };
}
