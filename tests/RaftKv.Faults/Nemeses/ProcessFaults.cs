using RaftKv.Faults.Checking;
using RaftKv.Stores;

namespace RaftKv.Faults.Nemeses;

/// <summary>Processes that end or stop in their tracks.</summary>
internal static class ProcessFaults
{
    public static readonly Fault KillLeader = Kill("the leader", async tools => [await tools.LeaderAsync()]);
    public static readonly Fault KillOne = Kill("one", tools => Task.FromResult(tools.Some(1)));
    public static readonly Fault KillMajority = Kill("a majority", tools => Task.FromResult(tools.Some(tools.Cluster.Majority)));
    public static readonly Fault KillAll = Kill("all", tools => Task.FromResult(tools.Some(int.MaxValue)));

    public static readonly Fault PauseLeader = Pause("the leader", async tools => [await tools.LeaderAsync()]);
    public static readonly Fault PauseOne = Pause("one", tools => Task.FromResult(tools.Some(1)));
    public static readonly Fault PauseMajority = Pause("a majority", tools => Task.FromResult(tools.Some(tools.Cluster.Majority)));
    public static readonly Fault PauseAll = Pause("all", tools => Task.FromResult(tools.Some(int.MaxValue)));

    private static Fault Kill(string who, Func<FaultTools, Task<IReadOnlyList<StoreMember>>> choose) => new(FaultKinds.Kill, async (tools, _) =>
    {
        var targets = await choose(tools);
        var hits = await tools.Cluster.KillAsync([.. targets]);
        return new BegunFault(targets, $"kill -9 of {who}", tools.Seconds(0, 3), async _ =>
        {
            await tools.Cluster.StartAsync([.. targets]);
            return hits;
        });
    });

    private static Fault Pause(string who, Func<FaultTools, Task<IReadOnlyList<StoreMember>>> choose) => new(FaultKinds.Pause, async (tools, _) =>
    {
        var targets = await choose(tools);
        var hits = await tools.Cluster.PauseAsync([.. targets]);
        return new BegunFault(targets, $"{who} paused", tools.Seconds(0.5, 6), async _ =>
        {
            await tools.Cluster.ResumeAsync([.. targets]);
            return hits;
        });
    });
}
