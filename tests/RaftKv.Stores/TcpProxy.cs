using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;

namespace RaftKv.Stores;

/// <summary>A port of this machine before another one, for those who do something to what passes.</summary>
public abstract class TcpProxy : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _stopping = new();
    private readonly ConcurrentDictionary<Socket, bool> _sockets = [];
    private readonly EndPoint _target;
    private readonly Task _accepting;

    protected TcpProxy(int target)
        : this(new IPEndPoint(IPAddress.Loopback, target))
    {
    }

    /// <param name="target">Where it leads: an address that this machine reaches.</param>
    protected TcpProxy(EndPoint target)
    {
        _target = target;
        Stopping = _stopping.Token;
        _listener.Start();
        _accepting = AcceptAsync();
    }

    public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

    public int Connections => _sockets.Count / 2;

    /// <summary>Ends what waits on the way.</summary>
    protected CancellationToken Stopping { get; }

    /// <summary>Breaks all connections, in both directions.</summary>
    public void Cut()
    {
        foreach (var socket in _sockets.Keys)
        {
            Reset(socket);
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        await _accepting;
        _listener.Dispose();
        Cut();
        _stopping.Dispose();
        GC.SuppressFinalize(this);
    }

    /// <summary>Carries one connection, until it returns. What it throws because a socket is gone is its end, too.</summary>
    /// <param name="incoming">From whoever connected.</param>
    /// <param name="outgoing">Not connected yet: see <see cref="ConnectAsync"/>.</param>
    protected abstract Task PassAsync(Socket incoming, Socket outgoing);

    protected ValueTask ConnectAsync(Socket outgoing) => outgoing.ConnectAsync(_target, Stopping);

    /// <summary>Carries what one end sends, until it closes, or a piece of it may not pass.</summary>
    protected async Task CopyAsync(Socket from, Socket to, Func<Memory<byte>, ValueTask<bool>> mayPass)
    {
        ArgumentNullException.ThrowIfNull(from);
        ArgumentNullException.ThrowIfNull(to);
        ArgumentNullException.ThrowIfNull(mayPass);
        try
        {
            var buffer = new byte[16 * 1024];
            while (await from.ReceiveAsync(buffer, Stopping) is > 0 and var length && await mayPass(buffer.AsMemory(0, length)))
            {
                for (var rest = buffer.AsMemory(0, length); rest.Length > 0;)
                {
                    rest = rest[await to.SendAsync(rest, Stopping)..];
                }
            }
        }
        catch (Exception end) when (IsEnd(end))
        {
            // Over.
        }
    }

    private static bool IsEnd(Exception end) => end is OperationCanceledException or SocketException or ObjectDisposedException;

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
                _ = CarryAsync(await _listener.AcceptSocketAsync(Stopping));
            }
        }
        catch (Exception end) when (IsEnd(end))
        {
            // Over.
        }
    }

    private async Task CarryAsync(Socket incoming)
    {
        var outgoing = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        incoming.NoDelay = true;
        _sockets[incoming] = true;
        _sockets[outgoing] = true;
        try
        {
            await PassAsync(incoming, outgoing);
        }
        catch (Exception end) when (IsEnd(end))
        {
            // Nobody is there, or it is over.
        }

        Reset(incoming);
        Reset(outgoing);
        _sockets.TryRemove(incoming, out _);
        _sockets.TryRemove(outgoing, out _);
    }
}
