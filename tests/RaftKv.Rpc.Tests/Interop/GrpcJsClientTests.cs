using System.Net;
using RaftKv.Rpc.Health;
using RaftKv.Rpc.Server;
using RaftKv.Rpc.Tests.Server;

namespace RaftKv.Rpc.Tests.Interop;

/// <summary>Our server as grpc-js sees it. The checks themselves are in checks.js.</summary>
public sealed class GrpcJsClientTests
{
    [Fact]
    public async Task The_server_passes_every_check_of_grpc_js()
    {
        Assert.SkipWhen(NodeProgram.Obstacle is not null, NodeProgram.Obstacle ?? "");
        var health = new HealthService();
        var options = TestHost.Options(new EchoService().Service, health.Service);
        options.Server.MaxReceiveMessageBytes = EchoService.MaxMessageBytes;
        await using var host = await RpcHost.StartAsync(options, TestContext.Current.CancellationToken);

        var (exitCode, lines, errors) = await NodeProgram.RunAsync(
            TestContext.Current.CancellationToken, "client.js", $"{IPAddress.Loopback}:{host.Address().Port}");

        var failed = lines.Where(line => !line.Contains("\"ok\":true", StringComparison.Ordinal));
        Assert.True(exitCode == 0, $"exit code {exitCode}\n{string.Join('\n', failed)}\n{errors}");
        Assert.True(lines.Length >= 50, $"Only {lines.Length} checks ran.");
    }
}
