using RaftKv.Rpc.Tests.RawHttp2;

namespace RaftKv.Rpc.Tests.Server.Http2;

/// <summary>A client that takes its word back: its windows become smaller than what is on its way (RFC 9113 §6.9.2).</summary>
public sealed class ShrinkingWindowTests
{
    private const int AnswerBytes = 200_000;

    [Fact]
    public async Task The_answer_waits_until_the_window_is_open_again_and_comes_whole()
    {
        var answer = new byte[AnswerBytes];
        new Random(1).NextBytes(answer);
        await using var http = await PlainHttp.StartAsync(context => context.Response.Body.WriteAsync(answer, 0, answer.Length));
        await using var connection = await http.ConnectAsync((RawFrame.InitialWindowSize, 30_000));
        await connection.WriteAsync(RawFrame.WindowUpdate(0, 1_000_000), PlainHttp.Get(1));
        var body = new List<byte>();
        while (body.Count < 30_000)
        {
            body.AddRange((await connection.NextAsync(FrameKind.Data, 1)).Payload.ToArray());
        }

        // 30,000 are used: the window is now 20,000 below nothing. Opened to one below nothing, it is shut still.
        await connection.WriteAsync(RawFrame.Settings((RawFrame.InitialWindowSize, 10_000u)));
        await connection.WriteAsync(RawFrame.WindowUpdate(1, 19_999));
        await PlainHttp.HasReadAllAsync(connection);
        Assert.Equal(30_000, body.Count);
        await connection.WriteAsync(RawFrame.WindowUpdate(1, 2));
        var one = await connection.NextAsync(FrameKind.Data, 1);
        body.AddRange(one.Payload.ToArray());
        Assert.Equal(1, one.Payload.Length);

        await connection.WriteAsync(RawFrame.Settings((RawFrame.InitialWindowSize, 1_000_000u)));
        for (var isEnd = false; !isEnd;)
        {
            var frame = await connection.NextAsync(FrameKind.Data, 1);
            body.AddRange(frame.Payload.ToArray());
            isEnd = frame.EndsStream;
        }

        Assert.Equal(answer, body);
        Assert.Empty(http.Errors.Lines);
    }
}
