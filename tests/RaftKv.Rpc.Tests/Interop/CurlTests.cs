using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using RaftKv.Protocol.Etcd;
using RaftKv.Rpc.Server;
using RaftKv.Rpc.Tests.Server;

namespace RaftKv.Rpc.Tests.Interop;

/// <summary>Plain HTTP by curl on the port that also serves gRPC: both versions, without TLS and with it.</summary>
public sealed class CurlTests
{
    [Theory]
    [InlineData("--http1.0", "HTTP/1.0")]
    [InlineData("--http1.1", "HTTP/1.1")]
    [InlineData("--http2", "HTTP/1.1")] // Asks for an upgrade, which a server may ignore, and ours does.
    [InlineData("--http2-prior-knowledge", "HTTP/2")]
    public async Task A_plain_port_answers_in_the_version_it_was_asked_in(string version, string expected)
    {
        await using var host = await RpcHost.StartAsync(Options(tls: null), TestContext.Current.CancellationToken);

        var (exitCode, output, errors) = await CurlAsync(version, $"http://127.0.0.1:{host.Address().Port}/version");

        Assert.True(exitCode == 0, $"{exitCode} {errors}");
        Assert.Equal($"over {expected}", output);
    }

    [Theory]
    [InlineData("--http1.1", "HTTP/1.1")]
    [InlineData("--http2", "HTTP/2")]
    public async Task A_tls_port_answers_in_the_version_that_alpn_chose(string version, string expected)
    {
        using var authority = TestAuthority.Create();
        using var files = CertificateFiles.Write(authority);
        var tls = new RpcServerTls { Certificate = authority.Issue("localhost", server: true) };
        await using var host = await RpcHost.StartAsync(Options(tls), TestContext.Current.CancellationToken);

        var (exitCode, output, errors) = await CurlAsync(version, "--cacert", files.Authority, $"https://127.0.0.1:{host.Address().Port}/version");

        Assert.True(exitCode == 0, $"{exitCode} {errors}");
        Assert.Equal($"over {expected}", output);
    }

    [Fact]
    public async Task A_call_can_be_made_by_hand()
    {
        await using var host = await RpcHost.StartAsync(Options(tls: null), TestContext.Current.CancellationToken);

        // An empty request: five bytes of header. curl shows trailers among the headers.
        var request = Path.GetTempFileName();
        try
        {
            await File.WriteAllBytesAsync(request, new byte[5], TestContext.Current.CancellationToken);
            var (exitCode, output, errors) = await CurlAsync(
                "--http2-prior-knowledge",
                "--dump-header",
                "-",
                "--output",
                "/dev/null",
                "--header",
                "content-type: application/grpc",
                "--header",
                "te: trailers",
                "--data-binary",
                $"@{request}",
                $"http://127.0.0.1:{host.Address().Port}/etcdserverpb.KV/Range");

            Assert.True(exitCode == 0, $"{exitCode} {errors}");
            Assert.StartsWith("HTTP/2 200", output, StringComparison.Ordinal);
            Assert.Contains("grpc-status: 0", output, StringComparison.Ordinal);
        }
        finally
        {
            File.Delete(request);
        }
    }

    private static Task<(int ExitCode, string Output, string Errors)> CurlAsync(params string[] arguments)
        => InstalledProgram.OrSkip("curl", "Debian's package 'curl'").RunAsync(["--silent", "--show-error", "--max-time", "30", "--noproxy", "*", .. arguments]);

    private static RpcHostOptions Options(RpcServerTls? tls)
    {
        var options = TestHost.Options(TestHost.Kv().Unary<RangeRequest, RangeResponse>("Range", (_, _) => new(new RangeResponse { Count = 1 })));
        options.Listen[0] = options.Listen[0] with { Tls = tls };
        options.Http = app => app.Map("/version", branch => branch.Run(http => http.Response.WriteAsync($"over {http.Request.Protocol}")));
        return options;
    }
}
