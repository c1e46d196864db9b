using System.Diagnostics;
using RaftKv.Protocol.Etcd;
using RaftKv.Rpc.Tests.RawHttp2;

namespace RaftKv.Rpc.Tests.Server;

/// <summary>A client that opens streams only to reset them, as in CVE-2023-44487.</summary>
[Collection(nameof(FloodCollection))]
public sealed class RapidResetTests
{
    private const int Resets = 100_000;
    private const int PerWrite = 500;

    [Fact]
    public async Task A_hundred_thousand_resets_hurt_nobody()
    {
        await using var calls = await HeldCalls.StartAsync();
        await calls.AnswersAsync();
        var memoryBefore = GC.GetTotalMemory(forceFullCollection: true);

        var flood = FloodAsync(calls);
        var answered = 0;
        var slowest = TimeSpan.Zero;
        while (!flood.IsCompleted)
        {
            var since = Stopwatch.StartNew();
            await calls.AnswersAsync();
            slowest = since.Elapsed > slowest ? since.Elapsed : slowest;
            answered++;
        }

        var (connections, codes) = await flood;
        await calls.UntilAsync(c => c.Open == 0);
        await calls.AnswersAsync();

        TestContext.Current.TestOutputHelper?.WriteLine(
            $"{Resets} resets over {connections} connections ({string.Join(", ", codes)}); {calls.Begun} calls began; "
            + $"{answered} others answered meanwhile, the slowest in {slowest.TotalMilliseconds:F0} ms");
        Assert.True(answered > 0, "Nobody else was served meanwhile.");
        Assert.All(codes, code => Assert.Equal(Http2Code.EnhanceYourCalm, code));
        Assert.Empty(calls.Errors.Lines);
        await MemoryReturnsToAsync(memoryBefore);
    }

    /// <returns>How many connections it took, and why the server ended those that it did.</returns>
    private static async Task<(int Connections, List<Http2Code> Codes)> FloodAsync(HeldCalls calls)
    {
        var connections = 0;
        var codes = new List<Http2Code>();
        for (var sent = 0; sent < Resets;)
        {
            connections++;
            await using var connection = await calls.ConnectAsync();
            connection.IsPolite = false; // One writer at a time, and that is us.
            var ending = EndOfAsync(connection);
            try
            {
                for (var stream = 1; sent < Resets && !ending.IsCompleted;)
                {
                    var frames = new List<RawFrame>(PerWrite * 3);
                    for (var i = 0; i < PerWrite; i++, stream += 2)
                    {
                        frames.Add(GrpcFrames.Request(stream, HeldCalls.Put));
                        frames.Add(GrpcFrames.Message(stream, new PutRequest(), endStream: true));
                        frames.Add(RawFrame.Reset(stream, Http2Code.Cancel));
                    }

                    await connection.WriteAsync([.. frames]);
                    sent += PerWrite;
                }

                // All of it has been worked on when this is answered.
                await connection.WriteAsync(RawFrame.Ping(42));
            }
            catch (IOException)
            {
                // The server has had enough of this connection.
            }

            if (await ending is { } code)
            {
                codes.Add(code);
            }
        }

        return (connections, codes);
    }

    private static async Task<Http2Code?> EndOfAsync(RawConnection connection)
    {
        Http2Code? code = null;
        while (await connection.ReadAsync() is { } frame)
        {
            if (frame.Kind == FrameKind.Ping)
            {
                return null;
            }

            if (frame.Kind == FrameKind.GoAway)
            {
                code = frame.Code;
            }
        }

        return code;
    }

    private static async Task MemoryReturnsToAsync(long before)
    {
        // Pools keep what a flood made them grow to. A stream that stayed would cost several KiB.
        const long Slack = Resets * 512L;
        long now = 0;
        for (var since = Stopwatch.StartNew(); since.Elapsed < TimeSpan.FromSeconds(20);)
        {
            now = GC.GetTotalMemory(forceFullCollection: true);
            if (now < before + Slack)
            {
                return;
            }

            await Task.Yield();
        }

        Assert.Fail($"Memory stays at {now / 1024} KiB after {before / 1024} KiB before.");
    }
}
