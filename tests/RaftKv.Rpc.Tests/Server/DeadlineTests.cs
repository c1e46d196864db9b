using RaftKv.Protocol.Etcd;
using RaftKv.Rpc.Server;

namespace RaftKv.Rpc.Tests.Server;

public sealed class DeadlineTests
{
    private const string Range = "/etcdserverpb.KV/Range";

    private readonly ManualTime _time = new();

    [Fact]
    public async Task A_handler_that_waits_is_cancelled_at_the_deadline()
    {
        var waiting = new TaskCompletionSource();
        await using var host = await StartAsync(async (_, call) =>
        {
            Assert.Equal(TimeSpan.FromSeconds(5), call.TimeLeft);
            var forever = Task.Delay(Timeout.Infinite, call.CancellationToken);
            waiting.SetResult();
            await forever;
            return new RangeResponse();
        });
        using var raw = new RawCall();
        var answering = raw.PostAsync(host.Address(), Range, RawCall.Framed([]), ("grpc-timeout", "5S"));
        await waiting.Task;

        _time.Advance(TimeSpan.FromSeconds(4.9));
        Assert.False(answering.IsCompleted);
        _time.Advance(TimeSpan.FromSeconds(0.1));

        var answer = await answering;
        Assert.Equal((RpcStatusCode.DeadlineExceeded, "context deadline exceeded"), (answer.Code, answer.Text));
    }

    [Fact]
    public async Task A_deadline_of_zero_never_reaches_the_handler()
    {
        await using var host = await StartAsync((_, _) => throw new InvalidOperationException("reached"));
        using var raw = new RawCall();

        var answer = await raw.PostAsync(host.Address(), Range, RawCall.Framed([]), ("grpc-timeout", "0S"));

        Assert.Equal(RpcStatusCode.DeadlineExceeded, answer.Code);
    }

    [Fact]
    public async Task A_request_that_does_not_arrive_in_time_is_given_up()
    {
        await using var host = await StartAsync((_, _) => throw new InvalidOperationException("reached"));
        await using var stream = new RawStream(host.Address(), Range, ("grpc-timeout", "2S"));
        await stream.WriteAsync([0, 0, 0]); // Three bytes of a header, and then nothing.
        await Until(() => _time.PendingTimers > 0);

        _time.Advance(TimeSpan.FromSeconds(2));

        Assert.Equal(RpcStatusCode.DeadlineExceeded, (await stream.StatusAsync()).Code);
    }

    [Fact]
    public async Task A_handler_that_gives_up_by_itself_is_not_a_deadline()
    {
        await using var host = await StartAsync((_, _) => throw new OperationCanceledException());
        using var raw = new RawCall();

        var answer = await raw.PostAsync(host.Address(), Range, RawCall.Framed([]), ("grpc-timeout", "5S"));

        Assert.Equal(RpcStatusCode.Cancelled, answer.Code);
    }

    [Fact]
    public async Task The_longest_deadline_is_as_good_as_none()
    {
        await using var host = await StartAsync((_, call) =>
        {
            Assert.True(call.TimeLeft > TimeSpan.FromDays(365 * 1000));
            Assert.False(call.CancellationToken.IsCancellationRequested);
            return new(new RangeResponse());
        });
        using var raw = new RawCall();

        Assert.Equal(RpcStatusCode.Ok, (await raw.PostAsync(host.Address(), Range, RawCall.Framed([]), ("grpc-timeout", "99999999H"))).Code);
    }

    [Fact]
    public async Task Timers_are_gone_with_their_calls()
    {
        await using var host = await StartAsync((_, call) =>
        {
            Assert.False(call.CancellationToken.IsCancellationRequested);
            return new(new RangeResponse());
        });
        using var raw = new RawCall();

        for (var i = 0; i < 20; i++)
        {
            await raw.PostAsync(host.Address(), Range, RawCall.Framed([]), ("grpc-timeout", "5S"));
        }

        await Until(() => _time.PendingTimers == 0);
    }

    private Task<RpcHost> StartAsync(UnaryHandler<RangeRequest, RangeResponse> handler)
    {
        var options = TestHost.Options(TestHost.Kv().Unary("Range", handler));
        options.Server.Time = _time;
        return RpcHost.StartAsync(options, TestContext.Current.CancellationToken);
    }

    // The server's own threads get there without being told; the test only must not look too early.
    private static async Task Until(Func<bool> condition)
    {
        var patience = System.Diagnostics.Stopwatch.StartNew();
        while (!condition())
        {
            Assert.True(patience.Elapsed < TimeSpan.FromSeconds(30), "The condition did not come true within 30 s.");
            await Task.Yield();
        }
    }
}
