using RaftKv.Faults.Checking;

namespace RaftKv.Faults.Nemeses;

/// <summary>Processes that end or stop in their tracks.</summary>
internal static class ProcessFaults
{
    public static readonly Fault KillLeader = Kill(Targets.Leader);
    public static readonly Fault KillOne = Kill(Targets.One);
    public static readonly Fault KillMajority = Kill(Targets.Majority);
    public static readonly Fault KillAll = Kill(Targets.All);

    public static readonly Fault PauseLeader = Pause(Targets.Leader);
    public static readonly Fault PauseOne = Pause(Targets.One);
    public static readonly Fault PauseMajority = Pause(Targets.Majority);
    public static readonly Fault PauseAll = Pause(Targets.All);

    private static Fault Kill(Targets who) => new(FaultKinds.Kill, async (tools, _) =>
    {
        var targets = await who.ChooseAsync(tools);
        var hits = await tools.Cluster.KillAsync([.. targets]);
        return new BegunFault(targets, $"kill -9 of {who.Name}", tools.Seconds(0, 3), async _ =>
        {
            await tools.Cluster.StartAsync([.. targets]);
            return hits;
        });
    });

    private static Fault Pause(Targets who) => new(FaultKinds.Pause, async (tools, _) =>
    {
        var targets = await who.ChooseAsync(tools);
        var hits = await tools.Cluster.PauseAsync([.. targets]);
        return new BegunFault(targets, $"{who.Name} paused", tools.Seconds(0.5, 6), async _ =>
        {
            await tools.Cluster.ResumeAsync([.. targets]);
            return hits;
        });
    });
}
