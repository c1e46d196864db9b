using System.Globalization;
using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using RaftKv.Compatibility.Tests.Stores;
using RaftKv.Stores;

namespace RaftKv.Compatibility.Tests.Gateway;

/// <summary>The same calls with JSON over HTTP to etcd and to raftkv must be answered alike.</summary>
public sealed class GatewayTests(SharedStore stores) : IClassFixture<SharedStore>
{
    private static readonly (string Path, string Body)[] Calls =
    [
        ("kv/put", """{"key":"Zm9v","value":"YmFy"}"""),
        ("kv/put", """{"key":"Zm9v","value":"YmF6","prev_kv":true}"""),
        ("kv/put", """{"key":"Zm9w"}"""),
        ("kv/put", "{}"),
        ("kv/put", ""),
        ("kv/put", "nonsense"),
        ("kv/put", "[]"),
        ("kv/put", """{"key":7}"""),
        ("kv/put", """{"key":"*"}"""),
        ("kv/put", """{"key":"Zm9v","lease":"5"}"""),
        ("kv/range", """{"key":"Zm9v"}"""),
        ("kv/range", """{"key":"Zm9v","range_end":"Zm9y","limit":"1","sort_order":"DESCEND","sort_target":"MOD"}"""),
        ("kv/range", """{"key":"AA==","range_end":"AA==","count_only":true}"""),
        ("kv/range", """{"key":"Zm9v","revision":"100"}"""),
        ("kv/range", """{"key":"bm8="}"""),
        ("kv/txn", """{"compare":[{"key":"Zm9v","target":"VERSION","result":"GREATER","version":"1"}],"success":[{"request_put":{"key":"dA==","value":"MQ=="}},{"request_range":{"key":"dA=="}}]}"""),
        ("kv/txn", """{"compare":[{"key":"Zm9v","target":"VALUE","result":"EQUAL","value":"AA=="}],"failure":[{"request_delete_range":{"key":"dA==","prev_kv":true}}]}"""),
        ("kv/deleterange", """{"key":"Zm9v","range_end":"Zm9y","prev_kv":true}"""),
        ("kv/compaction", """{"revision":"3"}"""),
        ("kv/compaction", """{"revision":"3"}"""),
        ("kv/range", """{"key":"Zm9v","revision":"2"}"""),
        ("lease/grant", """{"ID":"77","TTL":"600"}"""),
        ("lease/grant", """{"ID":"77","TTL":"600"}"""),
        ("kv/put", """{"key":"bA==","lease":77}"""),
        ("lease/timetolive", """{"ID":77,"keys":true}"""),
        ("lease/leases", "{}"),
        ("lease/keepalive", """{"ID":77}"""),
        ("lease/revoke", """{"ID":77}"""),
        ("lease/revoke", """{"ID":77}"""),
        ("kv/lease/timetolive", """{"ID":77}"""),
        ("cluster/member/remove", """{"ID":"1"}"""),
        ("maintenance/alarm", """{"action":"GET"}"""),
        ("maintenance/alarm", """{"action":"ACTIVATE","alarm":"NOSPACE"}"""),
        ("kv/put", """{"key":"Zm9v"}"""),
        ("maintenance/alarm", """{"action":"DEACTIVATE","alarm":"NOSPACE"}"""),
        ("auth/user/add", """{"name":"u","password":"p"}"""),
        ("auth/user/add", """{"name":"u","password":"p"}"""),
        ("auth/user/get", """{"name":"u"}"""),
        ("auth/user/list", "{}"),
        ("auth/role/add", """{"name":"r"}"""),
        ("auth/role/grant", """{"name":"r","perm":{"permType":"READWRITE","key":"YQ==","range_end":"Yg=="}}"""),
        ("auth/role/get", """{"role":"r"}"""),
        ("auth/user/grant", """{"user":"u","role":"r"}"""),
        ("auth/user/revoke", """{"name":"u","role":"r"}"""),
        ("auth/role/delete", """{"role":"r"}"""),
        ("auth/user/delete", """{"name":"u"}"""),
        ("auth/enable", "{}"),
        ("auth/authenticate", """{"name":"u","password":"p"}"""),
        ("lock/lock", """{"name":"bG9jaw==","lease":"1"}"""),
        ("election/leader", """{"name":"ZWxlY3Rpb24="}"""),
    ];

    [Fact]
    public async Task Every_call_is_answered_as_etcd_answers_it()
    {
        var (old, ours) = (await stores.OrSkipAsync(StoreKind.Etcd), await stores.OrSkipAsync(StoreKind.RaftKv));
        using var http = new HttpClient();
        var told = new StringBuilder();
        foreach (var (path, body) in Calls)
        {
            var expected = await CallAsync(http, old, path, body);
            var actual = await CallAsync(http, ours, path, body);
            if (expected != actual)
            {
                told.Append(CultureInfo.InvariantCulture, $"{path} {body}\n  etcd:   {expected}\n  raftkv: {actual}\n");
            }
        }

        if (told.Length > 0)
        {
            Assert.Fail($"Not alike:\n{told}");
        }
    }

    private static async Task<string> CallAsync(HttpClient http, StoreProcess store, string path, string body)
    {
        using var content = new StringContent(body);
        using var answer = await http.PostAsync(
            new Uri(store.Members[0].Client, $"/v3/{path}"), content, TestContext.Current.CancellationToken);
        var text = await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        JsonNode? json;
        try
        {
            json = JsonNode.Parse(text);
        }
        catch (System.Text.Json.JsonException)
        {
            return $"{(int)answer.StatusCode} {text.Trim()}";
        }

        // 3.4 has another status for what is not so yet.
        var status = answer.StatusCode == HttpStatusCode.PreconditionFailed ? HttpStatusCode.BadRequest : answer.StatusCode;
        if (path == "maintenance/alarm")
        {
            // 3.4 leaves the header out.
            json?.AsObject().Remove("header");
        }

        if (path.EndsWith("lease/timetolive", StringComparison.Ordinal) && json?["grantedTTL"] is not null)
        {
            // Of a lease that there is, what is left depends on who was asked first.
            json.AsObject().Remove("TTL");
        }

        return $"{(int)status} {Alike(json, (int)status)}";
    }

    // Without what is each cluster's own: ids and terms. 3.4 says the message of an error twice; and what is wrong with a
    // body, each says in its own words.
    private static string Alike(JsonNode? json, int status)
    {
        var header = json?["header"] ?? json?["result"]?["header"];
        foreach (var name in new[] { "cluster_id", "member_id", "raft_term" })
        {
            header?.AsObject().Remove(name);
        }

        json?["alarms"]?.AsArray().OfType<JsonObject>().ToList().ForEach(alarm => alarm.Remove("memberID"));
        if (status != 200 && json is JsonObject failure)
        {
            failure.Remove("error");
            if (failure["message"] is { } message && !message.GetValue<string>().StartsWith("etcdserver", StringComparison.Ordinal))
            {
                failure["message"] = "";
            }
        }

        // Fields are in the order of their numbers or of the file, and zeros of the header's numbers are left out.
        return Sorted(json)?.ToJsonString() ?? "null";
    }

    private static JsonNode? Sorted(JsonNode? json) => json switch
    {
        JsonObject map => new JsonObject(map.OrderBy(one => one.Key, StringComparer.Ordinal).Select(one => KeyValuePair.Create(one.Key, Sorted(one.Value)))),
        JsonArray list => new JsonArray([.. list.Select(Sorted)]),
        _ => json?.DeepClone(),
    };
}
