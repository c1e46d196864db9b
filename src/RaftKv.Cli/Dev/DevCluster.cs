using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using RaftKv.Server;

namespace RaftKv.Cli.Dev;

/// <summary>Members of one cluster on this machine's loopback addresses, in one process.</summary>
internal sealed class DevCluster : IAsyncDisposable
{
    // Systems take none of these for themselves, so that no connection can come between the look at a port and the start of
    // its member.
    private const int FirstPort = 10_000;
    private const int EndOfPorts = 32_700;

    private readonly List<(string Name, RaftKvNode Node)> _nodes = [];

    public IReadOnlyList<(string Name, RaftKvNode Node)> Nodes => _nodes;

    /// <param name="members">How many.</param>
    /// <param name="firstPort">The first of two for each; 0 for any that are free.</param>
    /// <param name="folder">Holds a folder for each.</param>
    /// <param name="log">Gets what they say.</param>
    /// <param name="stop">Ends the wait for them.</param>
    /// <returns>When all are ready.</returns>
    public static async Task<DevCluster> StartAsync(int members, int firstPort, string folder, DevLog log, CancellationToken stop)
    {
        var ports = firstPort > 0 ? [.. Enumerable.Range(firstPort, 2 * members)] : FreePorts(2 * members);
        var places = Enumerable.Range(0, members).Select(i => (
            Name: $"m{i + 1}",
            Client: new IPEndPoint(IPAddress.Loopback, ports[2 * i]),
            Peer: new IPEndPoint(IPAddress.Loopback, ports[(2 * i) + 1]))).ToList();
        (string, Uri)[] all = [.. places.Select(place => (place.Name, new Uri($"http://{place.Peer}")))];
        var cluster = new DevCluster();
        try
        {
            foreach (var place in places)
            {
                var options = new RaftKvOptions
                {
                    Name = place.Name,
                    DataDirectory = Path.Join(folder, place.Name),
                    ListenClient = [place.Client],
                    ListenPeer = [place.Peer],
                    AdvertiseClientUrls = [new Uri($"http://{place.Client}")],
                    AdvertisePeerUrls = [new Uri($"http://{place.Peer}")],
                    InitialCluster = all,
                    ClusterToken = "raftkv-dev",
                    Loggers = log.Of(place.Name),
                };
                cluster._nodes.Add((place.Name, await RaftKvNode.StartAsync(options, stop)));
            }

            await Task.WhenAll(cluster._nodes.Select(node => node.Node.WaitUntilReadyAsync(stop)));
            return cluster;
        }
        catch
        {
            await cluster.DisposeAsync();
            throw;
        }
    }

    // All at once: the last may lead, and would otherwise hand over to one that is about to stop.
    public async ValueTask DisposeAsync() => await Task.WhenAll(_nodes.Select(node => node.Node.DisposeAsync().AsTask()));

    private static int[] FreePorts(int count)
    {
        var start = RandomNumberGenerator.GetInt32(EndOfPorts - FirstPort);
        int[] found =
        [
            .. Enumerable.Range(0, EndOfPorts - FirstPort)
                .Select(i => FirstPort + ((start + i) % (EndOfPorts - FirstPort)))
                .Where(IsFree)
                .Take(count),
        ];
        return found.Length == count
            ? found
            : throw new IOException($"Of the ports from {FirstPort} to {EndOfPorts - 1}, only {found.Length} are free.");
    }

    private static bool IsFree(int port)
    {
        using var listener = new TcpListener(IPAddress.Loopback, port);
        try
        {
            listener.Start();
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
