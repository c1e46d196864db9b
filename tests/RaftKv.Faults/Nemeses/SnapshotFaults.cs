using RaftKv.Faults.Checking;
using RaftKv.Stores;

namespace RaftKv.Faults.Nemeses;

/// <summary>A member is cut off until only a snapshot can bring it back, and then something happens to that.</summary>
internal static class SnapshotFaults
{
    public static readonly Fault Behind = FallBehind("one falls behind", (_, _) => Task.FromResult<IReadOnlyList<StoreMember>>([]));

    /// <summary>Who receives the snapshot is killed in the midst of it.</summary>
    public static readonly Fault KillReceiver = FallBehind("one falls behind, and is killed as it is told", (_, receiver) => Task.FromResult<IReadOnlyList<StoreMember>>([receiver]));

    /// <summary>Who sends it is.</summary>
    public static readonly Fault KillSender = FallBehind("one falls behind, and who tells it is killed", async (tools, _) => [await tools.LeaderAsync()]);

    public static readonly Fault KillBoth = FallBehind("one falls behind, and both are killed", async (tools, receiver) => [await tools.LeaderAsync(), receiver]);

    private static Fault FallBehind(string what, Func<FaultTools, StoreMember, Task<IReadOnlyList<StoreMember>>> kill) => new(FaultKinds.Partition, async (tools, _) =>
    {
        if (tools.Cluster.Members.Count < 3)
        {
            return null;
        }

        var leader = await tools.LeaderAsync();
        var follower = tools.Pick([.. tools.Cluster.Members.Where(member => member != leader)]);
        var others = tools.Cluster.Members.Where(member => member != follower).ToList();
        var hits = tools.Cluster.Network.Hits;
        await tools.CutAsync([follower], others);
        await tools.CutAsync(others, [follower]);
        return new BegunFault([follower], what, tools.Seconds(4, 7), async _ =>
        {
            await tools.Cluster.Network.HealAsync();
            var hit = tools.Cluster.Network.Hits - hits;
            await Task.Delay(tools.Seconds(0, 1), CancellationToken.None);
            var killed = (await kill(tools, follower)).Distinct().ToList();
            await tools.Cluster.KillAsync(killed);
            await Task.Delay(tools.Seconds(0, 1), CancellationToken.None);
            await tools.Cluster.StartAsync(killed);
            return hit;
        });
    });
}
