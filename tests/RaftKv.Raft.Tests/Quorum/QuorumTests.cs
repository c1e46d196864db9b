using RaftKv.Raft.Membership;
using RaftKv.Raft.Quorum;

namespace RaftKv.Raft.Tests.Quorum;

/// <summary>Small enough to try everything: what the quorum answers is compared with what its definition says.</summary>
public sealed class QuorumTests
{
    [Fact]
    public void A_majority_reaches_the_largest_number_that_more_than_half_have_reached()
    {
        for (var voters = 1; voters <= 5; voters++)
        {
            foreach (var reached in Assignments(voters, values: 4))
            {
                var expected = Enumerable.Range(0, 4).Select(value => (ulong)value)
                    .Last(value => 2 * reached.Count(one => (ulong)one >= value) > voters);

                Assert.Equal(expected, MajorityQuorum.Reached(Ids(1, voters), new Table(reached)));
            }
        }
    }

    [Fact]
    public void A_vote_is_won_or_lost_exactly_when_no_further_answer_can_change_it()
    {
        for (var voters = 1; voters <= 5; voters++)
        {
            foreach (var answers in Assignments(voters, values: 3))
            {
                // 0: no answer yet, 1: no, 2: yes.
                var worst = answers.Count(answer => answer == 2);
                var best = worst + answers.Count(answer => answer == 0);
                var expected = 2 * worst > voters ? VoteResult.Won : 2 * best > voters ? VoteResult.Pending : VoteResult.Lost;

                Assert.Equal(expected, MajorityQuorum.Count(Ids(1, voters), new Table(answers)));
            }
        }
    }

    [Fact]
    public void A_joint_configuration_reaches_what_both_majorities_have_reached()
    {
        foreach (var (incoming, outgoing) in Halves())
        {
            var config = ClusterConfig.Restore(incoming, outgoing, [], [], leavesAutomatically: false);
            foreach (var reached in Assignments(4, values: 3))
            {
                var table = new Table(reached);
                var expected = Enumerable.Range(0, 3).Select(value => (ulong)value)
                    .Last(value => HasMajority(incoming, id => table.ReachedBy(id) >= value)
                        && HasMajority(outgoing, id => table.ReachedBy(id) >= value));

                Assert.Equal(expected, JointQuorum.Reached(config, table));
            }
        }
    }

    [Fact]
    public void A_joint_vote_needs_both_majorities_and_is_lost_with_either()
    {
        foreach (var (incoming, outgoing) in Halves())
        {
            var config = ClusterConfig.Restore(incoming, outgoing, [], [], leavesAutomatically: false);
            foreach (var answers in Assignments(4, values: 3))
            {
                var table = new Table(answers);
                var isWon = HasMajority(incoming, id => table.VoteOf(id) is true) && HasMajority(outgoing, id => table.VoteOf(id) is true);
                var canBeWon = HasMajority(incoming, id => table.VoteOf(id) is not false)
                    && HasMajority(outgoing, id => table.VoteOf(id) is not false);
                var expected = isWon ? VoteResult.Won : canBeWon ? VoteResult.Pending : VoteResult.Lost;

                Assert.Equal(expected, JointQuorum.Count(config, table));
            }
        }
    }

    [Fact]
    public void Any_two_majorities_of_configurations_one_step_apart_have_a_member_in_common()
    {
        // Thesis section 4.1, tried for every configuration of up to five voters and every change the core allows.
        for (var voters = 1; voters <= 5; voters++)
        {
            var config = ClusterConfig.Of(Ids(1, voters));
            foreach (var kind in Enum.GetValues<ConfigStepKind>())
            {
                for (var member = 1UL; member <= 6; member++)
                {
                    if (config.TryChange(ConfigChange.OneStep(kind, new NodeId(member)), out var next, out _))
                    {
                        AssertMajoritiesMeet(config, next);
                    }
                }
            }
        }
    }

    [Fact]
    public void Every_way_through_a_joint_configuration_keeps_majorities_meeting()
    {
        var config = ClusterConfig.Of(Ids(1, 3));
        foreach (var kinds in Assignments(4, values: 4))
        {
            // For each of four members: left alone, voter, learner, removed.
            var steps = kinds.Select((kind, i) => (kind, i)).Where(step => step.kind > 0)
                .Select(step => new ConfigStep((ConfigStepKind)(step.kind - 1), new NodeId((ulong)step.i + 1))).ToArray();
            var change = new ConfigChange(ConfigTransition.JointExplicit, steps);
            if (steps.Length == 0 || !config.TryChange(change, out var joint, out _))
            {
                continue;
            }

            Assert.True(joint.TryChange(ConfigChange.LeaveJoint, out var after, out _));
            Assert.False(after.IsJoint);
            AssertMajoritiesMeet(config, joint);
            AssertMajoritiesMeet(joint, after);
        }
    }

    private static void AssertMajoritiesMeet(ClusterConfig one, ClusterConfig other)
    {
        // Every set of up to six members that can decide under one configuration, and its complement under the other.
        for (var set = 0; set < 64; set++)
        {
            if (Decides(one, set))
            {
                Assert.False(Decides(other, ~set), $"{one} and {other} have majorities without a member in common.");
            }
        }
    }

    private static bool Decides(ClusterConfig config, int set)
    {
        bool IsIn(NodeId id) => (set & (1 << (int)(id.Value - 1))) != 0;
        return HasMajority(config.Voters.ToArray(), IsIn) && (!config.IsJoint || HasMajority(config.Outgoing.ToArray(), IsIn));
    }

    private static bool HasMajority(NodeId[] voters, Func<NodeId, bool> isIn) => 2 * voters.Count(isIn) > voters.Length;

    private static NodeId[] Ids(int first, int last)
        => [.. Enumerable.Range(first, last - first + 1).Select(id => new NodeId((ulong)id))];

    /// <summary>Every pair of groups of up to three among four members.</summary>
    private static IEnumerable<(NodeId[] Incoming, NodeId[] Outgoing)> Halves()
        => from incoming in Enumerable.Range(1, 15)
           from outgoing in Enumerable.Range(1, 15)
           select (Group(incoming), Group(outgoing));

    private static NodeId[] Group(int set) => [.. Ids(1, 4).Where(id => (set & (1 << (int)(id.Value - 1))) != 0)];

    /// <summary>Every way to give each of some members a value from zero to just below <paramref name="values"/>.</summary>
    private static IEnumerable<int[]> Assignments(int members, int values)
    {
        for (var number = 0; number < Math.Pow(values, members); number++)
        {
            var rest = number;
            var assignment = new int[members];
            for (var i = 0; i < members; i++)
            {
                assignment[i] = rest % values;
                rest /= values;
            }

            yield return assignment;
        }
    }

    private sealed class Table(int[] values) : IReached, IBallot
    {
        public ulong ReachedBy(NodeId voter) => (ulong)values[voter.Value - 1];

        public bool? VoteOf(NodeId voter) => values[voter.Value - 1] switch { 0 => null, 1 => false, _ => true };
    }
}
