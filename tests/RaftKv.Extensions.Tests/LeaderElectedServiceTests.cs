using RaftKv.Client;
using RaftKv.Extensions.Hosting;

namespace RaftKv.Extensions.Tests;

public sealed class LeaderElectedServiceTests
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task One_instance_works_and_another_one_when_its_host_stops()
    {
        await using var node = await TestNode.StartAsync();
        using var one = new Work(node.Client);
        using var two = new Work(node.Client);
        await one.StartAsync(Stop);
        await Until.IsTrueAsync(() => one.Token > 0);
        await two.StartAsync(Stop);
        await Until.IsTrueAsync(() => Waiting(node) == 2);
        Assert.True(one.IsLeader);
        Assert.False(two.IsLeader);
        Assert.Equal(0, two.Token);
        await one.StopAsync(Stop);
        Assert.False(one.IsAtWork);
        Assert.False(one.IsLeader);
        await Until.IsTrueAsync(() => two.IsAtWork);
        Assert.True(two.Token > one.Token);
        await two.StopAsync(Stop);
        Assert.True(two.ExecuteTask!.IsCompletedSuccessfully);
        await Until.IsTrueAsync(() => Waiting(node) == 0);
    }

    [Fact]
    public async Task Who_loses_the_leadership_stops_and_stands_again()
    {
        await using var node = await TestNode.StartAsync();
        using var work = new Work(node.Client);
        await work.StartAsync(Stop);
        await Until.IsTrueAsync(() => work.IsAtWork);
        var first = work.Token;
        await node.Client.RevokeLeaseAsync((await node.Client.ListLeasesAsync(cancellation: Stop))[0], cancellation: Stop);
        await Until.IsTrueAsync(() => work.Token > first && work.IsAtWork);
        Assert.Equal(1, work.Most);
        await work.StopAsync(Stop);
    }

    [Fact]
    public async Task Who_has_nothing_more_to_do_stays_elected()
    {
        await using var node = await TestNode.StartAsync();
        using var once = new Work(node.Client) { Do = _ => Task.CompletedTask };
        await once.StartAsync(Stop);
        await Until.IsTrueAsync(() => once.Token > 0 && !once.IsAtWork);
        Assert.True(once.IsLeader);
        Assert.Null(await node.Client.TryAcquireLockAsync("work", cancellation: Stop));
        await once.StopAsync(Stop);
    }

    [Fact]
    public async Task Who_throws_resigns_and_ends_the_service()
    {
        await using var node = await TestNode.StartAsync();
        using var broken = new Work(node.Client) { Do = _ => throw new InvalidOperationException("broken") };
        await broken.StartAsync(Stop);
        await Assert.ThrowsAsync<InvalidOperationException>(() => broken.ExecuteTask!);
        Assert.False(broken.IsLeader);
        await using var next = await node.Client.AcquireLockAsync("work", cancellation: Stop);
    }

    private static long Waiting(TestNode node)
        => node.Client.RangeAsync(KeyRange.Prefix("work/"), cancellation: Stop).AsTask().GetAwaiter().GetResult().Count;

    private sealed class Work(RaftKvClient client) : LeaderElectedService(client, "work")
    {
        private int _atWork;
        private long _token;

        public Func<CancellationToken, Task> Do { get; init; } = stop => Task.Delay(Timeout.InfiniteTimeSpan, stop);

        public bool IsAtWork => Volatile.Read(ref _atWork) > 0;

        public int Most { get; private set; }

        public long Token => Interlocked.Read(ref _token);

        protected override async Task LeadAsync(LockHandle leadership, CancellationToken stop)
        {
            // Who sees it at work may ask for the token.
            Interlocked.Exchange(ref _token, leadership.FencingToken);
            Most = Math.Max(Most, Interlocked.Increment(ref _atWork));
            try
            {
                await Do(stop);
            }
            finally
            {
                Interlocked.Decrement(ref _atWork);
            }
        }
    }
}
