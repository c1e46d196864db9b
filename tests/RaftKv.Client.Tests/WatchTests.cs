namespace RaftKv.Client.Tests;

/// <summary>Watches of a member in this process.</summary>
public sealed class WatchTests
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task What_happens_after_the_start_is_told_revision_by_revision()
    {
        await using var node = await TestNode.StartAsync();
        var client = node.Client;
        await client.PutAsync("a/before", "", cancellation: Stop);
        await using var watcher = await client.StartWatchAsync(KeyRange.Prefix("a/"), new WatchOptions { WantsPrevious = true }, Stop);
        await client.PutAsync("a/1", "1", cancellation: Stop);
        await client.PutAsync("b", "not watched", cancellation: Stop);
        var both = await client.CommitAsync(
            new Transaction().Then(Operation.Put("a/1", "2"), Operation.Put("a/2", "1")), cancellation: Stop);
        await client.DeleteAsync("a/1", cancellation: Stop);

        await using var batches = watcher.GetAsyncEnumerator(Stop);
        var events = new List<(WatchEvent Event, long Revision)>();
        while (events.Count < 4)
        {
            Assert.True(await batches.MoveNextAsync());
            events.AddRange(batches.Current.Events.Select(one => (one, batches.Current.Revision)));
        }

        Assert.Equal(["a/1=1", "a/1=2", "a/2=1", "a/1="], events.Select(one => $"{one.Event.KeyValue.KeyText}={one.Event.KeyValue.ValueText}"));
        Assert.Equal([true, false, true, false], events.Select(one => one.Event.IsCreate));
        Assert.Equal([false, false, false, true], events.Select(one => one.Event.IsDelete));
        Assert.Equal(["1", "2"], events.Where(one => one.Event.Previous is not null).Select(one => one.Event.Previous!.ValueText));
        Assert.Equal(events[1].Revision, events[2].Revision);
        Assert.Equal(both.Header.Revision, events[1].Event.KeyValue.ModRevision);
    }

    [Fact]
    public async Task A_watch_begins_with_history_where_it_is_told_to()
    {
        await using var node = await TestNode.StartAsync();
        var first = (await node.Client.PutAsync("k", "1", cancellation: Stop)).Revision;
        await node.Client.PutAsync("k", "2", cancellation: Stop);
        var values = new List<string>();
        await foreach (var batch in node.Client.WatchAsync("k", new WatchOptions { StartRevision = first }, Stop))
        {
            values.AddRange(batch.Events.Select(one => one.KeyValue.ValueText));
            if (values.Count == 2)
            {
                await node.Client.PutAsync("k", "3", cancellation: Stop);
            }
            else if (values.Count == 3)
            {
                break;
            }
        }

        Assert.Equal(["1", "2", "3"], values);
    }

    [Fact]
    public async Task A_compacted_place_ends_the_watch_by_name()
    {
        await using var node = await TestNode.StartAsync();
        var first = (await node.Client.PutAsync("k", "1", cancellation: Stop)).Revision;
        var second = (await node.Client.PutAsync("k", "2", cancellation: Stop)).Revision;
        await node.Client.CompactAsync(second, cancellation: Stop);
        await using var watcher = await node.Client.StartWatchAsync("k", new WatchOptions { StartRevision = first }, Stop);
        await using var batches = watcher.GetAsyncEnumerator(Stop);
        var compacted = await Assert.ThrowsAsync<CompactedException>(async () => await batches.MoveNextAsync());
        Assert.Equal(second, compacted.CompactRevision);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_snapshot_is_told_first_and_then_what_becomes_of_it(bool isBecauseOfCompaction)
    {
        await using var node = await TestNode.StartAsync();
        var client = node.Client;
        var first = (await client.PutAsync("0", "", cancellation: Stop)).Revision;
        for (var i = 0; i < 2500; i++)
        {
            await client.PutAsync($"k/{i:0000}", "old", cancellation: Stop);
        }

        var last = (await client.DeleteAsync("0", cancellation: Stop)).Header.Revision;
        var options = new WatchOptions { StartsWithSnapshot = true };
        if (isBecauseOfCompaction)
        {
            await client.CompactAsync(last, cancellation: Stop);
            options = new WatchOptions { StartRevision = first, OnCompaction = WatchCompaction.Lists };
        }

        await using var watcher = await client.StartWatchAsync(KeyRange.All, options, Stop);
        var keys = new List<string>();
        await foreach (var batch in watcher.WithCancellation(Stop))
        {
            if (batch.Kind == WatchBatchKind.Snapshot)
            {
                Assert.Equal(keys.Count == 0, batch.IsSnapshotStart);
                Assert.Equal(last, batch.Revision);
                keys.AddRange(batch.Events.Select(one => one.KeyValue.KeyText));
                Assert.Equal(keys.Count == 2500, batch.IsSnapshotEnd);
                if (batch.IsSnapshotStart)
                {
                    await client.PutAsync("k/0001", "new", cancellation: Stop);
                }

                continue;
            }

            Assert.Equal("new", Assert.Single(batch.Events).KeyValue.ValueText);
            break;
        }

        Assert.Equal(Enumerable.Range(0, 2500).Select(i => $"k/{i:0000}"), keys);
    }

    [Fact]
    public async Task A_reader_that_sleeps_costs_its_neighbours_nothing_and_misses_nothing()
    {
        await using var node = await TestNode.StartAsync();
        var client = node.Client;
        await using var slow = await client.StartWatchAsync("k", new WatchOptions { BufferBytes = 1000 }, Stop);
        await using var quick = await client.StartWatchAsync("k", cancellation: Stop);
        await using var quickBatches = quick.GetAsyncEnumerator(Stop);
        const int Puts = 200;
        for (var i = 0; i < Puts; i++)
        {
            await client.PutAsync("k", $"{i}", cancellation: Stop);
            Assert.True(await quickBatches.MoveNextAsync());
            Assert.Equal($"{i}", Assert.Single(quickBatches.Current.Events).KeyValue.ValueText);
        }

        var seen = new List<string>();
        await foreach (var batch in slow.WithCancellation(Stop))
        {
            seen.AddRange(batch.Events.Select(one => one.KeyValue.ValueText));
            if (seen.Count == Puts)
            {
                await client.PutAsync("k", "last", cancellation: Stop);
            }
            else if (seen.Count > Puts)
            {
                break;
            }
        }

        Assert.Equal([.. Enumerable.Range(0, Puts).Select(i => $"{i}"), "last"], seen);
    }

    [Fact]
    public async Task Watches_come_and_go_in_any_number_on_one_stream()
    {
        await using var node = await TestNode.StartAsync();
        var client = node.Client;
        var watchers = await Task.WhenAll(Enumerable.Range(0, 200).Select(i => client.StartWatchAsync($"k{i}", cancellation: Stop).AsTask()));
        for (var i = 0; i < watchers.Length; i += 2)
        {
            await watchers[i].DisposeAsync();
        }

        await client.CommitAsync(new Transaction().Then([.. Enumerable.Range(100, 100).Select(i => Operation.Put($"k{i}", "v"))]), cancellation: Stop);
        for (var i = 101; i < watchers.Length; i += 2)
        {
            await using var batches = watchers[i].GetAsyncEnumerator(Stop);
            Assert.True(await batches.MoveNextAsync());
            Assert.Equal($"k{i}", Assert.Single(batches.Current.Events).KeyValue.KeyText);
        }

        await using var gone = watchers[0].GetAsyncEnumerator(Stop);
        await Assert.ThrowsAsync<ObjectDisposedException>(async () => await gone.MoveNextAsync());
    }

    [Fact]
    public async Task The_end_of_the_client_ends_its_watches()
    {
        await using var node = await TestNode.StartAsync();
        await using var watcher = await node.Client.StartWatchAsync("k", cancellation: Stop);
        await using var batches = watcher.GetAsyncEnumerator(Stop);
        var next = batches.MoveNextAsync();
        await node.Client.DisposeAsync();
        await Assert.ThrowsAsync<ObjectDisposedException>(async () => await next);
    }

    [Fact]
    public async Task A_range_without_keys_is_refused_at_the_start()
    {
        await using var node = await TestNode.StartAsync();
        var refused = await Assert.ThrowsAsync<InvalidRequestException>(
            async () => await node.Client.StartWatchAsync(KeyRange.Between("b", "a"), cancellation: Stop));
        Assert.Equal("mvcc: watcher range is empty", refused.Message);
    }
}
