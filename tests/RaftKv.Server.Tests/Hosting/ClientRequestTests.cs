using System.Buffers;
using RaftKv.Raft;
using RaftKv.Server.Hosting;
using RaftKv.Server.Replica;
using RaftKv.Storage.State;
using RaftKv.Storage.State.Commands;
using RaftKv.Storage.Watch;

namespace RaftKv.Server.Tests.Hosting;

/// <summary>What clients ask of a member, in a cluster as in life.</summary>
public sealed class ClientRequestTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_lease_is_renewed_and_looked_at_through_every_member()
    {
        await using var cluster = await SmallCluster.StartAsync(3);
        await GrantAsync(cluster[0], id: 5, ttl: 600);

        foreach (var node in cluster.Running)
        {
            Assert.Equal(600, await RenewAsync(node, 5));
            Assert.Equal(0, await RenewAsync(node, 6));
            Assert.Equal(600, (await SmallCluster.SurelyAsync(() => node.Member.GetLeaseTimeAsync(5, wantsKeys: true, Cancellation).AsTask()))!.Granted);
            Assert.Null(await SmallCluster.SurelyAsync(() => node.Member.GetLeaseTimeAsync(6, wantsKeys: true, Cancellation).AsTask()));
        }
    }

    [Fact]
    public async Task A_lease_that_any_member_has_granted_is_known_to_be_there()
    {
        await using var cluster = await SmallCluster.StartAsync(3);
        for (var id = 1; id <= 100; id++)
        {
            // The leader may apply a grant after the member that answered the client.
            await GrantAsync(cluster[id % 3], id, ttl: 600);
            Assert.Equal(600, await RenewAsync(cluster[(id + 1) % 3], id));
        }
    }

    [Fact]
    public async Task A_lease_that_any_member_has_revoked_is_not_renewed_by_a_leader_that_has_not_applied_that()
    {
        await using var cluster = await SmallCluster.StartAsync(3);
        await GrantAsync(cluster[0], id: 5, ttl: 600);
        await GrantAsync(cluster[0], id: 6, ttl: 600);
        var leading = cluster[await cluster.FindAsync(isLeader: true)];
        Assert.Equal(600, await RenewAsync(leading, 5));

        using var goesOn = new ManualResetEventSlim();
        var standing = ((RunningMember)leading.Member).AskStateAsync(_ => goesOn.Wait(Patience), Cancellation);
        var other = cluster[await cluster.FindAsync(isLeader: false)];
        await ProposeAsync(other, new LeaseRevokeCommand(Caller.Nobody, 5, IsExpired: false));
        var renewal = RenewAsync(leading, 5);

        // It would be answered before this one, which is not concerned and does not wait.
        await Task.WhenAny(renewal, RenewAsync(leading, 6));
        goesOn.Set();
        Assert.Equal(0, await renewal);
        Assert.True(await standing);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_member_on_its_own_is_given_company(bool isRestartedBefore)
    {
        await using var cluster = new SmallCluster(
            2,
            options => options.Name == "m0"
                ? options with { InitialCluster = [options.InitialCluster[0]] }
                : options with { JoinsExistingCluster = true });
        await cluster.StartAsync(0);
        await SmallCluster.PutAsync(cluster[0], "before", "1");
        var url = cluster.PeerUrl(1);
        var newcomer = new Member(ClusterIdentity.OfAddedMember([url], 0), "", [url], [], IsLearner: false);

        // It is answered before the newcomer has started, which could not start before it is known.
        var (error, members) = await cluster[0].Member.ChangeMembersAsync(MemberChange.Add(newcomer), Cancellation).AsTask().WaitAsync(Patience, Cancellation);
        Assert.Equal((StateError.None, 2), (error, members.Count));
        if (isRestartedBefore)
        {
            await cluster.StopAsync(0);
            await cluster.StartAsync(0);
        }

        await cluster.StartAsync(1);
        await SmallCluster.PutAsync(cluster[1], "after", "2");
        Assert.Equal("1", await SmallCluster.GetAsync(cluster[1], "before"));
        Assert.Equal("2", await SmallCluster.GetAsync(cluster[0], "after"));
    }

    [Fact]
    public async Task Addresses_that_lead_nowhere_do_no_harm()
    {
        await using var cluster = await SmallCluster.StartAsync(1);
        var learner = new Member(new NodeId(77), "", ["http://:2380"], [], IsLearner: true);
        var (error, members) = await cluster[0].Member.ChangeMembersAsync(MemberChange.Add(learner), Cancellation);
        Assert.Equal((StateError.None, 2), (error, members.Count));

        foreach (var urls in (string[][])[["what is this?"], [], ["unix://localhost:1"], ["http://[zz]:1", "http://a:99999", "//", ""]])
        {
            (error, members) = await cluster[0].Member.ChangeMembersAsync(MemberChange.Update(learner.Id, urls), Cancellation);
            Assert.Equal(StateError.None, error);
            Assert.Equal(urls, members.Single(member => member.Id == learner.Id).PeerUrls);
        }

        await SmallCluster.PutAsync(cluster[0], "k", "v");
        await cluster.StopAsync(0);
        await cluster.StartAsync(0);
        Assert.Equal("v", await SmallCluster.GetAsync(cluster[0], "k"));
        (error, _) = await cluster[0].Member.ChangeMembersAsync(MemberChange.Remove(learner.Id), Cancellation);
        Assert.Equal(StateError.None, error);
    }

    [Fact]
    public async Task A_keep_alive_does_not_wait_for_what_is_to_be_applied()
    {
        await using var cluster = await SmallCluster.StartAsync(1);
        await GrantAsync(cluster[0], id: 5, ttl: 600);
        var brake = new Brake();
        using var stream = cluster[0].Member.Watches.OpenStream(brake);
        stream.Create(new WatchCreate("k"u8.ToArray(), default));
        var header = new WatchHeader(1, 1, 1);
        while (stream.Take(header, new ArrayBufferWriter<byte>()) != WatchTake.Idle)
        {
        }

        // The applier tells watchers, and this one keeps it.
        brake.Pull();
        var put = SmallCluster.PutAsync(cluster[0], "k", "v");
        try
        {
            await brake.Caught.WaitAsync(Patience, Cancellation);
            Assert.Equal(600, await cluster[0].Member.RenewLeaseAsync(5, Cancellation).AsTask().WaitAsync(Patience, Cancellation));
            Assert.False(put.IsCompleted);
        }
        finally
        {
            brake.Release();
        }

        await put;
    }

    [Fact]
    public async Task A_leader_that_was_stopped_for_a_while_renews_no_lease_before_it_has_asked()
    {
        var time = new ManualTime();
        await using var cluster = new SmallCluster(3, options => options.Name == "m0" ? options with { Time = time } : options);
        using var clock = new RunningClock(time);
        await Task.WhenAll(Enumerable.Range(0, 3).Select(cluster.StartAsync));
        await GrantAsync(cluster[0], id: 5, ttl: 600);
        while (cluster[0].Member.Status.Leader != cluster[0].Member.Self)
        {
            foreach (var node in cluster.Running)
            {
                try
                {
                    await node.Member.TransferLeadershipAsync(cluster[0].Member.Self, Cancellation);
                }
                catch (RequestRefusedException)
                {
                    // Another one leads.
                }
            }
        }

        Assert.Equal(600, await RenewAsync(cluster[0], 5));
        clock.Dispose();
        await Task.WhenAll(cluster.StopAsync(1), cluster.StopAsync(2));
        time.Jump(TimeSpan.FromSeconds(60));

        using var patience = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
        var renewal = cluster[0].Member.RenewLeaseAsync(5, patience.Token).AsTask();

        // It would be answered at once.
        await Task.WhenAny(renewal, Task.Delay(200, Cancellation));
        Assert.False(renewal.IsCompleted);
        await patience.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => renewal);
    }

    private static Task GrantAsync(RaftKvNode node, long id, long ttl) => ProposeAsync(node, new LeaseGrantCommand(id, ttl));

    private static async Task ProposeAsync<T>(RaftKvNode node, T command)
        where T : struct, IStateCommand<T>
    {
        var tries = 0;
        var answer = await SmallCluster.SurelyAsync(async () =>
        {
            tries++;
            var requestId = node.Member.NextRequestId();
            return await node.Member.ProposeAsync(CommandEnvelope.Encode(requestId, Caller.Nobody, command), requestId, Cancellation);
        });

        // A try that was given up may have been done after all.
        Assert.True(
            answer.Error == StateError.None || (tries > 1 && answer.Error is StateError.LeaseExists or StateError.LeaseNotFound),
            $"{answer.Error} after {tries} tries");
    }

    // A leader that was elected a moment ago, or is late with applying, cannot tell yet.
    private static Task<long> RenewAsync(RaftKvNode node, long id)
        => SmallCluster.SurelyAsync(() => node.Member.RenewLeaseAsync(id, Cancellation).AsTask());

    /// <summary>Moves a clock that is otherwise moved by hand, as fast as time goes.</summary>
    private sealed class RunningClock : IDisposable
    {
        private static readonly TimeSpan Step = TimeSpan.FromMilliseconds(10);

        private readonly Lock _gate = new();
        private readonly Timer _timer;
        private bool _isStopped;

        public RunningClock(ManualTime time)
            => _timer = new Timer(_ => Advance(time), state: null, Step, Step);

        // Nothing moves any more when this returns.
        public void Dispose()
        {
            lock (_gate)
            {
                _isStopped = true;
                _timer.Dispose();
            }
        }

        private void Advance(ManualTime time)
        {
            lock (_gate)
            {
                if (!_isStopped)
                {
                    time.Advance(Step);
                }
            }
        }
    }

    /// <summary>Keeps the thread that wants to tell a watcher of something.</summary>
    private sealed class Brake : IWatchSignal
    {
        private readonly TaskCompletionSource _caught = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private readonly TaskCompletionSource _release = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private volatile bool _isPulled;

        public Task Caught => _caught.Task;

        public void Pull() => _isPulled = true;

        public void Release() => _release.TrySetResult();

        public void Ready(WatchStream stream)
        {
            if (_isPulled)
            {
                _caught.TrySetResult();
                _release.Task.Wait();
            }
        }
    }
}
