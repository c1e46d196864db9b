using RaftKv.Rpc.Tests.RawHttp2;

namespace RaftKv.Rpc.Tests.Server.Http2;

/// <summary>Several large answers on one connection whose window is too small for all of them.</summary>
public sealed class FairShareTests
{
    private const int Answers = 10;
    private const int AnswerBytes = 300_000;
    private const int FrameBytes = 16_384;

    [Fact]
    public async Task None_is_far_behind_and_all_come_whole()
    {
        await using var http = await PlainHttp.StartAsync(async context =>
        {
            var bytes = new byte[AnswerBytes];
            Array.Fill(bytes, byte.Parse(context.Request.Path.Value![1..], System.Globalization.CultureInfo.InvariantCulture));
            await context.Response.Body.WriteAsync(bytes);
        });
        await using var connection = await http.ConnectAsync((RawFrame.InitialWindowSize, 1_000_000));
        await connection.WriteAsync(RawFrame.WindowUpdate(0, 1));
        for (var i = 0; i < Answers; i++)
        {
            await connection.WriteAsync(PlainHttp.Get((2 * i) + 1, $"/{i}"));
        }

        // The first who answers takes what the connection has to begin with; once all have begun, all want their share.
        var got = new int[Answers];
        var begun = 0;
        while (begun < Answers || got.Sum() < 65_536)
        {
            var frame = await connection.ReadAsync();
            begun += frame is { Kind: FrameKind.Headers } ? 1 : 0;
            Count(frame, got);
        }

        var shared = new int[Answers];
        for (var left = Answers; left > 0;)
        {
            await connection.WriteAsync(RawFrame.WindowUpdate(0, FrameBytes));
            var frame = await connection.NextAsync(FrameKind.Data);
            Count(frame, got);
            Count(frame, shared);
            left -= frame.EndsStream ? 1 : 0;
            if (left == Answers && shared.Sum() > 40 * FrameBytes)
            {
                Assert.True(shared.Max() - shared.Min() <= 5 * FrameBytes, $"Shares: {string.Join(' ', shared)}");
            }
        }

        Assert.All(got, bytes => Assert.Equal(AnswerBytes, bytes));
    }

    private static void Count(RawFrame? some, int[] bytes)
    {
        if (some is { Kind: FrameKind.Data } frame)
        {
            Assert.All(frame.Payload.ToArray(), b => Assert.Equal(frame.Stream / 2, b));
            bytes[frame.Stream / 2] += frame.Payload.Length;
        }
    }
}
