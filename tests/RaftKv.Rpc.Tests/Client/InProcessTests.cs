using Google.Protobuf.WellKnownTypes;
using RaftKv.Rpc.Client;
using RaftKv.Rpc.InProcess;
using RaftKv.Rpc.Server;

namespace RaftKv.Rpc.Tests.Client;

/// <summary>The four shapes without a socket, and what ends a call there.</summary>
public sealed class InProcessTests : ShapesTests
{
    protected override Task<(IAsyncDisposable Server, RpcChannel Channel)> OpenAsync(RpcService service)
    {
        var server = new RpcInProcessServer(new RpcServerOptions(), [service]);
        return Task.FromResult<(IAsyncDisposable, RpcChannel)>((new Ending(server), new RpcChannel(server.ChannelOptions())));
    }

    [Fact]
    public async Task A_deadline_ends_a_call_that_is_not_answered()
    {
        var service = new RpcService(EchoService.Descriptor).Unary<BytesValue, BytesValue>("Unary", async (request, call) =>
        {
            await Task.Delay(Timeout.Infinite, call.CancellationToken);
            return request;
        });
        var (server, channel) = await OpenAsync(service);
        await using var ending = server;
        await using var calls = channel;

        var refused = await Assert.ThrowsAsync<RpcException>(async () => await channel.UnaryAsync(
            EchoService.Unary, EchoService.Message("x"), new RpcCallOptions { Timeout = TimeSpan.FromMilliseconds(20) }));

        Assert.Equal(RpcStatusCode.DeadlineExceeded, refused.Status.Code);
    }

    [Fact]
    public async Task Giving_a_call_up_is_seen_by_its_handler()
    {
        var begun = new TaskCompletionSource();
        var ended = new TaskCompletionSource();
        var service = new RpcService(EchoService.Descriptor).Duplex<BytesValue, BytesValue>("Duplex", async (requests, responses, call) =>
        {
            begun.SetResult();
            await responses.WriteAsync(EchoService.Message("hello"));
            try
            {
                await Task.Delay(Timeout.Infinite, call.CancellationToken);
            }
            finally
            {
                ended.SetResult();
            }
        });
        var (server, channel) = await OpenAsync(service);
        await using var ending = server;
        await using var calls = channel;

        await using (var call = channel.Duplex(EchoService.Duplex, new RpcCallOptions()))
        {
            await begun.Task.WaitAsync(TestContext.Current.CancellationToken);
            await foreach (var response in call.Responses)
            {
                Assert.Equal("hello", EchoService.Text(response));
                break;
            }
        }

        await ended.Task.WaitAsync(TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task What_comes_after_the_end_of_the_server_is_unavailable()
    {
        var (server, channel) = await OpenAsync(EchoService.Service());
        await using var calls = channel;
        await server.DisposeAsync();

        var refused = await Assert.ThrowsAsync<RpcException>(async () => await channel.UnaryAsync(
            EchoService.Unary, EchoService.Message("x"), new RpcCallOptions { Timeout = TimeSpan.FromSeconds(20) }));

        Assert.Equal(RpcStatusCode.Unavailable, refused.Status.Code);
    }

    private sealed class Ending(RpcInProcessServer server) : IAsyncDisposable
    {
        public ValueTask DisposeAsync()
        {
            server.Dispose();
            return ValueTask.CompletedTask;
        }
    }
}
