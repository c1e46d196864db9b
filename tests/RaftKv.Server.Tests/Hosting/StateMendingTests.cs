using RaftKv.Server.Hosting;
using RaftKv.Server.Replica;
using RaftKv.Server.Tests.Peers;
using RaftKv.Storage.State;

namespace RaftKv.Server.Tests.Hosting;

/// <summary>A member whose data is not what the cluster agreed upon notices, serves nobody, and takes over the leader's.</summary>
public sealed class StateMendingTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_member_whose_data_differs_mends_it(bool isLeader)
    {
        await using var cluster = await SmallCluster.StartAsync(
            3, options => options with { ComparisonInterval = TimeSpan.FromMilliseconds(200) });
        for (var i = 0; i < 50; i++)
        {
            await SmallCluster.PutAsync(cluster[i % 3], $"k{i}", $"v{i}");
        }

        var harmed = (RunningMember)cluster[await cluster.FindAsync(isLeader)].Member;
        await harmed.AskStateAsync(
            machine =>
            {
                machine.Keys.BreakChain();
                return true;
            },
            TestContext.Current.CancellationToken);

        // It goes out of service, asks for a state, gets it, and says that all is well again.
        await TestMember.Until(() => harmed.Mending.MendedCount == 1);
        await TestMember.Until(() => cluster.Running.All(node => node.Member.Alarms.IsEmpty && !node.Member.IsOutOfService));

        // All come to the same at the same place, which the next comparison will say as well.
        for (var i = 0; i < 3; i++)
        {
            await WriteAsync(cluster[i], $"after{i}", "v");
        }

        foreach (var node in cluster.Running)
        {
            await SmallCluster.GetAsync(node, "k7"); // has then applied all that was acknowledged, however late it is told what is agreed upon
        }

        Assert.Equal("v7", await SmallCluster.GetAsync(cluster[0], "k7"));
        Assert.Equal("v", await SmallCluster.GetAsync(cluster[2], "after0"));
        await TestMember.Until(() => cluster.Running.Select(Chain).Distinct().Count() == 1); // a write that was repeated may come late
        Assert.Equal(1, cluster.Running.Sum(node => ((RunningMember)node.Member).Mending.MendedCount));
    }

    [Fact]
    public async Task Where_two_disagree_nobody_writes_until_an_operator_has_looked()
    {
        await using var cluster = await SmallCluster.StartAsync(
            2, options => options with { ComparisonInterval = TimeSpan.FromMilliseconds(200) });
        await WriteAsync(cluster[0], "k", "v");
        await ((RunningMember)cluster[0].Member).AskStateAsync(
            machine =>
            {
                machine.Keys.BreakChain();
                return true;
            },
            TestContext.Current.CancellationToken);

        await TestMember.Until(() => cluster.Running.All(node => node.Member.Alarms.Count(alarm => alarm.Kind == AlarmKind.Corrupt) == 2));
        Assert.All(cluster.Running, node => Assert.False(node.Member.IsOutOfService));
        Assert.Equal(StateError.Corrupt, (await SmallCluster.PutAsync(cluster[1], "k", "w")).Error);
        Assert.Equal("v", await SmallCluster.GetAsync(cluster[1], "k"));
    }

    // Whoever leads may change under it, and the alarm may still stand.
    private static async Task WriteAsync(RaftKvNode node, string key, string value)
    {
        while (true)
        {
            try
            {
                if ((await SmallCluster.PutAsync(node, key, value)).Error == StateError.None)
                {
                    return;
                }
            }
            catch (RequestRefusedException)
            {
                // Once more.
            }

            await Task.Delay(TimeSpan.FromMilliseconds(10), TestContext.Current.CancellationToken);
        }
    }

    private static ulong Chain(RaftKvNode node)
#pragma warning disable VSTHRD002 // The applier answers between two batches.
        => ((RunningMember)node.Member).AskStateAsync(machine => machine.Keys.Chain, CancellationToken.None).GetAwaiter().GetResult();
#pragma warning restore VSTHRD002
}
