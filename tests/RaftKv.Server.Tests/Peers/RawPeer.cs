using System.Net;
using System.Net.Sockets;
using RaftKv.Raft;
using RaftKv.Server.Peers;

namespace RaftKv.Server.Tests.Peers;

/// <summary>A socket that says to a peer port whatever a test likes.</summary>
internal sealed class RawPeer : IDisposable
{
    private readonly TcpClient _socket = new();

    public NetworkStream Stream => _socket.GetStream();

    public static async Task<RawPeer> ConnectAsync(Uri url)
    {
        var raw = new RawPeer();
        await raw._socket.ConnectAsync(IPAddress.Loopback, url.Port, TestContext.Current.CancellationToken);
        return raw;
    }

    public static PeerHello Hello(ulong from, ulong to, PeerLane lane = PeerLane.Prompt, ulong process = 77)
        => new(1, 1, lane, TestMember.Cluster, new NodeId(from), new NodeId(to), process, "raw");

    public async Task<PeerWelcome> GreetAsync(PeerHello hello)
    {
        await SendAsync(hello.Encode());
        return await WelcomeAsync();
    }

    public ValueTask SendAsync(byte[] bytes) => Stream.WriteAsync(bytes, TestContext.Current.CancellationToken);

    public async Task<PeerWelcome> WelcomeAsync()
    {
        var head = new byte[10];
        await Stream.ReadExactlyAsync(head, TestContext.Current.CancellationToken);
        var body = new byte[head[8] + (head[9] << 8)];
        await Stream.ReadExactlyAsync(body, TestContext.Current.CancellationToken);
        await Stream.ReadExactlyAsync(new byte[4], TestContext.Current.CancellationToken);
        return PeerWelcome.Decode(body);
    }

    /// <summary>Everything until the other end closes.</summary>
    public async Task<byte[]> ReadToEndAsync()
    {
        using var all = new MemoryStream();
        try
        {
            await Stream.CopyToAsync(all, TestContext.Current.CancellationToken);
        }
        catch (IOException)
        {
            // Cut rather than closed.
        }

        return all.ToArray();
    }

    public void Dispose() => _socket.Dispose();
}

/// <summary>A listener that accepts peers by the book and then does with the sockets what a test likes.</summary>
internal sealed class RawListener : IDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);

    public RawListener() => _listener.Start();

    public Uri Url => new($"http://127.0.0.1:{((IPEndPoint)_listener.LocalEndpoint).Port}");

    public async Task<(Socket Socket, PeerLane Lane)> AcceptAsync(ulong id)
    {
        var socket = await _listener.AcceptSocketAsync(TestContext.Current.CancellationToken);
        var head = new byte[1024];
        await socket.ReceiveAsync(head, TestContext.Current.CancellationToken);
        var welcome = new PeerWelcome(PeerVerdict.Welcome, 1, TestMember.Cluster, new NodeId(id), 5, "raw", "");
        await socket.SendAsync(welcome.Encode(), TestContext.Current.CancellationToken);
        return (socket, (PeerLane)head[12]);
    }

    public async Task<Socket> AcceptAnyAsync() => await _listener.AcceptSocketAsync(TestContext.Current.CancellationToken);

    public void Dispose() => _listener.Dispose();
}

/// <summary>A port that nobody listens on, and that nobody else is given meanwhile.</summary>
internal sealed class DeadPort : IDisposable
{
    private readonly Socket _socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);

    public DeadPort() => _socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));

    public Uri Url => new($"http://127.0.0.1:{((IPEndPoint)_socket.LocalEndPoint!).Port}");

    public void Dispose() => _socket.Dispose();
}

/// <summary>Passes bytes on, until it is told to cut the streams of a lane.</summary>
internal sealed class CuttingProxy : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _stopping = new();
    private readonly Uri _target;
    private readonly Task _accepting;

    public CuttingProxy(Uri target)
    {
        _target = target;
        _listener.Start();
        _accepting = AcceptAsync();
    }

    public Uri Url => new($"http://127.0.0.1:{((IPEndPoint)_listener.LocalEndpoint).Port}");

    /// <summary>After how many bytes each next connection of the lane is cut; beyond the list, none.</summary>
    public Queue<int> SnapshotCuts { get; } = [];

    public int Cuts { get; private set; }

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        await _accepting;
        _listener.Dispose();
        _stopping.Dispose();
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                var incoming = await _listener.AcceptSocketAsync(_stopping.Token);
                _ = PassAsync(incoming);
            }
        }
        catch (Exception end) when (end is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            // Over.
        }
    }

    private async Task PassAsync(Socket incoming)
    {
        using var outgoing = new Socket(SocketType.Stream, ProtocolType.Tcp);
        using var taken = incoming;
        try
        {
            await outgoing.ConnectAsync(IPAddress.Loopback, _target.Port, _stopping.Token);
            var buffer = new byte[16 * 1024];
            var first = await incoming.ReceiveAsync(buffer, _stopping.Token);
            var limit = buffer[12] == (byte)PeerLane.Snapshot && SnapshotCuts.TryDequeue(out var cut) ? cut : int.MaxValue;
            await outgoing.SendAsync(buffer.AsMemory(0, first), _stopping.Token);
            var back = CopyAsync(outgoing, incoming, new byte[16 * 1024], int.MaxValue);
            if (await CopyAsync(incoming, outgoing, buffer, limit))
            {
                // What has passed is to arrive, so that a test knows how far it got.
                Cuts++;
                outgoing.Shutdown(SocketShutdown.Send);
            }

            await back;
        }
        catch (Exception end) when (end is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            // Over.
        }
    }

    private async Task<bool> CopyAsync(Socket from, Socket to, byte[] buffer, int limit)
    {
        while (limit > 0)
        {
            var length = await from.ReceiveAsync(buffer.AsMemory(0, Math.Min(buffer.Length, limit)), _stopping.Token);
            if (length == 0)
            {
                to.Shutdown(SocketShutdown.Send);
                return false;
            }

            for (var rest = buffer.AsMemory(0, length); rest.Length > 0;)
            {
                rest = rest[await to.SendAsync(rest, _stopping.Token)..];
            }

            limit -= length;
        }

        return true;
    }
}
