using RaftKv.Client;
using RaftKv.Faults.Checking;
using RaftKv.Protocol.Etcd;
using RaftKv.Stores;

namespace RaftKv.Faults.Nemeses;

/// <summary>What operators do, more often than any of them would.</summary>
internal static class AdminFaults
{
    private static readonly CallOptions Quick = new() { Timeout = TimeSpan.FromSeconds(2) };
    private static readonly TimeSpan MembershipPatience = TimeSpan.FromSeconds(20);

    /// <summary>Compactions to about now, several a second, and disks that are tidied meanwhile.</summary>
    public static readonly Fault Compactions = Storm("compactions", async (tools, cancellation) =>
    {
        var now = (await tools.Client.RangeAsync("compaction?", cancellation: cancellation)).Header.Revision;
        await tools.Client.CompactAsync(Math.Max(1, now - tools.Chance.Next(0, 50)), new CompactOptions { Timeout = Quick.Timeout }, cancellation);
        if (tools.Chance.Next(20) == 0)
        {
            await tools.Client.Maintenance.DefragmentAsync(tools.Pick(tools.Cluster.Running).Client, Quick, cancellation);
        }
    });

    /// <summary>The leader hands over to another one, again and again.</summary>
    public static readonly Fault Transfers = Storm("changes of leaders", async (tools, cancellation) =>
    {
        await Task.Delay(tools.Seconds(0.5, 2), cancellation);
        if (await tools.Cluster.FindLeaderAsync() is { } leader
            && tools.Pick(tools.Cluster.Members) is var next && next != leader
            && await Running.FaultCluster.StatusAsync(next) is { } status)
        {
            await tools.Client.Maintenance.MoveLeaderAsync(leader.Client, status.Header.MemberId, Quick, cancellation);
        }
    });

    public static readonly Fault Grow = Membership("a member more", async (tools, cancellation) =>
        tools.Cluster.Members.Count < 5 ? await tools.Cluster.AddAsync(cancellation) : null);

    public static readonly Fault Shrink = Membership("a member less", async (tools, cancellation) =>
    {
        if (tools.Cluster.Members.Count <= 1)
        {
            return null;
        }

        var leaver = tools.Chance.Next(2) == 0 ? await tools.LeaderAsync() : tools.Pick(tools.Cluster.Members);
        await tools.Cluster.RemoveAsync(leaver, cancellation);
        return leaver;
    });

    public static readonly Fault Replace = Membership("a member for another", async (tools, cancellation) =>
    {
        var leaver = tools.Pick(tools.Cluster.Members);
        await tools.Cluster.RemoveAsync(leaver, cancellation);
        await tools.Cluster.AddAsync(cancellation);
        return leaver;
    });

    /// <summary>A learner comes, is perhaps killed before it has caught up, is promoted as soon as it may be, and goes.</summary>
    public static readonly Fault Learner = Membership("a learner", async (tools, cancellation) =>
    {
        var learner = await tools.Cluster.AddAsync(cancellation, isLearner: true);
        if (tools.Chance.Next(2) == 0)
        {
            await tools.Cluster.KillAsync([learner]);
            await Task.Delay(tools.Seconds(0, 1), cancellation);
            await tools.Cluster.StartAsync([learner]);
        }

        // Too early is refused, and so it is by whoever does not lead just now.
        while (!await TryPromoteAsync(tools, learner))
        {
            await Task.Delay(100, cancellation);
        }

        await Task.Delay(tools.Seconds(0, 2), cancellation);
        await tools.Cluster.RemoveAsync(learner, cancellation);
        return learner;
    });

    /// <summary>A member's disk is empty, and it does not know. It must be turned away; then it is replaced.</summary>
    public static readonly Fault Wipe = new(FaultKinds.Wiped, async (tools, _) =>
    {
        var minority = tools.Cluster.Members.Take(tools.Cluster.Members.Count - tools.Cluster.Majority).ToList();
        if (minority.Count == 0)
        {
            return null;
        }

        var target = tools.Pick(minority);
        await tools.Cluster.WipeAsync(target);
        return new BegunFault([target], "an empty disk", tools.Seconds(1, 4), async _ =>
        {
            await tools.Cluster.EndsAsync(target);
            using var patience = new CancellationTokenSource(MembershipPatience);
            try
            {
                await tools.Cluster.RemoveAsync(target, patience.Token);
                await tools.Cluster.AddAsync(patience.Token);
            }
            catch (Exception failed) when (failed is OperationCanceledException or StoreException)
            {
                // In the end the cluster is made as large as it was.
            }

            return 1;
        });
    });

    private static async Task<bool> TryPromoteAsync(FaultTools tools, StoreMember learner)
    {
        if (await Running.FaultCluster.StatusAsync(learner) is not { } status || await tools.Cluster.FindLeaderAsync() is not { } leader)
        {
            return false;
        }

        await using var client = new StoreClient(leader.Client) { Patience = Quick.Timeout!.Value };
        try
        {
            return (await client.CallAsync("member-promote", new MemberPromoteRequest { ID = status.Header.MemberId })).Message is not null;
        }
        catch (StoreException)
        {
            return false;
        }
    }

    private static Fault Storm(string what, Func<FaultTools, CancellationToken, Task> once) => new(FaultKinds.Compaction, (tools, _) =>
    {
        var stop = new CancellationTokenSource();
        var storm = RunAsync();
        return Task.FromResult<BegunFault?>(new BegunFault([], what, tools.Seconds(3, 6), async _ =>
        {
            await stop.CancelAsync();
            var done = await storm;
            stop.Dispose();
            return done;
        }));

        async Task<long> RunAsync()
        {
            var done = 0L;
            while (!stop.IsCancellationRequested)
            {
                try
                {
                    await once(tools, stop.Token);
                    done++;
                    await Task.Delay(tools.Chance.Next(100, 200), stop.Token);
                }
                catch (Exception refused) when (refused is RaftKvException or OperationCanceledException)
                {
                    // Other faults are going on.
                    await Task.Delay(100, CancellationToken.None);
                }
            }

            return done;
        }
    });

    private static Fault Membership(string what, Func<FaultTools, CancellationToken, Task<StoreMember?>> change) => new(FaultKinds.Membership, async (tools, cancellation) =>
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        patience.CancelAfter(MembershipPatience);
        try
        {
            return await change(tools, patience.Token) is { } member
                ? new BegunFault([member], what, tools.Seconds(0.5, 3), _ => Task.FromResult(1L))
                : null;
        }
        catch (Exception failed) when (failed is OperationCanceledException or StoreException)
        {
            return null;
        }
    });
}
