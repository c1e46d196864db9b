using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using KubeStore.Admission;
using KubeStore.Http;
using KubeStore.Objects;
using KubeStore.Registry;
using Microsoft.AspNetCore.Http;

namespace KubeStore.Tests.Http;

public sealed class ApiTests : IAsyncLifetime
{
    private const string ConfigMaps = "/api/v1/namespaces/default/configmaps";
    private KubeServer _server = null!;

    public async ValueTask InitializeAsync() => _server = await KubeServer.StartAsync();

    public async ValueTask DisposeAsync() => await _server.DisposeAsync();

    [Fact]
    public async Task What_should_not_have_happened_is_told_to_whoever_runs_the_server()
    {
        var failures = new List<Exception>();
        await using var server = await KubeServer.StartAsync(new() { Failed = failures.Add });
        server.Registry.AddAdmission(new Broken());
        var (code, json) = await server.SendAsync(HttpMethod.Post, ConfigMaps, """{"metadata":{"name":"a"}}""");

        Assert.Equal((500, "InternalError"), (code, json.TextAt("reason")));
        Assert.Equal("a step is broken", Assert.IsType<InvalidOperationException>(Assert.Single(failures)).Message);
    }

    [Fact]
    public async Task Who_does_not_say_who_they_are_is_heard_from_this_machine_only()
    {
        async Task<int> FromAsync(string address, bool allows)
        {
            var http = new DefaultHttpContext();
            http.Connection.RemoteIpAddress = IPAddress.Parse(address);
            http.Request.Method = "GET";
            http.Request.Path = "/version";
            await new KubeHandler(_server.Registry, new() { Authenticate = _ => UserInfo.Nobody, AllowsAnonymousFromAfar = allows }).HandleAsync(http);
            return http.Response.StatusCode;
        }

        Assert.Equal(200, await FromAsync("127.0.0.1", allows: false));
        Assert.Equal(200, await FromAsync("::1", allows: false));
        Assert.Equal(401, await FromAsync("10.0.0.1", allows: false));
        Assert.Equal(200, await FromAsync("10.0.0.1", allows: true));
    }

    [Fact]
    public async Task An_object_is_created_read_changed_and_deleted()
    {
        var made = await _server.SendAsync(HttpMethod.Post, ConfigMaps, """{"metadata":{"name":"a"},"data":{"k":"v"}}""");
        var read = await _server.SendAsync(HttpMethod.Get, ConfigMaps + "/a");
        var patched = await _server.SendAsync(HttpMethod.Patch, ConfigMaps + "/a", """{"data":{"k":"w"}}""", "application/merge-patch+json");
        var deleted = await _server.SendAsync(HttpMethod.Delete, ConfigMaps + "/a");
        var gone = await _server.SendAsync(HttpMethod.Get, ConfigMaps + "/a");

        Assert.Equal((201, 200, 200, 200, 404), (made.Code, read.Code, patched.Code, deleted.Code, gone.Code));
        Assert.Equal(made.Json.ToJsonString(), read.Json.ToJsonString());
        Assert.Equal("w", patched.Json.TextAt("data", "k"));
        Assert.Equal(("Status", "Success", read.Json.TextAt("metadata", "uid")), (deleted.Json.TextAt("kind"), deleted.Json.TextAt("status"), deleted.Json.TextAt("details", "uid")));
        Assert.Equal(("Failure", "NotFound"), (gone.Json.TextAt("status"), gone.Json.TextAt("reason")));
    }

    [Fact]
    public async Task Yaml_goes_in_and_comes_out()
    {
        const string Body = """
            apiVersion: v1
            kind: ConfigMap
            metadata: {name: a}
            data:
              text: |
                two
                lines
              quoted: "1"
            """;
        var made = await _server.SendAsync(HttpMethod.Post, ConfigMaps, Body, "application/yaml");
        using var shown = await _server.SendRawAsync(HttpMethod.Get, ConfigMaps + "/a", accept: "application/yaml");
        var text = await shown.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);

        Assert.Equal((201, "two\nlines\n"), (made.Code, made.Json.TextAt("data", "text")));
        Assert.Equal("application/yaml", shown.Content.Headers.ContentType!.MediaType);
        Assert.Contains("quoted: \"1\"", text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Protobuf_is_read_by_the_table_of_types()
    {
        // k8s\0, {1:{1:"v1",2:"ConfigMap"}, 2:{1:{1:"pb"},2:{1:"k",2:"v"}}}
        byte[] raw = [0x0a, 0x04, 0x0a, 0x02, .. "pb"u8, 0x12, 0x06, 0x0a, 0x01, (byte)'k', 0x12, 0x01, (byte)'v'];
        byte[] type = [0x0a, 0x02, .. "v1"u8, 0x12, 0x09, .. "ConfigMap"u8];
        byte[] body = [.. "k8s\0"u8, 0x0a, (byte)type.Length, .. type, 0x12, (byte)raw.Length, .. raw, 0x1a, 0, 0x22, 0];
        using var response = await _server.SendRawAsync(HttpMethod.Post, ConfigMaps, body, "application/vnd.kubernetes.protobuf");

        Assert.Equal(HttpStatusCode.Created, response.StatusCode);
        Assert.Equal("v", (await _server.SendAsync(HttpMethod.Get, ConfigMaps + "/pb")).Json.TextAt("data", "k"));
    }

    [Theory]
    [InlineData("{", "application/json", 400, "BadRequest")]
    [InlineData("[]", "application/json", 400, "BadRequest")]
    [InlineData("a: [", "application/yaml", 400, "BadRequest")]
    [InlineData("*x", "application/yaml", 400, "BadRequest")]
    [InlineData("k8s", "application/vnd.kubernetes.protobuf", 400, "BadRequest")]
    [InlineData("x", "text/html", 415, "UnsupportedMediaType")]
    public async Task A_body_that_cannot_be_read_is_refused(string body, string type, int code, string reason)
    {
        var answer = await _server.SendAsync(HttpMethod.Post, ConfigMaps, body, type);

        Assert.Equal((code, reason), (answer.Code, answer.Json.TextAt("reason")));
    }

    [Fact]
    public async Task Bombs_do_not_go_off()
    {
        var deep = new string('[', 100_000);
        var aliases = new StringBuilder("a0: &a0 [x,x,x,x,x,x,x,x,x]\n");
        for (var i = 1; i < 12; i++)
        {
            aliases.Append(System.Globalization.CultureInfo.InvariantCulture, $"a{i}: &a{i} [*a{i - 1},*a{i - 1},*a{i - 1},*a{i - 1},*a{i - 1},*a{i - 1},*a{i - 1},*a{i - 1}]\n");
        }

        Assert.Equal(400, (await _server.SendAsync(HttpMethod.Post, ConfigMaps, deep)).Code);
        Assert.Equal(400, (await _server.SendAsync(HttpMethod.Post, ConfigMaps, deep, "application/yaml")).Code);
        Assert.Equal(400, (await _server.SendAsync(HttpMethod.Post, ConfigMaps, aliases.ToString(), "application/yaml")).Code);
        Assert.Equal(413, (await _server.SendAsync(HttpMethod.Post, ConfigMaps, new string(' ', 4_000_000))).Code);
    }

    [Theory]
    [InlineData("GET", "/api/v1/nothings", 404)]
    [InlineData("GET", "/apis/no.such/v1/things", 404)]
    [InlineData("POST", "/api/v1/configmaps", 404)]
    [InlineData("PUT", ConfigMaps, 405)]
    [InlineData("POST", ConfigMaps + "/a", 405)]
    public async Task What_is_not_there_or_cannot_be_done_says_so(string method, string path, int code)
    {
        using var answer = await _server.SendRawAsync(new HttpMethod(method), path, method == "GET" ? null : "{}"u8.ToArray());

        Assert.Equal(code, (int)answer.StatusCode);
    }

    [Fact]
    public async Task Lists_come_as_tables_and_as_metadata_alone()
    {
        await _server.SendAsync(HttpMethod.Post, ConfigMaps, """{"metadata":{"name":"a"},"data":{"k":"v"}}""");
        var table = (await _server.SendAsync(HttpMethod.Get, ConfigMaps, accept: "application/json;as=Table;v=v1;g=meta.k8s.io,application/json")).Json;
        var partial = (await _server.SendAsync(HttpMethod.Get, ConfigMaps, accept: "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io")).Json;
        var refused = await _server.SendAsync(HttpMethod.Get, ConfigMaps, accept: "image/png");

        Assert.Equal(["Name", "Data", "Age"], table.ArrayAt("columnDefinitions").Objects().Select(column => column.TextAt("name")));
        Assert.Equal("""["a",1,"0s"]""", System.Text.RegularExpressions.Regex.Replace(table.ArrayAt("rows").Objects().Single().At("cells")!.ToJsonString(), "\"[0-9]+s\"", "\"0s\""));
        Assert.Equal(("PartialObjectMetadataList", "PartialObjectMetadata"), (partial.TextAt("kind"), partial.ArrayAt("items").Objects().Single().TextAt("kind")));
        Assert.Equal(406, refused.Code);
    }

    [Fact]
    public async Task A_watch_is_a_line_for_each_event()
    {
        var from = (await _server.SendAsync(HttpMethod.Get, ConfigMaps)).Json.TextAt("metadata", "resourceVersion");
        using var watch = await _server.SendRawAsync(HttpMethod.Get, $"{ConfigMaps}?watch=1&resourceVersion={from}");
        using var lines = new StreamReader(await watch.Content.ReadAsStreamAsync(TestContext.Current.CancellationToken));
        await _server.SendAsync(HttpMethod.Post, ConfigMaps, """{"metadata":{"name":"a"}}""");
        await _server.SendAsync(HttpMethod.Delete, ConfigMaps + "/a");

        var added = JsonNode.Parse((await lines.ReadLineAsync(TestContext.Current.CancellationToken))!);
        var deleted = JsonNode.Parse((await lines.ReadLineAsync(TestContext.Current.CancellationToken))!);
        Assert.Equal(("ADDED", "ConfigMap", "a"), (added.TextAt("type"), added.TextAt("object", "kind"), added.TextAt("object", "metadata", "name")));
        Assert.Equal("DELETED", deleted.TextAt("type"));
    }

    [Fact]
    public async Task Discovery_is_there_in_both_forms()
    {
        using var aggregated = await _server.SendRawAsync(HttpMethod.Get, "/apis", accept: "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json");
        var groups = await _server.SendAsync(HttpMethod.Get, "/apis");
        var core = await _server.SendAsync(HttpMethod.Get, "/api/v1");

        Assert.Equal("application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList", aggregated.Content.Headers.GetValues("Content-Type").Single().Replace(" ", "", StringComparison.Ordinal));
        Assert.Contains("apps", groups.Json.ArrayAt("groups").Objects().Select(group => group.TextAt("name")));
        var eviction = core.Json.ArrayAt("resources").Objects().Single(one => one.TextAt("name") == "pods/eviction");
        Assert.Equal(("Eviction", "policy", "v1"), (eviction.TextAt("kind"), eviction.TextAt("group"), eviction.TextAt("version")));
    }

    [Fact]
    public async Task Every_group_has_its_schemas()
    {
        var index = (await _server.SendAsync(HttpMethod.Get, "/openapi/v3")).Json.ObjectAt("paths")!;
        foreach (var (_, entry) in index)
        {
            using var document = await _server.SendRawAsync(HttpMethod.Get, entry.TextAt("serverRelativeURL"));
            Assert.Equal(HttpStatusCode.OK, document.StatusCode);
        }

        using var empty = await _server.SendRawAsync(HttpMethod.Get, "/openapi/v2", accept: "application/com.github.proto-openapi.spec.v2@v1.0+protobuf");
        Assert.Equal("application/com.github.proto-openapi.spec.v2.v1.0+protobuf", empty.Content.Headers.ContentType!.MediaType);
        Assert.Empty(await empty.Content.ReadAsByteArrayAsync(TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task A_scale_is_a_view_of_its_object()
    {
        await _server.SendAsync(HttpMethod.Post, "/apis/apps/v1/namespaces/default/deployments", """
            {"metadata":{"name":"web"},"spec":{"selector":{"matchLabels":{"a":"b"}},"template":{"metadata":{"labels":{"a":"b"}},"spec":{"containers":[{"name":"c","image":"i"}]}}}}
            """);
        const string Scale = "/apis/apps/v1/namespaces/default/deployments/web/scale";
        var scale = await _server.SendAsync(HttpMethod.Get, Scale);
        var patched = await _server.SendAsync(HttpMethod.Patch, Scale, """{"spec":{"replicas":4}}""", "application/merge-patch+json");
        var put = await _server.SendAsync(HttpMethod.Put, Scale, """{"metadata":{"name":"web"},"spec":{"replicas":6}}""");

        Assert.Equal(("Scale", 1, "a=b"), (scale.Json.TextAt("kind"), scale.Json.IntegerAt("spec", "replicas"), scale.Json.TextAt("status", "selector")));
        Assert.Equal((4, 6), (patched.Json.IntegerAt("spec", "replicas"), put.Json.IntegerAt("spec", "replicas")));
    }

    private sealed class Broken : IAdmissionStep
    {
        public ValueTask MutateAsync(AdmissionRequest request, CancellationToken cancellation)
            => request.Resource.Plural == "configmaps" ? throw new InvalidOperationException("a step is broken") : default;
    }
}
