using RaftKv.Protocol.Etcd;
using RaftKv.Rpc.Tests.RawHttp2;

namespace RaftKv.Rpc.Tests.Server.Http2;

/// <summary>Streams that are begun in an order in which none may be, and frames on streams that are over.</summary>
public sealed class StreamNumberTests
{
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_number_that_goes_back_ends_the_connection(bool endStream)
    {
        await using var calls = await HeldCalls.StartAsync();
        await using var connection = await calls.ConnectAsync();
        await connection.WriteAsync(GrpcFrames.Request(5, HeldCalls.Put), GrpcFrames.Message(5, new PutRequest(), endStream: true));
        await calls.UntilAsync(c => c.Open == 1);

        await connection.WriteAsync(RawFrame.Headers(3, endStream, GrpcFrames.RequestHeaders(HeldCalls.Put)));

        // Or it would wait for its answer for ever.
        Assert.Contains(await PlainHttp.GoodbyeAsync(connection), new[] { Http2Code.ProtocolError, Http2Code.StreamClosed });
    }

    [Fact]
    public async Task Data_behind_the_end_of_a_stream_ends_the_connection()
    {
        await using var calls = await HeldCalls.StartAsync();
        await using var connection = await calls.ConnectAsync();

        await connection.WriteAsync(
            GrpcFrames.Request(1, HeldCalls.Put), GrpcFrames.Message(1, new PutRequest(), endStream: true), RawFrame.Data(1, new byte[1]));

        Assert.Equal(Http2Code.StreamClosed, await PlainHttp.GoodbyeAsync(connection));
    }

    [Fact]
    public async Task Headers_behind_the_end_of_a_stream_end_the_connection()
    {
        await using var calls = await HeldCalls.StartAsync();
        await using var connection = await calls.ConnectAsync();

        await connection.WriteAsync(
            GrpcFrames.Request(1, HeldCalls.Put), GrpcFrames.Message(1, new PutRequest(), endStream: true), RawFrame.Headers(1, true, ("a", "b")));

        Assert.Equal(Http2Code.StreamClosed, await PlainHttp.GoodbyeAsync(connection));
    }

    [Fact]
    public async Task Data_on_a_stream_that_was_reset_is_ignored()
    {
        await using var calls = await HeldCalls.StartAsync();
        await using var connection = await calls.ConnectAsync();

        await connection.WriteAsync(GrpcFrames.Request(1, HeldCalls.Put), RawFrame.Reset(1, Http2Code.Cancel), RawFrame.Data(1, new byte[1000]));
        await connection.WriteAsync(GrpcFrames.Request(3, HeldCalls.Range), GrpcFrames.Message(3, new RangeRequest(), endStream: true));

        Assert.Equal("0", (await connection.NextMessageAsync()).Header("grpc-status"));
    }
}
