using RaftKv.Protocol.Etcd;
using RaftKv.Rpc.Server;
using RaftKv.Rpc.Tests.RawHttp2;

namespace RaftKv.Rpc.Tests.Server.Http2;

/// <summary>Requests that are given up in the same breath in which they are made, so that no handler sees them.</summary>
public sealed class GivenUpAtOnceTests
{
    [Fact]
    public async Task What_they_sent_may_be_sent_again_on_the_connection()
    {
        await using var calls = await HeldCalls.StartAsync(options => options.Connections = new RpcConnectionLimits { ConnectionWindowBytes = 65_535 });
        await using var connection = await calls.ConnectAsync();
        var stream = 1;
        for (; stream < 101; stream += 2)
        {
            // Much less than the server reads at a time: all three arrive together.
            await connection.WriteAsync(
                GrpcFrames.Request(stream, HeldCalls.Range), RawFrame.Data(stream, new byte[4000]), RawFrame.Reset(stream, Http2Code.Cancel));
            await PlainHttp.HasReadAllAsync(connection);
        }

        await connection.WriteAsync(
            GrpcFrames.Request(stream, HeldCalls.Range), GrpcFrames.Message(stream, new RangeRequest { Limit = 1 }, endStream: true));
        Assert.Equal("0", (await connection.NextMessageAsync()).Header("grpc-status"));
    }

    [Fact]
    public async Task So_may_what_came_with_a_length_that_is_not_its_own()
    {
        await using var http = await PlainHttp.StartAsync(
            _ => Task.CompletedTask, options => options.Connections = new RpcConnectionLimits { ConnectionWindowBytes = 65_535 });
        await using var connection = await http.ConnectAsync();
        var stream = 1;
        for (; stream < 101; stream += 2)
        {
            await connection.WriteAsync(
                PlainHttp.Post(stream, ("content-length", "4000")), RawFrame.Data(stream, new byte[4000]), RawFrame.Data(stream, new byte[1]));
            await PlainHttp.HasReadAllAsync(connection);
        }

        await connection.WriteAsync(PlainHttp.Get(stream));
        Assert.Equal("200", (await connection.NextMessageAsync()).Header(":status"));
    }
}
