using System.Globalization;
using System.Text.Json.Nodes;
using KubeStore.Failures;
using KubeStore.Informers;
using KubeStore.Objects;
using KubeStore.Registry;
using RaftKv.Testing;

namespace KubeStore.Tests.Clusters;

/// <summary>Registries on a cluster of three members in this process, some of which die.</summary>
public sealed class ClusterTests : IAsyncLifetime
{
    // Of a clock that goes as fast as it can: threads that are slow must not be late by it.
    private static readonly TimeSpan Patience = TimeSpan.FromDays(100);

    private RaftKvTestServer _server = null!;
    private KubeRegistry _one = null!;
    private KubeRegistry _other = null!;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _server = await RaftKvTestServer.StartAsync(new() { Members = 3 }, Cancellation);
        _one = new(_server.Client);
        _other = new(_server.ClientOf(1));
        await _one.CreateAsync(_one.Catalog.Find("", "v1", "namespaces")!, "", Object("default"), new(), Cancellation);
    }

    public async ValueTask DisposeAsync()
    {
        await _one.DisposeAsync();
        await _other.DisposeAsync();
        await _server.DisposeAsync();
    }

    [Fact]
    public async Task Two_registries_act_as_one()
    {
        var (here, there) = (new RegistryClient(_one), new RegistryClient(_other));
        var made = await here.CreateAsync(KubeResource.ConfigMaps, "default", Object("a"), cancellation: Cancellation);
        Assert.Equal(made.ResourceVersion, (await there.GetAsync(KubeResource.ConfigMaps, "default", "a", Cancellation)).ResourceVersion);
        Assert.Equal(["a"], (await there.ListAsync(KubeResource.ConfigMaps, "default", cancellation: Cancellation)).Items.Select(one => one.Name));
        var refused = await Assert.ThrowsAsync<StatusException>(() => there.CreateAsync(KubeResource.ConfigMaps, "default", Object("a"), cancellation: Cancellation));
        Assert.Equal("AlreadyExists", refused.Status.Reason);

        await there.DeleteAsync(KubeResource.ConfigMaps, "default", "a", cancellation: Cancellation);
        Assert.Empty((await here.ListAsync(KubeResource.ConfigMaps, "default", cancellation: Cancellation)).Items);
    }

    [Fact]
    public async Task A_hundred_writers_at_two_registries_lose_nothing()
    {
        var maps = _one.Catalog.Find("", "v1", "configmaps")!;
        await _one.CreateAsync(maps, "default", Object("counter"), new(), Cancellation);
        await Task.WhenAll(Enumerable.Range(0, 100).Select(i => Task.Run(() => IncrementAsync(i % 2 == 0 ? _one : _other), Cancellation)));

        Assert.Equal("100", (await _one.GetAsync(maps, "default", "counter", cancellation: Cancellation)).ToJson().TextAt("data", "n"));

        async Task IncrementAsync(KubeRegistry registry)
        {
            while (true)
            {
                var counter = (await registry.GetAsync(maps, "default", "counter", cancellation: Cancellation)).ToJson();
                counter.Ensure("data")["n"] = ((int.TryParse(counter.TextAt("data", "n"), CultureInfo.InvariantCulture, out var n) ? n : 0) + 1).ToString(CultureInfo.InvariantCulture);
                try
                {
                    await registry.UpdateAsync(maps, "default", "counter", counter, new(), "", Cancellation);
                    return;
                }
                catch (StatusException late) when (late.Status.Reason == "Conflict")
                {
                    // Somebody was faster.
                }
            }
        }
    }

    [Fact]
    public async Task Informers_have_what_the_store_has_after_members_have_died()
    {
        // Whoever waits for something does so by the clock that the cluster goes by.
        await using var one = new KubeRegistry(_server.Client, new() { Time = _server.Time });
        await using var other = new KubeRegistry(_server.ClientOf(1), new() { Time = _server.Time });
        await using var near = new SharedInformer(new RegistryClient(one), KubeResource.ConfigMaps, new() { Time = _server.Time });
        await using var far = new SharedInformer(new RegistryClient(other), KubeResource.ConfigMaps, new() { Time = _server.Time });
        near.Start();
        far.Start();
        var writer = new RegistryClient(one);
        for (var round = 0; round < 6; round++)
        {
            // The one that leads, and others, each only after the last one is back.
            var victim = round % 3;
            await _server.KillAsync(victim);
            for (var i = 0; i < 5; i++)
            {
                await WriteAsync(() => writer.CreateAsync(KubeResource.ConfigMaps, "default", Object($"r{round}-{i}"), cancellation: Cancellation), "AlreadyExists");
            }

            await WriteAsync(() => writer.DeleteAsync(KubeResource.ConfigMaps, "default", $"r{round}-0", cancellation: Cancellation), "NotFound");
            await _server.RestartAsync(victim, Cancellation);
        }

        var list = await UntilAnsweredAsync(() => writer.ListAsync(KubeResource.ConfigMaps, "default", cancellation: Cancellation));
        Assert.Equal(24, list.Items.Count);
        foreach (var informer in (SharedInformer[])[near, far])
        {
            await _server.AdvanceUntilAsync(informer.UntilAsync(_ => informer.Revision >= list.Items.Max(one => one.Revision), Cancellation), Patience, Cancellation);
            Assert.Equal(Shown(list.Items), Shown(informer.Store.All()));
        }
    }

    private static IEnumerable<string> Shown(IEnumerable<KubeObject> objects) => objects.Select(one => $"{one.Name}@{one.ResourceVersion}").Order(StringComparer.Ordinal);

    // A write whose answer got lost may have happened.
    private async Task WriteAsync(Func<Task> write, string happenedBefore)
    {
        try
        {
            await UntilAnsweredAsync(async () =>
            {
                await write();
                return true;
            });
        }
        catch (StatusException done) when (done.Status.Reason == happenedBefore)
        {
            // By the attempt before.
        }
    }

    private async Task<T> UntilAnsweredAsync<T>(Func<Task<T>> ask)
    {
        while (true)
        {
            try
            {
                return await _server.AdvanceUntilAsync(ask(), Patience, Cancellation);
            }
            catch (StatusException away) when (away.Status.Reason is "ServerTimeout" or "Timeout")
            {
                // Again.
            }
        }
    }

    private static JsonObject Object(string name) => new() { ["metadata"] = new JsonObject { ["name"] = name } };
}
