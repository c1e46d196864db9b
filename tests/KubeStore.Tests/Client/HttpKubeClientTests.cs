using System.Text.Json.Nodes;
using KubeStore.Authz;
using KubeStore.Failures;
using KubeStore.Informers;
using KubeStore.Objects;
using KubeStore.Tests.Http;

namespace KubeStore.Tests.Client;

public sealed class HttpKubeClientTests : IAsyncLifetime
{
    private KubeServer _server = null!;
    private HttpKubeClient _kube = null!;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _server = await KubeServer.StartAsync();
        _kube = new(new() { Server = _server.Address, Name = "tests" });
    }

    public async ValueTask DisposeAsync()
    {
        _kube.Dispose();
        await _server.DisposeAsync();
    }

    [Fact]
    public async Task Objects_come_back_as_they_were_written()
    {
        var made = await _kube.CreateAsync(KubeResource.ConfigMaps, "default", Map("a", "1"), cancellation: Cancellation);
        var got = await _kube.GetAsync(KubeResource.ConfigMaps, "default", "a", Cancellation);
        Assert.True(JsonNode.DeepEquals(made.ToJson(), got.ToJson()));
        Assert.Equal("tests", got.ToJson().ArrayAt("metadata", "managedFields").Objects().Single().TextAt("manager"));

        var changed = got.ToJson();
        changed["data"] = new JsonObject { ["a"] = "2" };
        var updated = await _kube.UpdateAsync(KubeResource.ConfigMaps, "default", changed, cancellation: Cancellation);
        Assert.True(updated.Revision > made.Revision);
        var patched = await _kube.PatchAsync(
            KubeResource.ConfigMaps, "default", "a", PatchType.Merge, new JsonObject { ["data"] = new JsonObject { ["b"] = "3" } }, cancellation: Cancellation);
        Assert.Equal(("2", "3"), (patched.Field("data.a"), patched.Field("data.b")));

        var config = Map("a", "4");
        config["kind"] = "ConfigMap";
        config["apiVersion"] = "v1";
        var applied = await _kube.PatchAsync(KubeResource.ConfigMaps, "default", "a", PatchType.Apply, config, new() { Force = true }, Cancellation);
        Assert.Equal(("4", "3"), (applied.Field("data.a"), applied.Field("data.b")));
    }

    [Fact]
    public async Task Lists_say_what_their_items_are_and_come_in_pages()
    {
        foreach (var name in (string[])["a", "b", "c"])
        {
            await _kube.CreateAsync(KubeResource.ConfigMaps, "default", Map(name, "1"), cancellation: Cancellation);
        }

        var first = await _kube.ListAsync(KubeResource.ConfigMaps, "default", new() { Limit = 2 }, Cancellation);
        var rest = await _kube.ListAsync(KubeResource.ConfigMaps, "default", new() { Limit = 2, Continue = first.Continue }, Cancellation);
        Assert.Equal(["a", "b", "c"], first.Items.Concat(rest.Items).Select(one => one.Name));
        Assert.Equal(1, first.RemainingItemCount);
        Assert.Equal(first.Revision, rest.Revision);
        Assert.All(first.Items, one => Assert.Equal(("ConfigMap", "v1"), (one.Kind, one.ApiVersion)));
    }

    [Fact]
    public async Task Refusals_arrive_with_all_they_say()
    {
        var missing = await Assert.ThrowsAsync<StatusException>(() => _kube.GetAsync(KubeResource.ConfigMaps, "default", "none", Cancellation));
        Assert.Equal((404, "NotFound", "none"), (missing.Status.Code, missing.Status.Reason, missing.Status.Name));
        var made = await _kube.CreateAsync(KubeResource.ConfigMaps, "default", Map("a", "1"), cancellation: Cancellation);
        var twice = await Assert.ThrowsAsync<StatusException>(() => _kube.CreateAsync(KubeResource.ConfigMaps, "default", Map("a", "1"), cancellation: Cancellation));
        Assert.Equal("AlreadyExists", twice.Status.Reason);
        var other = await Assert.ThrowsAsync<StatusException>(() => _kube.DeleteAsync(KubeResource.ConfigMaps, "default", "a", new() { Uid = "other" }, Cancellation));
        Assert.Equal("Conflict", other.Status.Reason);
        await _kube.DeleteAsync(KubeResource.ConfigMaps, "default", "a", new() { Uid = made.Uid, Propagation = Propagation.Background }, Cancellation);
        var wrong = await Assert.ThrowsAsync<StatusException>(
            () => _kube.CreateAsync(KubeResource.ConfigMaps, "default", Map("Not A Name", "1"), cancellation: Cancellation));
        Assert.Equal("metadata.name", Assert.Single(wrong.Status.Causes).Field);
        var unknown = await Assert.ThrowsAsync<StatusException>(() => _kube.ListAsync(new("example.com", "v1", "Thing", "things"), "", cancellation: Cancellation));
        Assert.Equal(404, unknown.Status.Code);
    }

    [Fact]
    public async Task A_watch_tells_everything_in_order_and_ends_when_its_time_is_over()
    {
        var made = await _kube.CreateAsync(KubeResource.ConfigMaps, "default", Map("a", "1"), cancellation: Cancellation);
        var events = _kube.WatchAsync(
            KubeResource.ConfigMaps, "default", new() { ResourceVersion = made.ResourceVersion, FieldSelector = "metadata.name=a" }, Cancellation).GetAsyncEnumerator(Cancellation);
        await using (events)
        {
            await _kube.PatchAsync(
                KubeResource.ConfigMaps, "default", "a", PatchType.Merge, new JsonObject { ["data"] = new JsonObject { ["a"] = new string('x', 100_000) } }, cancellation: Cancellation);
            await _kube.DeleteAsync(KubeResource.ConfigMaps, "default", "a", cancellation: Cancellation);
            Assert.True(await events.MoveNextAsync());
            Assert.Equal((WatchEventType.Modified, 100_000), (events.Current.Type, events.Current.Object!.Field("data.a").Length));
            Assert.True(await events.MoveNextAsync());
            Assert.Equal(WatchEventType.Deleted, events.Current.Type);
        }

        var old = _kube.WatchAsync(KubeResource.ConfigMaps, "default", new() { Timeout = TimeSpan.FromSeconds(1) }, Cancellation);
        await foreach (var _ in old)
        {
            // Nothing is there.
        }
    }

    [Fact]
    public async Task Who_is_not_there_does_not_answer_and_a_watch_of_theirs_breaks()
    {
        await _kube.CreateAsync(KubeResource.ConfigMaps, "default", Map("a", "1"), cancellation: Cancellation);
        var events = _kube.WatchAsync(KubeResource.ConfigMaps, "default", new(), Cancellation).GetAsyncEnumerator(Cancellation);
        await using (events)
        {
            while (await events.MoveNextAsync() && events.Current.Object!.Name != "a")
            {
                // Others may be there.
            }

            await _server.DisposeAsync();
            try
            {
                Assert.False(await events.MoveNextAsync());
            }
            catch (KubeUnreachableException)
            {
                // It ended well, or it broke; both are ends.
            }
        }

        await Assert.ThrowsAsync<KubeUnreachableException>(() => _kube.GetAsync(KubeResource.ConfigMaps, "default", "a", Cancellation));
        await Assert.ThrowsAsync<KubeUnreachableException>(
            async () => await _kube.WatchAsync(KubeResource.ConfigMaps, "default", new(), Cancellation).GetAsyncEnumerator(Cancellation).MoveNextAsync());
    }

    [Fact]
    public async Task A_token_says_who_asks()
    {
        await using var server = await KubeServer.StartAsync(
            new() { Authenticate = TokenFile.Parse(["secret,anna,1,\"system:masters\""]).Authenticate, UsesRoles = true });
        using var nobody = new HttpKubeClient(new() { Server = server.Address });
        using var stranger = new HttpKubeClient(new() { Server = server.Address, Token = () => "wrong" });
        using var anna = new HttpKubeClient(new() { Server = server.Address, Token = () => "secret" });

        Assert.Equal(403, (await Assert.ThrowsAsync<StatusException>(() => nobody.ListAsync(KubeResource.Pods, "", cancellation: Cancellation))).Status.Code);
        Assert.Equal(401, (await Assert.ThrowsAsync<StatusException>(() => stranger.ListAsync(KubeResource.Pods, "", cancellation: Cancellation))).Status.Code);
        Assert.Empty((await anna.ListAsync(KubeResource.Pods, "", cancellation: Cancellation)).Items);
    }

    [Fact]
    public async Task An_informer_over_HTTP_has_what_there_is()
    {
        await using var informer = new SharedInformer(_kube, KubeResource.ConfigMaps, new() { Namespace = "default", LabelSelector = "app=web" });
        informer.Start();
        await informer.SyncedAsync(Cancellation);
        var labelled = Map("a", "1");
        labelled["metadata"]!["labels"] = new JsonObject { ["app"] = "web" };
        var made = await _kube.CreateAsync(KubeResource.ConfigMaps, "default", labelled, cancellation: Cancellation);
        await informer.UntilAsync(store => store.Find(ObjectKey.Of(made)) is not null, Cancellation);
        var found = informer.Store.Find(ObjectKey.Of(made))!;
        Assert.True(JsonNode.DeepEquals(made.ToJson(), found.ToJson()));

        await _kube.PatchAsync(
            KubeResource.ConfigMaps, "default", "a", PatchType.Merge, JsonText.ParseObject("""{"metadata":{"labels":{"app":"other"}}}"""u8), cancellation: Cancellation);
        await informer.UntilAsync(store => store.Count == 0, Cancellation);
    }

    private static JsonObject Map(string name, string value)
        => new() { ["metadata"] = new JsonObject { ["name"] = name }, ["data"] = new JsonObject { ["a"] = value } };
}
