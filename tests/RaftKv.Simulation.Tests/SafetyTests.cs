using RaftKv.Raft;
using RaftKv.Raft.Log;
using RaftKv.Raft.Membership;
using RaftKv.Raft.Messages;
using RaftKv.Simulation.Safety;

namespace RaftKv.Simulation.Tests;

/// <summary>The properties checked: each refuses what it is there to refuse.</summary>
public class SafetyTests
{
    private static readonly NodeId One = new(1);
    private static readonly NodeId Two = new(2);

    [Fact]
    public void Two_leaders_of_one_term_are_refused()
    {
        var elections = new ElectionSafety();
        elections.Elected(One, term: 2);
        elections.Elected(One, term: 2);
        elections.Elected(Two, term: 3);
        Assert.Throws<Violation>(() => elections.Elected(Two, term: 2));
    }

    [Fact]
    public void Two_votes_in_one_term_are_refused()
    {
        var votes = new OneVotePerTerm();
        votes.Sent(Granted(to: One, term: 2));
        votes.Sent(Granted(to: One, term: 2));
        votes.Sent(Granted(to: Two, term: 3));
        Assert.Throws<Violation>(() => votes.Sent(Granted(to: Two, term: 2)));
    }

    [Fact]
    public void The_same_entry_after_different_histories_is_refused()
    {
        var matching = new LogMatching();
        var (one, two) = (new LogImage(), new LogImage());
        one.Restart(LogPosition.Zero, 0);
        two.Restart(LogPosition.Zero, 0);
        Write(matching, one, 1, 1, payload: 10);
        Write(matching, two, 2, 1, payload: 20);
        Write(matching, one, 3, 2, payload: 30);
        Assert.Throws<Violation>(() => Write(matching, two, 3, 2, payload: 30));
    }

    [Fact]
    public void An_acknowledgement_ahead_of_the_disk_is_refused()
    {
        var acknowledged = new AcknowledgedIsDurable();
        var log = LogOf(1, 2, 3);
        acknowledged.Sent(Acknowledgement(2), durableIndex: 2, log);
        Assert.Throws<Violation>(() => acknowledged.Sent(Acknowledgement(3), durableIndex: 2, log));
    }

    [Fact]
    public void Coming_back_without_what_was_acknowledged_is_refused()
    {
        var acknowledged = new AcknowledgedIsDurable();
        acknowledged.Sent(Acknowledgement(3), durableIndex: 3, LogOf(1, 2, 3));
        acknowledged.Recovered(One, LogOf(1, 2, 3));
        Assert.Throws<Violation>(() => acknowledged.Recovered(One, LogOf(1, 2)));
    }

    [Fact]
    public void What_a_later_leader_replaced_is_not_promised_any_more()
    {
        var acknowledged = new AcknowledgedIsDurable();
        var log = LogOf(1, 2, 3);
        acknowledged.Sent(Acknowledgement(3), durableIndex: 3, log);
        acknowledged.Replaced(One, first: 2, log);
        acknowledged.Recovered(One, LogOf(1));
    }

    [Fact]
    public void What_was_acknowledged_in_an_earlier_term_may_be_told_after_it_was_replaced_and_in_a_later_one_not()
    {
        var checks = new SafetyChecks();
        checks.Writing(One, reset: null, [At(1, 1), At(1, 2), At(1, 3)]);
        checks.Durable(One, 3);
        checks.Writing(One, reset: null, [At(2, 3)]);
        checks.Sent(Acknowledgement(3) with { Term = 1 });
        Assert.Throws<Violation>(() => checks.Sent(Acknowledgement(4) with { Term = 1 }));
        Assert.Throws<Violation>(() => checks.Sent(Acknowledgement(3) with { Term = 2 }));
        checks.Durable(One, 3);
        checks.Sent(Acknowledgement(3) with { Term = 2 });
    }

    [Fact]
    public void An_entry_on_half_of_the_voters_is_not_committed()
    {
        var config = ClusterConfig.Of([One, Two]);
        CommittedIsOnAQuorum.Check(1, 0, config, (_, _, _) => true);
        Assert.Throws<Violation>(() => CommittedIsOnAQuorum.Check(1, 0, config, (id, _, _) => id == One));
    }

    [Theory]
    [InlineData("1", "1 2", true)]
    [InlineData("2", "1 2", false)]
    [InlineData("1 2", "1 2", false)]
    [InlineData("1 2 3", "1 2", false)]
    [InlineData("1", "1 2 3", false)]
    [InlineData("1", "2 3", false)]
    public void A_voter_that_was_alone_decides_only_about_its_first_companion(string before, string config, bool alone)
        => Assert.Equal(alone, CommittedIsOnAQuorum.DecidesAlone(One, Voters(before), Voters(config)));

    [Fact]
    public void A_voter_that_was_alone_does_not_decide_about_a_joint_configuration()
    {
        var joint = ClusterConfig.Restore([One, Two], [One], [], [], false);
        Assert.False(CommittedIsOnAQuorum.DecidesAlone(One, Voters("1"), joint));
        Assert.False(CommittedIsOnAQuorum.DecidesAlone(One, joint, Voters("1 2")));
    }

    [Theory]
    [InlineData("1 2 3", "1 2 3 4", true)]
    [InlineData("1 2 3", "1 2", true)]
    [InlineData("1 2 3", "1 4 5", false)]
    [InlineData("1 2 3", "1 2 3 4 5", false)]
    [InlineData("1", "2", false)]
    public void Majorities_overlap_as_counting_on_paper_says(string one, string other, bool overlap)
        => Assert.Equal(overlap, ConfigurationSafety.Overlap(Voters(one), Voters(other)));

    [Fact]
    public void A_joint_configuration_overlaps_with_both_of_its_halves()
    {
        ClusterConfig[] halves = [Voters("1 2 3"), Voters("4 5 6")];
        var joint = ClusterConfig.Restore(halves[1].Voters.ToArray(), halves[0].Voters.ToArray(), [], [], false);
        Assert.True(ConfigurationSafety.Overlap(joint, halves[0]));
        Assert.True(ConfigurationSafety.Overlap(joint, halves[1]));
        Assert.False(ConfigurationSafety.Overlap(halves[0], halves[1]));
    }

    private static ClusterConfig Voters(string ids)
        => ClusterConfig.Of(ids.Split(' ').Select(id => new NodeId(ulong.Parse(id))));

    private static Message Granted(NodeId to, ulong term)
        => new() { Kind = MessageKind.VoteResponse, From = new NodeId(9), To = to, Term = term };

    private static Message Acknowledgement(ulong index)
        => new() { Kind = MessageKind.AppendResponse, From = One, To = Two, Term = 1, Position = new LogPosition(1, index) };

    private static Entry At(ulong term, ulong index) => new(term, index, EntryKind.Command, new[] { (byte)term });

    private static LogImage LogOf(params ReadOnlySpan<byte> payloads)
    {
        var log = new LogImage();
        log.Restart(LogPosition.Zero, 0);
        foreach (var payload in payloads)
        {
            log.Put(new Entry(1, log.LastIndex + 1, EntryKind.Command, new[] { payload }));
        }

        return log;
    }

    private static void Write(LogMatching matching, LogImage log, ulong term, ulong index, byte payload)
        => matching.Written(
            One, new LogPosition(term, index), log.Put(new Entry(term, index, EntryKind.Command, new[] { payload })));
}
