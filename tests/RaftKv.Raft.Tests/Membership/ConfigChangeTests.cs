using RaftKv.Raft.Membership;

namespace RaftKv.Raft.Tests.Membership;

public sealed class ConfigChangeTests
{
    private static readonly NodeId One = new(1);
    private static readonly NodeId Two = new(2);
    private static readonly NodeId Three = new(3);
    private static readonly NodeId Four = new(4);

    [Fact]
    public void These_bytes_open_for_ever()
    {
        var change = new ConfigChange(
            ConfigTransition.JointExplicit,
            [new ConfigStep(ConfigStepKind.AddVoter, new NodeId(0x0102)), new ConfigStep(ConfigStepKind.Remove, One)],
            "ctx"u8.ToArray());

        Assert.Equal("01020200" + "000201000000000000" + "020100000000000000" + "637478", Convert.ToHexString(change.Encode()));
        Assert.True(ConfigChange.TryDecode(change.Encode(), out var decoded));
        Assert.Equal(change.Transition, decoded.Transition);
        Assert.True(change.Steps.SequenceEqual(decoded.Steps));
        Assert.True(decoded.Context.Span.SequenceEqual("ctx"u8));
    }

    [Theory]
    [InlineData("")]
    [InlineData("010000")] // Cut short.
    [InlineData("02000000")] // A version of the future.
    [InlineData("01030000")] // No such transition.
    [InlineData("0100010000")] // One step announced, none there.
    [InlineData("01000100030100000000000000")] // No such step.
    [InlineData("01000100000000000000000000")] // Member 0 stands for nobody.
    public void What_is_not_a_change_is_refused(string bytes)
        => Assert.False(ConfigChange.TryDecode(Convert.FromHexString(bytes), out _));

    [Theory]
    [InlineData(ConfigStepKind.AddVoter, 4, "voters=(1 2 3 4)")]
    [InlineData(ConfigStepKind.AddVoter, 3, "voters=(1 2 3)")]
    [InlineData(ConfigStepKind.AddLearner, 4, "voters=(1 2 3) learners=(4)")]
    [InlineData(ConfigStepKind.AddLearner, 3, "voters=(1 2) learners=(3)")]
    [InlineData(ConfigStepKind.Remove, 3, "voters=(1 2)")]
    [InlineData(ConfigStepKind.Remove, 9, "voters=(1 2 3)")]
    public void One_step_is_made_at_once(ConfigStepKind kind, ulong member, string expected)
        => Assert.Equal(expected, After(ClusterConfig.Of([One, Two, Three]), ConfigChange.OneStep(kind, new NodeId(member))));

    [Fact]
    public void A_learner_is_promoted_and_a_voter_demoted()
    {
        var config = ClusterConfig.Of([One, Two], [Three]);

        Assert.Equal("voters=(1 2 3)", After(config, ConfigChange.AddVoter(Three)));
        Assert.Equal("voters=(1) learners=(2 3)", After(config, ConfigChange.AddLearner(Two)));
    }

    [Fact]
    public void The_same_change_twice_is_the_same_configuration()
    {
        var config = ClusterConfig.Of([One, Two, Three]);

        config.TryChange(ConfigChange.AddLearner(Four), out var once, out _);
        once.TryChange(ConfigChange.AddLearner(Four), out var twice, out _);

        Assert.Equal(once, twice);
        Assert.Equal(once.GetHashCode(), twice.GetHashCode());
    }

    [Fact]
    public void In_a_joint_configuration_a_demoted_voter_still_votes_in_the_outgoing_half()
    {
        var change = new ConfigChange(
            ConfigTransition.Auto,
            [new(ConfigStepKind.AddLearner, Two), new(ConfigStepKind.Remove, Three), new(ConfigStepKind.AddVoter, Four)]);
        ClusterConfig.Of([One, Two, Three]).TryChange(change, out var joint, out _);

        Assert.Equal("voters=(1 4)&(1 2 3) next=(2) auto-leave", joint.ToString());
        Assert.True(joint.IsVoter(Two));
        Assert.False(joint.IsLearner(Two));
        Assert.Equal("voters=(1 4) learners=(2)", After(joint, ConfigChange.LeaveJoint));
    }

    [Theory]
    [InlineData(false, "There is no joint configuration to leave.")]
    [InlineData(true, "The last voter cannot be removed.")]
    public void What_may_not_follow_is_refused_with_a_reason(bool removesLast, string expected)
    {
        var change = removesLast ? ConfigChange.Remove(One) : ConfigChange.LeaveJoint;

        Assert.False(ClusterConfig.Of([One]).TryChange(change, out var next, out var problem));

        Assert.Equal(expected, problem);
        Assert.Equal(ClusterConfig.Of([One]), next);
    }

    [Fact]
    public void The_founding_change_needs_no_majority_to_agree()
    {
        ConfigChange.TryDecode(RaftStart.FirstEntry([One, Two], [Three]).Payload, out var founding);

        Assert.Equal("voters=(1 2) learners=(3)", After(ClusterConfig.Empty, founding));
    }

    [Fact]
    public void A_truncated_change_brings_the_configuration_before_it_back()
    {
        var history = new ConfigHistory(5, ClusterConfig.Of([One, Two, Three]));
        history.Adopt(new(1, 9, Raft.Log.EntryKind.ConfigChange, ConfigChange.AddVoter(Four).Encode()));
        Assert.Equal("voters=(1 2 3 4)", history.Current.ToString());

        Assert.False(history.TruncateFrom(10));
        Assert.True(history.TruncateFrom(9));

        Assert.Equal("voters=(1 2 3)", history.Current.ToString());
        Assert.Equal(5u, history.CurrentIndex);
    }

    private static string After(ClusterConfig config, ConfigChange change)
    {
        Assert.True(config.TryChange(change, out var next, out var problem), problem);
        return next.ToString();
    }
}
