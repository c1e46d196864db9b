using System.Text.Json.Nodes;
using KubeStore.Objects;

namespace KubeStore.Tests.Registry;

public sealed class DeleteTests : RegistryFixture
{
    private const string BoundPod = """{"metadata":{"name":"p"},"spec":{"nodeName":"n","terminationGracePeriodSeconds":20,"containers":[{"name":"c","image":"i"}]}}""";

    [Fact]
    public async Task What_nothing_keeps_is_gone_at_once()
    {
        var made = await CreateAsync("configmaps", "default", ConfigMap("a"));
        var deleted = await DeleteAsync("configmaps", "default", "a");

        Assert.True(deleted.IsGone);
        Assert.True(deleted.Object.Revision > long.Parse(made.TextAt("metadata", "resourceVersion"), System.Globalization.CultureInfo.InvariantCulture));
        Assert.Equal(404, (await RefusedAsync(() => DeleteAsync("configmaps", "default", "a"))).Code);
    }

    [Fact]
    public async Task Finalizers_keep_it_until_the_last_of_them_is_taken_away()
    {
        await CreateAsync("configmaps", "default", ConfigMap("a", ""","finalizers":["example.com/x"]"""));
        var deleted = await DeleteAsync("configmaps", "default", "a");
        var there = await GetAsync("configmaps", "default", "a");
        var added = (JsonObject)there.DeepClone();
        added.Ensure("metadata")["finalizers"] = JsonAccess.ToArray(["example.com/x", "example.com/y"]);
        var refused = await RefusedAsync(() => UpdateAsync("configmaps", "default", added));
        there.Ensure("metadata").Remove("finalizers");
        var last = await UpdateAsync("configmaps", "default", there);

        Assert.False(deleted.IsGone);
        Assert.NotEqual("", there.TextAt("metadata", "deletionTimestamp"));
        Assert.Contains("no new finalizers can be added if the object is being deleted", refused.Message, StringComparison.Ordinal);
        Assert.NotEqual("", last.TextAt("metadata", "deletionTimestamp"));
        Assert.Equal(404, (await RefusedAsync(() => GetAsync("configmaps", "default", "a"))).Code);
    }

    [Fact]
    public async Task A_pod_on_a_node_is_given_time_that_can_only_be_shortened()
    {
        await CreateAsync("pods", "default", BoundPod);
        var first = (await DeleteAsync("pods", "default", "p")).Object.ToJson();
        var longer = (await DeleteAsync("pods", "default", "p", new() { GracePeriodSeconds = 60 })).Object.ToJson();
        var shorter = (await DeleteAsync("pods", "default", "p", new() { GracePeriodSeconds = 5 })).Object.ToJson();
        var gone = await DeleteAsync("pods", "default", "p", new() { GracePeriodSeconds = 0 });

        Assert.Equal((20, 20, 5), (Grace(first), Grace(longer), Grace(shorter)));
        Assert.True(gone.IsGone);
    }

    [Fact]
    public async Task A_pod_on_no_node_has_nobody_to_wait_for()
    {
        await CreateAsync("pods", "default", BoundPod.Replace("\"nodeName\":\"n\",", "", StringComparison.Ordinal));

        Assert.True((await DeleteAsync("pods", "default", "p")).IsGone);
    }

    [Theory]
    [InlineData(Propagation.Foreground, "foregroundDeletion")]
    [InlineData(Propagation.Orphan, "orphan")]
    public async Task What_becomes_of_dependents_stands_in_the_finalizers(Propagation propagation, string finalizer)
    {
        await CreateAsync("configmaps", "default", ConfigMap("a"));
        var deleted = await DeleteAsync("configmaps", "default", "a", new() { Propagation = propagation });

        Assert.False(deleted.IsGone);
        Assert.Equal([finalizer], ObjectMeta.Of(deleted.Object.ToJson()).Finalizers);
    }

    [Fact]
    public async Task Preconditions_must_hold()
    {
        await CreateAsync("configmaps", "default", ConfigMap("a"));

        Assert.Equal(409, (await RefusedAsync(() => DeleteAsync("configmaps", "default", "a", new() { Uid = "other" }))).Code);
        Assert.Equal(409, (await RefusedAsync(() => DeleteAsync("configmaps", "default", "a", new() { ResourceVersion = "1" }))).Code);
    }

    [Fact]
    public async Task A_namespace_terminates_and_some_never_do()
    {
        await CreateAsync("namespaces", "", """{"metadata":{"name":"x"}}""");
        var deleted = await DeleteAsync("namespaces", "", "x");

        Assert.False(deleted.IsGone);
        Assert.Equal("Terminating", deleted.Object.Field("status.phase"));
        var status = await RefusedAsync(() => CreateAsync("configmaps", "x", ConfigMap("a")));
        Assert.Equal((403, "NamespaceTerminating"), (status.Code, Assert.Single(status.Causes).Reason));
        Assert.Equal(403, (await RefusedAsync(() => DeleteAsync("namespaces", "", "default"))).Code);
    }

    [Fact]
    public async Task A_collection_goes_by_its_selectors()
    {
        await CreateAsync("configmaps", "default", ConfigMap("a", ""","labels":{"x":"y"}"""));
        await CreateAsync("configmaps", "default", ConfigMap("b"));

        var deleted = await Kube.DeleteCollectionAsync(Of("configmaps"), "default", new() { LabelSelector = "x=y" }, new(), Cancellation);

        Assert.Equal(["a"], deleted.Items.Select(one => one.Name));
        Assert.Equal(["b"], (await Kube.ListAsync(Of("configmaps"), "", new(), Cancellation)).Items.Select(one => one.Name));
    }

    private static long? Grace(JsonObject pod) => pod.IntegerAt("metadata", "deletionGracePeriodSeconds");
}
