using System.Net;
using System.Net.WebSockets;
using System.Text;
using System.Text.Json;
using RaftKv.Server.Tests.Hosting;

namespace RaftKv.Server.Tests.Gateway;

/// <summary>JSON over HTTP, on the port of a member.</summary>
public sealed class GatewayTests : IAsyncLifetime
{
    private readonly HttpClient _http = new();
    private SmallCluster _cluster = null!;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    private Uri Base => _cluster[0].ClientEndPoints[0];

    public async ValueTask InitializeAsync() => _cluster = await StartAsync(options => options);

    public async ValueTask DisposeAsync()
    {
        _http.Dispose();
        await _cluster.DisposeAsync();
    }

    [Fact]
    public async Task What_is_put_is_read_with_numbers_as_strings_and_without_what_is_zero()
    {
        Assert.Equal("2", (await OkAsync("kv/put", """{"key":"Zm9v","value":"YmFy"}""")).GetProperty("header").GetProperty("revision").GetString());

        var read = await OkAsync("kv/range", """{"key":"Zm9v"}""");

        Assert.Equal("""{"key":"Zm9v","create_revision":"2","mod_revision":"2","version":"1","value":"YmFy"}""", read.GetProperty("kvs")[0].GetRawText());
        Assert.Equal("1", read.GetProperty("count").GetString());
        Assert.False(read.TryGetProperty("more", out _));
        Assert.False((await OkAsync("kv/range", """{"key":"bm8="}""")).TryGetProperty("kvs", out _));
    }

    [Theory]
    [InlineData("""{"key":"_-8=","serializable":true,"limit":"5"}""")]
    [InlineData("""{"key":"_-8","serializable":true,"limit":5}""")]
    [InlineData("""{"key":"/+8=","rangeEnd":"","limit":5.0}""")]
    [InlineData("""{"key":"/+8","range_end":null,"limit":"50e-1","sort_order":"ASCEND","unknown":[{}]}""")]
    [InlineData("""  {"key":"/+8","sortOrder":1}  {"key":"what follows is not looked at"}""")]
    public async Task A_request_may_be_written_in_many_ways(string body)
    {
        await OkAsync("kv/put", """{"key":"/+8=","value":"YQ=="}""");
        Assert.Equal("1", (await OkAsync("kv/range", body)).GetProperty("count").GetString());
    }

    [Fact]
    public async Task A_transaction_carries_its_choices_by_name()
    {
        const string Txn = """
            {"compare":[{"key":"dHhu","target":"CREATE","result":"EQUAL","create_revision":"0"}],
             "success":[{"request_put":{"key":"dHhu","value":"YQ=="}}],"failure":[{"request_range":{"key":"dHhu"}}]}
            """;
        var first = await OkAsync("kv/txn", Txn);
        Assert.True(first.GetProperty("succeeded").GetBoolean());
        Assert.True(first.GetProperty("responses")[0].TryGetProperty("response_put", out _));

        var second = await OkAsync("kv/txn", Txn);
        Assert.False(second.TryGetProperty("succeeded", out _));
        Assert.Equal("YQ==", second.GetProperty("responses")[0].GetProperty("response_range").GetProperty("kvs")[0].GetProperty("value").GetString());
    }

    [Theory]
    [InlineData("kv/range", "[]", "an object is expected, an array was sent")]
    [InlineData("kv/range", "7", "an object is expected, a number was sent")]
    [InlineData("kv/range", "{\"key\"", "not JSON")]
    [InlineData("kv/range", "{\"key\":\"a\"]", "not JSON")]
    [InlineData("kv/range", "\xFF", "not JSON")]
    [InlineData("kv/range", "{\"key\":5}", "Field key: a string is expected, a number was sent")]
    [InlineData("kv/range", "{\"key\":\"a*\"}", "Field key: \"a*\" is not base64")]
    [InlineData("kv/range", "{\"key\":\"YQ==\",\"key\":\"YQ==\"}", "Field key: the field is there twice")]
    [InlineData("kv/range", "{\"key\":\"YQ==\",\"limit\":\"many\"}", "Field limit: \"many\" is no whole number")]
    [InlineData("kv/range", "{\"key\":\"YQ==\",\"limit\":1.5}", "Field limit: \"1.5\" is no whole number")]
    [InlineData("kv/range", "{\"key\":\"YQ==\",\"limit\":9223372036854775808}", "Field limit: \"9223372036854775808\" is not within")]
    [InlineData("kv/range", "{\"key\":\"YQ==\",\"serializable\":\"yes\"}", "Field serializable: true or false is expected, a string was sent")]
    [InlineData("kv/range", "{\"key\":\"YQ==\",\"sort_order\":\"UP\"}", "Field sort_order: \"UP\" is none of NONE, ASCEND, DESCEND")]
    [InlineData("kv/txn", "{\"success\":{}}", "Field success: an array is expected, an object was sent")]
    [InlineData("kv/txn", "{\"success\":[{\"request_put\":{\"key\":[]}}]}", "Field success[0].request_put.key: a string is expected, an array was sent")]
    [InlineData("kv/txn", "{\"success\":[{\"request_put\":{},\"request_range\":{}}]}", "only one field of request may be set")]
    [InlineData("watch", "{\"create_request\":7}", "Field create_request: an object is expected, a number was sent")]
    public async Task A_body_that_is_no_request_is_refused_by_name(string path, string body, string why)
    {
        var answer = await PostAsync(path, body);
        var text = await answer.Content.ReadAsStringAsync(Stop);
        Assert.Equal(HttpStatusCode.BadRequest, answer.StatusCode);
        using var json = JsonDocument.Parse(text);
        var status = path == "watch" ? json.RootElement.GetProperty("error") : json.RootElement;
        Assert.Equal(3, status.GetProperty("code").GetInt32());
        Assert.Contains(why, status.GetProperty("message").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Objects_in_objects_without_end_are_refused()
    {
        var deep = string.Concat(Enumerable.Repeat("{\"success\":[{\"request_txn\":", 200));
        Assert.Equal(HttpStatusCode.BadRequest, (await PostAsync("kv/txn", deep)).StatusCode);
    }

    [Fact]
    public async Task A_request_that_is_too_large_is_refused()
    {
        var value = Convert.ToBase64String(new byte[2_000_000]);
        var large = await PostAsync("kv/put", $$"""{"key":"YQ==","value":"{{value}}"}""");
        Assert.Equal(HttpStatusCode.BadRequest, large.StatusCode);
        Assert.Contains("etcdserver: request is too large", await large.Content.ReadAsStringAsync(Stop), StringComparison.Ordinal);

        var tooLarge = await PostAsync("kv/put", $$"""{"key":"YQ==","value":"{{value}}{{value}}"}""");
        Assert.Equal(HttpStatusCode.TooManyRequests, tooLarge.StatusCode);
    }

    [Fact]
    public async Task The_services_refusals_come_with_their_code_and_words()
    {
        var refused = await PostAsync("kv/range", "");
        Assert.Equal(HttpStatusCode.BadRequest, refused.StatusCode);
        Assert.Equal("""{"code":3,"message":"etcdserver: key is not provided"}""", await refused.Content.ReadAsStringAsync(Stop));

        var missing = await PostAsync("lease/revoke", """{"ID":"77"}""");
        Assert.Equal(HttpStatusCode.NotFound, missing.StatusCode);
        Assert.Equal("""{"code":5,"message":"etcdserver: requested lease not found"}""", await missing.Content.ReadAsStringAsync(Stop));
    }

    [Fact]
    public async Task Other_paths_and_methods_are_told_apart()
    {
        var unknown = await PostAsync("kv/nothing", "{}");
        Assert.Equal(HttpStatusCode.NotFound, unknown.StatusCode);
        Assert.Equal("""{"code":5,"message":"Not Found"}""", await unknown.Content.ReadAsStringAsync(Stop));

        var read = await _http.GetAsync(new Uri(Base, "/v3/kv/range"), Stop);
        Assert.Equal(HttpStatusCode.NotImplemented, read.StatusCode);
        Assert.Equal("""{"code":12,"message":"Method Not Allowed"}""", await read.Content.ReadAsStringAsync(Stop));

        using var old = new StringContent("""{"key":"YQ=="}""");
        Assert.Equal(HttpStatusCode.OK, (await _http.PostAsync(new Uri(Base, "/v3beta/kv/range"), old, Stop)).StatusCode);
    }

    [Fact]
    public async Task A_watch_tells_line_by_line_and_takes_several_requests()
    {
        using var body = new StringContent("""{"create_request":{"key":"dw=="}} {"create_request":{"key":"dw==","watch_id":"7"}}""");
        using var request = new HttpRequestMessage(HttpMethod.Post, new Uri(Base, "/v3/watch")) { Content = body };
        using var answer = await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, Stop);
        using var lines = new StreamReader(await answer.Content.ReadAsStreamAsync(Stop));
        Assert.True((await NextAsync()).GetProperty("created").GetBoolean());
        Assert.Equal("7", (await NextAsync()).GetProperty("watch_id").GetString());

        await OkAsync("kv/put", """{"key":"dw==","value":"YQ=="}""");

        var told = new[] { await NextAsync(), await NextAsync() };
        Assert.All(told, one => Assert.Equal("YQ==", one.GetProperty("events")[0].GetProperty("kv").GetProperty("value").GetString()));

        async Task<JsonElement> NextAsync() => JsonDocument.Parse((await lines.ReadLineAsync(Stop))!).RootElement.GetProperty("result");
    }

    [Fact]
    public async Task A_lease_is_kept_alive_by_as_many_requests_as_there_are()
    {
        await OkAsync("lease/grant", """{"ID":5,"TTL":100}""");
        var answer = await PostAsync("lease/keepalive", """{"ID":"5"}{"ID":5}{"ID":6}""");
        var lines = (await answer.Content.ReadAsStringAsync(Stop)).TrimEnd('\n').Split('\n');
        Assert.Equal(3, lines.Length);
        Assert.All(lines[..2], line => Assert.Contains("\"TTL\":\"100\"", line, StringComparison.Ordinal));
        Assert.DoesNotContain("TTL", lines[2], StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_snapshot_comes_as_lines()
    {
        await OkAsync("kv/put", """{"key":"c25hcA==","value":"YQ=="}""");
        var answer = await PostAsync("maintenance/snapshot", "{}");
        var blobs = (await answer.Content.ReadAsStringAsync(Stop)).TrimEnd('\n').Split('\n')
            .Select(line => JsonDocument.Parse(line).RootElement.GetProperty("result"));
        Assert.True(blobs.Sum(one => one.TryGetProperty("blob", out var blob) ? blob.GetBytesFromBase64().Length : 0) > 0);
    }

    [Fact]
    public async Task Pages_of_others_may_not_call_unless_they_are_named()
    {
        var refused = await PostAsync("kv/range", """{"key":"YQ=="}""", ("Origin", "http://elsewhere.example"));
        Assert.Equal(HttpStatusCode.Forbidden, refused.StatusCode);
        Assert.Contains("http://elsewhere.example may not call", await refused.Content.ReadAsStringAsync(Stop), StringComparison.Ordinal);

        await using var open = await StartAsync(options => options with { AllowedOrigins = ["https://console.example"] });
        using var allowed = await PostAsync("kv/range", """{"key":"YQ=="}""", open[0].ClientEndPoints[0], ("Origin", "https://console.example"));
        Assert.Equal(HttpStatusCode.OK, allowed.StatusCode);
        Assert.Equal(["https://console.example"], allowed.Headers.GetValues("Access-Control-Allow-Origin"));
        using var asking = new HttpRequestMessage(HttpMethod.Options, new Uri(open[0].ClientEndPoints[0], "/v3/kv/range"));
        asking.Headers.Add("Origin", "https://console.example");
        using var told = await _http.SendAsync(asking, Stop);
        Assert.Equal(HttpStatusCode.OK, told.StatusCode);
        Assert.Equal(["POST, GET, OPTIONS, PUT, DELETE"], told.Headers.GetValues("Access-Control-Allow-Methods"));
        using var other = await PostAsync("kv/range", """{"key":"YQ=="}""", open[0].ClientEndPoints[0], ("Origin", "https://console.example.evil"));
        Assert.Equal(HttpStatusCode.Forbidden, other.StatusCode);
    }

    [Fact]
    public async Task A_web_socket_carries_a_message_for_each_request_and_response()
    {
        using var socket = new ClientWebSocket();
        await socket.ConnectAsync(new Uri($"ws://{Base.Authority}/v3/watch"), Stop);
        await socket.SendAsync(Encoding.UTF8.GetBytes("""{"create_request":{"key":"d3M="}}"""), WebSocketMessageType.Text, endOfMessage: true, Stop);
        Assert.Contains("created", await ReceiveAsync(), StringComparison.Ordinal);
        await OkAsync("kv/put", """{"key":"d3M=","value":"YQ=="}""");
        Assert.Contains("\"key\":\"d3M=\"", await ReceiveAsync(), StringComparison.Ordinal);
        await socket.SendAsync("nonsense"u8.ToArray(), WebSocketMessageType.Text, endOfMessage: true, Stop);
        Assert.Contains("not JSON", await ReceiveAsync(), StringComparison.Ordinal);
        var buffer = new byte[100];
        Assert.Equal(WebSocketMessageType.Close, (await socket.ReceiveAsync(buffer.AsMemory(), Stop)).MessageType);

        async Task<string> ReceiveAsync()
        {
            var message = new byte[4096];
            var received = await socket.ReceiveAsync(message.AsMemory(), Stop);
            Assert.True(received.EndOfMessage);
            return Encoding.UTF8.GetString(message, 0, received.Count);
        }
    }

    [Fact]
    public async Task A_web_socket_that_its_client_closes_ends_its_call()
    {
        using var socket = new ClientWebSocket();
        await socket.ConnectAsync(new Uri($"ws://{Base.Authority}/v3/watch"), Stop);
        await socket.SendAsync(Encoding.UTF8.GetBytes("""{"create_request":{"key":"d3M="}}"""), WebSocketMessageType.Text, endOfMessage: true, Stop);
        await socket.CloseAsync(WebSocketCloseStatus.NormalClosure, null, Stop);
        Assert.Equal(WebSocketState.Closed, socket.State);
    }

    [Fact]
    public async Task It_can_be_turned_off()
    {
        await using var without = await StartAsync(options => options with { HasGateway = false });
        using var answer = await PostAsync("kv/range", """{"key":"YQ=="}""", without[0].ClientEndPoints[0]);
        Assert.Equal(HttpStatusCode.NotFound, answer.StatusCode);
        Assert.Equal("", await answer.Content.ReadAsStringAsync(Stop));
    }

    private static Task<SmallCluster> StartAsync(Func<RaftKvOptions, RaftKvOptions> change)
        => SmallCluster.StartAsync(1, options => change(options with { ListenClient = [new IPEndPoint(IPAddress.Loopback, 0)] }));

    private async Task<JsonElement> OkAsync(string path, string body)
    {
        using var answer = await PostAsync(path, body);
        var text = await answer.Content.ReadAsStringAsync(Stop);
        Assert.True(answer.IsSuccessStatusCode, text);
        Assert.Equal("application/json", answer.Content.Headers.ContentType?.MediaType);
        return JsonDocument.Parse(text).RootElement;
    }

    private Task<HttpResponseMessage> PostAsync(string path, string body, params (string Name, string Value)[] headers)
        => PostAsync(path, body, Base, headers);

    private async Task<HttpResponseMessage> PostAsync(string path, string body, Uri at, params (string Name, string Value)[] headers)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, new Uri(at, $"/v3/{path}"))
        {
            Content = new ByteArrayContent(Encoding.Latin1.GetBytes(body)),
        };
        foreach (var (name, value) in headers)
        {
            request.Headers.TryAddWithoutValidation(name, value);
        }

        return await _http.SendAsync(request, Stop);
    }
}
