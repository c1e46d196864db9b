using Google.Protobuf.WellKnownTypes;
using RaftKv.Rpc.Client;
using RaftKv.Rpc.Server;

namespace RaftKv.Rpc.Tests.Client;

/// <summary>Calls that are marked as safe to repeat, and those that are not.</summary>
public sealed class RetryTests : IAsyncDisposable
{
    private readonly ManualTime _time = new();
    private readonly Flaky _flaky = new();
    private RpcHost? _host;
    private RpcChannel? _channel;

    public async ValueTask DisposeAsync()
    {
        if (_channel is not null)
        {
            await _channel.DisposeAsync();
        }

        if (_host is not null)
        {
            await _host.DisposeAsync();
        }
    }

    [Fact]
    public async Task An_unsafe_call_is_made_once()
    {
        var channel = await StartAsync(failures: 1);

        var failure = await Assert.ThrowsAsync<RpcException>(async () => await channel.UnaryAsync(EchoService.Unary, EchoService.Message("x")));

        Assert.Equal(new RpcStatus(RpcStatusCode.Unavailable, "attempt 1"), failure.Status);
        Assert.Equal(1, _flaky.Attempts);
    }

    [Fact]
    public async Task A_safe_call_is_repeated_after_pauses_that_double()
    {
        var channel = await StartAsync(failures: 2);
        var call = channel.UnaryAsync(EchoService.Unary, EchoService.Message("x"), Safe()).AsTask();

        await _time.UntilWaitingAsync(1);
        _time.Advance(TimeSpan.FromMilliseconds(79));
        Assert.Equal(1, _flaky.Attempts);
        _time.Advance(TimeSpan.FromMilliseconds(42));
        await _time.UntilWaitingAsync(1);
        Assert.Equal(2, _flaky.Attempts);
        _time.Advance(TimeSpan.FromMilliseconds(241));

        Assert.Equal("x", EchoService.Text(await call));
        Assert.Equal(3, _flaky.Attempts);
    }

    [Fact]
    public async Task A_safe_call_gives_up_after_its_attempts()
    {
        var channel = await StartAsync(failures: 99, attempts: 3);
        var call = channel.UnaryAsync(EchoService.Unary, EchoService.Message("x"), Safe()).AsTask();
        for (var i = 0; i < 2; i++)
        {
            await _time.UntilWaitingAsync(1);
            _time.Advance(TimeSpan.FromSeconds(1));
        }

        var failure = await Assert.ThrowsAsync<RpcException>(() => call);
        Assert.Equal(new RpcStatus(RpcStatusCode.Unavailable, "attempt 3"), failure.Status);
    }

    [Fact]
    public async Task A_call_is_not_repeated_when_the_pause_would_outlast_its_deadline()
    {
        var channel = await StartAsync(failures: 99);

        var failure = await Assert.ThrowsAsync<RpcException>(async () => await channel.UnaryAsync(
            EchoService.Unary, EchoService.Message("x"), Safe() with { Timeout = TimeSpan.FromMilliseconds(50) }));

        Assert.Equal(new RpcStatus(RpcStatusCode.Unavailable, "attempt 1"), failure.Status);
    }

    [Fact]
    public async Task Only_unavailable_is_repeated()
    {
        var channel = await StartAsync(failures: 99, code: RpcStatusCode.Internal);

        var failure = await Assert.ThrowsAsync<RpcException>(async () => await channel.UnaryAsync(EchoService.Unary, EchoService.Message("x"), Safe()));

        Assert.Equal(new RpcStatus(RpcStatusCode.Internal, "attempt 1"), failure.Status);
    }

    [Fact]
    public async Task A_stream_is_repeated_while_nothing_of_it_was_delivered()
    {
        var channel = await StartAsync(failures: 1);
        await using var call = channel.ServerStreaming(EchoService.ServerStream, EchoService.Message("ab"), Safe());
        var responses = call.Responses.GetAsyncEnumerator(TestContext.Current.CancellationToken);
        var first = responses.MoveNextAsync().AsTask();
        await _time.UntilWaitingAsync(1);
        _time.Advance(TimeSpan.FromSeconds(1));

        Assert.True(await first);
        Assert.Equal("a", EchoService.Text(responses.Current));
        Assert.Equal(2, _flaky.Attempts);
    }

    [Fact]
    public async Task A_stream_is_not_repeated_once_a_response_was_delivered()
    {
        var channel = await StartAsync(failures: 0, breakAfter: 1);
        await using var call = channel.ServerStreaming(EchoService.ServerStream, EchoService.Message("ab"), Safe());
        var responses = call.Responses.GetAsyncEnumerator(TestContext.Current.CancellationToken);
        Assert.True(await responses.MoveNextAsync());

        var failure = await Assert.ThrowsAsync<RpcException>(async () => await responses.MoveNextAsync());

        Assert.Equal(new RpcStatus(RpcStatusCode.Unavailable, "broke off"), failure.Status);
        Assert.Equal(1, _flaky.Attempts);
    }

    [Fact]
    public async Task A_call_cancelled_between_two_attempts_is_cancelled()
    {
        var channel = await StartAsync(failures: 99);
        using var cancel = new CancellationTokenSource();
        var call = channel.UnaryAsync(EchoService.Unary, EchoService.Message("x"), Safe() with { CancellationToken = cancel.Token }).AsTask();
        await _time.UntilWaitingAsync(1);

        await cancel.CancelAsync();

        var cancelled = await Assert.ThrowsAnyAsync<OperationCanceledException>(() => call);
        Assert.Equal(cancel.Token, cancelled.CancellationToken);
    }

    private static RpcCallOptions Safe() => new() { IsSafeToRetry = true };

    private async Task<RpcChannel> StartAsync(int failures, RpcStatusCode code = RpcStatusCode.Unavailable, int attempts = 5, int? breakAfter = null)
    {
        _flaky.Failures = failures;
        var service = new RpcService(EchoService.Descriptor)
            .Unary<BytesValue, BytesValue>("Unary", (request, call) =>
            {
                _flaky.Try(call, code);
                return new(request);
            })
            .ServerStreaming<BytesValue, BytesValue>("ServerStream", async (request, responses, call) =>
            {
                if (!_flaky.Try(call, code))
                {
                    return;
                }

                var sent = 0;
                foreach (var c in EchoService.Text(request))
                {
                    await responses.WriteAsync(EchoService.Message($"{c}"));
                    if (++sent == breakAfter)
                    {
                        call.Fail(RpcStatusCode.Unavailable, "broke off");
                        return;
                    }
                }
            });

        // The server hears of a deadline as time that is left, and counts it by the same clock.
        _host = await EchoService.StartAsync(service, configure: options => options.Server.Time = _time);
        _channel = new RpcChannel(new RpcChannelOptions
        {
            Addresses = _host.EndPoints,
            RetryAttempts = attempts,
            RetryPause = new RpcBackOff(TimeSpan.FromMilliseconds(100), TimeSpan.FromSeconds(10)),
            Time = _time,
            Chance = new Random(7),
        });
        return _channel;
    }

    /// <summary>Fails a number of times, and then no more.</summary>
    private sealed class Flaky
    {
        private int _attempts;

        public int Failures { get; set; }

        public int Attempts => Volatile.Read(ref _attempts);

        public bool Try(RpcServerCall call, RpcStatusCode code)
        {
            var attempt = Interlocked.Increment(ref _attempts);
            if (attempt > Failures)
            {
                return true;
            }

            call.Fail(code, $"attempt {attempt}");
            return false;
        }
    }
}
