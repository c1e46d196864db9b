using System.Text;
using System.Text.Json.Nodes;
using KubeStore.Objects;

namespace KubeStore.Tests.Http;

/// <summary>What nobody should send, and somebody will: it is refused in words, and the server goes on.</summary>
public sealed class BadInputTests : IAsyncLifetime
{
    private const string ConfigMaps = "/api/v1/namespaces/default/configmaps";
    private const string Deployments = "/apis/apps/v1/namespaces/default/deployments";
    private const string Web = """{"metadata":{"name":"web"},"spec":{"selector":{"matchLabels":{"a":"b"}},"template":{"metadata":{"labels":{"a":"b"}},"spec":{"containers":[{"name":"c","image":"i"}]}}}}""";
    private KubeServer _server = null!;

    public async ValueTask InitializeAsync() => _server = await KubeServer.StartAsync();

    public async ValueTask DisposeAsync()
    {
        // Whatever was sent: it still works.
        Assert.Equal(201, (await _server.SendAsync(HttpMethod.Post, ConfigMaps, """{"metadata":{"name":"still-there"}}""")).Code);
        await _server.DisposeAsync();
    }

    [Theory]
    [InlineData("{\n \"metadata\": {\n  \"name\" \"a\"\n }\n}", "application/json", "LineNumber: 2")]
    [InlineData("metadata:\n  name: a\n data: b\n", "application/yaml", "line 3")]
    [InlineData("metadata:\n\tname: a\n", "application/yaml", "line ")]
    [InlineData("{\"metadata\":{\"name\":\"a\"}} {}", "application/json", "error decoding the body")]
    [InlineData("a: &a [*a]", "application/yaml", "anchor")]
    [InlineData("? [a]\n: b", "application/yaml", "key")]
    public async Task A_body_that_cannot_be_read_says_where(string body, string type, string words)
    {
        var (code, json) = await _server.SendAsync(HttpMethod.Post, ConfigMaps, body, type);
        Assert.Equal((400, "BadRequest"), (code, json.TextAt("reason")));
        Assert.Contains(words, json.TextAt("message"), StringComparison.OrdinalIgnoreCase);
    }

    [Theory]
    [InlineData("Strict", 400, 0)]
    [InlineData("Warn", 201, 2)]
    [InlineData("Ignore", 201, 0)]
    [InlineData("", 201, 2)]
    [InlineData("Sometimes", 422, 0)]
    public async Task Unknown_and_repeated_fields_go_by_the_level_that_is_asked_for(string level, int code, int warnings)
    {
        const string Body = """{"metadata":{"name":"a"},"data":{"k":"v"},"colour":"red","data":{"k":"w"}}""";
        using var answer = await _server.SendRawAsync(HttpMethod.Post, $"{ConfigMaps}?fieldValidation={level}", Encoding.UTF8.GetBytes(Body));
        var text = await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        Assert.True(code == (int)answer.StatusCode, text);
        Assert.Equal(warnings, answer.Headers.TryGetValues("Warning", out var said) ? said.Count() : 0);
        if (level == "Strict")
        {
            Assert.Contains("strict decoding error: unknown field \\\"colour\\\", duplicate field \\\"data\\\"", text, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("""{"kind":"Secret","metadata":{"name":"a"}}""", 400)]
    [InlineData("""{"apiVersion":"v2","metadata":{"name":"a"}}""", 400)]
    [InlineData("""{"metadata":{"name":"a","namespace":"other"}}""", 400)]
    [InlineData("""{"metadata":{"name":"Not A Name"}}""", 422)]
    [InlineData("""{"metadata":{"name":"../../etc"}}""", 422)]
    [InlineData("""{"metadata":{"name":"a","labels":{"-":"x"}}}""", 422)]
    [InlineData("""{"metadata":{"name":"a","labels":{"x":"no spaces"}}}""", 422)]
    [InlineData("""{"metadata":{"name":"a","annotations":{"no/such/key":"x"}}}""", 422)]
    [InlineData("""{"metadata":{"name":"a","finalizers":["?"]}}""", 422)]
    [InlineData("""{"metadata":{"name":"a"},"data":{"../k":"v"}}""", 422)]
    [InlineData("""{"metadata":{"name":"a"},"data":["k"]}""", 400)]
    [InlineData("""{"metadata":{"name":7}}""", 400)]
    [InlineData("""{"metadata":{}}""", 422)]
    [InlineData("""{}""", 422)]
    [InlineData("""{"metadata":{"name":"a","resourceVersion":"5"}}""", 500)]
    [InlineData("""{"metadata":{"name":"a","ownerReferences":[{"name":"x"}]}}""", 422)]
    public async Task What_is_out_of_grammar_is_refused(string body, int code)
    {
        var answer = await _server.SendAsync(HttpMethod.Post, ConfigMaps, body);
        Assert.True(code == answer.Code, answer.Json.ToJsonString());
        Assert.Equal(("Status", "Failure"), (answer.Json.TextAt("kind"), answer.Json.TextAt("status")));
    }

    [Fact]
    public async Task Every_violation_is_told_with_its_path()
    {
        var body = Web.Replace("\"name\":\"c\",\"image\":\"i\"", "\"name\":\"C!\",\"ports\":[{\"containerPort\":99999}],\"imagePullPolicy\":\"Now\"", StringComparison.Ordinal);
        var (code, json) = await _server.SendAsync(HttpMethod.Post, Deployments, body);
        Assert.Equal((422, "Invalid"), (code, json.TextAt("reason")));
        var fields = json.ArrayAt("details", "causes").Objects().Select(one => one.TextAt("field")).ToList();
        Assert.Contains("spec.template.spec.containers[0].name", fields);
        Assert.Contains("spec.template.spec.containers[0].ports[0].containerPort", fields);
        Assert.Contains("spec.template.spec.containers[0].imagePullPolicy", fields);
    }

    [Theory]
    [InlineData("resourceVersion=-1", 400)]
    [InlineData("resourceVersion=99999999999999999999999", 400)]
    [InlineData("resourceVersion=9223372036854775807", 504)]
    [InlineData("resourceVersion=1e3", 400)]
    [InlineData("resourceVersion=5&resourceVersionMatch=Sometimes", 422)]
    [InlineData("resourceVersionMatch=NotOlderThan", 422)]
    [InlineData("limit=1&continue=x", 400)]
    [InlineData("limit=-1", 422)]
    [InlineData("limit=many", 400)]
    [InlineData("watch=1&resourceVersion=-1", 400)]
    [InlineData("watch=1&resourceVersion=x", 400)]
    [InlineData("timeoutSeconds=soon", 400)]
    [InlineData("labelSelector=%00", 400)]
    [InlineData("fieldSelector=metadata.name%3D%3D%3Da", 400)]
    public async Task Absurd_questions_have_an_answer(string query, int code)
    {
        var answer = await _server.SendAsync(HttpMethod.Get, $"{ConfigMaps}?{query}");
        Assert.True(code == answer.Code, $"{answer.Code} {answer.Json.ToJsonString()}");
    }

    [Theory]
    [InlineData("""{"v":"meta.k8s.io/v1","rv":-2,"start":"default/a"}""")]
    [InlineData("""{"v":"meta.k8s.io/v1","rv":5,"start":"../../secrets/default/"}""")]
    [InlineData("""{"v":"meta.k8s.io/v1","rv":5,"start":"/registry/secrets/default/a"}""")]
    [InlineData("""{"v":"meta.k8s.io/v1","rv":5,"start":"kube-system/a"}""")]
    [InlineData("""{"v":"meta.k8s.io/v9","rv":5,"start":"default/a"}""")]
    [InlineData("""{"v":"meta.k8s.io/v1","rv":1e99,"start":"default/a"}""")]
    [InlineData("""[[[[[[[[]]]]]]]]""")]
    [InlineData("")]
    public async Task A_token_that_was_made_up_leads_nowhere(string token)
    {
        var text = System.Buffers.Text.Base64Url.EncodeToString(Encoding.UTF8.GetBytes(token));
        var answer = await _server.SendAsync(HttpMethod.Get, $"{ConfigMaps}?limit=1&continue={(text.Length == 0 ? "%20" : text)}");
        Assert.True(answer.Code == 400, $"{answer.Code} {answer.Json.ToJsonString()}");
    }

    [Fact]
    public async Task Stale_and_absurd_versions_of_an_update_are_refused()
    {
        var made = (await _server.SendAsync(HttpMethod.Post, ConfigMaps, """{"metadata":{"name":"a"}}""")).Json;
        made["data"] = new JsonObject { ["k"] = "v" };
        Assert.Equal(200, (await PutAsync(made)).Code);
        Assert.Equal((409, "Conflict"), await PutAsync(made));
        foreach (var (version, code) in (IEnumerable<(string, int)>)[("x", 422), ("-1", 422), ("99999999999999999999", 422), ("999999999", 409)])
        {
            made["metadata"]!["resourceVersion"] = version;
            var (answered, reason) = await PutAsync(made);
            Assert.True(code == answered, $"{version}: {answered} {reason}");
        }

        async Task<(int Code, string Reason)> PutAsync(JsonObject body)
        {
            var answer = await _server.SendAsync(HttpMethod.Put, ConfigMaps + "/a", body.ToJsonString());
            return (answer.Code, answer.Json.TextAt("reason"));
        }
    }

    [Theory]
    [InlineData("application/json-patch+json", """[{"op":"explode","path":"/data"}]""")]
    [InlineData("application/json-patch+json", """[{"op":"remove","path":"/nothing/there"}]""")]
    [InlineData("application/json-patch+json", """[{"op":"move","from":"/metadata","path":"/metadata/labels"}]""")]
    [InlineData("application/json-patch+json", """{"op":"remove"}""")]
    [InlineData("application/json-patch+json", """[{"op":"add","path":"/data/~2","value":"x"}]""")]
    [InlineData("application/json-patch+json", """[{"op":"remove","path":""}]""")]
    [InlineData("application/merge-patch+json", """[1]""")]
    [InlineData("application/merge-patch+json", """{"metadata":null}""")]
    [InlineData("application/merge-patch+json", """{"metadata":{"name":"other"}}""")]
    [InlineData("application/merge-patch+json", """{"kind":"Secret"}""")]
    [InlineData("application/merge-patch+json", """{"data":7}""")]
    [InlineData("application/strategic-merge-patch+json", """{"data":{"$patch":"explode"}}""")]
    [InlineData("application/strategic-merge-patch+json", """{"$setElementOrder/data":5}""")]
    [InlineData("application/apply-patch+yaml", "a: [")]
    [InlineData("application/apply-patch+yaml", "apiVersion: v1\nkind: Secret\nmetadata: {name: a}")]
    [InlineData("application/apply-patch+yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: other}")]
    [InlineData("application/apply-patch+yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, managedFields: [{manager: x}]}")]
    [InlineData("text/plain", "x")]
    public async Task A_patch_that_makes_no_sense_changes_nothing(string type, string patch)
    {
        var made = (await _server.SendAsync(HttpMethod.Post, ConfigMaps, """{"metadata":{"name":"a"},"data":{"k":"v"}}""")).Json;
        var answer = await _server.SendAsync(HttpMethod.Patch, ConfigMaps + "/a?fieldManager=tests", patch, type);
        Assert.True(answer.Code is 400 or 415 or 422, $"{answer.Code} {answer.Json.ToJsonString()}");
        Assert.Equal(made.ToJsonString(), (await _server.SendAsync(HttpMethod.Get, ConfigMaps + "/a")).Json.ToJsonString());
    }

    [Fact]
    public async Task Bombs_of_every_kind_are_small()
    {
        var deep = new string('{', 0) + string.Concat(Enumerable.Repeat("{\"a\":", 20_000)) + "1" + new string('}', 20_000);
        await _server.SendAsync(HttpMethod.Post, ConfigMaps, """{"metadata":{"name":"a"},"data":{"k":"v"}}""");
        foreach (var type in (string[])["application/merge-patch+json", "application/strategic-merge-patch+json", "application/json-patch+json", "application/apply-patch+yaml"])
        {
            var answer = await _server.SendAsync(HttpMethod.Patch, ConfigMaps + "/a?fieldManager=tests", deep, type);
            Assert.True(answer.Code == 400, $"{type}: {answer.Code}");
        }

        // A patch that copies what it has copied before.
        var copies = string.Join(',', Enumerable.Range(0, 40).Select(i => $"{{\"op\":\"copy\",\"from\":\"/data\",\"path\":\"/data/x{i}\"}}"));
        Assert.True((await _server.SendAsync(HttpMethod.Patch, ConfigMaps + "/a", $"[{copies}]", "application/json-patch+json")).Code is 400 or 413 or 422);
        // One that puts what it has made into its own depths, again and again.
        var chain = string.Join(',', Enumerable.Range(0, 16).Select(i => $"{{\"op\":\"copy\",\"from\":\"/data\",\"path\":\"{string.Concat(Enumerable.Repeat("/data", 1 << i))}\"}}"));
        Assert.True((await _server.SendAsync(HttpMethod.Patch, ConfigMaps + "/a", $"[{chain}]", "application/json-patch+json")).Code is 400 or 413 or 422);
        var many = string.Join(',', Enumerable.Repeat("""{"op":"test","path":"/data/k","value":"v"}""", 10_001));
        Assert.Equal(413, (await _server.SendAsync(HttpMethod.Patch, ConfigMaps + "/a", $"[{many}]", "application/json-patch+json")).Code);

        // Lines of aliases that multiply, in a map and by merging.
        var merging = new StringBuilder("a0: &a0 {x: y}\n");
        for (var i = 1; i < 60; i++)
        {
            merging.Append(System.Globalization.CultureInfo.InvariantCulture, $"a{i}: &a{i}\n  l: *a{i - 1}\n  r: *a{i - 1}\n");
        }

        Assert.Equal(400, (await _server.SendAsync(HttpMethod.Post, ConfigMaps, merging.ToString(), "application/yaml")).Code);
        Assert.Equal(400, (await _server.SendAsync(HttpMethod.Post, ConfigMaps, "{\"metadata\":{\"name\":\"b\"},\"data\":{" + string.Concat(Enumerable.Range(0, 5)) + "\"k\":\"" + "\\ud800" + "\"}}", "application/json")).Code);
        Assert.Equal(413, (await _server.SendAsync(HttpMethod.Patch, ConfigMaps + "/a", new string(' ', 4_000_000), "application/merge-patch+json")).Code);
    }

    [Fact]
    public async Task A_schema_that_refers_to_itself_and_one_without_end_are_refused()
    {
        static string Definition(string schema) => "{\"metadata\":{\"name\":\"things.x.example\"},\"spec\":{\"group\":\"x.example\",\"scope\":\"Namespaced\",\"names\":{\"plural\":\"things\",\"kind\":\"Thing\"},\"versions\":[{\"name\":\"v1\",\"served\":true,\"storage\":true,\"schema\":{\"openAPIV3Schema\":" + schema + "}}]}}";
        const string Definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
        foreach (var schema in (string[])
            [
                """{"type":"object","properties":{"spec":{"$ref":"#"}}}""",
                """{"type":"object","properties":{"spec":{"type":"string","pattern":"(["}}}""",
                """{"type":"nothing"}""",
                """{"type":"array"}""",
            ])
        {
            var answer = await _server.SendAsync(HttpMethod.Post, Definitions, Definition(schema));
            Assert.True(answer.Code == 422, $"{schema}: {answer.Code} {answer.Json.ToJsonString()}");
        }

        var deep = string.Concat(Enumerable.Repeat("""{"type":"object","properties":{"a":""", 2000)) + """{"type":"string"}""" + string.Concat(Enumerable.Repeat("}}", 2000));
        Assert.Equal(400, (await _server.SendAsync(HttpMethod.Post, Definitions, Definition(deep))).Code);
    }
}
