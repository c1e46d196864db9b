using System.Buffers.Binary;
using System.IO.Compression;
using System.Net;
using System.Net.Sockets;
using RaftKv.Rpc.Client;
using RaftKv.Rpc.Tests.RawHttp2;

namespace RaftKv.Rpc.Tests.Client;

/// <summary>What a caller sees when the other end does not do what it should.</summary>
public sealed class BadResponseTests
{
    private static readonly (string, string)[] GrpcHeaders = [(":status", "200"), ("content-type", "application/grpc")];
    private static readonly (string, string)[] OkTrailers = [("grpc-status", "0")];

    [Theory]
    [InlineData("400", RpcStatusCode.Internal)]
    [InlineData("401", RpcStatusCode.Unauthenticated)]
    [InlineData("403", RpcStatusCode.PermissionDenied)]
    [InlineData("404", RpcStatusCode.Unimplemented)]
    [InlineData("418", RpcStatusCode.Unknown)]
    [InlineData("429", RpcStatusCode.Unavailable)]
    [InlineData("500", RpcStatusCode.Unknown)]
    [InlineData("502", RpcStatusCode.Unavailable)]
    [InlineData("503", RpcStatusCode.Unavailable)]
    [InlineData("504", RpcStatusCode.Unavailable)]
    public async Task An_answer_that_is_not_grpc_becomes_the_status_its_http_status_stands_for(string http, RpcStatusCode expected)
    {
        var status = await StatusOfAsync((c, s) => c.WriteAsync(RawFrame.Headers(s, true, (":status", http), ("content-type", "text/html"))));

        Assert.Equal(expected, status.Code);
        Assert.Equal($"the server did not answer in gRPC, but with HTTP status {http} and content type 'text/html'", status.Detail);
    }

    [Fact]
    public async Task A_web_page_with_status_200_is_no_answer()
    {
        var status = await StatusOfAsync((c, s) => c.WriteAsync(
            RawFrame.Headers(s, false, (":status", "200"), ("content-type", "text/html")), RawFrame.Data(s, "<html>"u8.ToArray(), endStream: true)));

        Assert.Equal(RpcStatusCode.Unknown, status.Code);
        Assert.Contains("HTTP status 200 and content type 'text/html'", status.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_status_in_the_headers_counts_whatever_http_says()
    {
        var status = await StatusOfAsync((c, s) => c.WriteAsync(
            RawFrame.Headers(s, true, (":status", "503"), ("content-type", "text/html"), ("grpc-status", "5"), ("grpc-message", "no%20such%C3%A9"))));

        Assert.Equal(new RpcStatus(RpcStatusCode.NotFound, "no suché"), status);
    }

    [Fact]
    public async Task Trailers_that_come_with_a_failure_are_kept()
    {
        await using var server = Respond((c, s) => c.WriteAsync(
            RawFrame.Headers(s, false, GrpcHeaders),
            RawFrame.Headers(s, true, ("grpc-status", "9"), ("grpc-message", "not now"), ("hint", "later"), ("raw-bin", "AQI"))));

        var failure = await FailureAsync(server);

        Assert.Equal(new RpcStatus(RpcStatusCode.FailedPrecondition, "not now"), failure.Status);
        Assert.Equal("later", failure.Trailers.Text("hint"));
        Assert.Equal([1, 2], failure.Trailers.Bytes("raw-bin")!.Value.ToArray());
    }

    [Theory]
    [InlineData("banana", "the response carries grpc-status 'banana', which is no number: why")]
    [InlineData("77", "unknown grpc-status 77: why")]
    public async Task A_status_nobody_knows_is_unknown(string code, string text)
    {
        var status = await StatusOfAsync((c, s) => c.WriteAsync(
            RawFrame.Headers(s, true, [.. GrpcHeaders, ("grpc-status", code), ("grpc-message", "why")])));

        Assert.Equal(new RpcStatus(RpcStatusCode.Unknown, text), status);
    }

    [Fact]
    public async Task A_response_without_a_status_is_unknown()
    {
        var status = await StatusOfAsync((c, s) => c.WriteAsync(
            RawFrame.Headers(s, false, GrpcHeaders), RawFrame.Data(s, Frame(1, 2, 3), endStream: true)));

        Assert.Equal(new RpcStatus(RpcStatusCode.Unknown, "the response ended without a grpc-status"), status);
    }

    [Fact]
    public async Task A_good_end_without_a_message_is_internal()
        => await AssertBodyFailsAsync([], RpcStatusCode.Internal, "the response ended OK without a message");

    [Fact]
    public async Task A_truncated_header_is_internal()
        => await AssertBodyFailsAsync([0, 0, 0], RpcStatusCode.Internal, "the response ended inside a frame header: 3 of 5 bytes arrived");

    [Fact]
    public async Task A_truncated_message_is_internal()
        => await AssertBodyFailsAsync([0, 0, 0, 0, 9, 1, 2], RpcStatusCode.Internal, "the response ended inside a message: 2 of 9 bytes arrived");

    [Fact]
    public async Task A_second_message_in_a_unary_response_is_internal()
        => await AssertBodyFailsAsync(
            [.. Frame(), .. Frame()], RpcStatusCode.Internal, "the response must carry one message, but more bytes followed it");

    [Fact]
    public async Task An_unknown_payload_flag_is_internal()
        => await AssertBodyFailsAsync([7, 0, 0, 0, 0], RpcStatusCode.Internal, "grpc: received unexpected payload format 7");

    [Fact]
    public async Task Bytes_that_are_no_message_are_internal()
    {
        var status = await StatusOfAsync(Body(Frame(0x0a, 99, 1)));

        Assert.Equal(RpcStatusCode.Internal, status.Code);
        Assert.StartsWith("grpc: failed to unmarshal the received message: ", status.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_compressed_flag_without_an_encoding_is_internal()
        => await AssertBodyFailsAsync(
            [1, 0, 0, 0, 1, 0], RpcStatusCode.Internal, "grpc: compressed flag set with identity or empty encoding");

    [Fact]
    public async Task An_encoding_we_do_not_speak_is_internal()
    {
        var status = await StatusOfAsync((c, s) => c.WriteAsync(
            RawFrame.Headers(s, false, [.. GrpcHeaders, ("grpc-encoding", "snappy")]),
            RawFrame.Data(s, Frame()),
            RawFrame.Headers(s, true, OkTrailers)));

        Assert.Equal(
            new RpcStatus(RpcStatusCode.Internal, "grpc: the response is compressed as 'snappy', but only identity,gzip are understood"), status);
    }

    [Fact]
    public async Task A_damaged_compressed_message_is_internal()
    {
        var status = await StatusOfAsync(Body([1, 0, 0, 0, 3, 9, 9, 9], ("grpc-encoding", "gzip")));

        Assert.Equal(RpcStatusCode.Internal, status.Code);
        Assert.StartsWith("grpc: failed to decompress the received message: ", status.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_small_message_that_unpacks_into_a_large_one_is_refused()
    {
        using var packed = new MemoryStream();
        using (var gzip = new GZipStream(packed, CompressionLevel.Optimal, leaveOpen: true))
        {
            gzip.Write(new byte[1 << 20]);
        }

        var frame = Frame(packed.ToArray());
        frame[0] = 1;

        var status = await StatusOfAsync(Body(frame, ("grpc-encoding", "gzip")), new RpcCallOptions { MaxReceiveMessageBytes = 10_000 });

        Assert.Equal(RpcStatusCode.ResourceExhausted, status.Code);
        Assert.EndsWith("vs. 10000)", status.Detail, StringComparison.Ordinal);
    }

    // The server never sends the message it announces: a client that wanted to hold all of it would wait for ever.
    [Fact]
    public async Task A_message_over_the_limit_is_refused_from_its_header_and_the_stream_reset()
    {
        var reset = new TaskCompletionSource<Http2Code>(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var server = Respond(async (c, s) =>
        {
            await c.WriteAsync(RawFrame.Headers(s, false, GrpcHeaders), RawFrame.Data(s, new byte[] { 0, 0x40, 0, 0, 0, 1, 2, 3 }));
            reset.SetResult((await c.NextAsync(FrameKind.Reset, s)).Code);
        });

        await using var channel = ChannelTo(server);
        var failure = await Assert.ThrowsAsync<RpcException>(async ()
            => await channel.UnaryAsync(EchoService.Unary, EchoService.Message("x"), Within()));

        Assert.Equal(
            new RpcStatus(RpcStatusCode.ResourceExhausted, "grpc: received message larger than max (1073741824 vs. 4194304)"), failure.Status);
        Assert.Equal(Http2Code.Cancel, await reset.Task.WaitAsync(TimeSpan.FromSeconds(20), TestContext.Current.CancellationToken));
    }

    [Theory]
    [InlineData(Http2Code.ProtocolError, RpcStatusCode.Internal)]
    [InlineData(Http2Code.InternalError, RpcStatusCode.Internal)]
    [InlineData(Http2Code.FlowControlError, RpcStatusCode.Internal)]
    [InlineData(Http2Code.FrameSizeError, RpcStatusCode.Internal)]
    [InlineData(Http2Code.CompressionError, RpcStatusCode.Internal)]
    [InlineData(Http2Code.RefusedStream, RpcStatusCode.Unavailable)]
    [InlineData(Http2Code.Cancel, RpcStatusCode.Cancelled)]
    [InlineData(Http2Code.EnhanceYourCalm, RpcStatusCode.ResourceExhausted)]
    [InlineData(Http2Code.InadequateSecurity, RpcStatusCode.PermissionDenied)]
    [InlineData(Http2Code.NoError, RpcStatusCode.Unavailable)]
    internal async Task A_reset_stream_becomes_the_status_its_code_stands_for(Http2Code code, RpcStatusCode expected)
    {
        await using var server = RawServer.Start(async connection =>
        {
            // The transport itself tries a refused stream again, so the script goes on refusing.
            while (true)
            {
                var request = await connection.NextMessageAsync();
                await connection.WriteAsync(RawFrame.Reset(request.Stream, code));
            }
        });

        var failure = await FailureAsync(server);

        Assert.Equal(expected, failure.Code);
        Assert.StartsWith(server.Address.ToString(), failure.Status.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_connection_cut_inside_a_message_is_unavailable()
    {
        await using var server = Respond(async (c, s) =>
        {
            await c.WriteAsync(RawFrame.Headers(s, false, GrpcHeaders), RawFrame.Data(s, new byte[] { 0, 0, 0, 0, 9, 1, 2 }));
            c.Abort();
        });

        var failure = await FailureAsync(server);

        Assert.Equal(RpcStatusCode.Unavailable, failure.Code);
        Assert.Contains("the connection was lost", failure.Status.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_connection_closed_before_any_answer_is_unavailable()
    {
        await using var server = Respond((c, _) =>
        {
            c.Abort();
            return default;
        });

        Assert.Equal(RpcStatusCode.Unavailable, (await FailureAsync(server)).Code);
    }

    [Fact]
    public async Task Headers_larger_than_allowed_are_refused()
    {
        var status = await StatusOfAsync((c, s) => c.WriteAsync(
            RawFrame.Headers(s, true, [.. GrpcHeaders, ("grpc-status", "0"), ("big", new string('x', 12_000))])), headerBytes: 8 * 1024);

        Assert.True(status.Code is RpcStatusCode.ResourceExhausted, status.ToString());
        Assert.Contains("the response headers are larger than allowed", status.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Trailers_larger_than_allowed_are_refused()
    {
        var status = await StatusOfAsync(
            (c, s) => c.WriteAsync(
                RawFrame.Headers(s, false, GrpcHeaders),
                RawFrame.Data(s, Frame()),
                RawFrame.Headers(s, true, ("grpc-status", "0"), ("big", new string('x', 12_000)))),
            headerBytes: 8 * 1024);

        Assert.True(status.Code is RpcStatusCode.ResourceExhausted, status.ToString());
    }

    [Fact]
    public async Task Frames_that_break_the_rules_end_the_call_as_internal()
    {
        var status = await StatusOfAsync((c, s) => c.WriteAsync(new RawFrame(FrameKind.WindowUpdate, 0, s, new byte[3])));

        Assert.Equal(RpcStatusCode.Internal, status.Code);
        Assert.Contains("FRAME_SIZE_ERROR", status.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_server_that_speaks_http_1_fails_the_call_and_nothing_else()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        await using var channel = new RpcChannel(new RpcChannelOptions { Addresses = [new Uri($"http://{listener.LocalEndpoint}")] });
        var call = channel.UnaryAsync(EchoService.Unary, EchoService.Message("x"), Within()).AsTask();
        using var accepted = await listener.AcceptSocketAsync(TestContext.Current.CancellationToken);
        await accepted.SendAsync("HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n"u8.ToArray(), TestContext.Current.CancellationToken);

        var failure = await Assert.ThrowsAsync<RpcException>(() => call);

        // Which of the two depends on how much of the handshake the transport had done when it read the answer.
        Assert.True(failure.Code is RpcStatusCode.Internal or RpcStatusCode.Unavailable, $"{failure}");
    }

    [Fact]
    public async Task A_stream_keeps_the_messages_before_the_trouble()
    {
        await using var server = Respond((c, s) => c.WriteAsync(
            RawFrame.Headers(s, false, GrpcHeaders),
            RawFrame.Data(s, (byte[])[.. Frame(), .. Frame(), 0, 0, 0, 0, 5, 1]),
            RawFrame.Headers(s, true, ("grpc-status", "0"))));
        await using var channel = ChannelTo(server);
        await using var call = channel.ServerStreaming(EchoService.ServerStream, EchoService.Message("x"), Within());

        var count = 0;
        var failure = await Assert.ThrowsAsync<RpcException>(async () =>
        {
            await foreach (var _ in call.Responses)
            {
                count++;
            }
        });

        Assert.Equal(2, count);
        Assert.Equal(RpcStatusCode.Internal, failure.Code);
        Assert.Contains("the stream ended inside a message: 1 of 5 bytes arrived", failure.Status.Detail, StringComparison.Ordinal);
        Assert.Equal(failure.Status, call.Responses.Status);
    }

    [Fact]
    public async Task A_server_that_fails_inside_a_message_is_believed_about_why()
    {
        await using var server = Respond((c, s) => c.WriteAsync(
            RawFrame.Headers(s, false, GrpcHeaders),
            RawFrame.Data(s, new byte[] { 0, 0, 0, 0, 5, 1 }),
            RawFrame.Headers(s, true, ("grpc-status", "15"), ("grpc-message", "disk lost"))));
        await using var channel = ChannelTo(server);
        await using var call = channel.ServerStreaming(EchoService.ServerStream, EchoService.Message("x"), Within());

        var failure = await Assert.ThrowsAsync<RpcException>(async () => await call.Responses.GetAsyncEnumerator().MoveNextAsync());

        Assert.Equal(new RpcStatus(RpcStatusCode.DataLoss, "disk lost"), failure.Status);
    }

    [Fact]
    public async Task The_one_response_of_a_client_stream_is_not_followed_by_another()
    {
        await using var server = Respond((c, s) => c.WriteAsync(
            RawFrame.Headers(s, false, GrpcHeaders),
            RawFrame.Data(s, (byte[])[.. Frame(), .. Frame()]),
            RawFrame.Headers(s, true, OkTrailers)));
        await using var channel = ChannelTo(server);
        await using var call = channel.ClientStreaming(EchoService.ClientStream, Within());

        var failure = await Assert.ThrowsAsync<RpcException>(async () => await call.ResponseAsync());

        Assert.Equal(new RpcStatus(RpcStatusCode.Internal, "the response must carry one message, but more followed it"), failure.Status);
    }

    private static byte[] Frame(params byte[] message)
    {
        var frame = new byte[5 + message.Length];
        BinaryPrimitives.WriteInt32BigEndian(frame.AsSpan(1), message.Length);
        message.CopyTo(frame, 5);
        return frame;
    }

    private static Func<RawConnection, int, ValueTask> Body(byte[] body, params (string, string)[] headers) => (c, s) => c.WriteAsync(
        RawFrame.Headers(s, false, [.. GrpcHeaders, .. headers]), RawFrame.Data(s, body), RawFrame.Headers(s, true, OkTrailers));

    private static RawServer Respond(Func<RawConnection, int, ValueTask> respond) => RawServer.Start(async connection =>
    {
        var request = await connection.NextMessageAsync();
        await respond(connection, request.Stream);
    });

    private static RpcChannel ChannelTo(RawServer server, int headerBytes = 64 * 1024)
        => new(new RpcChannelOptions { Addresses = [server.Address], MaxHeaderBytes = headerBytes });

    private static RpcCallOptions Within() => new()
    {
        Timeout = TimeSpan.FromSeconds(30),
        CancellationToken = TestContext.Current.CancellationToken,
    };

    private static async Task AssertBodyFailsAsync(byte[] body, RpcStatusCode code, string text)
        => Assert.Equal(new RpcStatus(code, text), await StatusOfAsync(Body(body)));

    private static async Task<RpcException> FailureAsync(RawServer server, RpcCallOptions? options = null, int headerBytes = 64 * 1024)
    {
        await using var channel = ChannelTo(server, headerBytes);
        var call = (options ?? default) with { Timeout = TimeSpan.FromSeconds(30) };
        return await Assert.ThrowsAsync<RpcException>(async () => await channel.UnaryAsync(EchoService.Unary, EchoService.Message("x"), call));
    }

    private static async Task<RpcStatus> StatusOfAsync(
        Func<RawConnection, int, ValueTask> respond, RpcCallOptions? options = null, int headerBytes = 64 * 1024)
    {
        await using var server = Respond(respond);
        return (await FailureAsync(server, options, headerBytes)).Status;
    }
}
