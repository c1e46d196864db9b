using System.Net;
using System.Net.Sockets;
using System.Text;

namespace RaftKv.Rpc.Tests.Server.Http2;

/// <summary>Clients that connect and say nothing, or nearly nothing.</summary>
public sealed class SilentConnectionTests
{
    [Theory]
    [InlineData("")]
    [InlineData("P")]
    [InlineData("PRI ")]
    public async Task They_do_not_hold_up_a_server_that_stops(string bytes)
    {
        await using var calls = await HeldCalls.StartAsync(options => options.StopTimeout = TimeSpan.FromMinutes(2));
        using var socket = new TcpClient();
        await socket.ConnectAsync(IPAddress.Loopback, calls.Host.Address().Port, TestContext.Current.CancellationToken);
        await socket.GetStream().WriteAsync(Encoding.ASCII.GetBytes(bytes), TestContext.Current.CancellationToken);

        // Accepted one after the other: so was the silent one.
        await calls.AnswersAsync();

        await calls.Host.StopAsync(TestContext.Current.CancellationToken).WaitAsync(PlainHttp.Patience, TestContext.Current.CancellationToken);
    }

    [Theory]
    [InlineData("")]
    [InlineData("P")]
    [InlineData("PRI")]
    [InlineData("PRI * HTTP/2.0")]
    public async Task A_connection_that_ends_within_its_first_bytes_is_closed(string bytes)
    {
        await using var calls = await HeldCalls.StartAsync();
        using var socket = new TcpClient();
        await socket.ConnectAsync(IPAddress.Loopback, calls.Host.Address().Port, TestContext.Current.CancellationToken);
        var stream = socket.GetStream();
        await stream.WriteAsync(Encoding.ASCII.GetBytes(bytes), TestContext.Current.CancellationToken);

        socket.Client.Shutdown(SocketShutdown.Send);

        var answer = new byte[1000];
        while (await stream.ReadAsync(answer, TestContext.Current.CancellationToken).AsTask().WaitAsync(PlainHttp.Patience, TestContext.Current.CancellationToken) > 0)
        {
        }
    }
}
