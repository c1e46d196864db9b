using RaftKv.Faults.Checking;
using RaftKv.Faults.Networks;
using RaftKv.Stores;

namespace RaftKv.Faults.Nemeses;

/// <summary>Ways between members that are cut, or bad. Clients reach everybody all the time.</summary>
internal static class NetworkFaults
{
    /// <summary>The leader is alone, and its clients do not know.</summary>
    public static readonly Fault Isolated = Partition("the leader is isolated", async tools =>
    {
        var leader = await tools.LeaderAsync();
        await Both(tools, [leader], tools.Cluster.Members);
        return [leader];
    });

    public static readonly Fault Halves = Partition("two halves", async tools =>
    {
        var all = tools.Some(int.MaxValue);
        var minority = all.Take(all.Count - tools.Cluster.Majority).ToList();
        await Both(tools, minority, [.. all.Except(minority)]);
        return minority;
    });

    /// <summary>Two sides that see only the one in the middle.</summary>
    public static readonly Fault Bridge = Partition("a bridge", async tools =>
    {
        var all = tools.Some(int.MaxValue);
        var half = (all.Count - 1) / 2;
        await Both(tools, [.. all.Take(half)], [.. all.Skip(half + 1)]);
        return [all[half]];
    });

    /// <summary>Each sees a majority, and no two see the same.</summary>
    public static readonly Fault MajoritiesRing = Partition("a ring of majorities", async tools =>
    {
        var all = tools.Some(int.MaxValue);
        for (var i = 0; i < all.Count; i++)
        {
            // Round the ring: the neighbours that a majority needs, and nobody else.
            var seen = Enumerable.Range(0, tools.Cluster.Majority).Select(step => all[(i + step) % all.Count]).ToHashSet();
            await tools.CutAsync([all[i]], [.. all.Where(other => !seen.Contains(other))]);
        }

        return all;
    });

    public static readonly Fault OneWay = Partition("one way is cut", async tools =>
    {
        var leader = await tools.LeaderAsync();
        var others = tools.Cluster.Members.Where(member => member != leader).ToList();
        if (tools.Chance.Next(2) == 0)
        {
            await tools.CutAsync([leader], others);
        }
        else
        {
            await tools.CutAsync(others, [leader]);
        }

        return [leader];
    });

    public static readonly Fault Flapping = new(FaultKinds.Partition, (tools, _) =>
    {
        var hits = tools.Cluster.Network.Hits;
        var stop = new CancellationTokenSource();
        var flapping = FlapAsync(tools, stop.Token);
        return Task.FromResult<BegunFault?>(new BegunFault([.. tools.Cluster.Members], "flapping", tools.Seconds(4, 8), async _ =>
        {
            await stop.CancelAsync();
            await flapping;
            stop.Dispose();
            await tools.Cluster.Network.HealAsync();
            return tools.Cluster.Network.Hits - hits;
        }));
    });

    public static readonly Fault Slow = Link("slow links", tools => new LinkQuality(Delay: tools.Seconds(0.02, 0.15)));
    public static readonly Fault Narrow = Link("narrow links", tools => new LinkQuality(BytesPerSecond: tools.Chance.Next(1_000, 50_000)));
    public static readonly Fault Damaged = Link("links that change bytes", _ => new LinkQuality(FlipChance: 0.02));
    public static readonly Fault Resetting = Link("links that reset", _ => new LinkQuality(ResetChance: 0.05));

    private static async Task FlapAsync(FaultTools tools, CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            var one = await tools.LeaderAsync();
            await Both(tools, [one], tools.Cluster.Members);
            await Task.Delay(tools.Seconds(0.5, 1.5), stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            await tools.Cluster.Network.HealAsync();
            await Task.Delay(tools.Seconds(0.3, 1), stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private static Fault Partition(string what, Func<FaultTools, Task<IReadOnlyList<StoreMember>>> cut) => new(FaultKinds.Partition, async (tools, _) =>
    {
        var hits = tools.Cluster.Network.Hits;
        var targets = await cut(tools);
        return new BegunFault(targets, what, tools.Seconds(2, 7), async _ =>
        {
            await tools.Cluster.Network.HealAsync();
            return tools.Cluster.Network.Hits - hits;
        });
    });

    private static Fault Link(string what, Func<FaultTools, LinkQuality> draw) => new(FaultKinds.Link, async (tools, _) =>
    {
        var hits = tools.Cluster.Network.Hits;
        var target = tools.Pick(tools.Cluster.Members);
        var quality = draw(tools);
        foreach (var other in tools.Cluster.Members.Where(other => other != target))
        {
            await tools.Cluster.Network.ChangeAsync(target.Name, other.Name, quality);
            await tools.Cluster.Network.ChangeAsync(other.Name, target.Name, quality);
        }

        return new BegunFault([target], $"{what}: {quality}", tools.Seconds(3, 8), async _ =>
        {
            await tools.Cluster.Network.HealAsync();
            return tools.Cluster.Network.Hits - hits;
        });
    });

    private static async Task Both(FaultTools tools, IReadOnlyCollection<StoreMember> one, IReadOnlyCollection<StoreMember> other)
    {
        await tools.CutAsync(one, other);
        await tools.CutAsync(other, one);
    }
}
