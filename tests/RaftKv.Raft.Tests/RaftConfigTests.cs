namespace RaftKv.Raft.Tests;

public sealed class RaftConfigTests
{
    [Fact]
    public void The_defaults_have_no_problems() => Assert.Empty(RaftConfig.Default.Problems());

    [Fact]
    public void Every_problem_is_said_in_a_sentence()
    {
        var config = new RaftConfig { ElectionTicks = 1, Reads = ReadMode.Lease, CheckQuorum = false, MaxInflightAppends = 0 };

        Assert.Equal(
            [
                "ElectionTicks is 1; it must be more than HeartbeatTicks (1).",
                "Reads by lease need CheckQuorum: it is what keeps others from being elected while the lease lasts.",
                "LeaseMarginTicks is 2; it must be from 0 to ElectionTicks - 1.",
                "MaxInflightAppends is 0; it must be at least 1.",
            ],
            config.Problems());
    }
}
