using Google.Protobuf.WellKnownTypes;
using RaftKv.Rpc.Client;
using RaftKv.Rpc.Server;

namespace RaftKv.Rpc.Tests.Client;

/// <summary>What a channel lets others do around its calls: interceptors and credentials.</summary>
public sealed class HookTests : IAsyncLifetime
{
    private RpcHost _host = null!;

    public async ValueTask InitializeAsync() => _host = await EchoService.StartAsync();

    public ValueTask DisposeAsync() => _host.DisposeAsync();

    [Fact]
    public async Task Credentials_are_asked_before_each_call_and_sent_with_it()
    {
        var asked = 0;
        await using var channel = ChannelWith((method, metadata, _) =>
        {
            metadata.Add("ping", $"{method.Name} {++asked}");
            return default;
        });

        var first = await channel.UnaryWithMetadataAsync(EchoService.Unary, EchoService.Message("x"));
        var second = await channel.UnaryWithMetadataAsync(EchoService.Unary, EchoService.Message("x"));

        Assert.Equal(("Unary 1", "Unary 2"), (first.Headers.Text("pong"), second.Headers.Text("pong")));
    }

    [Fact]
    public async Task Credentials_that_cannot_be_had_end_the_call_unauthenticated()
    {
        await using var channel = ChannelWith((_, _, _) => throw new InvalidOperationException("no key"));

        var failure = await Assert.ThrowsAsync<RpcException>(async () => await channel.UnaryAsync(EchoService.Unary, EchoService.Message("x")));

        Assert.Equal(new RpcStatus(RpcStatusCode.Unauthenticated, "the channel's credentials could not be had: no key"), failure.Status);
    }

    [Fact]
    public async Task Credentials_may_choose_the_status_of_their_failure()
    {
        await using var channel = ChannelWith((_, _, _) => throw new RpcException(RpcStatusCode.Unavailable, "token server away"));

        var failure = await Assert.ThrowsAsync<RpcException>(async () => await channel.UnaryAsync(EchoService.Unary, EchoService.Message("x")));

        Assert.Equal(new RpcStatus(RpcStatusCode.Unavailable, "token server away"), failure.Status);
    }

    [Fact]
    public async Task A_deadline_covers_the_wait_for_credentials()
    {
        var time = new ManualTime();
        await using var channel = new RpcChannel(new RpcChannelOptions
        {
            Addresses = _host.EndPoints,
            Time = time,
            Credentials = async (_, _, cancellation) => await Task.Delay(Timeout.InfiniteTimeSpan, cancellation),
        });
        var call = channel.UnaryAsync(EchoService.Unary, EchoService.Message("x"), new RpcCallOptions { Timeout = TimeSpan.FromSeconds(1) }).AsTask();

        time.Advance(TimeSpan.FromSeconds(1));

        Assert.Equal(RpcStatusCode.DeadlineExceeded, (await Assert.ThrowsAsync<RpcException>(() => call)).Code);
    }

    [Fact]
    public async Task Interceptors_wrap_a_unary_call_the_first_outermost()
    {
        var story = new List<string>();
        await using var channel = ChannelTo(Telling("outer", story), Telling("inner", story));

        var (_, headers, _) = await channel.UnaryWithMetadataAsync(EchoService.Unary, EchoService.Message("x"));

        Assert.Equal("outer, inner", headers.Text("pong"));
        Assert.Equal(["outer: Unary", "inner: Unary", "inner: Ok", "outer: Ok"], story);
    }

    [Fact]
    public async Task Interceptors_see_how_a_call_failed()
    {
        var story = new List<string>();
        await using var channel = ChannelTo(Telling("i", story));
        var missing = new RpcMethod<BytesValue, BytesValue>(
            "test.Echo", "Missing", RpcShape.Unary, EchoService.Unary.RequestCodec, EchoService.Unary.ResponseCodec);

        await Assert.ThrowsAsync<RpcException>(async () => await channel.UnaryAsync(missing, EchoService.Message("x")));

        Assert.StartsWith("i: Unimplemented", story[1], StringComparison.Ordinal);
    }

    [Fact]
    public async Task Interceptors_wrap_a_stream_from_its_beginning_to_its_end()
    {
        var story = new List<string>();
        var ended = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var channel = ChannelTo(
            async (_, next) =>
            {
                await next();
                ended.SetResult();
            },
            Telling("i", story));
        await using var call = channel.ServerStreaming(EchoService.ServerStream, EchoService.Message("ab"));
        await foreach (var response in call.Responses)
        {
            story.Add(EchoService.Text(response));
        }

        await ended.Task.WaitAsync(TimeSpan.FromSeconds(20), TestContext.Current.CancellationToken);
        Assert.Equal(["i: ServerStream", "a", "b", "i: Ok"], story);
    }

    [Fact]
    public async Task An_interceptor_may_refuse_a_call()
    {
        await using var channel = ChannelTo((_, _) => throw new RpcException(RpcStatusCode.PermissionDenied, "not here"));

        var unary = await Assert.ThrowsAsync<RpcException>(async () => await channel.UnaryAsync(EchoService.Unary, EchoService.Message("x")));
        await using var call = channel.Duplex(EchoService.Duplex);
        var stream = await Assert.ThrowsAsync<RpcException>(async () => await call.Responses.GetAsyncEnumerator().MoveNextAsync());

        Assert.Equal(new RpcStatus(RpcStatusCode.PermissionDenied, "not here"), unary.Status);
        Assert.Equal(unary.Status, stream.Status);
        Assert.False(await call.Requests.WriteAsync(EchoService.Message("x")));
    }

    [Fact]
    public async Task A_call_that_an_interceptor_swallowed_is_not_taken_for_a_success()
    {
        await using var channel = ChannelTo((_, _) => default);

        var unary = await Assert.ThrowsAsync<RpcException>(async () => await channel.UnaryAsync(EchoService.Unary, EchoService.Message("x")));
        await using var call = channel.Duplex(EchoService.Duplex);
        var stream = await Assert.ThrowsAsync<RpcException>(async () => await call.Responses.GetAsyncEnumerator().MoveNextAsync());

        Assert.Equal(RpcStatusCode.Internal, unary.Code);
        Assert.Equal(unary.Status, stream.Status);
    }

    private static RpcClientInterceptor Telling(string name, List<string> story) => async (call, next) =>
    {
        story.Add($"{name}: {call.Method.Name}");
        call.Metadata.Add("ping", name);
        await next();
        story.Add($"{name}: {call.Status}");
    };

    private RpcChannel ChannelTo(params RpcClientInterceptor[] interceptors)
        => new(new RpcChannelOptions { Addresses = _host.EndPoints, Interceptors = interceptors });

    private RpcChannel ChannelWith(RpcCredentials credentials) => new(new RpcChannelOptions { Addresses = _host.EndPoints, Credentials = credentials });
}
