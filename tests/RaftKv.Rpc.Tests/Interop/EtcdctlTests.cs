using System.Text.Json;
using Google.Protobuf;
using RaftKv.Protocol.Etcd;
using RaftKv.Protocol.Mvcc;
using RaftKv.Rpc.Server;
using RaftKv.Rpc.Tests.Server;

namespace RaftKv.Rpc.Tests.Interop;

/// <summary>Our server as etcdctl (3.4, built on grpc-go) sees it. Behind Range and Status stand a few fixed answers.</summary>
public sealed class EtcdctlTests
{
    private static readonly ResponseHeader Header = new() { ClusterId = 0xc1, MemberId = 0x8e9e05c52164694d, Revision = 42, RaftTerm = 3 };

    [Fact]
    public async Task Endpoint_status_is_read_as_json()
    {
        await using var host = await StartAsync();
        var (exitCode, output, errors) = await EtcdctlAsync(host, "endpoint", "status", "-w", "json");

        Assert.True(exitCode == 0, $"{exitCode} {output} {errors}");
        using var json = JsonDocument.Parse(output);
        var status = Assert.Single(json.RootElement.EnumerateArray()).GetProperty("Status");
        Assert.Equal("3.5.99", status.GetProperty("version").GetString());
        Assert.Equal(20480, status.GetProperty("dbSize").GetInt64());
        Assert.Equal(0x8e9e05c52164694dUL, status.GetProperty("leader").GetUInt64());
        Assert.Equal(0xc1UL, status.GetProperty("header").GetProperty("cluster_id").GetUInt64());
        Assert.Equal(42, status.GetProperty("header").GetProperty("revision").GetInt64());
    }

    [Fact]
    public async Task Endpoint_status_is_read_as_a_table()
    {
        await using var host = await StartAsync();
        var (exitCode, output, errors) = await EtcdctlAsync(host, "endpoint", "status", "--write-out=table");

        Assert.True(exitCode == 0, $"{exitCode} {output} {errors}");
        Assert.Contains("8e9e05c52164694d", output, StringComparison.Ordinal);
        Assert.Contains("3.5.99", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_key_is_read()
    {
        await using var host = await StartAsync();
        var (exitCode, output, errors) = await EtcdctlAsync(host, "get", "a/1");

        Assert.True(exitCode == 0, $"{exitCode} {output} {errors}");
        Assert.Equal("a/1\none\n", output);
    }

    [Fact]
    public async Task A_key_that_is_not_there_is_nothing()
    {
        await using var host = await StartAsync();
        var (exitCode, output, errors) = await EtcdctlAsync(host, "get", "nothing");

        Assert.True(exitCode == 0, $"{exitCode} {output} {errors}");
        Assert.Equal("", output);
    }

    [Fact]
    public async Task A_prefix_is_read()
    {
        await using var host = await StartAsync();
        var (exitCode, output, errors) = await EtcdctlAsync(host, "get", "--prefix", "a/");

        Assert.True(exitCode == 0, $"{exitCode} {output} {errors}");
        Assert.Equal("a/1\none\na/2\ntwö\n", output);
    }

    [Theory]
    [InlineData("json")]
    [InlineData("fields")]
    [InlineData("protobuf")]
    public async Task A_prefix_is_written_out_in_every_form(string form)
    {
        await using var host = await StartAsync();
        var (exitCode, output, errors) = await EtcdctlAsync(host, "get", "--prefix", "a/", $"--write-out={form}");

        Assert.True(exitCode == 0, $"{exitCode} {output} {errors}");
        if (form == "json")
        {
            using var json = JsonDocument.Parse(output);
            var keys = json.RootElement.GetProperty("kvs").EnumerateArray().Select(kv => kv.GetProperty("key").GetBytesFromBase64());
            Assert.Equal(["a/1"u8.ToArray(), "a/2"u8.ToArray()], keys);
            Assert.Equal(42, json.RootElement.GetProperty("header").GetProperty("revision").GetInt64());
        }
        else
        {
            Assert.Contains("a/2", output, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task A_large_answer_is_read()
    {
        await using var host = await StartAsync();
        var (exitCode, output, errors) = await EtcdctlAsync(host, "get", "large", "--print-value-only");

        Assert.True(exitCode == 0, $"{exitCode} {errors}");
        Assert.Equal(8 * 1024 * 1024, output.TrimEnd('\n').Length);
    }

    [Fact]
    public async Task A_refusal_is_told_in_its_own_words()
    {
        await using var host = await StartAsync();
        var (exitCode, _, errors) = await EtcdctlAsync(host, "get", "forbidden");

        Assert.NotEqual(0, exitCode);
        Assert.Contains("etcdserver: permission denied", errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_is_not_there_yet_is_unimplemented()
    {
        await using var host = await StartAsync();
        var (exitCode, _, errors) = await EtcdctlAsync(host, "put", "a", "b");

        Assert.NotEqual(0, exitCode);
        Assert.Contains("Unimplemented", errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Status_is_read_over_tls_with_client_certificates()
    {
        using var authority = TestAuthority.Create();
        using var files = CertificateFiles.Write(authority);
        var options = Options();
        options.Listen[0] = options.Listen[0] with
        {
            Tls = new RpcServerTls
            {
                Certificate = authority.Issue("localhost", server: true),
                RequireClientCertificate = true,
                ClientAuthorities = [authority.Certificate],
            },
        };
        await using var host = await RpcHost.StartAsync(options, TestContext.Current.CancellationToken);

        var (exitCode, output, errors) = await EtcdctlAsync(
            host, "get", "a/1", "--cacert", files.Authority, "--cert", files.ClientCertificate, "--key", files.ClientKey);

        Assert.True(exitCode == 0, $"{exitCode} {output} {errors}");
        Assert.Equal("a/1\none\n", output);
    }

    private static Task<(int ExitCode, string Output, string Errors)> EtcdctlAsync(RpcHost host, params string[] arguments)
        => InstalledProgram.OrSkip("etcdctl", "Debian's package 'etcd-client'", ("ETCDCTL_API", "3"))
            .RunAsync([$"--endpoints={host.Address().Scheme}://127.0.0.1:{host.Address().Port}", "--command-timeout=20s", .. arguments]);

    private static Task<RpcHost> StartAsync() => RpcHost.StartAsync(Options(), TestContext.Current.CancellationToken);

    private static RpcHostOptions Options()
    {
        var maintenance = TestHost.Maintenance().Unary<StatusRequest, StatusResponse>("Status", (_, _) => new(new StatusResponse
        {
            Header = Header,
            Version = "3.5.99",
            DbSize = 20480,
            Leader = Header.MemberId,
            RaftIndex = 99,
            RaftTerm = 3,
        }));
        return TestHost.Options(TestHost.Kv().Unary<RangeRequest, RangeResponse>("Range", Range), maintenance);
    }

    private static ValueTask<RangeResponse> Range(RangeRequest request, RpcServerCall call)
    {
        var response = new RangeResponse { Header = Header };
        switch (request.Key.ToStringUtf8(), request.RangeEnd.ToStringUtf8())
        {
            case ("a/1", ""):
                response.Kvs.Add(Pair("a/1", "one"));
                break;
            case ("a/", "a0"): // The end of a prefix: its last byte plus one.
                response.Kvs.Add(Pair("a/1", "one"));
                response.Kvs.Add(Pair("a/2", "twö"));
                break;
            case ("large", ""):
                response.Kvs.Add(Pair("large", new string('x', 8 * 1024 * 1024)));
                break;
            case ("forbidden", ""):
                call.Fail(RpcStatusCode.PermissionDenied, "etcdserver: permission denied");
                break;
            default:
                break;
        }

        response.Count = response.Kvs.Count;
        return new(response);
    }

    private static KeyValue Pair(string key, string value) => new()
    {
        Key = ByteString.CopyFromUtf8(key),
        Value = ByteString.CopyFromUtf8(value),
        CreateRevision = 40,
        ModRevision = 41,
        Version = 2,
    };
}
