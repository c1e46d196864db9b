using System.Text.Json.Nodes;
using KubeStore.Informers;
using KubeStore.Objects;
using KubeStore.Registry;
using KubeStore.Storage;
using KubeStore.Tests.Client;
using KubeStore.Tests.Registry;

namespace KubeStore.Tests.Informers;

/// <summary>Whatever happens to the connection, the server or the history: in the end the informer has what the store has.</summary>
public sealed class InformerTests : RegistryFixture
{
    private readonly ManualTime _time = new();
    private readonly List<KubeRegistry> _others = [];
    private SwitchedClient _client = null!;
    private SharedInformer _informer = null!;

    public override async ValueTask InitializeAsync()
    {
        await base.InitializeAsync();
        _client = new(new RegistryClient(Kube));
        _informer = new(_client, KubeResource.ConfigMaps, new() { Time = _time, Chance = () => 0.5 });
    }

    public override async ValueTask DisposeAsync()
    {
        await _informer.DisposeAsync();
        foreach (var other in _others)
        {
            await other.DisposeAsync();
        }

        _client.Dispose();
        await base.DisposeAsync();
    }

    [Fact]
    public async Task It_has_what_was_there_and_what_comes_and_forgets_what_goes()
    {
        await CreateAsync("configmaps", "default", ConfigMap("before"));
        _informer.Start();
        await _informer.SyncedAsync(Cancellation);
        Assert.Equal(["before"], Names());

        await CreateAsync("configmaps", "default", ConfigMap("after"));
        await DeleteAsync("configmaps", "default", "before");
        await EqualsStoreAsync();
        Assert.Equal(["after", "marker-1"], Names());
    }

    [Fact]
    public async Task A_watch_that_is_cut_goes_on_where_it_was()
    {
        _informer.Start();
        await _informer.SyncedAsync(Cancellation);
        await CreateAsync("configmaps", "default", ConfigMap("a"));
        await EqualsStoreAsync();
        _client.IsDown = true;
        _client.Cut();
        await CreateAsync("configmaps", "default", ConfigMap("b"));
        await DeleteAsync("configmaps", "default", "a");
        _client.IsDown = false;

        await EqualsStoreAsync();
        Assert.Single(_client.Asked, asked => asked.StartsWith("list", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_registry_that_was_started_anew_goes_on_where_the_old_one_was()
    {
        await CreateAsync("configmaps", "default", ConfigMap("a"));
        _informer.Start();
        await _informer.SyncedAsync(Cancellation);
        await DeleteAsync("configmaps", "default", "a");
        await CreateAsync("configmaps", "default", ConfigMap("b"));
        await RestartAsync();
        await EqualsStoreAsync();
        Assert.Equal(["b", "marker-1"], Names());

        // What the new one has not seen itself it knows from the store's history.
        Assert.Single(_client.Asked, asked => asked.StartsWith("list", StringComparison.Ordinal));
    }

    [Fact]
    public async Task History_that_was_compacted_meanwhile_is_made_up_for_by_a_list()
    {
        await CreateAsync("configmaps", "default", ConfigMap("a"));
        _informer.Start();
        await _informer.SyncedAsync(Cancellation);
        var missed = new List<string>();
        _informer.AddHandler(new() { Deleted = (value, isFinal) => missed.Add($"{value.Name} {isFinal}") });
        _client.IsDown = true;
        _client.Cut();
        await DeleteAsync("configmaps", "default", "a");
        await CreateAsync("configmaps", "default", ConfigMap("b"));
        await Store.CompactAsync(long.MaxValue, Cancellation);
        await RestartAsync();
        _client.IsDown = false;

        await EqualsStoreAsync();
        Assert.Equal(2, _client.Asked.Count(asked => asked.StartsWith("list", StringComparison.Ordinal)));
        await _time.UntilAsync(() => missed.Count > 0);
        Assert.Equal(["a False"], missed);
    }

    [Fact]
    public async Task Who_waits_for_a_registry_that_ends_learns_that_it_has()
    {
        Store.Trouble = new StorageUnavailableException("away");
        var registry = NewRegistry();
        var waiting = new RegistryClient(registry).ListAsync(KubeResource.Secrets, "default", new() { ResourceVersion = "0" }, Cancellation);
        await registry.DisposeAsync();
        Store.Trouble = null;

        await Assert.ThrowsAsync<KubeUnreachableException>(() => waiting);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public async Task In_the_end_it_has_what_the_store_has_whatever_happened(int seed)
    {
        var chance = new Random(seed);
        var versions = new Dictionary<ObjectKey, long>();
        var went = new List<string>();
        _informer.AddHandler(new()
        {
            Added = (value, _) => Check(value),
            Updated = (_, value) => Check(value),
            Deleted = (value, _) => versions.Remove(ObjectKey.Of(value)),
        });
        void Check(KubeObject value)
        {
            if (versions.TryGetValue(ObjectKey.Of(value), out var last) && last > value.Revision)
            {
                went.Add($"{value.Name} went from {last} back to {value.Revision}");
            }

            versions[ObjectKey.Of(value)] = value.Revision;
        }

        _informer.Start();
        for (var step = 0; step < 300; step++)
        {
            switch (chance.Next(40))
            {
                case 0:
                    _client.Cut();
                    break;
                case 1:
                    await RestartAsync();
                    break;
                case 2:
                    await Store.CompactAsync(long.MaxValue, Cancellation);
                    break;
                case 3:
                    Store.Trouble = new StorageUnavailableException("away");
                    _client.Cut();
                    _time.Advance(TimeSpan.FromSeconds(2));
                    await Task.Yield();
                    Store.Trouble = null;
                    break;
                case 4:
                    _client.IsDown = !_client.IsDown;
                    break;
                case 5:
                    await EqualsStoreAsync();
                    break;
                default:
                    await WriteAsync($"c{chance.Next(8)}", chance);
                    break;
            }
        }

        await EqualsStoreAsync();
        Assert.Empty(went);
    }

    [Fact]
    public async Task A_handler_that_comes_late_is_told_of_everything_once()
    {
        await CreateAsync("configmaps", "default", ConfigMap("a"));
        _informer.Start();
        await _informer.SyncedAsync(Cancellation);
        var told = new List<string>();
        var handler = _informer.AddHandler(new() { Added = (value, isInitial) => told.Add($"{value.Name} {isInitial}") });
        await handler.SyncedAsync(Cancellation);
        await CreateAsync("configmaps", "default", ConfigMap("b"));
        await EqualsStoreAsync();
        await handler.DisposeAsync();

        Assert.Equal(["a True", "b False", "marker-1 False"], told);
    }

    [Fact]
    public async Task Handlers_that_ask_for_it_see_everything_again_from_time_to_time()
    {
        await CreateAsync("configmaps", "default", ConfigMap("a"));
        await using var informer = new SharedInformer(_client, KubeResource.ConfigMaps, new() { Time = _time, Resync = TimeSpan.FromMinutes(10) });
        var again = 0;
        informer.AddHandler(new() { Updated = (before, now) => again += ReferenceEquals(before, now) ? 1 : 0 });
        informer.Start();
        await informer.SyncedAsync(Cancellation);

        await _time.UntilAsync(() => Volatile.Read(ref again) >= 2, TimeSpan.FromMinutes(1));
    }

    [Fact]
    public async Task What_a_handler_throws_is_told_and_the_others_go_on()
    {
        var trouble = new List<Exception>();
        await using var informer = new SharedInformer(_client, KubeResource.ConfigMaps, new() { Time = _time, Trouble = trouble.Add });
        var seen = new List<string>();
        var breaks = informer.AddHandler(new() { Added = (value, _) => throw new InvalidOperationException(value.Name) });
        var goesOn = informer.AddHandler(new() { Added = (value, _) => seen.Add(value.Name) });
        await CreateAsync("configmaps", "default", ConfigMap("a"));
        await CreateAsync("configmaps", "default", ConfigMap("b"));
        informer.Start();
        await breaks.SyncedAsync(Cancellation);
        await goesOn.SyncedAsync(Cancellation);

        Assert.Equal(["a", "b"], seen.Order());
        Assert.Equal(["a", "b"], trouble.Select(one => one.Message).Order());
    }

    [Fact]
    public async Task Objects_are_found_by_what_they_are_indexed_by()
    {
        _informer.Store.AddIndex("a", value => [value.Field("data.a")]);
        _informer.Start();
        await CreateAsync("configmaps", "default", ConfigMap("one"));
        await CreateAsync("configmaps", "default", """{"metadata":{"name":"two"},"data":{"a":"2"}}""");
        await EqualsStoreAsync();
        Assert.Equal(["marker-1", "one"], _informer.Store.Find("a", "1").Select(one => one.Name).Order());

        var two = await GetAsync("configmaps", "default", "two");
        two["data"] = new JsonObject { ["a"] = "3" };
        await UpdateAsync("configmaps", "default", two);
        await EqualsStoreAsync();
        Assert.Empty(_informer.Store.Find("a", "2"));
        Assert.Equal(["two"], _informer.Store.Find("a", "3").Select(one => one.Name));
        Assert.Equal(4, _informer.Store.InNamespace("default").Count);
    }

    private int _markers;

    /// <summary>Writes something to know by when everything before it has arrived, and compares all there is.</summary>
    private async Task EqualsStoreAsync()
    {
        _client.IsDown = false;
        var marker = await Current().CreateAsync(KubeResource.ConfigMaps, "default", Json(ConfigMap($"marker-{++_markers}")), cancellation: Cancellation);
        await _time.UntilAsync(() => _informer.Store.Find(ObjectKey.Of(marker)) is not null && _informer.Revision >= marker.Revision);
        var stored = await Store.RangeAsync("/registry/configmaps/", "/registry/configmaps0", 0, 0, Cancellation);
        Assert.Equal(
            stored.Values.Select(one => $"{one.Key} {one.Revision} {System.Text.Encoding.UTF8.GetString(one.Value.Span)}").Order(),
            _informer.Store.All().Select(one => $"/registry/configmaps/{ObjectKey.Of(one)} {one.Revision} {System.Text.Encoding.UTF8.GetString(one.Json.Span)}").Order());
    }

    private RegistryClient Current() => new(_others.LastOrDefault() ?? Kube);

    private async Task RestartAsync()
    {
        var old = _others.LastOrDefault() ?? Kube;
        _others.Add(NewRegistry());
        await old.DisposeAsync();
        _client.Use(Current());
    }

    private async Task WriteAsync(string name, Random chance)
    {
        var there = (await Store.RangeAsync($"/registry/configmaps/default/{name}", null, 0, 1, Cancellation)).Values.Count > 0;
        var body = Json(ConfigMap(name));
        body["data"] = new JsonObject { ["a"] = $"{chance.Next()}" };
        await (!there ? Current().CreateAsync(KubeResource.ConfigMaps, "default", body, cancellation: Cancellation)
            : chance.Next(3) == 0 ? Current().DeleteAsync(KubeResource.ConfigMaps, "default", name, cancellation: Cancellation)
            : Current().UpdateAsync(KubeResource.ConfigMaps, "default", body, cancellation: Cancellation));
    }

    private IEnumerable<string> Names() => _informer.Store.All().Select(one => one.Name).Order();
}
