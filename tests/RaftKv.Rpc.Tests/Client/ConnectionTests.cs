using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using Google.Protobuf.WellKnownTypes;
using RaftKv.Rpc.Client;
using RaftKv.Rpc.Tests.RawHttp2;

namespace RaftKv.Rpc.Tests.Client;

/// <summary>What the channel does with its connections: reuse, growth, flow control, pings.</summary>
public sealed class ConnectionTests
{
    private static readonly (string, string)[] GrpcHeaders = [(":status", "200"), ("content-type", "application/grpc")];
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    [Fact]
    public async Task Calls_share_one_connection()
    {
        await using var server = RawServer.Start(AnswerAllAsync);
        await using var channel = ChannelTo(server);

        await channel.UnaryAsync(EchoService.Unary, EchoService.Message("first"));

        await Task.WhenAll(Enumerable.Range(0, 50).Select(_ => channel.UnaryAsync(EchoService.Unary, EchoService.Message("x")).AsTask()));

        // One that is asked for in the moment in which the first has come up and is not in the pool yet may have a second opened.
        Assert.InRange(server.Accepted, 1, 2);
    }

    [Fact]
    public async Task More_calls_than_a_connection_takes_open_another()
    {
        using var opened = new SemaphoreSlim(0);
        var all = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var server = RawServer.Start(
            async connection =>
            {
                var request = await connection.NextMessageAsync();

                // The answer to a ping says that the client has read our limit of one call a connection.
                await connection.WriteAsync(RawFrame.Ping(1));
                while (await connection.ReadAsync() is { } frame && frame is not { Kind: FrameKind.Ping, IsAck: true })
                {
                }

                opened.Release();
                await all.Task.WaitAsync(Patience);
                await AnswerAsync(connection, request.Stream);
            },
            (RawFrame.MaxConcurrentStreams, 1));
        await using var channel = ChannelTo(server);

        var calls = new List<Task>();
        for (var i = 0; i < 3; i++)
        {
            calls.Add(channel.UnaryAsync(EchoService.Unary, EchoService.Message("x")).AsTask());
            Assert.True(await opened.WaitAsync(Patience, TestContext.Current.CancellationToken), $"{server.Accepted} connections for {i + 1} calls");
        }

        all.SetResult();
        await Task.WhenAll(calls);
        Assert.Equal(3, server.Accepted);
    }

    [Fact]
    public async Task A_stream_that_is_not_read_asks_for_no_more_than_its_window()
    {
        const int Frame = 16 * 1024;
        var filled = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var server = RawServer.Start(async connection =>
        {
            var settings = await connection.NextAsync(FrameKind.Settings);
            var window = WindowOf(settings);
            Assert.Equal(128 * 1024, window);
            var request = await connection.NextMessageAsync();
            await connection.WriteAsync(RawFrame.Headers(request.Stream, false, GrpcHeaders));
            for (var sent = 0; sent < window; sent += Frame)
            {
                await connection.WriteAsync(RawFrame.Data(request.Stream, MessagesOf(Frame)));
            }

            // The answer to a ping comes after everything the client has to say about what it received.
            await connection.WriteAsync(RawFrame.Ping(1));
            while (await connection.ReadAsync() is { } frame && frame is not { Kind: FrameKind.Ping, IsAck: true })
            {
                Assert.False(frame.Kind is FrameKind.WindowUpdate && frame.Stream == request.Stream, $"unread, but {frame}");
            }

            filled.SetResult();
            await connection.NextAsync(FrameKind.WindowUpdate, request.Stream);
            await connection.WriteAsync(RawFrame.Headers(request.Stream, true, ("grpc-status", "0")));
        });
        await using var channel = new RpcChannel(new RpcChannelOptions { Addresses = [server.Address], StreamWindowBytes = 128 * 1024 });
        await using var call = channel.ServerStreaming(EchoService.ServerStream, EchoService.Message("x"));
        await filled.Task.WaitAsync(Patience, TestContext.Current.CancellationToken);

        var count = 0;
        await foreach (var _ in call.Responses)
        {
            count++;
        }

        Assert.Equal(128 / 16, count);
    }

    [Theory]
    [InlineData("0")]
    [InlineData("13")]
    public async Task A_request_that_was_answered_before_it_was_read_is_not_sent_to_its_end(string status)
    {
        var reset = new TaskCompletionSource<Http2Code>(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var server = RawServer.Start(async connection =>
        {
            var (request, _) = await connection.NextHeadersAsync();
            if (status == "0")
            {
                await AnswerAsync(connection, request.Stream);
            }
            else
            {
                await connection.WriteAsync(RawFrame.Headers(request.Stream, true, [.. GrpcHeaders, ("grpc-status", status)]));
            }

            reset.SetResult((await connection.NextAsync(FrameKind.Reset, request.Stream)).Code);
        });
        await using var channel = ChannelTo(server);

        // Far more than the window that the server opened with, and it opens no more.
        var call = channel.UnaryAsync(EchoService.Unary, EchoService.Message(1_000_000), new RpcCallOptions { Timeout = Patience }).AsTask();
        await call.ContinueWith(_ => { }, TaskScheduler.Default);

        Assert.Equal(status == "0", call.IsCompletedSuccessfully);
        Assert.Equal(Http2Code.Cancel, await reset.Task.WaitAsync(Patience, TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task A_stream_that_the_server_ended_first_is_reset_and_not_left_open()
    {
        var reset = new TaskCompletionSource<Http2Code>(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var server = RawServer.Start(async connection =>
        {
            var (request, _) = await connection.NextHeadersAsync();
            await AnswerAsync(connection, request.Stream);
            reset.SetResult((await connection.NextAsync(FrameKind.Reset, request.Stream)).Code);
        });
        await using var channel = ChannelTo(server);
        await using var call = channel.Duplex(EchoService.Duplex, new RpcCallOptions { Timeout = Patience });

        await foreach (var _ in call.Responses)
        {
        }

        Assert.Equal(Http2Code.Cancel, await reset.Task.WaitAsync(Patience, TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task A_connection_that_does_not_come_up_in_time_sends_the_call_elsewhere()
    {
        using var mute = new TcpListener(IPAddress.Loopback, 0);
        mute.Start();
        await using var server = RawServer.Start(AnswerAllAsync);
        await using var channel = new RpcChannel(new RpcChannelOptions
        {
            Addresses = [new Uri($"https://{mute.LocalEndpoint}"), server.Address],
            Balancing = RpcBalancing.PickFirst,
            ConnectTimeout = TimeSpan.FromMilliseconds(200),
        });

        // On a busy machine the good one may be late as well, and is waited for.
        await channel.UnaryAsync(EchoService.Unary, EchoService.Message("x"), new RpcCallOptions { Timeout = Patience, WaitForReady = true });

        Assert.True(server.Accepted >= 1);
    }

    [Fact]
    public async Task A_server_that_does_not_answer_pings_is_given_up()
    {
        await using var server = RawServer.Start(async connection =>
        {
            connection.IsPolite = false;
            await connection.WriteAsync(RawFrame.SettingsAck());
            await connection.NextHeadersAsync();
        });
        await using var channel = new RpcChannel(new RpcChannelOptions
        {
            Addresses = [server.Address],
            KeepAliveInterval = TimeSpan.FromSeconds(1),
            KeepAliveTimeout = TimeSpan.FromSeconds(1),
        });

        var failure = await Assert.ThrowsAsync<RpcException>(async () => await channel.UnaryAsync(
            EchoService.Unary, EchoService.Message("x"), new RpcCallOptions { Timeout = Patience }));

        Assert.True(failure.Code is RpcStatusCode.Unavailable, $"{failure}");
    }

    [Fact]
    public async Task Responses_in_bytes_are_lent_until_the_next_one()
    {
        await using var host = await EchoService.StartAsync();
        await using var channel = new RpcChannel(new RpcChannelOptions { Addresses = host.EndPoints });
        var method = RpcMethod.OfBytes(EchoService.Descriptor.FindMethodByName("ServerStream"));
        await using var call = channel.ServerStreaming(method, new(Google.Protobuf.MessageExtensions.ToByteArray(EchoService.Message("abc"))));

        var seen = new List<string>();
        await foreach (var bytes in call.Responses)
        {
            seen.Add(EchoService.Text(BytesValue.Parser.ParseFrom(bytes)));
        }

        Assert.Equal(["a", "b", "c"], seen);
    }

    // Calls of all kinds, ended in all ways, all at once: what matters is that nothing hangs and nothing else comes out.
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public async Task A_crowd_of_calls_that_end_in_every_way_leaves_the_channel_well(int seed)
    {
        await using var host = await EchoService.StartAsync();
        await using var channel = new RpcChannel(new RpcChannelOptions { Addresses = host.EndPoints });
        var chances = new Random(seed);
        var crowd = Enumerable.Range(0, 300).Select(_ => CallAsync(channel, new Random(chances.Next()))).ToArray();

        await Task.WhenAll(crowd).WaitAsync(TimeSpan.FromSeconds(60), TestContext.Current.CancellationToken);

        Assert.Equal("still there", EchoService.Text(await channel.UnaryAsync(EchoService.Unary, EchoService.Message("still there"))));
    }

    private static async Task CallAsync(RpcChannel channel, Random chance)
    {
        using var cancel = new CancellationTokenSource();
        var options = new RpcCallOptions
        {
            CancellationToken = cancel.Token,
            Timeout = chance.Next(3) == 0 ? TimeSpan.FromMilliseconds(chance.Next(1, 20)) : null,
            GzipRequests = chance.Next(2) == 0,
        };
        if (chance.Next(4) == 0)
        {
            cancel.CancelAfter(chance.Next(20));
        }

        try
        {
            if (chance.Next(3) == 0)
            {
                await channel.UnaryAsync(EchoService.Unary, EchoService.Message(chance.Next(100_000)), options);
                return;
            }

            await using var call = channel.Duplex(EchoService.Duplex, options);
            var stopAfter = chance.Next(20);
            var writing = WriteAsync(call.Requests, chance.Next(20), new Random(chance.Next()));
            await foreach (var _ in call.Responses)
            {
                if (stopAfter-- == 0)
                {
                    break;
                }
            }

            await writing;
        }
        catch (RpcException ended) when (ended.Code is RpcStatusCode.DeadlineExceeded or RpcStatusCode.Cancelled)
        {
        }
        catch (OperationCanceledException cancelled) when (cancelled.CancellationToken == cancel.Token)
        {
        }
        catch (ObjectDisposedException)
        {
            // The writer of a call whose reader had enough.
        }
    }

    private static async Task WriteAsync(RpcRequestWriter<BytesValue> requests, int count, Random chance)
    {
        for (var i = 0; i < count; i++)
        {
            if (!await requests.WriteAsync(EchoService.Message(chance.Next(30_000))))
            {
                return;
            }
        }

        await requests.CompleteAsync();
    }

    private static async Task AnswerAllAsync(RawConnection connection)
    {
        while (true)
        {
            await AnswerAsync(connection, (await connection.NextMessageAsync()).Stream);
        }
    }

    private static async Task AnswerAsync(RawConnection connection, int stream) => await connection.WriteAsync(
        RawFrame.Headers(stream, false, GrpcHeaders), RawFrame.Data(stream, new byte[5]), RawFrame.Headers(stream, true, ("grpc-status", "0")));

    // So many bytes of empty messages as fill a frame.
    private static byte[] MessagesOf(int bytes)
    {
        // The header of one message that takes up all of it, as field 1 of BytesValue.
        var frame = new byte[bytes];
        BinaryPrimitives.WriteInt32BigEndian(frame.AsSpan(1), bytes - 5);
        frame[5] = 0x0a;
        var length = bytes - 5 - 4;
        frame[6] = (byte)(length | 0x80);
        frame[7] = (byte)((length >> 7) | 0x80);
        frame[8] = (byte)(length >> 14);
        return frame;
    }

    private static int WindowOf(RawFrame settings)
    {
        for (var at = 0; at < settings.Payload.Length; at += 6)
        {
            if (BinaryPrimitives.ReadUInt16BigEndian(settings.Payload.Span[at..]) == RawFrame.InitialWindowSize)
            {
                return BinaryPrimitives.ReadInt32BigEndian(settings.Payload.Span[(at + 2)..]);
            }
        }

        return 65_535;
    }

    private static RpcChannel ChannelTo(RawServer server) => new(new RpcChannelOptions { Addresses = [server.Address] });
}
