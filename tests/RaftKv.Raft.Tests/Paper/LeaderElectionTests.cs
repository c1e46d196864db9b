using RaftKv.Raft.Log;
using RaftKv.Raft.Messages;

namespace RaftKv.Raft.Tests.Paper;

/// <summary>Thesis section 3.4: leader election, and 3.6.1: who may be elected.</summary>
public sealed class LeaderElectionTests
{
    /// <summary>"Leaders send periodic heartbeats to all followers in order to maintain their authority."</summary>
    [Fact]
    public void A_leader_sends_heartbeats_to_everybody_with_every_heartbeat_tick()
    {
        var node = new LoneNode(settings: new RaftConfig { HeartbeatTicks = 2, CheckQuorum = false, PreVote = false }).Elected();

        Assert.Empty(node.Tick().TakeSent(MessageKind.Heartbeat));
        Assert.Equal([2UL, 3UL], node.Tick().TakeSent(MessageKind.Heartbeat).Select(heartbeat => heartbeat.To.Value));
    }

    /// <summary>"To begin an election, a follower increments its current term and transitions to candidate state. It then
    /// votes for itself and issues RequestVote RPCs in parallel to each of the other servers."</summary>
    [Theory]
    [InlineData(Role.Follower)]
    [InlineData(Role.Candidate)]
    public void Without_a_leader_a_member_campaigns_when_its_timeout_elapses(Role role)
    {
        var node = BasicsTests.InRole(role);
        var term = node.Raft.Term;
        node.TakeSent();

        node.Tick(node.Raft.ElectionTimeoutTicks);

        Assert.Equal(Role.Candidate, node.Raft.Role);
        Assert.Equal(term + 1, node.Raft.Term);
        Assert.Equal(node.Raft.Self, node.Raft.Vote);
        Assert.Equal([2UL, 3UL], node.TakeSent(MessageKind.Vote).Select(request => request.To.Value));
    }

    /// <summary>"A candidate wins an election if it receives votes from a majority of the servers in the full cluster."</summary>
    [Theory]
    [InlineData(1, "", Role.Leader)]
    [InlineData(3, "y", Role.Leader)]
    [InlineData(3, "", Role.Candidate)]
    [InlineData(3, "n", Role.Candidate)]
    [InlineData(3, "nn", Role.Follower)]
    [InlineData(5, "yy", Role.Leader)]
    [InlineData(5, "yyyy", Role.Leader)]
    [InlineData(5, "y", Role.Candidate)]
    [InlineData(5, "ynny", Role.Leader)]
    [InlineData(5, "ynn", Role.Candidate)]
    [InlineData(5, "nnny", Role.Follower)]
    public void A_majority_of_votes_elects(int members, string votes, Role expected)
    {
        var node = new LoneNode(members).BecomeCandidate();

        for (var i = 0; i < votes.Length; i++)
        {
            node.Receive(node.Vote((ulong)i + 2, isGranted: votes[i] == 'y'));
        }

        Assert.Equal(expected, node.Raft.Role);
    }

    [Fact]
    public void A_vote_told_twice_counts_once()
    {
        var node = new LoneNode(members: 5).BecomeCandidate();

        node.Receive(node.Vote(2)).Receive(node.Vote(2));

        Assert.Equal(Role.Candidate, node.Raft.Role);
    }

    /// <summary>"Each server will vote for at most one candidate in a given term, on a first-come-first-served basis."</summary>
    [Theory]
    [InlineData(0, 2, true)]
    [InlineData(2, 2, true)]
    [InlineData(3, 2, false)]
    public void One_vote_per_term(ulong votedFor, ulong asks, bool isGranted)
    {
        var node = new LoneNode();
        if (votedFor != 0)
        {
            node.Receive(LoneNode.VoteRequest(votedFor, term: 2, new LogPosition(1, 1)));
            node.TakeSent();
        }

        node.Receive(LoneNode.VoteRequest(asks, term: 2, new LogPosition(1, 1)));

        Assert.Equal(isGranted, !Assert.Single(node.TakeSent()).IsRejected);
    }

    /// <summary>"If the leader's term is at least as large as the candidate's current term, then the candidate recognizes
    /// the leader as legitimate and returns to follower state."</summary>
    [Theory]
    [InlineData(2)]
    [InlineData(3)]
    public void A_candidate_gives_way_to_a_leader(ulong term)
    {
        var node = new LoneNode().BecomeCandidate();

        node.Receive(LoneNode.Append(from: 3, term, new LogPosition(1, 1)));

        Assert.Equal(Role.Follower, node.Raft.Role);
        Assert.Equal(new NodeId(3), node.Raft.Leader);
    }

    /// <summary>"Election timeouts are chosen randomly from a fixed interval."</summary>
    [Fact]
    public void Timeouts_take_every_value_of_their_interval()
    {
        var node = new LoneNode();
        var seen = new HashSet<int>();
        for (var election = 0; election < 1000; election++)
        {
            node.BecomeCandidate();
            seen.Add(node.Raft.ElectionTimeoutTicks);
        }

        Assert.Equal(Enumerable.Range(10, 10), seen.Order());
    }

    /// <summary>"... so that in most cases only a single server will time out."</summary>
    [Fact]
    public void Timeouts_of_several_members_rarely_collide()
    {
        var collisions = 0;
        const int Elections = 1000;
        for (var election = 0; election < Elections; election++)
        {
            var timeouts = Enumerable.Range(0, 5)
                .Select(member => new LoneNode(seed: (ulong)((election * 5) + member)).Raft.ElectionTimeoutTicks).ToList();
            collisions += timeouts.Count(timeout => timeout == timeouts.Min()) > 1 ? 1 : 0;
        }

        // With ten values for five members the shortest is shared in about 27 % of all cases.
        Assert.InRange(collisions, 180, 360);
    }

    /// <summary>Section 3.6.1: "If the logs have last entries with different terms, then the log with the later term is more
    /// up-to-date. If the logs end with the same term, then whichever log is longer is more up-to-date."</summary>
    [Theory]
    [InlineData(new ulong[] { 2 }, 2, 2, true)] // The same.
    [InlineData(new ulong[] { 2 }, 2, 3, true)] // Longer.
    [InlineData(new ulong[] { 2 }, 3, 2, true)] // Later term.
    [InlineData(new ulong[] { 2, 2 }, 3, 2, true)] // Later term, though shorter.
    [InlineData(new ulong[] { 2, 2 }, 2, 2, false)] // Shorter.
    [InlineData(new ulong[] { 3 }, 2, 2, false)] // Earlier term.
    [InlineData(new ulong[] { 3 }, 2, 9, false)] // Earlier term, though longer.
    public void Votes_go_to_logs_at_least_as_up_to_date(ulong[] terms, ulong lastTerm, ulong lastIndex, bool isGranted)
    {
        var node = new LoneNode(terms: terms);

        node.Receive(LoneNode.VoteRequest(from: 2, term: 9, new LogPosition(lastTerm, lastIndex)));

        Assert.Equal(isGranted, !Assert.Single(node.TakeSent()).IsRejected);
    }

    [Fact]
    public void A_request_for_votes_says_where_the_candidates_log_ends()
    {
        var node = new LoneNode(terms: [2, 3]).BecomeCandidate();

        Assert.All(node.TakeSent(), request => Assert.Equal(new LogPosition(3, 3), request.Position));
    }
}
