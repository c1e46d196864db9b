using System.Globalization;
using System.Net;
using System.Reflection;
using System.Security.Cryptography;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using RaftKv.Rpc.Client;
using RaftKv.Server.Bootstrap;
using RaftKv.Server.Hosting;
using RaftKv.Server.Peers;
using RaftKv.Server.Replica;
using RaftKv.Storage.Files;

namespace RaftKv.Server;

/// <summary>
/// A member of a RaftKv cluster, in this process.
/// </summary>
/// <example><code>
/// await using var node = await RaftKvNode.StartAsync(new RaftKvOptions { DataDirectory = "/var/lib/raftkv" });
/// await node.Ended; // until somebody disposes of it, or it must stop
/// </code></example>
public sealed class RaftKvNode : IAsyncDisposable
{
    /// <summary>The version of etcd whose API this is.</summary>
    public const string EtcdVersion = "3.6.14";

    /// <summary>RaftKv's own version.</summary>
    // The part behind '+' names the commit, where the build knows it.
    public static string Version { get; } = typeof(RaftKvNode).Assembly
        .GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion.Split('+')[0];

    private readonly RunningMember _member;
    private readonly ClientPort _clientPort;
    private readonly PeerTransport _transport;
    private readonly PeerHost _peerHost;
    private readonly HttpClient _http;
    private readonly Task _announced;

    private RaftKvNode(
        RunningMember member, ClientPort clientPort, PeerTransport transport, PeerHost peerHost, HttpClient http, Task announced)
    {
        _announced = announced;
        _member = member;
        _clientPort = clientPort;
        _transport = transport;
        _peerHost = peerHost;
        _http = http;
    }

    /// <summary>What services stand on.</summary>
    public IMember Member => _member;

    /// <summary>How things stand with the others.</summary>
    public IReadOnlyList<PeerStatus> Peers => _transport.Statuses();

    /// <summary>Where its data lies.</summary>
    public string DataPath => _member.DataPath;

    /// <summary>Where it listens for clients.</summary>
    public IReadOnlyList<Uri> ClientEndPoints => _clientPort.EndPoints;

    /// <summary>Where it listens for the other members.</summary>
    public IReadOnlyList<Uri> PeerEndPoints => _peerHost.EndPoints;

    /// <summary>Ends when the member does: faulted if it had to stop by itself.</summary>
    public Task Ended => _member.Ended;

    /// <summary>A channel to this member that needs no socket. To be disposed of before the member.</summary>
    /// <example><code>
    /// await using var channel = node.OpenChannel();
    /// var response = await channel.UnaryAsync(put, request);
    /// </code></example>
    public RpcChannel OpenChannel() => new(_clientPort.InProcessChannelOptions());

    /// <summary>
    /// Waits until it knows a leader, has caught up with what was agreed upon when this was called, and the cluster knows its
    /// name and addresses.
    /// </summary>
    public async Task WaitUntilReadyAsync(CancellationToken cancellation = default)
    {
        while (true)
        {
            try
            {
                await _member.WaitUntilCurrentAsync(cancellation).ConfigureAwait(false);
                await _announced.WaitAsync(cancellation).ConfigureAwait(false);
                return;
            }
            catch (RequestRefusedException refused) when (refused.Reason != RequestRefusal.Stopped)
            {
                // No leader yet: it waited as long as a request does.
                await Task.Delay(TimeSpan.FromMilliseconds(50), _member.Time, cancellation).ConfigureAwait(false);
            }
        }
    }

    /// <summary>Starts a member: a new one, one that joins, or one that has run before, as its data directory says.</summary>
    /// <exception cref="BootstrapException">It cannot start as it was told to; the message says what to do.</exception>
    /// <exception cref="StorageException">What is on its disk cannot be used.</exception>
    /// <exception cref="IOException">A port is taken.</exception>
    public static async Task<RaftKvNode> StartAsync(RaftKvOptions options, CancellationToken cancellation = default)
    {
        if (options.Problems().FirstOrDefault() is { } problem)
        {
            throw new BootstrapException(problem);
        }

        var log = (options.Loggers ?? NullLoggerFactory.Instance).CreateLogger("raftkv");
        var http = new HttpClient(new SocketsHttpHandler { ConnectTimeout = TimeSpan.FromSeconds(2) }) { Timeout = options.RequestTimeout };
        var path = Path.GetFullPath(options.DataDirectory.Length > 0 ? options.DataDirectory : $"{options.Name}.raftkv");
        var files = new PhysicalFileSystem();
        var identity = BitConverter.ToUInt64(RandomNumberGenerator.GetBytes(sizeof(ulong))) | 1;
        if (Path.GetDirectoryName(path) is { Length: > 0 } parent)
        {
            Directory.CreateDirectory(parent);
        }

        var directory = DataDirectory.Open(files, path, identity);
        RunningMember? member = null;
        PeerTransport? transport = null;
        PeerHost? peerHost = null;
        ClientPort? clientPort = null;
        try
        {
            // etcd's default has the name, and the ids of members are derived from it.
            var peerUrls = options.AdvertisePeerUrls.Count > 0 ? options.AdvertisePeerUrls : Advertised(options.ListenPeer, "localhost");
            var who = MemberFile.TryRead(files, path);
            if (who is null)
            {
                who = options.JoinsExistingCluster
                    ? await Founding.JoinAsync(options, peerUrls, http, cancellation).ConfigureAwait(false)
                    : Founding.Found(options, peerUrls);
                MemberLog.Make(files, directory, who);
                who.Write(files, path);
            }

            member = RunningMember.Open(options, log, files, directory, who);
            transport = new PeerTransport(
                new PeerOptions
                {
                    ClusterId = who.ClusterId,
                    Self = who.Self,
                    ServerVersion = EtcdVersion,
                    Time = options.Time,
                    IsBlank = () => member.Memory.IsBlank,
                    HasRun = id => member.HasRun(id),
                    Observer = change => LogPeer(log, change),
                },
                member);
            var peerOptions = new PeerHostOptions { Http = app => PeerEndpoints.Map(app, member, EtcdVersion) };
            foreach (var endPoint in options.ListenPeer)
            {
                peerOptions.Listen.Add(endPoint);
            }

            peerHost = await PeerHost.StartAsync(peerOptions, transport, cancellation).ConfigureAwait(false);

            // Clients that come before it has started wait; a port that is taken is known before it has taken part.
            clientPort = await ClientPort.OpenAsync(member, options, cancellation).ConfigureAwait(false);
            member.Start(transport, new LeaderCalls(http));
            var clientUrls = options.AdvertiseClientUrls.Count > 0
                ? options.AdvertiseClientUrls
                : Advertised([.. clientPort.EndPoints.Zip(options.ListenClient, (url, asked) => new IPEndPoint(asked.Address, url.Port))], "127.0.0.1");
            var announced = member.AnnounceAsync(options.Name, [.. clientUrls.Select(Founding.Text)]);
            return new RaftKvNode(member, clientPort, transport, peerHost, http, announced);
        }
        catch
        {
            if (clientPort is not null)
            {
                await clientPort.DisposeAsync().ConfigureAwait(false);
            }

            if (peerHost is not null)
            {
                await peerHost.DisposeAsync().ConfigureAwait(false);
            }

            if (transport is not null)
            {
                await transport.DisposeAsync().ConfigureAwait(false);
            }

            member?.Dispose();
            directory.Dispose();
            http.Dispose();
            throw;
        }
    }

    /// <summary>Hands leadership over, finishes what is under way, and stops.</summary>
    public async ValueTask DisposeAsync()
    {
        await _member.HandOverAsync().ConfigureAwait(false);
        await _clientPort.DisposeAsync().ConfigureAwait(false);
        await _transport.DisposeAsync().ConfigureAwait(false);
        await _peerHost.DisposeAsync().ConfigureAwait(false);
        _member.Dispose();
        _http.Dispose();
    }

    private static IReadOnlyList<Uri> Advertised(IReadOnlyList<IPEndPoint> listen, string loopback)
        => [.. listen.Select(point => new Uri(string.Create(CultureInfo.InvariantCulture, $"http://{Host(point, loopback)}:{point.Port}")))];

    private static string Host(IPEndPoint point, string loopback)
        => point.Address.Equals(IPAddress.Loopback) || point.Address.Equals(IPAddress.Any) || point.Address.Equals(IPAddress.IPv6Any) ? loopback
            : point.Address.AddressFamily == System.Net.Sockets.AddressFamily.InterNetworkV6 ? $"[{point.Address}]"
            : point.Address.ToString();

    private static void LogPeer(ILogger log, PeerEvent change) => Log.Peer(
        log,
        change.Kind switch
        {
            PeerEventKind.Accepted or PeerEventKind.Left => LogLevel.Debug,
            PeerEventKind.Connected or PeerEventKind.Snapshot => LogLevel.Information,
            _ => LogLevel.Warning,
        },
        change);
}
