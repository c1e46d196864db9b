using RaftKv.Raft.Log;
using RaftKv.Raft.Messages;

namespace RaftKv.Raft.Tests.Paper;

/// <summary>Thesis section 3.5: log replication, and 3.6.2: committing entries of earlier terms.</summary>
public sealed class LogReplicationTests
{
    /// <summary>"The leader appends the command to its log as a new entry, then issues AppendEntries RPCs in parallel to
    /// each of the other servers to replicate the entry."</summary>
    [Fact]
    public void A_leader_appends_a_command_and_sends_it_to_everybody()
    {
        var node = new LoneNode().Elected();
        node.Receive(node.Acknowledge(from: 2, index: 2)).Receive(node.Acknowledge(from: 3, index: 2)).TakeSent();

        node.Propose("a");

        Assert.Equal([1UL, 2UL, 2UL], node.Terms);
        var appends = node.TakeSent(MessageKind.Append);
        Assert.Equal([2UL, 3UL], appends.Select(append => append.To.Value));
        Assert.All(appends, append => Assert.Equal(new LogPosition(2, 2), append.Position));
        Assert.All(appends, append => Assert.Equal(new LogPosition(2, 3), append.Entries.Span[0].Position));
    }

    /// <summary>"A log entry is committed once the leader that created the entry has replicated it on a majority."</summary>
    [Theory]
    [InlineData(1, 0, true)]
    [InlineData(3, 0, false)]
    [InlineData(3, 1, true)]
    [InlineData(3, 2, true)]
    [InlineData(5, 1, false)]
    [InlineData(5, 2, true)]
    [InlineData(5, 4, true)]
    public void A_majority_of_copies_commits(int members, int acknowledgements, bool isCommitted)
    {
        var node = new LoneNode(members).Elected(members).Propose("a");

        for (var follower = 2; follower < 2 + acknowledgements; follower++)
        {
            node.Receive(node.Acknowledge((ulong)follower, index: 3));
        }

        Assert.Equal(isCommitted ? 3u : 1u, node.Raft.Committed);
        Assert.Equal(isCommitted, node.Applied.Contains(3));
    }

    /// <summary>"This also commits all preceding entries in the leader's log, including entries created by previous
    /// leaders."</summary>
    [Fact]
    public void Entries_of_earlier_leaders_are_committed_along()
    {
        var node = new LoneNode(terms: [2, 3]).Elected();

        node.Receive(node.Acknowledge(from: 2, index: 4));

        Assert.Equal(4u, node.Raft.Committed);
        Assert.Equal([1UL, 2, 3, 4], node.Applied);
    }

    /// <summary>Section 3.6.2: "Raft never commits log entries from previous terms by counting replicas."</summary>
    [Theory]
    [InlineData(2, 1)] // On a majority, of an earlier term: not committed.
    [InlineData(3, 1)]
    [InlineData(4, 4)] // The leader's own.
    public void Only_entries_of_the_own_term_are_committed_by_counting(ulong acknowledged, ulong committed)
    {
        var node = new LoneNode(terms: [2, 3]).Elected();

        node.Receive(node.Acknowledge(from: 2, index: acknowledged));

        Assert.Equal(committed, node.Raft.Committed);
    }

    /// <summary>"Once a follower learns that a log entry is committed, it applies the entry to its local state machine (in
    /// log order)."</summary>
    [Theory]
    [InlineData(new ulong[] { 2 }, 2)]
    [InlineData(new ulong[] { 2, 2 }, 3)]
    [InlineData(new ulong[] { 2, 2 }, 2)]
    public void A_follower_applies_what_the_leader_says_is_committed(ulong[] terms, ulong commit)
    {
        var node = new LoneNode();

        node.Receive(LoneNode.Append(from: 2, term: 2, new LogPosition(1, 1), terms, commit));

        Assert.Equal(commit, node.Raft.Committed);
        Assert.Equal(Enumerable.Range(1, (int)commit).Select(index => (ulong)index), node.Applied);
    }

    /// <summary>Figure 3.1: commitIndex is the minimum of leaderCommit and the index of the last new entry.</summary>
    [Fact]
    public void A_follower_commits_no_further_than_the_message_proves()
    {
        // Entry 3 here may be another leader's: this append says nothing about it.
        var node = new LoneNode(terms: [2, 2]);

        node.Receive(LoneNode.Append(from: 2, term: 3, new LogPosition(1, 1), terms: [2], commit: 3));

        Assert.Equal(2u, node.Raft.Committed);
    }

    /// <summary>"If the follower does not find an entry in its log with the same index and term, then it refuses the new
    /// entries."</summary>
    [Theory]
    [InlineData(1, 1, false)]
    [InlineData(2, 2, false)]
    [InlineData(2, 3, true)] // Beyond the end.
    [InlineData(3, 2, true)] // Another term.
    public void An_append_that_does_not_fit_is_refused(ulong term, ulong index, bool isRejected)
    {
        var node = new LoneNode(terms: [2]);

        node.Receive(LoneNode.Append(from: 2, term: 3, new LogPosition(term, index)));

        Assert.Equal(isRejected, Assert.Single(node.TakeSent()).IsRejected);
    }

    /// <summary>"Conflicting entries in follower logs will be overwritten with entries from the leader's log."</summary>
    [Theory]
    [InlineData(3, 3, new ulong[] { 4 }, new ulong[] { 1, 2, 3, 4 })] // Appended.
    [InlineData(2, 2, new ulong[] { 4 }, new ulong[] { 1, 2, 4 })] // Replaced.
    [InlineData(1, 1, new ulong[] { 4, 4 }, new ulong[] { 1, 4, 4 })] // Replaced from further back.
    [InlineData(1, 1, new ulong[] { 2 }, new ulong[] { 1, 2, 3 })] // Already there: kept, and what follows it too.
    [InlineData(1, 1, new ulong[] { 2, 3, 4 }, new ulong[] { 1, 2, 3, 4 })] // Partly there.
    public void A_follower_takes_over_the_leaders_log(ulong term, ulong index, ulong[] terms, ulong[] expected)
    {
        var node = new LoneNode(terms: [2, 3]);

        node.Receive(LoneNode.Append(from: 2, term: 4, new LogPosition(term, index), terms));

        Assert.Equal(expected, node.Terms);
    }

    /// <summary>Figure 3.6: whatever a follower's log looks like, the leader brings it to its own.</summary>
    [Theory]
    [InlineData(new ulong[] { 1, 1, 1, 4, 4, 5, 5, 6, 6 })] // (a) lacks an entry
    [InlineData(new ulong[] { 1, 1, 1, 4 })] // (b) lacks many
    [InlineData(new ulong[] { 1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 6 })] // (c) has one too many
    [InlineData(new ulong[] { 1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 7, 7 })] // (d) has entries of a later term
    [InlineData(new ulong[] { 1, 1, 1, 4, 4, 4, 4 })] // (e) both
    [InlineData(new ulong[] { 1, 1, 1, 2, 2, 2, 3, 3, 3, 3, 3 })] // (f) both
    public void Every_follower_of_figure_3_6_ends_with_the_leaders_log(ulong[] followerTerms)
    {
        var leader = new LoneNode(terms: [1, 1, 4, 4, 5, 5, 6, 6, 6], term: 7).Elected();
        var follower = new LoneNode(terms: followerTerms[1..], term: 7);

        // The heartbeat response makes the leader ask again what was lost while it was elected.
        leader.Receive(new Message { Kind = MessageKind.HeartbeatResponse, From = new NodeId(2), To = new NodeId(1), Term = 8 });
        for (var questions = 0; questions < 6; questions++)
        {
            foreach (var append in leader.TakeSent(MessageKind.Append).Where(append => append.To == new NodeId(2)))
            {
                follower.Receive(append with { From = new NodeId(3) });
            }

            foreach (var answer in follower.TakeSent())
            {
                leader.Receive(answer with { From = new NodeId(2) });
            }
        }

        Assert.Equal(leader.Terms, follower.Terms);
        Assert.Equal(11u, leader.Raft.Committed);
    }
}
