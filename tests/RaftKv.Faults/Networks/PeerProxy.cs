using System.Net;
using System.Net.Sockets;
using RaftKv.Stores;

namespace RaftKv.Faults.Networks;

/// <summary>The way to one member's peer port.</summary>
internal sealed class PeerProxy(string member, int target, ProxyNetwork network) : TcpProxy(target)
{
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(20);

    protected override async Task PassAsync(Socket incoming, Socket outgoing)
    {
        var port = ((IPEndPoint)incoming.RemoteEndPoint!).Port;
        string? known = null;

        // Connections are made before it is known who runs as which process.
        string? Peer() => known ??= SocketOwner.Find(port, network.Processes());
        await WhileCutAsync(Peer(), member);
        await WhileCutAsync(member, Peer());
        await ConnectAsync(outgoing);
        await Task.WhenAny(
            CopyAsync(incoming, outgoing, piece => MayPassAsync(Peer(), member, piece)),
            CopyAsync(outgoing, incoming, piece => MayPassAsync(member, Peer(), piece)));
    }

    private async ValueTask<bool> MayPassAsync(string? sender, string? receiver, Memory<byte> piece)
    {
        // What was lost is sent again when the way is mended, as TCP does.
        await WhileCutAsync(sender, receiver);
        return network.Quality(sender, receiver) is not { } quality || !await SpoilAsync(quality, piece);
    }

    private async Task WhileCutAsync(string? sender, string? receiver)
    {
        if (network.IsCut(sender, receiver))
        {
            network.Hit();
            while (network.IsCut(sender, receiver))
            {
                await Task.Delay(Look, Stopping);
            }
        }
    }

    /// <returns>Whether the connection ends here.</returns>
    private async Task<bool> SpoilAsync(LinkQuality quality, Memory<byte> piece)
    {
        network.Hit();
        if (quality.Delay > TimeSpan.Zero)
        {
            await Task.Delay(quality.Delay, Stopping);
        }

        if (quality.BytesPerSecond > 0)
        {
            await Task.Delay(TimeSpan.FromSeconds((double)piece.Length / quality.BytesPerSecond), Stopping);
        }

        if (Random.Shared.NextDouble() < quality.FlipChance)
        {
            piece.Span[Random.Shared.Next(piece.Length)] ^= (byte)(1 << Random.Shared.Next(8));
        }

        return Random.Shared.NextDouble() < quality.ResetChance;
    }
}
