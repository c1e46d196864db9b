using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using Google.Protobuf.WellKnownTypes;
using RaftKv.Rpc.Client;
using RaftKv.Rpc.Server;
using RaftKv.Rpc.Tests.RawHttp2;

namespace RaftKv.Rpc.Tests.Client;

/// <summary>Calls that are stopped from this side: by deadline, cancellation and disposal. They are never mixed up.</summary>
public sealed class EndingTests
{
    private static readonly (string, string)[] GrpcHeaders = [(":status", "200"), ("content-type", "application/grpc")];
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private readonly ManualTime _time = new();

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_unary_call_ends_when_its_deadline_passes_before_and_after_headers(bool withHeaders)
    {
        var (server, reset) = Silent(withHeaders);
        await using var closing = server;
        await using var channel = ChannelTo(server.Address);
        var call = channel.UnaryAsync(EchoService.Unary, EchoService.Message("x"), new RpcCallOptions { Timeout = TimeSpan.FromSeconds(3) }).AsTask();
        await reset.Started.Task.WaitAsync(Patience, TestContext.Current.CancellationToken);

        _time.Advance(TimeSpan.FromSeconds(2.9));
        Assert.False(call.IsCompleted);
        _time.Advance(TimeSpan.FromSeconds(0.1));

        var failure = await Assert.ThrowsAsync<RpcException>(() => call);
        Assert.Equal(new RpcStatus(RpcStatusCode.DeadlineExceeded, "context deadline exceeded"), failure.Status);
        Assert.Equal(Http2Code.Cancel, await reset.Code.Task.WaitAsync(Patience, TestContext.Current.CancellationToken));
        Assert.Equal("3000000u", reset.Request!.Header("grpc-timeout"));
    }

    [Fact]
    public async Task A_deadline_that_passes_while_the_connection_comes_up_leaves_nothing_open()
    {
        using var mute = new TcpListener(IPAddress.Loopback, 0);
        mute.Start();
        await using var channel = ChannelTo(new Uri($"https://{mute.LocalEndpoint}"));
        var call = channel.UnaryAsync(EchoService.Unary, EchoService.Message("x"), new RpcCallOptions { Timeout = TimeSpan.FromSeconds(3) }).AsTask();

        // It waits for the server's part of TLS now.
        using var incoming = await mute.AcceptSocketAsync(TestContext.Current.CancellationToken);
        _time.Advance(TimeSpan.FromSeconds(3));

        var failure = await Assert.ThrowsAsync<RpcException>(() => call);
        Assert.Equal(RpcStatusCode.DeadlineExceeded, failure.Code);
        Assert.True(failure.IsUnseen);
    }

    [Fact]
    public async Task A_deadline_that_has_passed_already_sends_nothing()
    {
        await using var server = RawServer.Start(_ => Task.CompletedTask);
        await using var channel = ChannelTo(server.Address);

        var failure = await Assert.ThrowsAsync<RpcException>(async ()
            => await channel.UnaryAsync(EchoService.Unary, EchoService.Message("x"), new RpcCallOptions { Timeout = TimeSpan.Zero }));

        Assert.Equal(RpcStatusCode.DeadlineExceeded, failure.Code);
        Assert.Equal(0, server.Accepted);
    }

    [Fact]
    public async Task The_servers_reset_at_the_deadline_is_the_deadline_too()
    {
        await using var server = RawServer.Start(async connection =>
        {
            var request = await connection.NextMessageAsync();

            _time.AdvanceAheadOfTimers(TimeSpan.FromSeconds(5));
            await connection.WriteAsync(RawFrame.Reset(request.Stream, Http2Code.Cancel));
        });
        await using var channel = ChannelTo(server.Address);

        var failure = await Assert.ThrowsAsync<RpcException>(async ()
            => await channel.UnaryAsync(EchoService.Unary, EchoService.Message("x"), new RpcCallOptions { Timeout = TimeSpan.FromSeconds(5) }));

        Assert.Equal(new RpcStatus(RpcStatusCode.DeadlineExceeded, "context deadline exceeded"), failure.Status);
        Assert.False(failure.IsUnseen);
    }

    [Fact]
    public async Task A_cancelled_call_throws_with_the_callers_own_token()
    {
        var (server, reset) = Silent(withHeaders: false);
        await using var closing = server;
        await using var channel = ChannelTo(server.Address);
        using var cancel = new CancellationTokenSource();
        var options = new RpcCallOptions { Timeout = TimeSpan.FromSeconds(3), CancellationToken = cancel.Token };
        var call = channel.UnaryAsync(EchoService.Unary, EchoService.Message("x"), options).AsTask();
        await reset.Started.Task.WaitAsync(Patience, TestContext.Current.CancellationToken);

        await cancel.CancelAsync();
        _time.Advance(TimeSpan.FromSeconds(10));

        var cancelled = await Assert.ThrowsAnyAsync<OperationCanceledException>(() => call);
        Assert.Equal(cancel.Token, cancelled.CancellationToken);
        Assert.Equal(Http2Code.Cancel, await reset.Code.Task.WaitAsync(Patience, TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task A_cancelled_token_stops_a_call_before_it_is_sent()
    {
        await using var server = RawServer.Start(_ => Task.CompletedTask);
        await using var channel = ChannelTo(server.Address);
        var options = new RpcCallOptions { CancellationToken = new CancellationToken(canceled: true) };

        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await channel.UnaryAsync(EchoService.Unary, EchoService.Message("x"), options));

        Assert.Equal(0, server.Accepted);
    }

    [Fact]
    public async Task Disposing_the_channel_ends_its_calls_as_disposed()
    {
        var (server, reset) = Silent(withHeaders: true);
        await using var closing = server;
        var channel = ChannelTo(server.Address);
        var call = channel.UnaryAsync(EchoService.Unary, EchoService.Message("x")).AsTask();
        await reset.Started.Task.WaitAsync(Patience, TestContext.Current.CancellationToken);

        await channel.DisposeAsync();
        await channel.DisposeAsync();

        await Assert.ThrowsAsync<ObjectDisposedException>(() => call);
        await Assert.ThrowsAsync<ObjectDisposedException>(async () => await channel.UnaryAsync(EchoService.Unary, EchoService.Message("x")));
    }

    [Fact]
    public async Task Leaving_the_loop_over_a_stream_resets_it()
    {
        var (server, reset) = Endless();
        await using var closing = server;
        await using var channel = ChannelTo(server.Address);
        var call = channel.ServerStreaming(EchoService.ServerStream, EchoService.Message("x"));

        await foreach (var _ in call.Responses)
        {
            break;
        }

        Assert.Equal(Http2Code.Cancel, await reset.Code.Task.WaitAsync(Patience, TestContext.Current.CancellationToken));
        Assert.Null(call.Responses.Status);
    }

    [Fact]
    public async Task Disposing_a_call_nobody_reads_resets_its_stream()
    {
        var (server, reset) = Endless();
        await using var closing = server;
        await using var channel = ChannelTo(server.Address);
        var call = channel.ServerStreaming(EchoService.ServerStream, EchoService.Message("x"));
        await reset.Started.Task.WaitAsync(Patience, TestContext.Current.CancellationToken);

        await call.DisposeAsync();

        Assert.Equal(Http2Code.Cancel, await reset.Code.Task.WaitAsync(Patience, TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task A_stream_ends_at_its_deadline_while_it_is_read()
    {
        var (server, reset) = Endless();
        await using var closing = server;
        await using var channel = ChannelTo(server.Address);
        await using var call = channel.ServerStreaming(
            EchoService.ServerStream, EchoService.Message("x"), new RpcCallOptions { Timeout = TimeSpan.FromSeconds(1) });
        var responses = call.Responses.GetAsyncEnumerator(TestContext.Current.CancellationToken);
        Assert.True(await responses.MoveNextAsync());
        var next = responses.MoveNextAsync().AsTask();

        _time.Advance(TimeSpan.FromSeconds(1));

        var failure = await Assert.ThrowsAsync<RpcException>(() => next);
        Assert.Equal(RpcStatusCode.DeadlineExceeded, failure.Code);
        Assert.Equal(RpcStatusCode.DeadlineExceeded, call.Responses.Status?.Code);
        Assert.False(await responses.MoveNextAsync());
    }

    [Fact]
    public async Task A_stream_whose_reader_is_busy_is_reset_at_its_deadline_all_the_same()
    {
        var (server, reset) = Endless();
        await using var closing = server;
        await using var channel = ChannelTo(server.Address);
        await using var call = channel.ServerStreaming(
            EchoService.ServerStream, EchoService.Message("x"), new RpcCallOptions { Timeout = TimeSpan.FromSeconds(1) });
        var responses = call.Responses.GetAsyncEnumerator(TestContext.Current.CancellationToken);
        Assert.True(await responses.MoveNextAsync());

        _time.Advance(TimeSpan.FromSeconds(1));

        Assert.Equal(Http2Code.Cancel, await reset.Code.Task.WaitAsync(Patience, TestContext.Current.CancellationToken));
        var failure = await Assert.ThrowsAsync<RpcException>(async () => await responses.MoveNextAsync());
        Assert.Equal(RpcStatusCode.DeadlineExceeded, failure.Code);
    }

    [Fact]
    public async Task A_read_that_comes_while_the_call_is_being_stopped_learns_that_it_was()
    {
        using var line = new StuckLine();
        await using var channel = new RpcChannel(new RpcChannelOptions { Addresses = [new("http://stuck:1")], Handlers = _ => line });
        using var stopping = new CancellationTokenSource();
        var call = channel.ServerStreaming(EchoService.ServerStream, EchoService.Message("x"), new RpcCallOptions { CancellationToken = stopping.Token });
        await using var responses = call.Responses.GetAsyncEnumerator(TestContext.Current.CancellationToken);
        Assert.True(await responses.MoveNextAsync());

        // Whoever stops the call is in the middle of it. Both wait where they are, on threads that nobody else needs.
        var stop = Task.Factory.StartNew(
            stopping.Cancel, TestContext.Current.CancellationToken, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        await line.IsBeingClosed.Task.WaitAsync(Patience, TestContext.Current.CancellationToken);
        var read = Task.Factory.StartNew(
            () => responses.MoveNextAsync().AsTask(),
            TestContext.Current.CancellationToken,
            TaskCreationOptions.LongRunning,
            TaskScheduler.Default).Unwrap();
        Assert.False(await Task.WhenAny(read, Task.Delay(20, TestContext.Current.CancellationToken)) == read);
        line.MayClose.Set();

        var stopped = await Assert.ThrowsAnyAsync<OperationCanceledException>(() => read);
        Assert.Equal(stopping.Token, stopped.CancellationToken);
        await stop;
    }

    [Fact]
    public async Task The_token_given_to_the_loop_cancels_the_stream()
    {
        var (server, reset) = Endless();
        await using var closing = server;
        await using var channel = ChannelTo(server.Address);
        await using var call = channel.ServerStreaming(EchoService.ServerStream, EchoService.Message("x"));
        using var cancel = new CancellationTokenSource();

        var cancelled = await Assert.ThrowsAnyAsync<OperationCanceledException>(async () =>
        {
            await foreach (var _ in call.Responses.WithCancellation(cancel.Token))
            {
                await cancel.CancelAsync();
            }
        });

        Assert.Equal(cancel.Token, cancelled.CancellationToken);
        Assert.Equal(Http2Code.Cancel, await reset.Code.Task.WaitAsync(Patience, TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task A_writer_learns_that_the_server_has_ended_the_call()
    {
        var service = new RpcService(EchoService.Descriptor)
            .Duplex<BytesValue, BytesValue>("Duplex", async (requests, _, call) =>
            {
                await foreach (var request in requests)
                {
                    call.Fail(RpcStatusCode.Aborted, $"enough of {EchoService.Text(request)}");
                    return;
                }
            });
        await using var host = await EchoService.StartAsync(service);
        await using var channel = ChannelTo(host.EndPoints[0]);
        await using var call = channel.Duplex(EchoService.Duplex);

        // The server may have ended the call before this write is through, so what it says is open.
        _ = await call.Requests.WriteAsync(EchoService.Message("x"));

        var failure = await Assert.ThrowsAsync<RpcException>(async () => await call.Responses.GetAsyncEnumerator().MoveNextAsync());

        Assert.Equal(new RpcStatus(RpcStatusCode.Aborted, "enough of x"), failure.Status);
        Assert.False(await call.Requests.WriteAsync(EchoService.Message("x")));
    }

    [Fact]
    public async Task A_read_that_a_handler_leaves_behind_takes_nothing_from_the_next_call()
    {
        var left = new ConcurrentQueue<Task<bool>>();
        var streams = new ConcurrentQueue<RpcRequestStream<BytesValue>>();
        var service = new RpcService(EchoService.Descriptor)
            .Duplex<BytesValue, BytesValue>("Duplex", async (requests, responses, call) =>
            {
                Assert.True(await requests.MoveNextAsync());
                await responses.WriteAsync(requests.Current);
                left.Enqueue(requests.MoveNextAsync().AsTask());
                await Assert.ThrowsAsync<InvalidOperationException>(async () => await requests.MoveNextAsync());
                streams.Enqueue(requests);
                call.Fail(RpcStatusCode.Aborted, "enough");
            });
        await using var host = await EchoService.StartAsync(service);
        await using var channel = ChannelTo(host.EndPoints[0]);
        for (var i = 0; i < 20; i++)
        {
            await using var call = channel.Duplex(EchoService.Duplex);
            Assert.True(await call.Requests.WriteAsync(EchoService.Message($"{i}")));
            var responses = call.Responses.GetAsyncEnumerator(TestContext.Current.CancellationToken);
            Assert.True(await responses.MoveNextAsync().AsTask().WaitAsync(Patience, TestContext.Current.CancellationToken));
            Assert.Equal($"{i}", EchoService.Text(responses.Current));
            var failure = await Assert.ThrowsAsync<RpcException>(async () => await responses.MoveNextAsync());
            Assert.Equal(new RpcStatus(RpcStatusCode.Aborted, "enough"), failure.Status);
        }

        Assert.Equal(20, left.Count);
        foreach (var read in left)
        {
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => read.WaitAsync(Patience, TestContext.Current.CancellationToken));
        }

        foreach (var stream in streams)
        {
            await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await stream.MoveNextAsync());
        }
    }

    [Fact]
    public async Task A_writer_waits_for_a_server_that_does_not_read_and_is_freed_by_cancellation()
    {
        var (server, reset) = Silent(withHeaders: true);
        await using var closing = server;
        await using var channel = ChannelTo(server.Address);
        using var cancel = new CancellationTokenSource();
        await using var call = channel.Duplex(EchoService.Duplex, new RpcCallOptions { CancellationToken = cancel.Token });

        // HTTP/2 opens with 64 KiB a stream; whatever is beyond that must wait here.
        Assert.True(await call.Requests.WriteAsync(EchoService.Message(60_000)));
        var stuck = call.Requests.WriteAsync(EchoService.Message(60_000)).AsTask();
        await reset.Window.Task.WaitAsync(Patience, TestContext.Current.CancellationToken);
        Assert.False(stuck.IsCompleted);

        await cancel.CancelAsync();

        var cancelled = await Assert.ThrowsAnyAsync<OperationCanceledException>(() => stuck);
        Assert.Equal(cancel.Token, cancelled.CancellationToken);
    }

    [Fact]
    public async Task Misuse_of_a_stream_is_said_to_its_face()
    {
        var (server, _) = Endless();
        await using var closing = server;
        await using var channel = ChannelTo(server.Address);
        await using var call = channel.Duplex(EchoService.Duplex);
        await call.Requests.CompleteAsync();

        Assert.Throws<InvalidOperationException>(() => call.Requests.Write(EchoService.Message("late")));
        var first = call.Responses.GetAsyncEnumerator(TestContext.Current.CancellationToken);
        Assert.Throws<InvalidOperationException>(() => call.Responses.GetAsyncEnumerator());
        Assert.True(await first.MoveNextAsync());
        var reading = first.MoveNextAsync().AsTask();
        await Assert.ThrowsAsync<InvalidOperationException>(async () => await first.MoveNextAsync());

        await call.DisposeAsync();
        await Assert.ThrowsAsync<ObjectDisposedException>(() => reading);
    }

    [Fact]
    public async Task A_message_larger_than_may_be_sent_is_refused_and_the_stream_goes_on()
    {
        await using var host = await EchoService.StartAsync();
        await using var channel = ChannelTo(host.EndPoints[0]);
        var options = new RpcCallOptions { MaxSendMessageBytes = 1000 };

        var unary = await Assert.ThrowsAsync<RpcException>(async () => await channel.UnaryAsync(EchoService.Unary, EchoService.Message(2000), options));
        Assert.Equal(new RpcStatus(RpcStatusCode.ResourceExhausted, "grpc: trying to send message larger than max (2003 vs. 1000)"), unary.Status);

        await using var call = channel.Duplex(EchoService.Duplex, options);
        var streamed = Assert.Throws<RpcException>(() => call.Requests.Write(EchoService.Message(2000)));
        Assert.Equal(unary.Status, streamed.Status);
        await call.Requests.WriteAsync(EchoService.Message("small"));
        var responses = call.Responses.GetAsyncEnumerator(TestContext.Current.CancellationToken);
        Assert.True(await responses.MoveNextAsync());
    }

    private RpcChannel ChannelTo(Uri address) => new(new RpcChannelOptions { Addresses = [address], Time = _time });

    // A server that takes the request and then does nothing more than watch what the client does.
    private static (RawServer Server, Observed Observed) Silent(bool withHeaders)
    {
        var observed = new Observed();
        var server = RawServer.Start(async connection =>
        {
            var (frame, headers) = await connection.NextHeadersAsync();
            observed.Request = new RawMessage(frame.Stream, headers, []);
            if (withHeaders)
            {
                await connection.WriteAsync(RawFrame.Headers(frame.Stream, false, GrpcHeaders));
            }

            observed.Started.TrySetResult();
            await observed.WatchAsync(connection);
        });
        return (server, observed);
    }

    // One message, and then nothing.
    private static (RawServer Server, Observed Observed) Endless()
    {
        var observed = new Observed();
        var server = RawServer.Start(async connection =>
        {
            var (frame, headers) = await connection.NextHeadersAsync();
            observed.Request = new RawMessage(frame.Stream, headers, []);
            await connection.WriteAsync(RawFrame.Headers(frame.Stream, false, GrpcHeaders), RawFrame.Data(frame.Stream, new byte[5]));
            observed.Started.TrySetResult();
            await observed.WatchAsync(connection);
        });
        return (server, observed);
    }

    /// <summary>What a server saw of its one call.</summary>
    /// <summary>Answers with one message, and closes when it may.</summary>
    private sealed class StuckLine : HttpMessageHandler
    {
        public TaskCompletionSource IsBeingClosed { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public ManualResetEventSlim MayClose { get; } = new();

        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            var response = new HttpResponseMessage { Version = new(2, 0), RequestMessage = request, Content = new StreamContent(new OneMessage(this)) };
            response.Content.Headers.ContentType = new("application/grpc");
            return Task.FromResult(response);
        }

        protected override void Dispose(bool disposing)
        {
            MayClose.Dispose();
            base.Dispose(disposing);
        }

        private sealed class OneMessage(StuckLine line) : MemoryStream(new byte[5])
        {
            private int _isClosed;

            protected override void Dispose(bool disposing)
            {
                if (Interlocked.Exchange(ref _isClosed, 1) == 0)
                {
                    line.IsBeingClosed.SetResult();
                    line.MayClose.Wait(Patience);
                }

                base.Dispose(disposing);
            }
        }
    }

    private sealed class Observed
    {
        private const int StreamWindow = 65_535;

        public TaskCompletionSource Started { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        /// <summary>The client has sent all that it may before the server reads.</summary>
        public TaskCompletionSource Window { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public TaskCompletionSource<Http2Code> Code { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public RawMessage? Request { get; set; }

        public async Task WatchAsync(RawConnection connection)
        {
            var received = 0;
            while (await connection.ReadAsync() is { } frame)
            {
                if (frame.Kind is FrameKind.Data && (received += frame.Payload.Length) == StreamWindow)
                {
                    Window.TrySetResult();
                }

                if (frame.Kind is FrameKind.Reset)
                {
                    Code.TrySetResult(frame.Code);
                }
            }
        }
    }
}
