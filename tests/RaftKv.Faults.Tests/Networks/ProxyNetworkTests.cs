using System.Net;
using System.Net.Sockets;
using RaftKv.Faults.Networks;

namespace RaftKv.Faults.Tests.Networks;

/// <summary>The proxies between two members that are played by this process: whatever comes from here is m1's.</summary>
public sealed class ProxyNetworkTests : IAsyncLifetime
{
    private readonly ProxyNetwork _network = new("unused") { Processes = () => [("m1", Environment.ProcessId)] };
    private readonly List<Socket> _sockets = [];
    private TcpListener _member = null!;
    private Uri _way = null!;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public ValueTask InitializeAsync()
    {
        var place = _network.Place("m2");
        _way = place.Peer;
        _member = new TcpListener(IPAddress.Loopback, place.ListenPeer.Port);
        _member.Start();
        return ValueTask.CompletedTask;
    }

    public async ValueTask DisposeAsync()
    {
        _sockets.ForEach(socket => socket.Dispose());
        _member.Dispose();
        await _network.DisposeAsync();
    }

    [Fact]
    public async Task What_is_sent_arrives_both_ways()
    {
        var (near, far) = await ConnectAsync();

        await near.SendAsync("there"u8.ToArray(), Stop);
        Assert.Equal("there", await ReceiveAsync(far, 5));
        await far.SendAsync("back"u8.ToArray(), Stop);
        Assert.Equal("back", await ReceiveAsync(near, 4));
        Assert.Equal(0, _network.Hits);
    }

    [Fact]
    public async Task A_way_that_is_cut_holds_what_is_sent_until_it_is_mended_and_the_other_way_is_open()
    {
        var (near, far) = await ConnectAsync();
        await _network.CutAsync("m1", "m2");

        await near.SendAsync("there"u8.ToArray(), Stop);
        await far.SendAsync("back"u8.ToArray(), Stop);
        Assert.Equal("back", await ReceiveAsync(near, 4));
        while (_network.Hits == 0)
        {
            await Task.Delay(1, Stop);
        }

        Assert.Equal(0, far.Available);
        await _network.HealAsync();
        Assert.Equal("there", await ReceiveAsync(far, 5));
    }

    [Fact]
    public async Task Bytes_can_be_changed_on_the_way()
    {
        var (near, far) = await ConnectAsync();
        await _network.ChangeAsync("m1", "m2", new LinkQuality(FlipChance: 1));

        await near.SendAsync("there"u8.ToArray(), Stop);

        Assert.NotEqual("there", await ReceiveAsync(far, 5));
    }

    [Fact]
    public async Task Connections_can_be_reset_on_the_way()
    {
        var (near, far) = await ConnectAsync();
        await _network.ChangeAsync("m1", "m2", new LinkQuality(ResetChance: 1));

        await near.SendAsync("there"u8.ToArray(), Stop);

        await Assert.ThrowsAsync<SocketException>(async () => await far.ReceiveAsync(new byte[1], Stop));
    }

    private async Task<(Socket Near, Socket Far)> ConnectAsync()
    {
        var near = new Socket(SocketType.Stream, ProtocolType.Tcp);
        _sockets.Add(near);
        await near.ConnectAsync(_way.Host, _way.Port, Stop);
        var far = await _member.AcceptSocketAsync(Stop);
        _sockets.Add(far);
        return (near, far);
    }

    private static async Task<string> ReceiveAsync(Socket socket, int length)
    {
        var bytes = new byte[length];
        for (var received = 0; received < length;)
        {
            var more = await socket.ReceiveAsync(bytes.AsMemory(received), Stop);
            Assert.NotEqual(0, more);
            received += more;
        }

        return System.Text.Encoding.Latin1.GetString(bytes);
    }
}
