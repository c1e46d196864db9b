using KubeStore.Objects;

namespace KubeStore.Tests.Registry;

public sealed class ListAndWatchTests : RegistryFixture
{
    public override async ValueTask InitializeAsync()
    {
        await base.InitializeAsync();
        await CreateAsync("namespaces", "", """{"metadata":{"name":"default-b"}}""");
        foreach (var (ns, name) in ((string, string)[])[("default", "c"), ("default", "a"), ("default-b", "z"), ("default", "b")])
        {
            await CreateAsync("configmaps", ns, ConfigMap(name, $$""","labels":{"n":"{{name}}"}"""));
        }
    }

    [Fact]
    public async Task A_watch_from_before_the_cache_was_filled_is_told_what_happened_since()
    {
        var first = await CreateAsync("configmaps", "default", ConfigMap("x"));
        await DeleteAsync("configmaps", "default", "x");
        await CreateAsync("configmaps", "default", ConfigMap("y"));
        await using var later = NewRegistry();
        var events = await later.WatchAsync(
            Of("configmaps"), "default", new() { ResourceVersion = first.TextAt("metadata", "resourceVersion") }, Cancellation);
        var told = new List<string>();
        await foreach (var happened in events.WithCancellation(Cancellation))
        {
            told.Add($"{happened.Type} {happened.Object!.Name}");
            if (told.Count == 2)
            {
                await CreateAsync("configmaps", "default", ConfigMap("z"));
            }
            else if (told.Count == 3)
            {
                break;
            }
        }

        Assert.Equal(["Deleted x", "Added y", "Added z"], told);
    }

    [Fact]
    public async Task Lists_are_in_the_order_of_keys()
    {
        Assert.Equal(["z", "a", "b", "c"], Names(await ListAsync(new())));
        Assert.Equal(["a", "b", "c"], Names(await ListAsync(new(), "default")));
        Assert.Empty((await ListAsync(new(), "nowhere")).Items);
    }

    [Fact]
    public async Task Pages_show_one_revision_whatever_happens_meanwhile()
    {
        var first = await ListAsync(new() { Limit = 2 });
        await DeleteAsync("configmaps", "default", "b");
        await CreateAsync("configmaps", "default", ConfigMap("bb"));
        var second = await ListAsync(new() { Limit = 2, Continue = first.Continue });

        Assert.Equal(["z", "a"], Names(first));
        Assert.Equal(2, first.RemainingItemCount);
        Assert.Equal(["b", "c"], Names(second));
        Assert.Equal("", second.Continue);
        Assert.Equal(first.Revision, second.Revision);
    }

    [Fact]
    public async Task A_page_is_full_of_what_matches()
    {
        var first = await ListAsync(new() { Limit = 1, LabelSelector = "n in (b,c)" });
        var second = await ListAsync(new() { Limit = 1, LabelSelector = "n in (b,c)", Continue = first.Continue });

        Assert.Equal(["b"], Names(first));
        Assert.Null(first.RemainingItemCount);
        Assert.Equal(["c"], Names(second));
        Assert.Equal("", second.Continue);
    }

    [Fact]
    public async Task A_token_that_is_too_old_says_how_to_go_on()
    {
        var first = await ListAsync(new() { Limit = 2 });
        await CreateAsync("configmaps", "default", ConfigMap("d"));
        await Store.CompactAsync(long.MaxValue, Cancellation);

        var status = await RefusedAsync(() => ListAsync(new() { Limit = 5, Continue = first.Continue }));
        var rest = await ListAsync(new() { Limit = 5, Continue = status.Continue });

        Assert.Equal((410, "Expired"), (status.Code, status.Reason));
        Assert.Equal(["b", "c", "d"], Names(rest));
    }

    [Fact]
    public async Task Versions_are_exact_or_not_older_than()
    {
        var before = (await ListAsync(new())).Revision;
        var made = await CreateAsync("configmaps", "default", ConfigMap("d"));

        Assert.Equal(4, (await ListAsync(new() { ResourceVersion = $"{before}", ResourceVersionMatch = "Exact" })).Items.Count);
        Assert.Equal(5, (await ListAsync(new() { ResourceVersion = made.TextAt("metadata", "resourceVersion") })).Items.Count);
        var status = await RefusedAsync(() => ListAsync(new() { ResourceVersion = $"{before + 1000}" }));
        Assert.Equal((504, "ResourceVersionTooLarge"), (status.Code, status.Causes[0].Reason));
    }

    [Theory]
    [InlineData("x", "", "", 400)]
    [InlineData("", "Exact", "", 422)]
    [InlineData("0", "Exact", "", 422)]
    [InlineData("5", "", "abc", 400)]
    public async Task Options_that_do_not_go_together_are_refused(string version, string match, string token, int code)
        => Assert.Equal(code, (await RefusedAsync(() => ListAsync(new() { ResourceVersion = version, ResourceVersionMatch = match, Continue = token }))).Code);

    [Theory]
    [InlineData("app=$", "")]
    [InlineData("", "spec.foo=x")]
    [InlineData("", "metadata.name")]
    public async Task Selectors_that_mean_nothing_are_refused(string labels, string fields)
        => Assert.Equal(400, (await RefusedAsync(() => ListAsync(new() { LabelSelector = labels, FieldSelector = fields }))).Code);

    [Fact]
    public async Task A_watch_from_a_version_tells_what_came_after_it()
    {
        var from = (await ListAsync(new())).Revision;
        await using var watch = await WatchAsync(new() { ResourceVersion = $"{from}" });
        var made = await CreateAsync("configmaps", "default", ConfigMap("d"));
        await DeleteAsync("configmaps", "default", "a");

        var added = await watch.NextAsync();
        var deleted = await watch.NextAsync();
        Assert.Equal((WatchEventType.Added, "d", made.TextAt("metadata", "resourceVersion")), (added.Type, added.Object!.Name, added.Object.ResourceVersion));
        Assert.Equal((WatchEventType.Deleted, "a"), (deleted.Type, deleted.Object!.Name));
        Assert.True(deleted.Object.Revision > added.Object.Revision);
    }

    [Fact]
    public async Task A_watch_from_nowhere_begins_with_what_is_there()
    {
        await using var watch = await WatchAsync(new(), "default-b");

        Assert.Equal((WatchEventType.Added, "z"), await watch.NameAsync());
        await CreateAsync("configmaps", "default-b", ConfigMap("y"));
        Assert.Equal((WatchEventType.Added, "y"), await watch.NameAsync());
    }

    [Fact]
    public async Task Objects_come_into_the_sight_of_a_watcher_and_leave_it()
    {
        var from = (await ListAsync(new())).Revision;
        await using var watch = await WatchAsync(new() { ResourceVersion = $"{from}", LabelSelector = "seen=yes" });
        var value = await GetAsync("configmaps", "default", "a");
        foreach (var seen in (string[])["yes", "yes", "no"])
        {
            value.Ensure("metadata").Ensure("labels")["seen"] = seen;
            value.Ensure("data")["a"] = value.TextAt("data", "a") + "x";
            value = await UpdateAsync("configmaps", "default", value);
        }

        var events = new[] { await watch.NextAsync(), await watch.NextAsync(), await watch.NextAsync() };
        Assert.Equal([WatchEventType.Added, WatchEventType.Modified, WatchEventType.Deleted], events.Select(one => one.Type));
        Assert.Equal("yes", events[2].Object!.Labels["seen"]);
        Assert.Equal(value.TextAt("metadata", "resourceVersion"), events[2].Object!.ResourceVersion);
    }

    [Fact]
    public async Task A_version_before_all_that_is_known_is_too_old()
    {
        await ListAsync(new());
        await Store.CompactAsync(long.MaxValue, Cancellation);
        await using var watch = await WatchAsync(new() { ResourceVersion = "1" });

        var error = await watch.NextAsync();

        Assert.Equal((WatchEventType.Error, 410, "Expired"), (error.Type, error.Error!.Code, error.Error.Reason));
        Assert.StartsWith("too old resource version: 1 (", error.Error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Streaming_lists_end_with_a_bookmark()
    {
        await using var watch = await WatchAsync(new() { SendInitialEvents = true, ResourceVersionMatch = "NotOlderThan", AllowBookmarks = true });
        for (var i = 0; i < 4; i++)
        {
            Assert.Equal(WatchEventType.Added, (await watch.NextAsync()).Type);
        }

        var bookmark = await watch.NextAsync();
        Assert.Equal((WatchEventType.Bookmark, true), (bookmark.Type, bookmark.EndsInitialEvents));
    }

    [Fact]
    public async Task Two_registries_on_one_store_act_as_one()
    {
        await using var other = NewRegistry();
        var from = (await other.ListAsync(Of("configmaps"), "", new(), Cancellation)).Revision;
        await using var watch = new Watching(await other.WatchAsync(Of("configmaps"), "", new() { ResourceVersion = $"{from}" }, Cancellation));
        await CreateAsync("configmaps", "default", ConfigMap("d"));

        Assert.Equal((WatchEventType.Added, "d"), await watch.NameAsync());
        Assert.Equal(5, (await other.ListAsync(Of("configmaps"), "", new(), Cancellation)).Items.Count);
    }

    private Task<ObjectList> ListAsync(ListOptions options, string ns = "") => Kube.ListAsync(Of("configmaps"), ns, options, Cancellation);

    private async Task<Watching> WatchAsync(WatchOptions options, string ns = "")
        => new(await Kube.WatchAsync(Of("configmaps"), ns, options, Cancellation));

    private static string[] Names(ObjectList list) => [.. list.Items.Select(one => one.Name)];

    private sealed class Watching(IAsyncEnumerable<WatchEvent> events) : IAsyncDisposable
    {
        private readonly IAsyncEnumerator<WatchEvent> _events = events.GetAsyncEnumerator(Cancellation);

        public async Task<WatchEvent> NextAsync() => await _events.MoveNextAsync() ? _events.Current : throw new InvalidOperationException("The watch ended.");

        public async Task<(WatchEventType, string)> NameAsync()
        {
            var next = await NextAsync();
            return (next.Type, next.Object!.Name);
        }

        public ValueTask DisposeAsync() => _events.DisposeAsync();
    }
}
