using System.Buffers;
using System.Globalization;
using Microsoft.Extensions.Caching.Distributed;
using Microsoft.Extensions.DependencyInjection;
using RaftKv.Client;
using RaftKv.Extensions.Caching;

namespace RaftKv.Extensions.Tests;

public sealed class CacheTests
{
    private readonly ManualTime _time = new();

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task What_is_set_is_found_until_it_is_removed()
    {
        await using var node = await TestNode.StartAsync();
        var cache = CacheOf(node);
        Assert.Null(await cache.GetAsync("k", Stop));
        await cache.SetAsync("k", [1, 2, 3], Stop);
        Assert.Equal([1, 2, 3], await cache.GetAsync("k", Stop));
        await cache.SetAsync("k", [], Stop);
        Assert.Empty((await cache.GetAsync("k", Stop))!);
        await cache.RemoveAsync("k", Stop);
        Assert.Null(await cache.GetAsync("k", Stop));
        await cache.RefreshAsync("k", Stop);

        var found = new ArrayBufferWriter<byte>();
        Assert.False(await cache.TryGetAsync("k", found, Stop));
        await cache.SetAsync("k", new ReadOnlySequence<byte>([4, 5]), new DistributedCacheEntryOptions(), Stop);
        Assert.True(await cache.TryGetAsync("k", found, Stop));
        Assert.Equal([4, 5], found.WrittenSpan.ToArray());

        // Somebody else's key under the prefix is no entry.
        await node.Client.PutAsync("cache/other", "text", cancellation: Stop);
        Assert.Null(await cache.GetAsync("other", Stop));
    }

    [Fact]
    public async Task The_synchronous_methods_do_the_same()
    {
        await using var node = await TestNode.StartAsync();
        var cache = CacheOf(node);
        var found = new ArrayBufferWriter<byte>();
        await Task.Run(
            () =>
            {
                cache.Set("k", [1], new DistributedCacheEntryOptions());
                cache.Refresh("k");
                Assert.Equal([1], cache.Get("k"));
                cache.Set("k", new ReadOnlySequence<byte>([2]), new DistributedCacheEntryOptions());
                Assert.True(cache.TryGet("k", found));
                cache.Remove("k");
                Assert.Null(cache.Get("k"));
            },
            Stop);
        Assert.Equal([2], found.WrittenSpan.ToArray());
    }

    [Fact]
    public async Task An_entry_is_not_found_after_its_end_although_its_lease_still_is()
    {
        await using var node = await TestNode.StartAsync();
        var cache = CacheOf(node);
        await cache.SetAsync("k", [1], new DistributedCacheEntryOptions { AbsoluteExpirationRelativeToNow = TimeSpan.FromSeconds(100) }, Stop);
        await cache.SetAsync("both", [1], new DistributedCacheEntryOptions
        {
            AbsoluteExpiration = _time.GetUtcNow() + TimeSpan.FromSeconds(100),
            SlidingExpiration = TimeSpan.FromSeconds(60),
        }, Stop);
        _time.Advance(TimeSpan.FromSeconds(50));
        Assert.NotNull(await cache.GetAsync("both", Stop));
        _time.Advance(TimeSpan.FromSeconds(49));
        Assert.NotNull(await cache.GetAsync("k", Stop));
        Assert.NotNull(await cache.GetAsync("both", Stop));
        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.Null(await cache.GetAsync("k", Stop));
        Assert.Null(await cache.GetAsync("both", Stop));
        Assert.NotNull(await node.Client.GetAsync("cache/k", cancellation: Stop));
        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(() => cache.SetAsync(
            "k", [1], new DistributedCacheEntryOptions { AbsoluteExpiration = _time.GetUtcNow() }, Stop));
    }

    [Theory]
    [InlineData(10)]
    [InlineData(59)]
    [InlineData(600)]
    [InlineData(1_200)]
    [InlineData(86_400)]
    [InlineData(31_536_000)]
    public async Task A_lease_outlives_its_entries_by_an_eighth_of_their_life_or_some_seconds(int seconds)
    {
        await using var node = await TestNode.StartAsync();
        var cache = CacheOf(node);
        var random = new Random(seconds);
        for (var i = 0; i < 5; i++)
        {
            _time.Advance(TimeSpan.FromSeconds(random.NextDouble() * 100));
            await cache.SetAsync("k", [1], new DistributedCacheEntryOptions { SlidingExpiration = TimeSpan.FromSeconds(seconds) }, Stop);
            var lease = (await node.Client.GetAsync("cache/k", cancellation: Stop))!.Lease;
            var granted = (await node.Client.GetLeaseAsync(lease, cancellation: Stop))!.TimeToLive;

            // A lease that was granted for an earlier entry had more before it then.
            Assert.InRange(granted.TotalSeconds, seconds, (seconds * 9.0 / 8) + 10);
        }
    }

    [Fact]
    public async Task A_thousand_entries_of_all_lifetimes_share_few_leases_and_so_do_all_programs()
    {
        await using var node = await TestNode.StartAsync();
        var caches = new[] { CacheOf(node), CacheOf(node) };
        var random = new Random(1);
        foreach (var some in Enumerable.Range(0, 1000).Chunk(50))
        {
            // Some at a time: real time goes by for the leases that were granted first.
            await Task.WhenAll(some.Select(i =>
            {
                _time.Advance(TimeSpan.FromMilliseconds(random.Next(100)));
                var life = TimeSpan.FromSeconds(300 + (random.NextDouble() * 300));
                return caches[i % 2].SetAsync(
                    i.ToString(CultureInfo.InvariantCulture), [1], new DistributedCacheEntryOptions { AbsoluteExpirationRelativeToNow = life }, Stop);
            }));
        }

        Assert.Equal(1000, (await node.Client.RangeAsync(KeyRange.Prefix("cache/"), cancellation: Stop)).Count);
        Assert.InRange((await node.Client.ListLeasesAsync(cancellation: Stop)).Count, 1, 20);
    }

    [Fact]
    public async Task Use_moves_an_entry_to_a_later_lease_and_frequent_use_writes_nothing()
    {
        await using var node = await TestNode.StartAsync();
        var cache = CacheOf(node);
        var sliding = new DistributedCacheEntryOptions { SlidingExpiration = TimeSpan.FromSeconds(100) };
        await cache.SetAsync("k", [7], sliding, Stop);
        var first = (await node.Client.GetAsync("cache/k", cancellation: Stop))!;
        _time.Advance(TimeSpan.FromSeconds(60));
        await cache.RefreshAsync("k", Stop);
        var second = (await node.Client.GetAsync("cache/k", cancellation: Stop))!;
        Assert.NotEqual(first.Lease, second.Lease);
        for (var i = 0; i < 10; i++)
        {
            Assert.Equal([7], await cache.GetAsync("k", Stop));
        }

        Assert.Equal(second.ModRevision, (await node.Client.GetAsync("cache/k", cancellation: Stop))!.ModRevision);

        // Its first lease has nothing to do with it any more.
        await node.Client.RevokeLeaseAsync(first.Lease, cancellation: Stop);
        Assert.Equal([7], await cache.GetAsync("k", Stop));
    }

    [Fact]
    public async Task A_lease_that_somebody_has_revoked_is_granted_anew()
    {
        await using var node = await TestNode.StartAsync();
        var cache = CacheOf(node);
        var options = new DistributedCacheEntryOptions { AbsoluteExpirationRelativeToNow = TimeSpan.FromMinutes(10) };
        await cache.SetAsync("k", [1], options, Stop);
        await node.Client.RevokeLeaseAsync((await node.Client.GetAsync("cache/k", cancellation: Stop))!.Lease, cancellation: Stop);
        Assert.Null(await cache.GetAsync("k", Stop));
        await cache.SetAsync("k", [2], options, Stop);
        Assert.Equal([2], await cache.GetAsync("k", Stop));
    }

    [Fact]
    public async Task It_is_the_cache_of_an_application()
    {
        await using var node = await TestNode.StartAsync();
        await using var services = new ServiceCollection()
            .AddDistributedMemoryCache()
            .AddSingleton(node.Client)
            .AddRaftKvCache(new RaftKvCacheOptions { Prefix = "ours/" })
            .BuildServiceProvider();
        var cache = services.GetRequiredService<IDistributedCache>();
        Assert.IsAssignableFrom<IBufferDistributedCache>(cache);
        await cache.SetStringAsync("k", "v", Stop);
        Assert.NotNull(await node.Client.GetAsync("ours/k", cancellation: Stop));
        Assert.Throws<ArgumentOutOfRangeException>(() => new RaftKvCache(node.Client, new RaftKvCacheOptions { UsualSlidingExpiration = TimeSpan.Zero }));
    }

    private RaftKvCache CacheOf(TestNode node) => new(node.Client, new RaftKvCacheOptions { Time = _time });
}
