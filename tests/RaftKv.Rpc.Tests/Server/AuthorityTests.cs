using RaftKv.Protocol.Etcd;
using RaftKv.Rpc.Tests.RawHttp2;

namespace RaftKv.Rpc.Tests.Server;

/// <summary>What clients send as :authority, which is not always one.</summary>
public sealed class AuthorityTests
{
    [Theory]
    [InlineData("127.0.0.1:2379", "127.0.0.1:2379")]
    [InlineData("localhost", "localhost")]
    [InlineData("[::1]:2379", "[::1]:2379")]
    [InlineData("[::1]", "[::1]")]
    [InlineData("", "")]
    [InlineData("http://127.0.0.1:2379", "127.0.0.1:2379")]
    [InlineData("https://[::1]:2379/", "[::1]:2379")]
    [InlineData("etcd-endpoints://0xc000/127.0.0.1:2379", "0xc000")]
    [InlineData("#initially=[127.0.0.1:2379]", "")]
    [InlineData("unix:///tmp/etcd.sock", "")]
    [InlineData("[::1", "")]
    [InlineData("[::zz]:1", "")]
    [InlineData("host:99999", "")]
    [InlineData(":2379", "")]
    [InlineData("a b", "")]
    [InlineData("käse", "")]
    public async Task A_call_succeeds_whatever_its_authority(string authority, string host)
    {
        string? seen = null;
        await using var server = await TestHost.StartAsync(TestHost.Kv().Unary<RangeRequest, RangeResponse>("Range", (_, call) =>
        {
            seen = call.HttpContext.Request.Host.Value;
            return new(new RangeResponse());
        }));
        await using var connection = await RawConnection.ConnectAsync(new(System.Net.IPAddress.Loopback, server.Address().Port));

        await connection.WriteAsync(
            RawFrame.Headers(
                1,
                false,
                (":method", "POST"),
                (":scheme", "http"),
                (":path", "/etcdserverpb.KV/Range"),
                (":authority", authority),
                ("content-type", "application/grpc"),
                ("te", "trailers")),
            RawFrame.Data(1, new byte[5], endStream: true));
        await connection.NextHeadersAsync(1);
        var (_, trailers) = await connection.NextHeadersAsync(1);

        Assert.Contains(("grpc-status", "0"), trailers);
        Assert.Equal(host, seen);
    }
}
