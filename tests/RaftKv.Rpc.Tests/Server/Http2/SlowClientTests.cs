using System.Buffers;
using System.Diagnostics;
using System.Globalization;
using RaftKv.Rpc.Tests.RawHttp2;

namespace RaftKv.Rpc.Tests.Server.Http2;

/// <summary>Many large answers for a client that does not take them: their handlers wait, until it does.</summary>
[Collection(nameof(FloodCollection))]
public sealed class SlowClientTests
{
    private const int Answers = 32;
    private const int PieceBytes = 32 * 1024;
    private const int Pieces = 128;

    // Far more than the kernel keeps between a server and its client.
    private const long TotalBytes = (long)Answers * Pieces * PieceBytes;

    private int _written;
    private int _through;

    [Fact]
    public async Task Behind_shut_windows_each_handler_gets_as_far_as_its_buffer()
    {
        await using var http = await StartAsync();
        await using var connection = await http.ConnectAsync((RawFrame.InitialWindowSize, 0));
        await connection.WriteAsync(RawFrame.WindowUpdate(0, int.MaxValue - 65_535));
        await AskAsync(connection);

        // The third is more than may wait.
        await UntilAsync(() => Volatile.Read(ref _written) == 3 * Answers);
        await PlainHttp.HasReadAllAsync(connection);
        Assert.Equal(2 * Answers, Volatile.Read(ref _through));

        await connection.WriteAsync(RawFrame.Settings((RawFrame.InitialWindowSize, (uint)int.MaxValue)));
        await AllComesWholeAsync(connection);
        Assert.Empty(http.Errors.Lines);
    }

    [Fact]
    public async Task Behind_a_full_socket_the_handlers_wait()
    {
        await using var http = await StartAsync();
        await using var connection = await http.ConnectAsync((RawFrame.InitialWindowSize, int.MaxValue));
        await connection.WriteAsync(RawFrame.WindowUpdate(0, int.MaxValue - 65_535));
        await AskAsync(connection);

        // Others are served all the while, and when nothing has moved for many of them, nothing will.
        await using var other = await http.ConnectAsync();
        for (var (served, before) = (0, 0); served - before < 500; served++)
        {
            var through = Volatile.Read(ref _through);
            await other.WriteAsync(PlainHttp.Get((2 * served) + 1, "/none"));
            Assert.Empty((await other.NextMessageAsync()).Body);
            before = through == Volatile.Read(ref _through) ? before : served;
        }

        Assert.InRange(Volatile.Read(ref _through), Answers, (int)(TotalBytes / PieceBytes / 2));

        await AllComesWholeAsync(connection);
        Assert.Empty(http.Errors.Lines);
    }

    private Task<PlainHttp> StartAsync() => PlainHttp.StartAsync(async context =>
    {
        if (context.Request.Path == "/none")
        {
            return;
        }

        var piece = new byte[PieceBytes];
        Array.Fill(piece, byte.Parse(context.Request.Path.Value![1..], CultureInfo.InvariantCulture));
        for (var i = 0; i < Pieces; i++)
        {
            context.Response.BodyWriter.Write(piece);
            Interlocked.Increment(ref _written);
            await context.Response.BodyWriter.FlushAsync();
            Interlocked.Increment(ref _through);
        }
    });

    private static async Task AskAsync(RawConnection connection)
    {
        for (var i = 0; i < Answers; i++)
        {
            await connection.WriteAsync(PlainHttp.Get((2 * i) + 1, $"/{i}"));
        }
    }

    private async Task AllComesWholeAsync(RawConnection connection)
    {
        var got = new long[Answers];
        for (var left = Answers; left > 0;)
        {
            var frame = await connection.NextAsync(FrameKind.Data);
            var i = frame.Stream / 2;
            Assert.Equal(-1, frame.Payload.Span.IndexOfAnyExcept((byte)i));
            got[i] += frame.Payload.Length;
            left -= frame.EndsStream ? 1 : 0;
        }

        Assert.All(got, bytes => Assert.Equal(Pieces * PieceBytes, bytes));
        Assert.Equal(Pieces * Answers, Volatile.Read(ref _through));
    }

    private async Task UntilAsync(Func<bool> condition)
    {
        for (var since = Stopwatch.StartNew(); !condition();)
        {
            Assert.True(since.Elapsed < PlainHttp.Patience, $"{_written} pieces were written, {_through} got through.");
            await Task.Yield();
        }
    }
}
