using RaftKv.Client;
using RaftKv.Server.Replica;

namespace RaftKv.Testing.Tests;

public sealed class RaftKvTestServerTests
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public async Task It_answers_calls_while_time_stands_still(int members)
    {
        await using var server = await StartAsync(members);
        var before = server.Time.GetTimestamp();
        await server.Client.PutAsync("k", "v", cancellation: Stop);
        for (var member = 0; member < members; member++)
        {
            Assert.Equal("v", (await server.ClientOf(member).GetAsync("k", cancellation: Stop))?.ValueText);
        }

        Assert.Equal(members, (await server.Client.Cluster.ListMembersAsync(cancellation: Stop)).Count);
        Assert.Equal(before, server.Time.GetTimestamp());
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public async Task A_lease_ends_when_its_time_has_gone_by_and_not_before(int members)
    {
        await using var server = await StartAsync(members);
        var lease = await server.Client.GrantLeaseAsync(TimeSpan.FromMinutes(10), cancellation: Stop);
        await server.Client.PutAsync("session", "mine", new PutOptions { Lease = lease.Id }, Stop);
        await using var watcher = await server.Client.StartWatchAsync("session", cancellation: Stop);

        await server.AdvanceTimeAsync(TimeSpan.FromMinutes(9), Stop);
        Assert.NotNull(await server.Client.GetAsync("session", cancellation: Stop));

        await server.AdvanceTimeAsync(TimeSpan.FromMinutes(2), Stop);
        Assert.Null(await server.Client.GetAsync("session", cancellation: Stop));
        await foreach (var batch in watcher.WithCancellation(Stop))
        {
            Assert.True(Assert.Single(batch.Events).IsDelete);
            break;
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public async Task A_lease_that_is_kept_alive_lives_for_as_long_as_time_goes_by(int members)
    {
        await using var server = await StartAsync(members);
        await using var lease = await server.Client.KeepLeaseAsync(TimeSpan.FromSeconds(15), Stop);
        await server.Client.PutAsync("session", "mine", new PutOptions { Lease = lease.Id }, Stop);
        await server.AdvanceTimeAsync(TimeSpan.FromMinutes(5), Stop);
        Assert.False(lease.Lost.IsCancellationRequested);
        Assert.NotNull(await server.Client.GetAsync("session", cancellation: Stop));
    }

    [Fact]
    public async Task An_expired_lease_takes_its_keys_at_once_and_is_lost_to_its_keeper_with_the_next_renewal()
    {
        await using var server = await StartAsync(1);
        await using var lease = await server.Client.KeepLeaseAsync(TimeSpan.FromSeconds(15), Stop);
        await server.Client.PutAsync("session", "mine", new PutOptions { Lease = lease.Id }, Stop);

        await server.ExpireLeaseAsync(lease.Id, Stop);
        Assert.Null(await server.Client.GetAsync("session", cancellation: Stop));
        Assert.False(lease.Lost.IsCancellationRequested);

        await server.AdvanceUntilAsync(lease.Lost.WhenFired(), TimeSpan.FromSeconds(6), Stop);
    }

    [Fact]
    public async Task A_lock_passes_on_when_its_holder_s_lease_expires()
    {
        await using var server = await StartAsync(1);
        await using var held = await server.Client.AcquireLockAsync("lock", cancellation: Stop);
        var waiting = server.Client.AcquireLockAsync("lock", cancellation: Stop).AsTask();
        await server.AdvanceTimeAsync(TimeSpan.FromSeconds(30), Stop);
        Assert.False(waiting.IsCompleted);

        await server.ExpireLeaseAsync(held.LeaseId, Stop);
        await using var taken = await server.AdvanceUntilAsync(waiting, cancellation: Stop);
        Assert.True(taken.FencingToken > held.FencingToken);
    }

    [Fact]
    public async Task A_leader_that_is_cut_off_is_replaced_and_follows_when_it_is_back()
    {
        await using var server = await StartAsync(3);
        var old = server.Leader!.Value;
        await server.Client.PutAsync("k", "before", cancellation: Stop);

        server.Partition(old);
        await server.AdvanceTimeAsync(TimeSpan.FromSeconds(5), Stop);
        var next = server.Leader!.Value;
        Assert.NotEqual(old, next);
        await server.ClientOf(next).PutAsync("k", "after", cancellation: Stop);
        var alone = server.ClientOf(old).GetAsync("k", new GetOptions { Timeout = TimeSpan.FromSeconds(3) }, Stop).AsTask();
        await Assert.ThrowsAnyAsync<RaftKvException>(() => server.AdvanceUntilAsync(alone, cancellation: Stop));
        Assert.Equal("before", (await server.ClientOf(old).GetAsync("k", new GetOptions { IsSerializable = true }, Stop))?.ValueText);

        server.Heal();
        await server.AdvanceTimeAsync(TimeSpan.FromSeconds(5), Stop);
        Assert.Equal("after", (await server.ClientOf(old).GetAsync("k", cancellation: Stop))?.ValueText);
    }

    [Fact]
    public async Task A_client_of_all_members_finds_those_that_still_can()
    {
        await using var server = await StartAsync(3);
        server.Partition(server.Leader!.Value);
        await server.AdvanceUntilAsync(server.Client.PutAsync("k", "v", cancellation: Stop).AsTask(), cancellation: Stop);
        var read = await server.AdvanceUntilAsync(server.Client.GetAsync("k", cancellation: Stop).AsTask(), cancellation: Stop);
        Assert.Equal("v", read?.ValueText);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public async Task A_member_that_was_killed_comes_back_with_its_data_and_watches_go_on(int members)
    {
        await using var server = await StartAsync(members);
        await using var watcher = await server.Client.StartWatchAsync(KeyRange.Prefix("k"), cancellation: Stop);
        await server.Client.PutAsync("k1", "before", cancellation: Stop);
        for (var member = 0; member < members; member++)
        {
            await server.KillAsync(member);
        }

        for (var member = 0; member < members; member++)
        {
            await server.RestartAsync(member, Stop);
        }

        await server.AdvanceUntilAsync(server.Client.PutAsync("k2", "after", cancellation: Stop).AsTask(), cancellation: Stop);
        Assert.Equal("before", (await server.Client.GetAsync("k1", cancellation: Stop))?.ValueText);
        var told = ReadAsync(watcher, count: 2);
        Assert.Equal(["k1", "k2"], await server.AdvanceUntilAsync(told, cancellation: Stop));
    }

    [Fact]
    public async Task A_member_that_missed_what_nobody_keeps_is_sent_the_state()
    {
        var options = new RaftKvTestServerOptions { Members = 3, Applier = new ApplierOptions { CheckpointEntries = 20, KeptEntries = 5 } };
        await using var server = await RaftKvTestServer.StartAsync(options, Stop);
        var away = (server.Leader!.Value + 1) % 3;
        await server.KillAsync(away);
        await server.AdvanceTimeAsync(TimeSpan.FromSeconds(1), Stop);
        var leader = server.ClientOf(server.Leader!.Value);
        var value = new string('x', 1_000_000);
        for (var i = 0; i < 60; i++)
        {
            // More than the leader keeps at hand for those who are behind.
            await leader.PutAsync($"k{i % 10}", value, cancellation: Stop);
        }

        await server.AdvanceTimeAsync(TimeSpan.FromSeconds(1), Stop);
        Assert.Equal(0, server.SnapshotsDelivered);
        await server.RestartAsync(away, Stop);
        await server.AdvanceTimeAsync(TimeSpan.FromSeconds(10), Stop);
        Assert.Equal(1, server.SnapshotsDelivered);
        Assert.Equal(10, (await server.ClientOf(away).RangeAsync(KeyRange.Prefix("k"), new RangeOptions { CountOnly = true }, Stop)).Count);
    }

    [Fact]
    public async Task One_seed_elects_one_leader()
    {
        for (var seed = 1UL; seed <= 3; seed++)
        {
            await using var one = await RaftKvTestServer.StartAsync(new RaftKvTestServerOptions { Members = 3, Seed = seed }, Stop);
            await using var other = await RaftKvTestServer.StartAsync(new RaftKvTestServerOptions { Members = 3, Seed = seed }, Stop);
            Assert.Equal((one.Leader, one.Time.GetTimestamp()), (other.Leader, other.Time.GetTimestamp()));
        }
    }

    [Fact]
    public async Task A_task_that_does_not_end_in_its_time_is_told_of()
    {
        await using var server = await StartAsync(1);
        var never = new TaskCompletionSource();
        await Assert.ThrowsAsync<TimeoutException>(() => server.AdvanceUntilAsync(never.Task, TimeSpan.FromSeconds(1), Stop));
    }

    private static Task<RaftKvTestServer> StartAsync(int members)
        => RaftKvTestServer.StartAsync(new RaftKvTestServerOptions { Members = members }, Stop);

    private static async Task<string[]> ReadAsync(Watcher watcher, int count)
    {
        var keys = new List<string>();
        await foreach (var batch in watcher.WithCancellation(Stop))
        {
            keys.AddRange(batch.Events.Select(one => one.KeyValue.KeyText));
            if (keys.Count >= count)
            {
                break;
            }
        }

        return [.. keys];
    }
}

file static class Tokens
{
    /// <summary>A task that ends when the token fires.</summary>
    public static Task WhenFired(this CancellationToken token)
    {
        var fired = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        token.Register(() => fired.TrySetResult());
        return fired.Task;
    }
}
