using System.Text.Json.Nodes;
using KubeStore.Objects;
using KubeStore.Registry;

namespace KubeStore.Tests.Registry;

public sealed class UpdateTests : RegistryFixture
{
    private const string Deployment = """
        {"metadata":{"name":"web"},
         "spec":{"selector":{"matchLabels":{"a":"b"}},"template":{"metadata":{"labels":{"a":"b"}},"spec":{"containers":[{"name":"c","image":"nginx"}]}}}}
        """;

    [Fact]
    public async Task A_write_that_changes_nothing_is_none()
    {
        var made = await CreateAsync("configmaps", "default", ConfigMap("a"));
        var again = await UpdateAsync("configmaps", "default", (JsonObject)made.DeepClone());

        Assert.Equal(made.TextAt("metadata", "resourceVersion"), again.TextAt("metadata", "resourceVersion"));
    }

    [Fact]
    public async Task Who_comes_from_an_old_version_is_refused()
    {
        var made = await CreateAsync("configmaps", "default", ConfigMap("a"));
        var first = (JsonObject)made.DeepClone();
        first.Ensure("data")["a"] = "2";
        await UpdateAsync("configmaps", "default", first);
        var second = (JsonObject)made.DeepClone();
        second.Ensure("data")["a"] = "3";

        var status = await RefusedAsync(() => UpdateAsync("configmaps", "default", second));

        Assert.Equal((409, "Conflict"), (status.Code, status.Reason));
        Assert.Equal("2", (await GetAsync("configmaps", "default", "a")).TextAt("data", "a"));
    }

    [Fact]
    public async Task Without_a_version_the_last_one_wins_where_the_kind_allows_it()
    {
        await CreateAsync("configmaps", "default", ConfigMap("a"));
        var next = await UpdateAsync("configmaps", "default", Json("""{"metadata":{"name":"a"},"data":{"a":"2"}}"""));
        await CreateAsync("leases", "default", """{"metadata":{"name":"a"},"spec":{}}""");

        Assert.Equal("2", next.TextAt("data", "a"));
        Assert.Equal(422, (await RefusedAsync(() => UpdateAsync("leases", "default", Json("""{"metadata":{"name":"a"},"spec":{"holderIdentity":"x"}}""")))).Code);
    }

    [Fact]
    public async Task The_generation_counts_changes_of_the_spec_and_nothing_else()
    {
        var made = await CreateAsync("deployments", "default", Deployment);
        made.Ensure("spec")["replicas"] = JsonValue.Create(3L);
        var scaled = await UpdateAsync("deployments", "default", made);
        scaled.Ensure("metadata")["annotations"] = new JsonObject { ["x"] = "y" };
        var noted = await UpdateAsync("deployments", "default", scaled);
        noted.Ensure("status")["replicas"] = JsonValue.Create(3L);
        var status = await UpdateAsync("deployments", "default", noted, "status");

        Assert.Equal((2, 2, 2), (scaled.IntegerAt("metadata", "generation"), noted.IntegerAt("metadata", "generation"), status.IntegerAt("metadata", "generation")));
        Assert.Equal(3, status.IntegerAt("status", "replicas"));
    }

    [Fact]
    public async Task Status_and_the_rest_are_written_at_addresses_of_their_own()
    {
        var made = await CreateAsync("deployments", "default", Deployment);
        var both = (JsonObject)made.DeepClone();
        both.Ensure("spec")["replicas"] = JsonValue.Create(5L);
        both.Ensure("status")["replicas"] = JsonValue.Create(4L);

        var status = await UpdateAsync("deployments", "default", (JsonObject)both.DeepClone(), "status");
        both.Ensure("metadata")["resourceVersion"] = status.TextAt("metadata", "resourceVersion");
        both.Ensure("status")["replicas"] = JsonValue.Create(9L);
        var main = await UpdateAsync("deployments", "default", both);

        Assert.Equal((1, 4), (status.IntegerAt("spec", "replicas"), status.IntegerAt("status", "replicas")));
        Assert.Equal((5, 4), (main.IntegerAt("spec", "replicas"), main.IntegerAt("status", "replicas")));
    }

    [Fact]
    public async Task Fields_that_may_not_change_do_not()
    {
        var made = await CreateAsync("deployments", "default", Deployment);
        var moved = (JsonObject)made.DeepClone();
        moved.Ensure("metadata")["creationTimestamp"] = "2001-01-01T00:00:00Z";
        moved.Ensure("metadata")["deletionTimestamp"] = "2001-01-01T00:00:00Z";
        moved.Ensure("spec")["replicas"] = JsonValue.Create(2L);
        var updated = await UpdateAsync("deployments", "default", moved);
        updated.Ensure("spec").Ensure("selector").Ensure("matchLabels")["x"] = "y";
        updated.Ensure("spec").Ensure("template").Ensure("metadata").Ensure("labels")["x"] = "y";

        Assert.Equal(made.TextAt("metadata", "creationTimestamp"), updated.TextAt("metadata", "creationTimestamp"));
        Assert.Equal("", updated.TextAt("metadata", "deletionTimestamp"));
        var status = await RefusedAsync(() => UpdateAsync("deployments", "default", updated));
        Assert.Contains("spec.selector: Invalid value", status.Message, StringComparison.Ordinal);
        Assert.Contains("field is immutable", status.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_uid_of_another_object_is_a_precondition_that_fails()
    {
        await CreateAsync("configmaps", "default", ConfigMap("a"));

        var status = await RefusedAsync(() => UpdateAsync("configmaps", "default", Json("""{"metadata":{"name":"a","uid":"other"}}""")));

        Assert.Equal(409, status.Code);
        Assert.Contains("Precondition failed: UID in precondition: other", status.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_update_of_what_is_not_there_creates_it_where_the_kind_allows_it()
    {
        var made = await UpdateAsync("services", "default", Json("""{"metadata":{"name":"a"},"spec":{"ports":[{"port":80}]}}"""));

        Assert.NotEqual("", made.TextAt("metadata", "uid"));
        Assert.Equal(404, (await RefusedAsync(() => UpdateAsync("configmaps", "default", Json("""{"metadata":{"name":"a"}}""")))).Code);
    }

    [Fact]
    public async Task A_hundred_writers_on_one_object_lose_nothing()
    {
        await CreateAsync("configmaps", "default", """{"metadata":{"name":"a"},"data":{"n":"0"}}""");

        await Task.WhenAll(Enumerable.Range(0, 100).Select(_ => Task.Run(() => Kube.ChangeAsync(
            Of("configmaps"),
            "default",
            "a",
            "",
            current =>
            {
                current.Ensure("data")["n"] = $"{int.Parse(current.TextAt("data", "n"), System.Globalization.CultureInfo.InvariantCulture) + 1}";
                return current;
            },
            new WriteOptions(),
            ChangeRules.None,
            Cancellation))));

        Assert.Equal("100", (await GetAsync("configmaps", "default", "a")).TextAt("data", "n"));
    }
}
