using RaftKv.Protocol.Etcd;
using RaftKv.Rpc.Server;
using RaftKv.Rpc.Tests.RawHttp2;

namespace RaftKv.Rpc.Tests.Server.Http2;

/// <summary>A client that speaks before it has heard how little the server takes (RFC 9113 §6.9.2).</summary>
public sealed class EarlyDataTests
{
    [Fact]
    public async Task It_may_send_as_much_as_a_window_has_in_the_beginning()
    {
        await using var calls = await HeldCalls.StartAsync(options => options.Connections = new RpcConnectionLimits { StreamWindowBytes = 10_000 });
        await using var connection = await calls.ConnectAsync();
        connection.IsPolite = false; // It acknowledges nothing.
        var request = new RangeRequest { Key = Google.Protobuf.ByteString.CopyFrom(new byte[15_000]) };

        await connection.WriteAsync(GrpcFrames.Request(1, HeldCalls.Range), GrpcFrames.Message(1, request, endStream: true));

        Assert.Equal("0", (await connection.NextMessageAsync()).Header("grpc-status"));
    }
}
