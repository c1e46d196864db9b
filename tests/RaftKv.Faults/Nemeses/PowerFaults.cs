using System.Globalization;
using RaftKv.Faults.Checking;
using RaftKv.Faults.Running;

namespace RaftKv.Faults.Nemeses;

/// <summary>The power is cut: the process ends, and what it had not synced is gone, wholly or in part.</summary>
internal static class PowerFaults
{
    public static readonly Fault CutLeader = Cut(Targets.Leader);
    public static readonly Fault CutOne = Cut(Targets.One);
    public static readonly Fault CutMajority = Cut(Targets.Majority);
    public static readonly Fault CutAll = Cut(Targets.All);

    /// <summary>All disks have said that they synced, and have not; then none has power.</summary>
    public static readonly Fault Lie = new(FaultKinds.Power, async (tools, _) =>
    {
        var targets = tools.Some(int.MaxValue);
        foreach (var target in targets)
        {
            await MemberControl.AskAsync(target, "sync-lies");
        }

        return new BegunFault(targets, "disks that lie", tools.Seconds(2, 4), async _ =>
        {
            var lost = await tools.Cluster.CutPowerAsync(targets.ToDictionary(target => target, _ => "cut 1 all"));
            await tools.Cluster.StartAsync([.. targets]);
            return lost;
        });
    });

    private static Fault Cut(Targets who) => new(FaultKinds.Power, async (tools, _) =>
    {
        var targets = await who.ChooseAsync(tools);
        var orders = targets.ToDictionary(target => target, _ => string.Create(
            CultureInfo.InvariantCulture, $"cut {tools.Chance.Next()} {(tools.Chance.Next(3) == 0 ? "all" : "some")}"));
        var lost = await tools.Cluster.CutPowerAsync(orders);
        return new BegunFault(targets, $"no power for {who.Name}: {lost} sectors and names are lost", tools.Seconds(0, 3), async _ =>
        {
            await tools.Cluster.StartAsync([.. targets]);
            return targets.Count;
        });
    });
}
