using System.Net;
using RaftKv.Protocol.Etcd;
using RaftKv.Rpc;
using RaftKv.Rpc.InProcess;
using RaftKv.Rpc.Server;
using RaftKv.Server.Gateway;

namespace RaftKv.Server.Tests.Gateway;

/// <summary>Who calls, and what else comes beside a request.</summary>
public sealed class GatewayMetadataTests
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("Authorization", "token.5", "authorization", "token.5")]
    [InlineData("authorization", "Bearer token.5", "authorization", "token.5")]
    [InlineData("Grpc-Metadata-Token", "token.5", "token", "token.5")]
    [InlineData("grpc-metadata-hasleader", "true", "hasleader", "true")]
    [InlineData("X-Other", "5", "x-other", null)]
    public async Task Tokens_and_metadata_are_passed_on_and_nothing_else(string name, string value, string key, string? expected)
    {
        RpcMetadata? seen = null;
        await CallAsync((_, call) =>
        {
            seen = call.RequestMetadata;
            return new(new RangeResponse { Count = 1 });
        }, request => request.Headers.TryAddWithoutValidation(name, value));
        Assert.NotNull(seen);
        Assert.Equal(expected, seen.Text(key));
    }

    [Theory]
    [InlineData(RpcStatusCode.Unauthenticated, HttpStatusCode.Unauthorized)]
    [InlineData(RpcStatusCode.PermissionDenied, HttpStatusCode.Forbidden)]
    [InlineData(RpcStatusCode.FailedPrecondition, HttpStatusCode.BadRequest)]
    [InlineData(RpcStatusCode.ResourceExhausted, HttpStatusCode.TooManyRequests)]
    [InlineData(RpcStatusCode.Unavailable, HttpStatusCode.ServiceUnavailable)]
    [InlineData(RpcStatusCode.DeadlineExceeded, HttpStatusCode.GatewayTimeout)]
    [InlineData(RpcStatusCode.Internal, HttpStatusCode.InternalServerError)]
    public async Task Each_code_has_its_status(RpcStatusCode code, HttpStatusCode expected)
    {
        var (status, body, challenge) = await CallAsync((_, _) => throw new RpcException(code, "say \"no\""), _ => { });
        Assert.Equal(expected, status);
        Assert.Equal($$"""{"code":{{(int)code}},"message":"say \"no\""}""", body);
        Assert.Equal(code == RpcStatusCode.Unauthenticated, challenge.Length > 0);
    }

    private static async Task<(HttpStatusCode Status, string Body, string Challenge)> CallAsync(
        Func<RangeRequest, RpcServerCall, ValueTask<RangeResponse>> range, Action<HttpRequestMessage> prepare)
    {
        var kv = new RpcService(RpcReflection.Descriptor.Services.Single(service => service.Name == "KV"))
            .Unary<RangeRequest, RangeResponse>("Range", (request, call) => range(request, call));
        var options = new RpcHostOptions();
        options.Listen.Add(new RpcListenAddress(new IPEndPoint(IPAddress.Loopback, 0)));
        options.Services.Add(kv);
        using var inProcess = new RpcInProcessServer(options.Server, options.Services);
        await using var gateway = new JsonGateway(inProcess, options, new AllowedOrigins([]), maxRequestBytes: 1000);
        await using var host = await RpcHost.StartAsync(options, Stop);
        using var http = new HttpClient();
        using var request = new HttpRequestMessage(HttpMethod.Post, new Uri(host.EndPoints[0], "/v3/kv/range")) { Content = new StringContent("{}") };
        prepare(request);
        using var answer = await http.SendAsync(request, Stop);
        return (answer.StatusCode, await answer.Content.ReadAsStringAsync(Stop), answer.Headers.WwwAuthenticate.ToString());
    }
}
