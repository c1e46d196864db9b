using System.Text.Json.Nodes;
using KubeStore.Objects;
using KubeStore.Registry;
using KubeStore.Tests.Registry;

namespace KubeStore.Tests.Patches;

public sealed class ApplyTests : RegistryFixture
{
    [Fact]
    public async Task Applying_creates_what_is_not_there_and_owns_what_it_says()
    {
        var result = await ApplyAsync("me", """{"data":{"a":"1"},"metadata":{"labels":{"x":"y"}}}""");
        var entry = result.Object.ToJson().ArrayAt("metadata", "managedFields").Objects().Single();

        Assert.True(result.IsCreated);
        Assert.Equal(("me", "Apply"), (entry.TextAt("manager"), entry.TextAt("operation")));
        Assert.Equal("""{"f:data":{"f:a":{}},"f:metadata":{"f:labels":{"f:x":{}}}}""", entry.At("fieldsV1")!.ToJsonString());
    }

    [Fact]
    public async Task What_a_manager_no_longer_wants_goes_unless_another_wants_it()
    {
        await ApplyAsync("me", """{"data":{"a":"1","b":"2","c":"3"}}""");
        await ApplyAsync("other", """{"data":{"b":"2","d":"4"}}""");
        var result = (await ApplyAsync("me", """{"data":{"a":"1"}}""")).Object.ToJson();

        Assert.Equal("""{"a":"1","b":"2","d":"4"}""", result.At("data")!.ToJsonString());
    }

    [Fact]
    public async Task A_field_that_another_owns_is_a_conflict_unless_forced()
    {
        await ApplyAsync("other", """{"data":{"a":"1"}}""");

        var status = await RefusedAsync(() => ApplyAsync("me", """{"data":{"a":"2"}}"""));
        var forced = (await ApplyAsync("me", """{"data":{"a":"2"}}""", force: true)).Object.ToJson();

        Assert.Equal((409, "Conflict"), (status.Code, status.Reason));
        Assert.Equal("Apply failed with 1 conflict: conflict with \"other\": .data.a", status.Message);
        Assert.Equal(("FieldManagerConflict", ".data.a"), (status.Causes[0].Reason, status.Causes[0].Field));
        Assert.Equal("2", forced.TextAt("data", "a"));
        Assert.Equal(["me"], forced.ArrayAt("metadata", "managedFields").Objects().Select(entry => entry.TextAt("manager")));
    }

    [Fact]
    public async Task The_same_value_is_owned_by_both()
    {
        await ApplyAsync("other", """{"data":{"a":"1"}}""");
        var result = (await ApplyAsync("me", """{"data":{"a":"1"}}""")).Object.ToJson();

        Assert.Equal(["me", "other"], result.ArrayAt("metadata", "managedFields").Objects().Select(entry => entry.TextAt("manager")).Order());
    }

    [Fact]
    public async Task Applying_the_same_again_is_no_write()
    {
        var first = await ApplyAsync("me", """{"data":{"a":"1"}}""");
        var second = await ApplyAsync("me", """{"data":{"a":"1"}}""");

        Assert.Equal(first.Object.ResourceVersion, second.Object.ResourceVersion);
    }

    [Fact]
    public async Task Who_updates_takes_the_fields_it_changes()
    {
        await ApplyAsync("other", """{"data":{"a":"1","b":"2"}}""");
        var value = await GetAsync("configmaps", "default", "x");
        value.Ensure("data")["a"] = "9";
        value.Ensure("metadata").Remove("managedFields");
        var updated = await UpdateAsync("configmaps", "default", value, options: new() { FieldManager = "me" });

        var byManager = updated.ArrayAt("metadata", "managedFields").Objects().ToDictionary(entry => entry.TextAt("manager"), entry => entry.At("fieldsV1")!.ToJsonString());
        Assert.Equal("""{"f:data":{"f:b":{}}}""", byManager["other"]);
        Assert.Equal("""{"f:data":{"f:a":{}}}""", byManager["me"]);
        Assert.Equal("Apply failed with 1 conflict: conflict with \"me\" using v1: .data.a", (await RefusedAsync(() => ApplyAsync("other", """{"data":{"a":"1","b":"2"}}"""))).Message);
    }

    [Fact]
    public async Task Elements_of_lists_are_owned_by_their_keys()
    {
        const string Config = """
            {"metadata":{"name":"p"},"spec":{"selector":{"matchLabels":{"a":"b"}},"template":{"metadata":{"labels":{"a":"b"}},"spec":{"containers":[
             {"name":"c","image":"i","ports":[{"containerPort":80}]}SECOND]}}}}
            """;
        await DeploymentAsync("me", Config.Replace("SECOND", ",{\"name\":\"d\",\"image\":\"j\"}", StringComparison.Ordinal));
        var both = await DeploymentAsync("me", Config.Replace("SECOND", "", StringComparison.Ordinal));

        Assert.Equal(["c"], both.ArrayAt("spec", "template", "spec", "containers").Objects().Select(one => one.TextAt("name")));
        var fields = both.ArrayAt("metadata", "managedFields").Objects().Single().ObjectAt("fieldsV1", "f:spec", "f:template", "f:spec", "f:containers");
        Assert.Equal("""{"k:{\"name\":\"c\"}":{".":{},"f:image":{},"f:name":{},"f:ports":{"k:{\"containerPort\":80,\"protocol\":\"TCP\"}":{".":{},"f:containerPort":{}}}}}""", Plain(fields!));
    }

    [Fact]
    public async Task Fields_nobody_declared_are_refused()
        => Assert.Contains(".dta: field not declared in schema", (await RefusedAsync(() => ApplyAsync("me", """{"dta":{}}"""))).Message, StringComparison.Ordinal);

    private Task<WriteResult> ApplyAsync(string manager, string config, bool force = false)
    {
        var body = Json(config);
        body["apiVersion"] = "v1";
        body["kind"] = "ConfigMap";
        body.Ensure("metadata")["name"] = "x";
        return Kube.PatchAsync(Of("configmaps"), "default", "x", PatchType.Apply, body, new() { FieldManager = manager, Force = force }, cancellation: Cancellation);
    }

    private async Task<JsonObject> DeploymentAsync(string manager, string config)
    {
        var body = Json(config);
        body["apiVersion"] = "apps/v1";
        body["kind"] = "Deployment";
        return (await Kube.PatchAsync(Of("deployments"), "default", "p", PatchType.Apply, body, new() { FieldManager = manager }, cancellation: Cancellation)).Object.ToJson();
    }

    private static string Plain(JsonNode json) => System.Text.Encoding.UTF8.GetString(JsonText.Write(json));
}
