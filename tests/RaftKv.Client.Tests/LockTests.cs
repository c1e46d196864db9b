using System.Diagnostics;

namespace RaftKv.Client.Tests;

public sealed class LockTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_lock_is_handed_from_one_to_the_next_in_the_order_of_coming()
    {
        await using var node = await TestNode.StartAsync();
        var client = node.Client;
        var first = await client.AcquireLockAsync("lock", cancellation: Stop);
        var order = new System.Collections.Concurrent.ConcurrentQueue<(int Who, long Token)>();
        var waiting = new List<Task>();
        for (var i = 0; i < 3; i++)
        {
            var who = i;
            waiting.Add(TakeAsync(who));

            // Each stands in line before the next one comes.
            await UntilCountIsAsync(client, "lock/", i + 2);
        }

        Assert.Null(await client.TryAcquireLockAsync("lock", cancellation: Stop));
        Assert.Empty(order);
        await first.DisposeAsync();
        await Task.WhenAll(waiting).WaitAsync(Patience, Stop);
        Assert.Equal([0, 1, 2], order.Select(one => one.Who));
        Assert.Equal(order.Select(one => one.Token).Order(), order.Select(one => one.Token));
        Assert.True(first.FencingToken < order.First().Token);
        await UntilAsync(async () => (await client.ListLeasesAsync(cancellation: Stop)).Count, 0);

        async Task TakeAsync(int who)
        {
            await using var held = await client.AcquireLockAsync("lock", cancellation: Stop);
            order.Enqueue((who, held.FencingToken));
        }
    }

    [Fact]
    public async Task What_is_committed_under_a_lock_happens_only_while_it_is_held()
    {
        await using var node = await TestNode.StartAsync();
        var client = node.Client;
        await using var held = await client.AcquireLockAsync("lock", new LockOptions { Value = "me" }, Stop);
        Assert.Equal("me", (await client.GetAsync(held.Key, cancellation: Stop))!.ValueText);
        var done = await held.CommitAsync(
            new Transaction().If(Condition.Missing("done")).Then(Operation.Put("done", "1")), cancellation: Stop);
        Assert.True(done.Succeeded);
        Assert.False((await held.CommitAsync(new Transaction().If(Condition.Missing("done")), cancellation: Stop)).Succeeded);

        // Somebody breaks the lock.
        await client.DeleteAsync(held.Key, cancellation: Stop);
        await Assert.ThrowsAsync<LockLostException>(
            async () => await held.CommitAsync(new Transaction().Then(Operation.Put("done", "2")), cancellation: Stop));
        Assert.Equal("1", (await client.GetAsync("done", cancellation: Stop))!.ValueText);
        await LostAsync(held.Lost).WaitAsync(Patience, Stop);
    }

    [Fact]
    public async Task Who_stops_waiting_leaves_the_line()
    {
        await using var node = await TestNode.StartAsync();
        await using var held = await node.Client.AcquireLockAsync("lock", cancellation: Stop);
        using var stop = new CancellationTokenSource();
        var waiting = node.Client.AcquireLockAsync("lock", cancellation: stop.Token).AsTask();
        await UntilCountIsAsync(node.Client, "lock/", 2);
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting);
        await UntilCountIsAsync(node.Client, "lock/", 1);
        Assert.Null(await node.Client.TryAcquireLockAsync("lock", TimeSpan.FromMilliseconds(20), cancellation: Stop));
    }

    [Fact]
    public async Task A_lease_is_lost_to_its_keeper_before_it_can_be_lost()
    {
        var time = new ManualTime();
        await using var member = await ScriptedMember.StartAsync(time);
        await using var client = RaftKvClient.Connect(new RaftKvClientOptions { Endpoints = [member.Address], Time = time });
        var renewed = 0;
        var isAway = false;
        member.KeepAlive = request =>
        {
            Interlocked.Increment(ref renewed);
            return Volatile.Read(ref isAway)
                ? throw new Rpc.RpcException(Rpc.RpcStatusCode.Unavailable, "etcdserver: no leader")
                : new(new Protocol.Etcd.LeaseKeepAliveResponse { Header = new(), ID = request.ID, TTL = 30 });
        };
        await using var lease = await client.KeepLeaseAsync(TimeSpan.FromSeconds(30), Stop);
        Assert.Equal(30, lease.TimeToLive.TotalSeconds);
        Assert.InRange(lease.Remaining, TimeSpan.FromSeconds(20), TimeSpan.FromSeconds(30));
        while (Volatile.Read(ref renewed) < 3)
        {
            // Slowly once a renewal is due: it is made over a socket, in true time, before a third of the lease has gone by.
            time.Advance(TimeSpan.FromMilliseconds(lease.Remaining > TimeSpan.FromSeconds(16) ? 500 : 20));
            await Task.Delay(10, Stop);
            Assert.False(lease.Lost.IsCancellationRequested);
        }

        Volatile.Write(ref isAway, true);
        var away = time.GetUtcNow();
        var lost = LostAsync(lease.Lost);
        while (!lost.IsCompleted)
        {
            Assert.True(time.GetUtcNow() - away < TimeSpan.FromSeconds(29), "The lease may be gone by now.");
            time.Advance(TimeSpan.FromMilliseconds(500));
            await Task.WhenAny(lost, Task.Delay(10, Stop));
        }

        Assert.Equal(TimeSpan.Zero, lease.Remaining);
    }

    [Fact]
    public async Task A_renewal_that_hangs_is_followed_by_another_in_time()
    {
        var time = new ManualTime();
        await using var member = await ScriptedMember.StartAsync(time);
        await using var client = RaftKvClient.Connect(new RaftKvClientOptions { Endpoints = [member.Address], Time = time });
        var asked = 0;
        var hung = new TaskCompletionSource<Protocol.Etcd.LeaseKeepAliveResponse>(TaskCreationOptions.RunContinuationsAsynchronously);
        member.KeepAlive = request => Interlocked.Increment(ref asked) == 1
            ? new(hung.Task)
            : new(new Protocol.Etcd.LeaseKeepAliveResponse { Header = new(), ID = request.ID, TTL = 30 });
        await using var lease = await client.KeepLeaseAsync(TimeSpan.FromSeconds(30), Stop);

        // Of 25.5 seconds that it can be relied on, the first renewal is due after 10 and given up after 10 more.
        while (Volatile.Read(ref asked) < 1)
        {
            await PassAsync(stepMs: lease.Remaining > TimeSpan.FromSeconds(16) ? 500 : 20);
        }

        while (lease.Remaining < TimeSpan.FromSeconds(16))
        {
            await PassAsync(stepMs: lease.Remaining > TimeSpan.FromSeconds(6) ? 500 : 10);
        }

        Assert.Equal(2, Volatile.Read(ref asked));
        hung.SetResult(new() { Header = new() });

        async Task PassAsync(int stepMs)
        {
            time.Advance(TimeSpan.FromMilliseconds(stepMs));
            await Task.Delay(10, Stop);
            Assert.False(lease.Lost.IsCancellationRequested);
        }
    }

    [Fact]
    public async Task A_lease_that_was_revoked_is_lost()
    {
        await using var node = await TestNode.StartAsync();
        await using var lease = await node.Client.KeepLeaseAsync(TimeSpan.FromSeconds(2), Stop);
        await node.Client.RevokeLeaseAsync(lease.Id, cancellation: Stop);
        await LostAsync(lease.Lost).WaitAsync(Patience, Stop);
    }

    [Fact]
    public async Task An_election_is_a_stream_of_states()
    {
        await using var node = await TestNode.StartAsync();
        var client = node.Client;
        await using var observed = client.ObserveElectionAsync("office", Stop).GetAsyncEnumerator(Stop);
        Assert.True(await observed.MoveNextAsync());
        Assert.Null(observed.Current.Leader);

        var one = client.StandForElectionAsync("office", new LockOptions { Value = "one" }, Stop).GetAsyncEnumerator(Stop);
        Assert.True(await one.MoveNextAsync());
        Assert.False(one.Current.IsLeader);
        Assert.True(await one.MoveNextAsync());
        var leadership = one.Current.Leadership!;
        Assert.True(await observed.MoveNextAsync());
        Assert.Equal("one", observed.Current.Leader!.ValueText);
        Assert.Equal(leadership.FencingToken, observed.Current.FencingToken);

        await leadership.SetValueAsync("one, busy", cancellation: Stop);
        Assert.True(await observed.MoveNextAsync());
        Assert.Equal("one, busy", observed.Current.Leader!.ValueText);

        // Broken by hand, it is lost, and stood for again.
        await client.DeleteAsync(leadership.Key, cancellation: Stop);
        Assert.True(await one.MoveNextAsync());
        Assert.False(one.Current.IsLeader);
        Assert.True(await one.MoveNextAsync());
        Assert.True(one.Current.Leadership!.FencingToken > leadership.FencingToken);
        await one.DisposeAsync();
        await UntilCountIsAsync(client, "office/", 0);
    }

    // What a lock leaves behind is taken away by whoever gives it up, who on a busy machine leaves it to the end of the lease.
    private static Task UntilCountIsAsync(RaftKvClient client, string prefix, int count)
        => UntilAsync(async () => (await client.RangeAsync(KeyRange.Prefix(prefix), new RangeOptions { CountOnly = true }, Stop)).Count, count);

    private static async Task UntilAsync(Func<Task<long>> look, long expected)
    {
        var since = Stopwatch.StartNew();
        long seen;
        while ((seen = await look()) != expected && since.Elapsed < Patience)
        {
            await Task.Delay(TimeSpan.FromMilliseconds(5), Stop);
        }

        Assert.Equal(expected, seen);
    }

    private static Task LostAsync(CancellationToken lost)
    {
        var fired = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        lost.UnsafeRegister(_ => fired.TrySetResult(), null);
        return fired.Task;
    }
}
