using System.Globalization;
using RaftKv.Faults.Checking;
using RaftKv.Faults.Running;
using RaftKv.Stores;

namespace RaftKv.Faults.Nemeses;

/// <summary>Disks that do not do what a sync asks for, or take their time.</summary>
internal static class SyncFaults
{
    public static readonly Fault FailsOfLeader = Fails("the leader's", tools => tools.LeaderAsync());
    public static readonly Fault FailsOfOne = Fails("one member's", tools => Task.FromResult(tools.Pick(tools.Cluster.Members)));

    public static readonly Fault SlowLeader = Slow(Targets.Leader);
    public static readonly Fault SlowOne = Slow(Targets.One);
    public static readonly Fault SlowAll = Slow(Targets.All);

    /// <summary>The next sync fails, and the member must end: nobody knows what of it is on the disk.</summary>
    private static Fault Fails(string whose, Func<FaultTools, Task<StoreMember>> choose) => new(FaultKinds.FailedSync, async (tools, _) =>
    {
        var target = await choose(tools);
        tools.Cluster.Permit([target]);
        if (await MemberControl.AskAsync(target, "sync-fails 1") is null)
        {
            tools.Cluster.Forbid([target]);
            return null;
        }

        return new BegunFault([target], $"{whose} sync fails", TimeSpan.Zero, async _ =>
        {
            // Something is synced sooner or later; a member that goes on then is one that lies.
            var hits = await tools.Cluster.EndsAsync(target) ? 1 : await MemberControl.AskAsync(target, "sync-hits") ?? 0;
            await Task.Delay(tools.Seconds(0, 2), CancellationToken.None);
            await tools.Cluster.StartAsync([target]);
            tools.Cluster.Forbid([target]);
            return hits;
        });
    });

    private static Fault Slow(Targets who) => new(FaultKinds.SlowSync, async (tools, _) =>
    {
        var targets = await who.ChooseAsync(tools);
        var milliseconds = tools.Chance.Next(3) == 0 ? tools.Chance.Next(1000, 5000) : tools.Chance.Next(50, 1000);
        var order = string.Create(CultureInfo.InvariantCulture, $"sync-takes {milliseconds}");
        var before = await HitsAsync(targets);
        await Task.WhenAll(targets.Select(target => MemberControl.AskAsync(target, order)));
        return new BegunFault(targets, string.Create(CultureInfo.InvariantCulture, $"syncs of {who.Name} take {milliseconds} ms longer"), tools.Seconds(4, 8), async _ =>
        {
            await Task.WhenAll(targets.Select(target => MemberControl.AskAsync(target, "sync-takes 0")));
            return await HitsAsync(targets) - before;
        });
    });

    private static async Task<long> HitsAsync(IReadOnlyList<StoreMember> targets)
        => (await Task.WhenAll(targets.Select(target => MemberControl.AskAsync(target, "sync-hits")))).Sum(hits => hits ?? 0);
}
