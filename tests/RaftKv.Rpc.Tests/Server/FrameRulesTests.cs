using RaftKv.Protocol.Etcd;
using RaftKv.Rpc.Tests.RawHttp2;

namespace RaftKv.Rpc.Tests.Server;

/// <summary>What the server makes of frames that no client should send, and of some that look odd and are allowed.</summary>
[Collection(nameof(FloodCollection))]
public sealed class FrameRulesTests
{
    [Fact]
    public async Task A_ping_is_answered_with_its_own_bytes()
    {
        await using var calls = await HeldCalls.StartAsync();
        await using var connection = await calls.ConnectAsync();

        await connection.WriteAsync(RawFrame.Ping(0x0123456789abcdef));

        var ack = await FirstAsync(connection, frame => frame is { Kind: FrameKind.Ping, IsAck: true });
        Assert.Equal(RawFrame.Ping(0x0123456789abcdef).Payload.ToArray(), ack!.Value.Payload.ToArray());
    }

    [Fact]
    public async Task Frames_of_unknown_kinds_and_flags_are_ignored()
    {
        await using var calls = await HeldCalls.StartAsync();
        await using var connection = await calls.ConnectAsync((0x7777, 1));

        await connection.WriteAsync(
            new RawFrame((FrameKind)0xb, 0xff, 0, new byte[100]),
            GrpcFrames.Request(1, HeldCalls.Range),
            new RawFrame((FrameKind)0xff, 0, 1, default),
            RawFrame.Ping(1) with { Flags = 0xf0 },
            GrpcFrames.Message(1, new RangeRequest { Limit = 1 }, endStream: true) with { Flags = RawFrame.EndStream | 0xc0 });

        Assert.Equal("0", await StatusAsync(connection, 1));
    }

    [Fact]
    public async Task Padding_and_priority_are_taken_off()
    {
        await using var calls = await HeldCalls.StartAsync();
        await using var connection = await calls.ConnectAsync();
        var block = HeaderBlock.Encode(GrpcFrames.RequestHeaders(HeldCalls.Range));
        byte[] headers = [3, 0, 0, 0, 0, 15, .. block, 0, 0, 0];
        byte[] data = [200, .. GrpcFrames.Framed([]), .. new byte[200]];

        await connection.WriteAsync(
            new RawFrame(FrameKind.Headers, RawFrame.EndHeaders | RawFrame.Padded | RawFrame.HasPriority, 1, headers),
            new RawFrame(FrameKind.Data, RawFrame.EndStream | RawFrame.Padded, 1, data));

        Assert.Equal("0", await StatusAsync(connection, 1));
    }

    [Fact]
    public async Task Headers_may_come_in_single_bytes()
    {
        await using var calls = await HeldCalls.StartAsync();
        await using var connection = await calls.ConnectAsync();
        var block = HeaderBlock.Encode(GrpcFrames.RequestHeaders(HeldCalls.Range));

        await connection.WriteAsync([.. GrpcFrames.InPieces(1, block, 1, endStream: false), GrpcFrames.Message(1, new RangeRequest(), endStream: true)]);

        Assert.Equal("0", await StatusAsync(connection, 1));
    }

    [Theory]
    [InlineData(40 * 1024)]
    [InlineData(200 * 1024)]
    public async Task Headers_too_large_are_refused_and_others_go_on(int bytes)
    {
        await using var calls = await HeldCalls.StartAsync();
        await using var connection = await calls.ConnectAsync();
        var block = HeaderBlock.Encode(GrpcFrames.RequestHeaders(HeldCalls.Range, ("x", new string('x', bytes))));

        await WriteUntilClosedAsync(connection, GrpcFrames.InPieces(1, block, 16_384, endStream: true));

        Assert.Equal("refused", await RefusalAsync(connection, 1));
        await calls.AnswersAsync();
        Assert.Empty(calls.Errors.Lines);
    }

    [Fact]
    public async Task Endless_continuations_end_the_connection()
    {
        await using var calls = await HeldCalls.StartAsync();
        await using var connection = await calls.ConnectAsync();
        connection.IsPolite = false;
        var block = HeaderBlock.Encode(("a", "b"));
        var closed = FirstAsync(connection, frame => frame.Kind == FrameKind.GoAway);

        await WriteUntilClosedAsync(connection, Endless());

        Assert.NotEqual(Http2Code.NoError, (await closed)?.Code ?? Http2Code.ProtocolError);
        await calls.AnswersAsync();
        Assert.Equal(0, calls.Begun);
        Assert.Empty(calls.Errors.Lines);

        IEnumerable<RawFrame> Endless()
        {
            yield return new RawFrame(FrameKind.Headers, 0, 1, HeaderBlock.Encode(GrpcFrames.RequestHeaders(HeldCalls.Put)));
            for (var i = 0; i < 100_000 && !closed.IsCompleted; i++)
            {
                yield return new RawFrame(FrameKind.Continuation, 0, 1, block);
            }
        }
    }

    [Fact]
    public async Task A_flood_of_settings_and_pings_holds_up_no_other_connection()
    {
        await using var calls = await HeldCalls.StartAsync();
        await using var connection = await calls.ConnectAsync();
        connection.IsPolite = false;
        var frames = Enumerable.Range(0, 1000).SelectMany(i => new[] { RawFrame.Settings((RawFrame.InitialWindowSize, (uint)(65_535 + i))), RawFrame.Ping((ulong)i) }).ToArray();
        var reading = FirstAsync(connection, frame => frame is { Kind: FrameKind.Ping, IsAck: true } && frame.Payload.Span[0] == 0xff);

        for (var i = 0; i < 50; i++)
        {
            await WriteUntilClosedAsync(connection, frames);
            await calls.AnswersAsync();
        }

        await WriteUntilClosedAsync(connection, [RawFrame.Ping(ulong.MaxValue)]);
        await reading; // All answered, or the connection closed; either is an end.
        Assert.Empty(calls.Errors.Lines);
    }

    [Theory]
    [InlineData("index 0", new byte[] { 0x80 })]
    [InlineData("an index far behind the table", new byte[] { 0xff, 0xff, 0xff, 0x7f })]
    [InlineData("a number without an end", new byte[] { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff })]
    [InlineData("a literal cut short", new byte[] { 0x00, 0x05, (byte)'a' })]
    [InlineData("a table larger than allowed", new byte[] { 0x3f, 0xff, 0xff, 0x7f })]
    [InlineData("bad Huffman code", new byte[] { 0x00, 0x84, 0xff, 0xff, 0xff, 0xff, 0x01, (byte)'x' })]
    public async Task Broken_compression_ends_the_connection(string what, byte[] block)
    {
        await using var calls = await HeldCalls.StartAsync();
        await using var connection = await calls.ConnectAsync();

        await connection.WriteAsync(new RawFrame(FrameKind.Headers, RawFrame.EndHeaders | RawFrame.EndStream, 1, block));

        var goodbye = await FirstAsync(connection, frame => frame.Kind == FrameKind.GoAway);
        Assert.True(goodbye is { } end && end.Code != Http2Code.NoError, $"{what}: {goodbye} {goodbye?.Code}");
        await calls.AnswersAsync();
        Assert.Empty(calls.Errors.Lines);
    }

    [Theory]
    [InlineData(":method")]
    [InlineData(":scheme")]
    [InlineData(":path")]
    public async Task A_request_without_its_pseudo_headers_is_reset(string missing)
        => await IsRefusedAsync([.. GrpcFrames.RequestHeaders(HeldCalls.Put).Where(header => header.Name != missing)]);

    [Fact]
    public async Task A_pseudo_header_after_others_is_refused()
        => await IsRefusedAsync([("te", "trailers"), .. GrpcFrames.RequestHeaders(HeldCalls.Put)]);

    [Theory]
    [InlineData(":path", "/x")]
    [InlineData(":status", "200")]
    [InlineData(":unknown", "1")]
    [InlineData("Upper", "case")]
    [InlineData("connection", "close")]
    [InlineData("te", "gzip")]
    [InlineData("line", "a\r\nb: c")]
    [InlineData("zero", "a\0b")]
    public async Task A_header_that_may_not_be_there_is_refused(string name, string value)
        => await IsRefusedAsync([.. GrpcFrames.RequestHeaders(HeldCalls.Put).Where(header => header.Name != name || name == ":path"), (name, value)]);

    [Theory]
    [InlineData("")]
    [InlineData("*")]
    [InlineData("etcdserverpb.KV/Put")]
    [InlineData("http://[")]
    public async Task A_path_that_is_none_is_refused(string path) => await IsRefusedAsync(GrpcFrames.RequestHeaders(path));

    public static TheoryData<string, RawFrameText> Illegal => new()
    {
        { "data on stream 0", new(RawFrame.Data(0, new byte[5])) },
        { "headers on stream 0", new(RawFrame.Headers(0, true, GrpcFrames.RequestHeaders(HeldCalls.Put))) },
        { "headers on a stream of the server's", new(RawFrame.Headers(2, true, GrpcFrames.RequestHeaders(HeldCalls.Put))) },
        { "data on a stream never opened", new(RawFrame.Data(1, new byte[5])) },
        { "a continuation of nothing", new(new(FrameKind.Continuation, RawFrame.EndHeaders, 1, HeaderBlock.Encode(("a", "b")))) },
        { "settings of a wrong length", new(new(FrameKind.Settings, 0, 0, new byte[5])) },
        { "an acknowledgement with settings in it", new(new(FrameKind.Settings, RawFrame.Ack, 0, new byte[6])) },
        { "settings on a stream", new(RawFrame.Settings() with { Stream = 1 }) },
        { "a window larger than allowed", new(RawFrame.Settings((RawFrame.InitialWindowSize, 0x80000000))) },
        { "frames smaller than allowed", new(RawFrame.Settings(((ushort)0x5, 100u))) },
        { "a ping of a wrong length", new(new(FrameKind.Ping, 0, 0, new byte[7])) },
        { "a ping on a stream", new(RawFrame.Ping(1) with { Stream = 1 }) },
        { "an update of nothing", new(RawFrame.WindowUpdate(0, 0)) },
        { "an update beyond the window", new(RawFrame.WindowUpdate(0, int.MaxValue)) },
        { "an update of a wrong length", new(new(FrameKind.WindowUpdate, 0, 0, new byte[3])) },
        { "a reset of a stream never opened", new(RawFrame.Reset(1, Http2Code.Cancel)) },
        { "a reset of a wrong length", new(new(FrameKind.Reset, 0, 1, new byte[3])) },
        { "a push", new(new(FrameKind.PushPromise, RawFrame.EndHeaders, 1, new byte[8])) },
        { "a frame larger than agreed", new(new((FrameKind)0xb, 0, 0, new byte[20_000])) },
        { "more padding than frame", new(new(FrameKind.Headers, RawFrame.EndHeaders | RawFrame.Padded, 1, new byte[] { 200, 1, 2 })) },
    };

    [Theory]
    [MemberData(nameof(Illegal))]
    public async Task A_frame_against_the_rules_ends_the_connection(string what, RawFrameText frame)
    {
        await using var calls = await HeldCalls.StartAsync();
        await using var connection = await calls.ConnectAsync();

        await connection.WriteAsync(frame.Frame);

        var goodbye = await FirstAsync(connection, f => f.Kind == FrameKind.GoAway);
        Assert.True(goodbye is { } end && end.Code != Http2Code.NoError, $"{what}: {goodbye}");
        Assert.Equal(0, calls.Begun);
        await calls.AnswersAsync();
        Assert.Empty(calls.Errors.Lines);
    }

    [Theory]
    [InlineData("application/grpc", "200")]
    [InlineData("application/grpc+proto", "200")]
    [InlineData("application/grpc;charset=utf-8", "200")]
    [InlineData("application/GRPC", "200")]
    [InlineData("application/grpc-web", "415")]
    [InlineData("application/grpc-web+proto", "415")]
    [InlineData("application/grpc+json", "415")]
    [InlineData("application/json", "415")]
    [InlineData("application/grpcx", "415")]
    [InlineData("", "415")]
    public async Task The_content_type_decides_whether_it_is_a_call(string contentType, string http)
    {
        await using var calls = await HeldCalls.StartAsync();
        await using var connection = await calls.ConnectAsync();
        (string, string)[] headers = [.. GrpcFrames.RequestHeaders(HeldCalls.Range).Where(header => header.Name != "content-type"), ("content-type", contentType)];

        await connection.WriteAsync(RawFrame.Headers(1, false, headers), GrpcFrames.Message(1, new RangeRequest(), endStream: true));

        var (_, answer) = await connection.NextHeadersAsync(1);
        Assert.Contains((":status", http), answer);
    }

    private static async Task IsRefusedAsync((string, string)[] headers)
    {
        await using var calls = await HeldCalls.StartAsync();
        await using var connection = await calls.ConnectAsync();

        await connection.WriteAsync(RawFrame.Headers(1, true, headers));

        Assert.Equal("refused", await RefusalAsync(connection, 1));
        Assert.Equal(0, calls.Begun);
        await calls.AnswersAsync();
        Assert.Empty(calls.Errors.Lines);
    }

    /// <summary>"refused" for a reset, a closed connection, or an answer that says no.</summary>
    private static async Task<string> RefusalAsync(RawConnection connection, int stream)
    {
        while (await connection.ReadAsync() is { } frame)
        {
            switch (frame.Kind)
            {
                case FrameKind.Reset when frame.Stream == stream:
                case FrameKind.GoAway when frame.Code != Http2Code.NoError:
                    return "refused";
                case FrameKind.Headers when frame.Stream == stream:
                    var answer = connection.Incoming.Decode(frame.Payload.Span);
                    var http = answer.Find(header => header.Name == ":status").Value;
                    var grpc = answer.Find(header => header.Name == "grpc-status").Value;
                    return http[0] == '4' || grpc is not (null or "0") ? "refused" : string.Join("; ", answer);
                default:
                    break;
            }
        }

        return "refused";
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

    /// <summary>The first such frame, or null when the connection ends without it.</summary>
    private static async Task<RawFrame?> FirstAsync(RawConnection connection, Func<RawFrame, bool> wanted)
    {
        while (await connection.ReadAsync() is { } frame)
        {
            if (wanted(frame))
            {
                return frame;
            }
        }

        return null;
    }

    private static async Task WriteUntilClosedAsync(RawConnection connection, IEnumerable<RawFrame> frames)
    {
        try
        {
            foreach (var some in frames.Chunk(256))
            {
                await connection.WriteAsync(some);
            }
        }
        catch (IOException)
        {
            // What the server does about it is for the caller to see.
        }
    }
}

/// <summary>A frame as a case of a theory. (xUnit asks what a public test takes to be public too.)</summary>
public sealed class RawFrameText
{
    internal RawFrameText(RawFrame frame) => Frame = frame;

    internal RawFrame Frame { get; }

    public override string ToString() => Frame.ToString();
}
