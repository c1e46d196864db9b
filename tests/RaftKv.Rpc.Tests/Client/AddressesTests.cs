using System.Collections.Concurrent;
using System.Net;
using Google.Protobuf.WellKnownTypes;
using RaftKv.Rpc.Client;
using RaftKv.Rpc.Server;
using RaftKv.Rpc.Tests.RawHttp2;
using RaftKv.Tests.Shared;

namespace RaftKv.Rpc.Tests.Client;

/// <summary>Several addresses: which one a call goes to, and what happens when one fails.</summary>
public sealed class AddressesTests
{
    private static readonly (string, string)[] GrpcHeaders = [(":status", "200"), ("content-type", "application/grpc")];
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private readonly ManualTime _time = new();
    private readonly Story _story = new();

    [Fact]
    public async Task Round_robin_takes_each_address_in_turn()
    {
        await using var a = await NamedAsync("a");
        await using var b = await NamedAsync("b");
        await using var c = await NamedAsync("c");
        await using var channel = ChannelTo(RpcBalancing.RoundRobin, a.EndPoints[0], b.EndPoints[0], c.EndPoints[0]);

        Assert.Equal("abcabc", await AskAsync(channel, times: 6));
    }

    [Fact]
    public async Task Pick_first_stays_with_one_address_until_it_fails_and_then_with_the_next()
    {
        var port = FreePort();
        await using var b = await NamedAsync("b");
        var a = await NamedAsync("a", port);
        await using var channel = ChannelTo(RpcBalancing.PickFirst, UriOf(port), b.EndPoints[0]);
        Assert.Equal("aaa", await AskAsync(channel, times: 3));

        await a.DisposeAsync();
        Assert.Equal("bb", await AskAsync(channel, times: 2, safe: true));

        await using var again = await NamedAsync("a", port);
        _time.Advance(TimeSpan.FromMinutes(1));
        Assert.Equal("bb", await AskAsync(channel, times: 2));
    }

    [Fact]
    public async Task A_call_whose_connection_never_came_up_moves_on_without_being_asked()
    {
        await using var b = await NamedAsync("b");
        await using var channel = ChannelTo(RpcBalancing.PickFirst, UriOf(FreePort()), b.EndPoints[0]);

        Assert.Equal("b", await AskAsync(channel));

        await using var other = ChannelTo(RpcBalancing.PickFirst, UriOf(FreePort()), b.EndPoints[0]);
        await using var call = other.Duplex(EchoService.Duplex);
        Assert.True(await call.Requests.WriteAsync(EchoService.Message("x")));
        await call.Requests.CompleteAsync();
        var responses = call.Responses.GetAsyncEnumerator(TestContext.Current.CancellationToken);
        Assert.True(await responses.MoveNextAsync());
        Assert.Equal("b", EchoService.Text(responses.Current));
    }

    // A client that follows its cluster was asked for a member that had left, or that it had not heard of yet.
    [Fact]
    public async Task A_call_to_an_address_that_the_channel_does_not_have_fails_for_certain_and_names_it()
    {
        await using var a = await NamedAsync("a");
        await using var channel = ChannelTo(RpcBalancing.PickFirst, a.EndPoints[0]);
        var elsewhere = UriOf(FreePort());

        var refused = await Assert.ThrowsAsync<RpcException>(async () => await channel.UnaryAsync(
            EchoService.Unary, EchoService.Message("x"), new RpcCallOptions { Address = elsewhere, CancellationToken = TestContext.Current.CancellationToken }));

        Assert.Equal(new RpcStatus(RpcStatusCode.FailedPrecondition, $"{elsewhere} is none of the channel's addresses."), refused.Status);
    }

    [Fact]
    public async Task Where_nothing_answers_a_call_fails_unavailable_and_says_why()
    {
        var (one, two) = (UriOf(FreePort()), UriOf(FreePort()));
        await using var channel = ChannelTo(RpcBalancing.RoundRobin, one, two);

        var first = await Assert.ThrowsAsync<RpcException>(() => AskAsync(channel));
        var second = await Assert.ThrowsAsync<RpcException>(() => AskAsync(channel));

        Assert.Equal(RpcStatusCode.Unavailable, first.Code);
        Assert.Equal(new RpcStatus(
            RpcStatusCode.Unavailable,
            $"no address can be reached: {one}: no connection: Connection refused; {two}: no connection: Connection refused"), second.Status);
    }

    [Fact]
    public async Task An_evicted_address_is_left_alone_until_its_back_off_has_passed_and_then_probed()
    {
        var port = FreePort();
        await using var b = await NamedAsync("b");
        await using var channel = ChannelTo(RpcBalancing.RoundRobin, UriOf(port), b.EndPoints[0]);
        Assert.Equal("bbb", await AskAsync(channel, times: 3));
        Assert.Equal([$"evicted {port} for 1s"], _story.Take());

        // Still down when it is probed: left alone for twice as long.
        _time.Advance(TimeSpan.FromSeconds(1.3));
        Assert.Equal("bbb", await AskAsync(channel, times: 3));
        Assert.Equal([$"evicted {port} for 2s"], _story.Take());

        await using var a = await NamedAsync("a", port);
        _time.Advance(TimeSpan.FromSeconds(1.3));
        Assert.Equal("bbb", await AskAsync(channel, times: 3));
        _time.Advance(TimeSpan.FromSeconds(1.3));
        var answers = await AskAsync(channel, times: 4);
        Assert.Contains("a", answers, StringComparison.Ordinal);
        Assert.Equal([$"returned {port}"], _story.Take());
    }

    [Fact]
    public async Task A_broken_connection_is_one_failure_however_many_calls_it_took_along()
    {
        const int Calls = 20;
        var asked = 0;
        var all = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);

        // While the first connection comes up, a second one may be opened.
        await using var server = RawServer.Start(async connection =>
        {
            var reading = ReadAsync(connection);
            await Task.WhenAny(all.Task, reading);
            connection.Abort();
            await reading.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        });
        await using var channel = ChannelTo(RpcBalancing.RoundRobin, server.Address);

        var calls = Enumerable.Range(0, Calls).Select(_ => Assert.ThrowsAsync<RpcException>(() => AskAsync(channel))).ToArray();
        await Task.WhenAll(calls);

        Assert.All(calls, call => Assert.Equal(RpcStatusCode.Unavailable, call.Result.Code));
        Assert.Equal([$"evicted {server.EndPoint.Port} for 1s"], _story.Take());

        async Task ReadAsync(RawConnection connection)
        {
            while (true)
            {
                await connection.NextMessageAsync();
                if (Interlocked.Increment(ref asked) == Calls)
                {
                    all.SetResult();
                }
            }
        }
    }

    // A server that restarts must not cost its only client a back-off.
    [Fact]
    public async Task The_only_address_is_tried_again_at_once_after_its_connection_broke()
    {
        await using var server = RawServer.Start(async (connection, index) =>
        {
            var request = await connection.NextMessageAsync();
            if (index == 0)
            {
                connection.Abort();
                return;
            }

            await AnswerAsync(connection, request.Stream);
        });
        await using var channel = ChannelTo(RpcBalancing.RoundRobin, server.Address);

        await Assert.ThrowsAsync<RpcException>(() => AskAsync(channel));
        Assert.Equal("ok", await AskAsync(channel));

        Assert.Equal([$"evicted {server.EndPoint.Port} for 1s", $"returned {server.EndPoint.Port}"], _story.Take());
    }

    [Fact]
    public async Task A_call_that_may_have_reached_a_server_is_repeated_only_when_it_is_safe()
    {
        var requests = 0;
        await using var dying = RawServer.Start(async connection =>
        {
            await connection.NextMessageAsync();
            Interlocked.Increment(ref requests);
            connection.Abort();
        });
        await using var b = await NamedAsync("b");
        await using var channel = ChannelTo(RpcBalancing.PickFirst, dying.Address, b.EndPoints[0]);

        var failure = await Assert.ThrowsAsync<RpcException>(() => AskAsync(channel));
        Assert.Equal((RpcStatusCode.Unavailable, 1), (failure.Code, requests));

        await using var other = ChannelTo(RpcBalancing.PickFirst, dying.Address, b.EndPoints[0]);
        Assert.Equal("b", await AskAsync(other, safe: true));
        Assert.Equal(2, requests);
    }

    [Fact]
    public async Task A_stream_that_a_goaway_left_unprocessed_is_sent_again_by_itself()
    {
        await using var server = RawServer.Start(async (connection, index) =>
        {
            var request = await connection.NextMessageAsync();
            if (index == 0)
            {
                await connection.WriteAsync(RawFrame.GoAway(0, Http2Code.NoError));
                return;
            }

            await AnswerAsync(connection, request.Stream);
        });
        await using var channel = ChannelTo(RpcBalancing.RoundRobin, server.Address);

        Assert.Equal("ok", await AskAsync(channel));
        Assert.Equal(2, server.Accepted);
    }

    [Fact]
    public async Task A_goaway_lets_the_streams_before_it_finish()
    {
        await using var server = RawServer.Start(async (connection, index) =>
        {
            var request = await connection.NextMessageAsync();
            if (index == 0)
            {
                await connection.WriteAsync(RawFrame.GoAway(request.Stream, Http2Code.NoError));
            }

            await AnswerAsync(connection, request.Stream);
        });
        await using var channel = ChannelTo(RpcBalancing.RoundRobin, server.Address);

        Assert.Equal("ok", await AskAsync(channel));
        Assert.Equal("ok", await AskAsync(channel));
        Assert.Equal(2, server.Accepted);
        Assert.Empty(_story.Take());
    }

    [Fact]
    public async Task A_refused_stream_moves_on_to_another_address_unasked()
    {
        await using var refusing = RawServer.Start(async connection =>
        {
            while (true)
            {
                await connection.WriteAsync(RawFrame.Reset((await connection.NextMessageAsync()).Stream, Http2Code.RefusedStream));
            }
        });
        await using var b = await NamedAsync("b");
        await using var channel = ChannelTo(RpcBalancing.PickFirst, refusing.Address, b.EndPoints[0]);

        Assert.Equal("b", await AskAsync(channel));
    }

    [Fact]
    public async Task Requests_of_a_stream_are_not_lost_when_an_unprocessed_stream_is_sent_again()
    {
        await using var server = RawServer.Start(async (connection, index) =>
        {
            var (frame, _) = await connection.NextHeadersAsync();
            if (index == 0)
            {
                await connection.WriteAsync(RawFrame.GoAway(0, Http2Code.NoError));
                return;
            }

            await connection.WriteAsync(RawFrame.Headers(frame.Stream, false, GrpcHeaders));
            var message = await connection.NextAsync(FrameKind.Data, frame.Stream);
            await connection.WriteAsync(RawFrame.Data(frame.Stream, message.Payload), RawFrame.Headers(frame.Stream, true, ("grpc-status", "0")));
        });
        await using var channel = ChannelTo(RpcBalancing.RoundRobin, server.Address);
        await using var call = channel.Duplex(EchoService.Duplex);

        // Only once the second connection has answered, so that the first cannot have taken the message.
        await call.HeadersAsync();
        Assert.True(await call.Requests.WriteAsync(EchoService.Message("x")));
        var responses = call.Responses.GetAsyncEnumerator(TestContext.Current.CancellationToken);
        Assert.True(await responses.MoveNextAsync());
        Assert.Equal("x", EchoService.Text(responses.Current));
    }

    [Fact]
    public async Task Waiting_for_ready_outlasts_a_server_that_is_down()
    {
        var port = FreePort();
        await using var channel = ChannelTo(RpcBalancing.RoundRobin, UriOf(port));
        var call = AskAsync(channel, wait: true);
        await _time.UntilWaitingAsync(1);
        _time.Advance(TimeSpan.FromSeconds(1.3));
        await _time.UntilWaitingAsync(1);
        Assert.False(call.IsCompleted);

        await using var a = await NamedAsync("a", port);
        _time.Advance(TimeSpan.FromSeconds(2.6));

        Assert.Equal("a", await call.WaitAsync(Patience, TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task Waiting_for_ready_ends_with_the_deadline_and_tells_nothing_else()
    {
        await using var channel = ChannelTo(RpcBalancing.RoundRobin, UriOf(FreePort()));
        var options = new RpcCallOptions { WaitForReady = true, Timeout = TimeSpan.FromSeconds(0.5) };
        var call = channel.UnaryAsync(EchoService.Unary, EchoService.Message("x"), options).AsTask();
        await _time.UntilWaitingAsync(2);

        _time.Advance(TimeSpan.FromSeconds(0.5));

        var failure = await Assert.ThrowsAsync<RpcException>(() => call);
        Assert.Equal(new RpcStatus(RpcStatusCode.DeadlineExceeded, "context deadline exceeded"), failure.Status);
    }

    [Fact]
    public async Task New_addresses_free_a_call_that_waits_for_ready()
    {
        await using var b = await NamedAsync("b");
        await using var channel = ChannelTo(RpcBalancing.RoundRobin, UriOf(FreePort()));
        var call = AskAsync(channel, wait: true);
        await _time.UntilWaitingAsync(1);

        channel.UpdateAddresses(b.EndPoints);

        Assert.Equal("b", await call.WaitAsync(Patience, TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task Replaced_addresses_take_new_calls_while_running_calls_finish_where_they_are()
    {
        await using var a = await NamedAsync("a");
        await using var b = await NamedAsync("b");
        await using var channel = ChannelTo(RpcBalancing.RoundRobin, a.EndPoints[0]);
        await using var running = channel.Duplex(EchoService.Duplex);
        await running.Requests.WriteAsync(EchoService.Message("1"));
        var responses = running.Responses.GetAsyncEnumerator(TestContext.Current.CancellationToken);
        Assert.True(await responses.MoveNextAsync());

        channel.UpdateAddresses(b.EndPoints);

        Assert.Equal(b.EndPoints, channel.Addresses);
        Assert.Equal("bb", await AskAsync(channel, times: 2));
        await running.Requests.WriteAsync(EchoService.Message("2"));
        Assert.True(await responses.MoveNextAsync());
        Assert.Equal("a", EchoService.Text(responses.Current));
        Assert.Equal([$"replaced by {b.EndPoints[0].Port}"], _story.Take());
    }

    [Fact]
    public void Addresses_that_are_none_are_refused_in_words()
    {
        Assert.Equal("A channel needs at least one address.", Refused());
        Assert.Equal("'ftp://x/' is no address: it must be http://host:port or https://host:port.", Refused("ftp://x/"));
        Assert.Equal("'http://x/v3' says more than where the server is: only scheme, host and port are allowed.", Refused("http://x/v3"));

        static string Refused(params string[] addresses)
            => Assert.Throws<ArgumentException>(
                () => new RpcChannel(new RpcChannelOptions { Addresses = addresses.Select(a => new Uri(a)).ToArray() })).Message;
    }

    [Fact]
    public void Back_off_doubles_up_to_its_longest_and_varies_by_a_fifth()
    {
        var backOff = new RpcBackOff(TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(5));

        Assert.Equal([1, 2, 4, 5, 5], new[] { 1, 2, 3, 4, 40 }.Select(failures => backOff.After(failures, 0.5).TotalSeconds));
        Assert.Equal(0.8, backOff.After(1, 0).TotalSeconds, 3);
        Assert.Equal(1.2, backOff.After(1, 0.9999).TotalSeconds, 3);
    }

    private static async Task AnswerAsync(RawConnection connection, int stream)
    {
        await connection.WriteAsync(
            RawFrame.Headers(stream, false, GrpcHeaders),
            RawFrame.Data(stream, new byte[] { 0, 0, 0, 0, 4, 0x0a, 2, (byte)'o', (byte)'k' }),
            RawFrame.Headers(stream, true, ("grpc-status", "0")));
    }

    private static async Task<string> AskAsync(RpcChannel channel, int times = 1, bool safe = false, bool wait = false)
    {
        var options = new RpcCallOptions { IsSafeToRetry = safe, WaitForReady = wait, CancellationToken = TestContext.Current.CancellationToken };
        var answers = "";
        for (var i = 0; i < times; i++)
        {
            answers += EchoService.Text(await channel.UnaryAsync(EchoService.Unary, EchoService.Message("who?"), options));
        }

        return answers;
    }

    // A server that answers everything with its name.
    private static Task<RpcHost> NamedAsync(string name, int port = 0)
    {
        var service = new RpcService(EchoService.Descriptor)
            .Unary<BytesValue, BytesValue>(
                "Unary", (_, _) => new(EchoService.Message(name)))
            .Duplex<BytesValue, BytesValue>(
                "Duplex", async (requests, responses, _) =>
                {
                    await foreach (var request in requests)
                    {
                        await responses.WriteAsync(EchoService.Message(name));
                    }
                });
        return EchoService.StartAsync(service, new IPEndPoint(IPAddress.Loopback, port));
    }

    private static Uri UriOf(int port) => new($"http://127.0.0.1:{port}");

    // Nobody listens there, until the test does.
    private static int FreePort() => FreePorts.Find(1)[0];

    private RpcChannel ChannelTo(RpcBalancing balancing, params Uri[] addresses) => new(new RpcChannelOptions
    {
        Addresses = addresses,
        Balancing = balancing,
        Eviction = new RpcBackOff(TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(60)),
        RetryPause = new RpcBackOff(TimeSpan.FromTicks(1), TimeSpan.FromTicks(1)),
        Observer = _story,
        Time = _time,
        Chance = new Random(7),
    });

    /// <summary>What the channel told, in short words.</summary>
    private sealed class Story : IRpcChannelObserver
    {
        private readonly ConcurrentQueue<string> _lines = [];

        public string[] Take()
        {
            var lines = _lines.ToArray();
            _lines.Clear();
            return lines;
        }

        public void AddressEvicted(Uri address, RpcStatus why, TimeSpan backOff)
            => _lines.Enqueue($"evicted {address.Port} for {Math.Round(backOff.TotalSeconds)}s");

        public void AddressReturned(Uri address) => _lines.Enqueue($"returned {address.Port}");

        public void AddressesReplaced(IReadOnlyList<Uri> addresses) => _lines.Enqueue($"replaced by {string.Join(' ', addresses.Select(a => a.Port))}");
    }
}
