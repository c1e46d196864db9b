using RaftKv.Protocol.Etcd;
using RaftKv.Rpc.Tests.RawHttp2;

namespace RaftKv.Rpc.Tests.Server;

/// <summary>Calls whose client stops in the middle, and servers that stop while calls run.</summary>
public sealed class CutStreamTests
{
    private static readonly byte[] HalfMessage = [0, 0, 0, 0, 100, 1, 2, 3];

    [Theory]
    [InlineData(HeldCalls.Watch)]
    [InlineData(HeldCalls.Range)]
    public async Task A_stream_reset_inside_a_message_leaves_the_connection_alone(string path)
    {
        await using var calls = await HeldCalls.StartAsync();
        await using var connection = await calls.ConnectAsync();
        await connection.WriteAsync(GrpcFrames.Request(1, path), RawFrame.Data(1, HalfMessage));
        await connection.WriteAsync(RawFrame.Ping(1));
        await NextAckAsync(connection);
        if (path == HeldCalls.Watch)
        {
            await calls.UntilAsync(c => c.Open == 1);
        }

        await connection.WriteAsync(RawFrame.Reset(1, Http2Code.Cancel));

        await calls.UntilAsync(c => c.Open == 0);
        Assert.Equal("0", await StatusOfCallAsync(connection, 3));
        Assert.Empty(calls.Errors.Lines);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_connection_lost_inside_a_message_ends_its_calls(bool abort)
    {
        await using var calls = await HeldCalls.StartAsync();
        var connection = await calls.ConnectAsync();
        await connection.WriteAsync(GrpcFrames.Request(1, HeldCalls.Watch), RawFrame.Data(1, HalfMessage));
        await connection.WriteAsync(GrpcFrames.Request(3, HeldCalls.Put), GrpcFrames.Message(3, new PutRequest(), endStream: true));
        await calls.UntilAsync(c => c.Open == 2);

        if (abort)
        {
            connection.Abort();
        }
        else
        {
            await connection.DisposeAsync();
        }

        await calls.UntilAsync(c => c.Open == 0 && c.Cancelled == 2);
        await calls.AnswersAsync();
        Assert.Empty(calls.Errors.Lines);
    }

    [Fact]
    public async Task A_stream_nobody_reads_holds_up_no_other_on_its_connection()
    {
        await using var calls = await HeldCalls.StartAsync();
        await using var connection = await calls.ConnectAsync((RawFrame.InitialWindowSize, 0));

        // No room on stream 1: the answer cannot leave.
        await connection.WriteAsync(
            GrpcFrames.Request(1, HeldCalls.Range), GrpcFrames.Message(1, new RangeRequest { Limit = 1 }, endStream: true));
        for (var stream = 3; stream < 103; stream += 2)
        {
            await connection.WriteAsync(RawFrame.WindowUpdate(0, 1000));
            await connection.WriteAsync(
                GrpcFrames.Request(stream, HeldCalls.Range),
                RawFrame.WindowUpdate(stream, 1000),
                GrpcFrames.Message(stream, new RangeRequest { Limit = 1 }, endStream: true));
            Assert.Equal("0", await StatusAsync(connection, stream));
        }

        await connection.WriteAsync(RawFrame.WindowUpdate(1, 1000));
        var answer = await connection.NextAsync(FrameKind.Data, 1);
        Assert.Equal(RawCall.Framed(new RangeResponse { Count = 1 }), answer.Payload.ToArray());
        Assert.Empty(calls.Errors.Lines);
    }

    [Fact]
    public async Task A_stopping_server_says_goodbye_and_lets_unary_calls_finish()
    {
        await using var calls = await HeldCalls.StartAsync(options => options.StopTimeout = TimeSpan.FromSeconds(20));
        await using var connection = await calls.ConnectAsync();
        await connection.WriteAsync(GrpcFrames.Request(1, HeldCalls.Put), GrpcFrames.Message(1, new PutRequest(), endStream: true));
        await calls.UntilAsync(c => c.Open == 1);

        var stopping = calls.Host.StopAsync(TestContext.Current.CancellationToken);
        var goodbye = await connection.NextAsync(FrameKind.GoAway);
        calls.LetGo();

        Assert.Equal(Http2Code.NoError, goodbye.Code);
        Assert.Equal("0", await StatusAsync(connection, 1));

        // As clients do after a goodbye and their last answer. Kestrel looks again at a connection whose last call has
        // ended only when something arrives on it; a client that stays would hold the stop up until its timeout.
        await connection.DisposeAsync();
        await stopping.WaitAsync(TimeSpan.FromSeconds(10), TestContext.Current.CancellationToken);
        Assert.Equal(0, calls.Cancelled);
    }

    private static async Task<string?> StatusOfCallAsync(RawConnection connection, int stream)
    {
        await connection.WriteAsync(
            GrpcFrames.Request(stream, HeldCalls.Range), GrpcFrames.Message(stream, new RangeRequest { Limit = 1 }, endStream: true));
        return await StatusAsync(connection, stream);
    }

    private static async Task<string?> StatusAsync(RawConnection connection, int stream)
    {
        while (true)
        {
            var (frame, headers) = await connection.NextHeadersAsync(stream);
            if (frame.EndsStream)
            {
                return headers.Find(header => header.Name == "grpc-status").Value;
            }
        }
    }

    private static async Task NextAckAsync(RawConnection connection)
    {
        while (await connection.ReadAsync() is not { Kind: FrameKind.Ping, IsAck: true })
        {
        }
    }
}
