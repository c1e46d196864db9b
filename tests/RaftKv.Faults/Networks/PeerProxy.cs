using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;

namespace RaftKv.Faults.Networks;

/// <summary>The way to one member's peer port.</summary>
internal sealed class PeerProxy : IAsyncDisposable
{
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(20);

    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _stopping = new();
    private readonly ConcurrentDictionary<Socket, bool> _sockets = [];
    private readonly string _member;
    private readonly int _target;
    private readonly ProxyNetwork _network;
    private readonly Task _accepting;

    public PeerProxy(string member, int target, ProxyNetwork network)
    {
        _member = member;
        _target = target;
        _network = network;
        _listener.Start();
        _accepting = AcceptAsync();
    }

    public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        await _accepting;
        _listener.Dispose();
        foreach (var socket in _sockets.Keys)
        {
            Reset(socket);
        }

        _stopping.Dispose();
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
            var port = ((IPEndPoint)incoming.RemoteEndPoint!).Port;
            string? known = null;

            // Connections are made before it is known who runs as which process.
            string? Peer() => known ??= SocketOwner.Find(port, _network.Processes());
            string? Own() => _member;
            await WhileCutAsync(Peer(), _member);
            await WhileCutAsync(_member, Peer());
            await outgoing.ConnectAsync(IPAddress.Loopback, _target, _stopping.Token);
            await Task.WhenAny(CopyAsync(incoming, outgoing, Peer, Own), CopyAsync(outgoing, incoming, Own, Peer));
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

    private async Task CopyAsync(Socket from, Socket to, Func<string?> sender, Func<string?> receiver)
    {
        try
        {
            var buffer = new byte[16 * 1024];
            while (await from.ReceiveAsync(buffer, _stopping.Token) is > 0 and var length)
            {
                // What was lost is sent again when the way is mended, as TCP does.
                await WhileCutAsync(sender(), receiver());
                if (_network.Quality(sender(), receiver()) is { } quality && await SpoilAsync(quality, buffer.AsMemory(0, length)))
                {
                    return;
                }

                for (var left = buffer.AsMemory(0, length); left.Length > 0;)
                {
                    left = left[await to.SendAsync(left, _stopping.Token)..];
                }
            }
        }
        catch (Exception end) when (end is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            // Over.
        }
    }

    private async Task WhileCutAsync(string? sender, string? receiver)
    {
        if (_network.IsCut(sender, receiver))
        {
            _network.Hit();
            while (_network.IsCut(sender, receiver))
            {
                await Task.Delay(Look, _stopping.Token);
            }
        }
    }

    /// <returns>Whether the connection ends here.</returns>
    private async Task<bool> SpoilAsync(LinkQuality quality, Memory<byte> piece)
    {
        _network.Hit();
        if (quality.Delay > TimeSpan.Zero)
        {
            await Task.Delay(quality.Delay, _stopping.Token);
        }

        if (quality.BytesPerSecond > 0)
        {
            await Task.Delay(TimeSpan.FromSeconds((double)piece.Length / quality.BytesPerSecond), _stopping.Token);
        }

        if (Random.Shared.NextDouble() < quality.FlipChance)
        {
            piece.Span[Random.Shared.Next(piece.Length)] ^= (byte)(1 << Random.Shared.Next(8));
        }

        return Random.Shared.NextDouble() < quality.ResetChance;
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
}
