using System.Net;
using System.Net.Sockets;
using RaftKv.Rpc.Client;

namespace RaftKv.Rpc.Tests.Client;

/// <summary>Servers that take a connection and are gone before they have said anything.</summary>
public sealed class BrokenHandshakeTests
{
    [Theory]
    [InlineData(false, false)]
    [InlineData(false, true)]
    [InlineData(true, false)]
    [InlineData(true, true)]
    public async Task A_connection_that_ends_before_the_first_frame_is_unavailable(bool readsFirst, bool resets)
    {
        using var listener = new Socket(SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen();
        var accepting = DropAllAsync();
        await using var channel = new RpcChannel(new RpcChannelOptions
        {
            Addresses = [new Uri($"http://{IPAddress.Loopback}:{((IPEndPoint)listener.LocalEndPoint!).Port}")],
        });
        var options = new RpcCallOptions { Timeout = TimeSpan.FromSeconds(30), CancellationToken = TestContext.Current.CancellationToken };

        var failure = await Assert.ThrowsAsync<RpcException>(
            async () => await channel.UnaryAsync(EchoService.Unary, EchoService.Message("x"), options));

        Assert.True(failure.Code == RpcStatusCode.Unavailable, failure.ToString());
        listener.Dispose();
        await accepting;

        async Task DropAllAsync()
        {
            var buffer = new byte[1024];
            while (true)
            {
                try
                {
                    using var socket = await listener.AcceptAsync();
                    if (readsFirst)
                    {
                        await socket.ReceiveAsync(buffer);
                    }

                    if (resets)
                    {
                        socket.LingerState = new LingerOption(enable: true, seconds: 0);
                    }
                }
                catch (Exception e) when (e is SocketException or ObjectDisposedException)
                {
                    return;
                }
            }
        }
    }
}
