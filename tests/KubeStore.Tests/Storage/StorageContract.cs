using System.Text;
using KubeStore.Storage;

namespace KubeStore.Tests.Storage;

/// <summary>What the registry relies on, whichever store is below it.</summary>
public abstract class StorageContract : IAsyncLifetime
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    internal IKubeStorage Store { get; set; } = null!;

    public abstract ValueTask InitializeAsync();

    public abstract ValueTask DisposeAsync();

    [Fact]
    public async Task A_key_is_put_only_where_it_is_as_expected()
    {
        var first = await PutAsync("/a", "1", 0);
        var again = await PutAsync("/a", "2", 0);
        var second = await PutAsync("/a", "2", first.Revision);
        var late = await PutAsync("/a", "3", first.Revision);

        Assert.True(first.Succeeded);
        Assert.False(again.Succeeded);
        Assert.Equal(("1", first.Revision), (Text(again.Current!.Value.Value), again.Current.Value.Revision));
        Assert.True(second.Succeeded && second.Revision > first.Revision);
        Assert.Equal((false, "2"), (late.Succeeded, Text(late.Current!.Value.Value)));
    }

    [Fact]
    public async Task A_key_is_deleted_only_where_it_is_as_expected()
    {
        var put = await PutAsync("/a", "1", 0);
        var wrong = await Store.DeleteAsync("/a", put.Revision - 1, Cancellation);
        var right = await Store.DeleteAsync("/a", put.Revision, Cancellation);
        var gone = await Store.DeleteAsync("/a", put.Revision, Cancellation);

        Assert.Equal((false, true, false), (wrong.Succeeded, right.Succeeded, gone.Succeeded));
        Assert.Null(gone.Current);
    }

    [Fact]
    public async Task A_range_is_in_order_has_a_limit_and_shows_a_revision()
    {
        await PutAsync("/k/b", "1", 0);
        var last = await PutAsync("/k/a", "2", 0);
        await PutAsync("/k/c", "3", 0);
        await PutAsync("/l", "4", 0);

        var page = await Store.RangeAsync("/k/", KeyRanges.EndOf("/k/"), 0, 2, Cancellation);
        var then = await Store.RangeAsync("/k/", KeyRanges.EndOf("/k/"), last.Revision, 0, Cancellation);

        Assert.Equal(["/k/a", "/k/b"], page.Values.Select(one => one.Key));
        Assert.Equal((true, 3), (page.HasMore, page.Count));
        Assert.Equal(["/k/a", "/k/b"], then.Values.Select(one => one.Key));
        Assert.False(then.HasMore);
    }

    [Fact]
    public async Task What_was_compacted_and_what_has_not_been_cannot_be_read()
    {
        var first = await PutAsync("/a", "1", 0);
        var second = await PutAsync("/a", "2", first.Revision);
        await Store.CompactAsync(second.Revision, Cancellation);

        await Assert.ThrowsAsync<HistoryGoneException>(() => Store.RangeAsync("/a", null, first.Revision, 0, Cancellation));
        await Assert.ThrowsAsync<FutureRevisionException>(() => Store.RangeAsync("/a", null, second.Revision + 1000, 0, Cancellation));
        await using var watch = await Store.WatchAsync("/a", first.Revision, Cancellation);
        await Assert.ThrowsAsync<HistoryGoneException>(async () => await watch.NextAsync());
    }

    [Fact]
    public async Task A_watch_tells_what_was_and_what_comes_with_what_it_was_before()
    {
        var first = await PutAsync("/k/a", "1", 0);
        await using var watch = await Store.WatchAsync("/k/", first.Revision, Cancellation);
        var second = await PutAsync("/k/a", "2", first.Revision);
        await PutAsync("/other", "x", 0);
        var third = await Store.DeleteAsync("/k/a", second.Revision, Cancellation);

        var changes = new List<StoredChange>();
        while (changes.Count < 3)
        {
            changes.AddRange((await watch.NextAsync()).Changes);
        }

        Assert.Equal([first.Revision, second.Revision, third.Revision], changes.Select(one => one.Revision));
        Assert.Equal(["1", "2", null], changes.Select(one => Text(one.Value)));
        Assert.Equal([null, "1", "2"], changes.Select(one => Text(one.Previous)));
    }

    [Fact]
    public async Task A_quiet_watch_says_how_far_it_is_when_asked()
    {
        var first = await PutAsync("/k/a", "1", 0);
        await using var watch = await Store.WatchAsync("/k/", first.Revision + 1, Cancellation);
        var other = await PutAsync("/other", "x", 0);
        var reached = 0L;
        var asking = Task.Run(async () =>
        {
            // A watch that has just begun may not answer at once.
            while (Volatile.Read(ref reached) < other.Revision)
            {
                await watch.RequestProgressAsync();
                await Task.Delay(10, Cancellation);
            }
        });
        while (reached < other.Revision)
        {
            var batch = await watch.NextAsync();
            Assert.Empty(batch.Changes);
            Volatile.Write(ref reached, batch.Revision);
        }

        await asking;
    }

    private Task<WriteOutcome> PutAsync(string key, string value, long expected)
        => Store.PutAsync(key, Encoding.UTF8.GetBytes(value), expected, null, Cancellation);

    private static string? Text(ReadOnlyMemory<byte>? value) => value is { } bytes ? Encoding.UTF8.GetString(bytes.Span) : null;
}

public sealed class MemoryStorageTests : StorageContract
{
    public override ValueTask InitializeAsync()
    {
        Store = new MemoryStorage();
        return default;
    }

    public override ValueTask DisposeAsync() => default;
}
