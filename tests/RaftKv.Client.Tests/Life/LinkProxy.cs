using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;

namespace RaftKv.Client.Tests.Life;

/// <summary>The way to one member, which can be cut at any moment: also between a request and its answer.</summary>
internal sealed class LinkProxy : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _stopping = new();
    private readonly ConcurrentDictionary<Socket, bool> _sockets = [];
    private readonly int _port;
    private readonly Task _accepting;
    private int _swallowed;

    public LinkProxy(Uri target)
    {
        _port = target.Port;
        _listener.Start();
        _accepting = AcceptAsync();
    }

    public Uri Address => new($"http://127.0.0.1:{((IPEndPoint)_listener.LocalEndpoint).Port}");

    public int Connections => _sockets.Count / 2;

    /// <summary>Whether new connections come through. Those that there are stay: see <see cref="Cut"/>.</summary>
    public bool IsOpen { get; set; } = true;

    /// <summary>Breaks all connections, in both directions.</summary>
    public void Cut()
    {
        foreach (var socket in _sockets.Keys)
        {
            Reset(socket);
        }
    }

    /// <summary>Lets the next answers not through, but breaks their connections: what was asked for has happened.</summary>
    public void SwallowAnswers(int count) => Interlocked.Add(ref _swallowed, count);

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        await _accepting;
        _listener.Dispose();
        Cut();
        _stopping.Dispose();
    }

    private static void Reset(Socket socket)
    {
        try
        {
            socket.LingerState = new LingerOption(true, 0);
            socket.Close();
        }
        catch (Exception gone) when (gone is SocketException or ObjectDisposedException)
        {
            // Somebody else was faster.
        }
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                _ = PassAsync(await _listener.AcceptSocketAsync(_stopping.Token));
            }
        }
        catch (Exception end) when (end is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            // Over.
        }
    }

    private async Task PassAsync(Socket incoming)
    {
        var outgoing = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        incoming.NoDelay = true;
        _sockets[incoming] = true;
        _sockets[outgoing] = true;
        try
        {
            if (!IsOpen)
            {
                throw new SocketException((int)SocketError.ConnectionRefused);
            }

            await outgoing.ConnectAsync(IPAddress.Loopback, _port, _stopping.Token);
            await Task.WhenAny(CopyAsync(incoming, outgoing, isAnswer: false), CopyAsync(outgoing, incoming, isAnswer: true));
        }
        catch (Exception end) when (end is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            // Nobody is there, or it is over.
        }

        Reset(incoming);
        Reset(outgoing);
        _sockets.TryRemove(incoming, out _);
        _sockets.TryRemove(outgoing, out _);
    }

    private async Task CopyAsync(Socket from, Socket to, bool isAnswer)
    {
        try
        {
            var buffer = new byte[16 * 1024];
            while (await from.ReceiveAsync(buffer, _stopping.Token) is > 0 and var length)
            {
                if (isAnswer && Volatile.Read(ref _swallowed) > 0 && Interlocked.Decrement(ref _swallowed) >= 0)
                {
                    return;
                }

                for (var rest = buffer.AsMemory(0, length); rest.Length > 0;)
                {
                    rest = rest[await to.SendAsync(rest, _stopping.Token)..];
                }
            }
        }
        catch (Exception end) when (end is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            // Over.
        }
    }
}
