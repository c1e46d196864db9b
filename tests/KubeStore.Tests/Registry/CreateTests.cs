using KubeStore.Objects;
using KubeStore.Registry;

namespace KubeStore.Tests.Registry;

public sealed class CreateTests : RegistryFixture
{
    [Fact]
    public async Task A_tree_made_in_code_may_have_any_of_NETs_numbers()
    {
        var body = Json("""{"metadata":{"name":"l"}}""");
        body["spec"] = new System.Text.Json.Nodes.JsonObject { ["leaseDurationSeconds"] = 15, ["leaseTransitions"] = (short)2 };
        var made = await Kube.CreateAsync(Of("leases"), "default", body, new(), Cancellation);
        Assert.Equal(15, made.Object.ToJson().IntegerAt("spec", "leaseDurationSeconds"));

        var patch = new System.Text.Json.Nodes.JsonObject { ["spec"] = new System.Text.Json.Nodes.JsonObject { ["leaseDurationSeconds"] = 20 } };
        var patched = await Kube.PatchAsync(Of("leases"), "default", "l", PatchType.Merge, patch, new(), cancellation: Cancellation);
        Assert.Equal(20, patched.Object.ToJson().IntegerAt("spec", "leaseDurationSeconds"));
        body["spec"]!["leaseDurationSeconds"] = 25;
        body["metadata"]!["resourceVersion"] = patched.Object.ResourceVersion;
        var updated = await Kube.UpdateAsync(Of("leases"), "default", "l", body, new(), cancellation: Cancellation);
        Assert.Equal(25, updated.Object.ToJson().IntegerAt("spec", "leaseDurationSeconds"));
    }

    [Fact]
    public async Task The_server_fills_in_what_only_it_may_say()
    {
        var made = await CreateAsync("deployments", "default", """
            {"metadata":{"name":"web","uid":"mine","creationTimestamp":"2001-01-01T00:00:00Z","generation":9,"selfLink":"x"},
             "spec":{"selector":{"matchLabels":{"a":"b"}},"template":{"metadata":{"labels":{"a":"b"}},"spec":{"containers":[{"name":"c","image":"nginx"}]}}},
             "status":{"replicas":7}}
            """);

        Assert.True(Guid.TryParse(made.TextAt("metadata", "uid"), out _));
        Assert.NotEqual("2001-01-01T00:00:00Z", made.TextAt("metadata", "creationTimestamp"));
        Assert.Equal(1, made.IntegerAt("metadata", "generation"));
        Assert.Null(made.At("metadata", "selfLink"));
        Assert.Null(made.At("status", "replicas"));
        Assert.Equal("apps/v1", made.TextAt("apiVersion"));
        Assert.Equal(1, made.IntegerAt("spec", "replicas"));
        Assert.Equal("25%", made.TextAt("spec", "strategy", "rollingUpdate", "maxSurge"));
        Assert.Equal("Always", made.ArrayAt("spec", "template", "spec", "containers").Objects().Single().TextAt("imagePullPolicy"));
    }

    [Fact]
    public async Task It_lies_where_Kubernetes_would_have_put_it_and_its_version_is_its_revision()
    {
        var made = await CreateAsync("configmaps", "default", ConfigMap("a"));
        var there = await Store.RangeAsync("/registry/configmaps/default/a", null, 0, 1, Cancellation);

        Assert.Equal(made.TextAt("metadata", "resourceVersion"), there.Values[0].Revision.ToString());
        Assert.DoesNotContain("resourceVersion", System.Text.Encoding.UTF8.GetString(there.Values[0].Value.Span), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_name_is_made_of_its_prefix()
    {
        var made = await CreateAsync("configmaps", "default", """{"metadata":{"generateName":"web-"}}""");

        Assert.StartsWith("web-", made.TextAt("metadata", "name"), StringComparison.Ordinal);
        Assert.Equal("web-", made.TextAt("metadata", "generateName"));
    }

    [Fact]
    public async Task What_is_there_already_is_not_created_again()
    {
        await CreateAsync("configmaps", "default", ConfigMap("a"));

        var status = await RefusedAsync(() => CreateAsync("configmaps", "default", ConfigMap("a")));

        Assert.Equal((409, "AlreadyExists", "configmaps \"a\" already exists"), (status.Code, status.Reason, status.Message));
    }

    [Theory]
    [InlineData("configmaps", "default", """{"metadata":{"name":"A"}}""", 422, "Invalid")]
    [InlineData("configmaps", "default", """{"metadata":{}}""", 422, "Invalid")]
    [InlineData("configmaps", "default", """{"metadata":{"name":"a","namespace":"other"}}""", 400, "BadRequest")]
    [InlineData("configmaps", "nowhere", """{"metadata":{"name":"a"}}""", 404, "NotFound")]
    [InlineData("configmaps", "default", """{"metadata":{"name":"a"},"data":{"k":7}}""", 400, "BadRequest")]
    [InlineData("configmaps", "default", """{"kind":"Secret","metadata":{"name":"a"}}""", 400, "BadRequest")]
    [InlineData("configmaps", "default", """{"apiVersion":"v2","metadata":{"name":"a"}}""", 400, "BadRequest")]
    [InlineData("configmaps", "default", """{"metadata":{"name":"a","resourceVersion":"5"}}""", 500, "")]
    [InlineData("configmaps", "default", """{"metadata":{"name":"a","labels":{"-":"x"}}}""", 422, "Invalid")]
    [InlineData("configmaps", "default", """{"metadata":{"name":"a","finalizers":["x"]}}""", 422, "Invalid")]
    [InlineData("configmaps", "default", """{"metadata":{"name":"a","ownerReferences":[{"kind":"K","name":"n"}]}}""", 422, "Invalid")]
    [InlineData("services", "default", """{"metadata":{"name":"1a"},"spec":{"ports":[{"port":80}]}}""", 422, "Invalid")]
    [InlineData("pods", "default", """{"metadata":{"name":"a"},"spec":{}}""", 422, "Invalid")]
    [InlineData("deployments", "default", """{"metadata":{"name":"a"},"spec":{"template":{"spec":{"containers":[{"name":"c","image":"i"}]}}}}""", 422, "Invalid")]
    public async Task What_is_wrong_is_refused_with_its_reason(string plural, string ns, string body, int code, string reason)
    {
        var status = await RefusedAsync(() => CreateAsync(plural, ns, body));

        Assert.Equal((code, reason), (status.Code, status.Reason));
    }

    [Fact]
    public async Task Unknown_fields_are_dropped_told_or_refused()
    {
        const string Body = """{"metadata":{"name":"a","nmae":"x"},"dta":{}}""";
        var warned = new WriteOptions { FieldValidation = FieldValidation.Warn, DryRun = true };
        var made = await CreateAsync("configmaps", "default", Body, warned);

        Assert.Null(made.At("dta"));
        Assert.Equal(["unknown field \"metadata.nmae\"", "unknown field \"dta\""], warned.Warnings);
        var status = await RefusedAsync(() => CreateAsync("configmaps", "default", Body, new() { FieldValidation = FieldValidation.Strict }));
        Assert.Equal(400, status.Code);
        Assert.Contains("strict decoding error: unknown field \"metadata.nmae\", unknown field \"dta\"", status.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_dry_run_leaves_nothing_behind()
    {
        var made = await CreateAsync("configmaps", "default", ConfigMap("a"), new() { DryRun = true });

        Assert.Equal("", made.TextAt("metadata", "resourceVersion"));
        Assert.Equal(404, (await RefusedAsync(() => GetAsync("configmaps", "default", "a"))).Code);
    }

    [Fact]
    public async Task Who_creates_an_object_owns_its_fields()
    {
        var made = await CreateAsync("configmaps", "default", ConfigMap("a"), new() { FieldManager = "me" });
        var entry = made.ArrayAt("metadata", "managedFields").Objects().Single();

        Assert.Equal(("me", "Update", "v1"), (entry.TextAt("manager"), entry.TextAt("operation"), entry.TextAt("apiVersion")));
        Assert.Equal("""{"f:data":{".":{},"f:a":{}}}""", entry.At("fieldsV1")!.ToJsonString());
    }
}
