using System.Globalization;
using System.Net;
using System.Reflection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using RaftKv.Rpc.Client;
using RaftKv.Rpc.Tls;
using RaftKv.Server.Bootstrap;
using RaftKv.Server.Hosting;
using RaftKv.Server.Housekeeping;
using RaftKv.Server.Metrics;
using RaftKv.Server.Peers;
using RaftKv.Server.Replica;
using RaftKv.Server.Tls;
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

    /// <summary>What the <see cref="System.Diagnostics.ActivitySource"/> of calls and the
    /// <see cref="System.Diagnostics.Metrics.Meter"/> of a member are called.</summary>
    public const string TelemetryName = "RaftKv.Server";

    /// <summary>RaftKv's own version.</summary>
    // The part behind '+' names the commit, where the build knows it.
    public static string Version { get; } = typeof(RaftKvNode).Assembly
        .GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion.Split('+')[0];

    private readonly RunningMember _member;
    private readonly ClientPort _clientPort;
    private readonly IPeerLink _peers;
    private readonly HttpClient _http;
    private readonly Task _announced;
    private readonly AutoCompactor? _compactor;
    private readonly NodeMeter _meter;
    private int _isStopped;

    private RaftKvNode(
        RunningMember member,
        ClientPort clientPort,
        IPeerLink peers,
        HttpClient http,
        Task announced,
        AutoCompactor? compactor,
        NodeMeter meter)
    {
        _meter = meter;
        _compactor = compactor;
        _announced = announced;
        _member = member;
        _clientPort = clientPort;
        _peers = peers;
        _http = http;
    }

    /// <summary>What services stand on.</summary>
    public IMember Member => _member;

    /// <summary>How things stand with the others.</summary>
    public IReadOnlyList<PeerStatus> Peers => _peers.Network.Statuses();

    /// <summary>Where its data lies.</summary>
    public string DataPath => _member.DataPath;

    /// <summary>Where it listens for clients.</summary>
    public IReadOnlyList<Uri> ClientEndPoints => _clientPort.EndPoints;

    /// <summary>Where it serves plain HTTP, if that has addresses of its own.</summary>
    public IReadOnlyList<Uri> HttpEndPoints => _clientPort.HttpEndPoints;

    /// <summary>Where it serves metrics and health beside the client ports.</summary>
    public IReadOnlyList<Uri> MetricsEndPoints => _clientPort.MetricsEndPoints;

    /// <summary>Where it listens for the other members.</summary>
    public IReadOnlyList<Uri> PeerEndPoints => _peers.EndPoints;

    /// <summary>The certificates that it uses, and until when they are valid.</summary>
    public IReadOnlyList<CertificateExpiry> Certificates => _member.Certificates;

    /// <summary>Ends when the member does: faulted if it had to stop by itself.</summary>
    public Task Ended => _member.Ended;

    /// <summary>A channel to this member that needs no socket. To be disposed of before the member.</summary>
    /// <example><code>
    /// await using var channel = node.OpenChannel();
    /// var response = await channel.UnaryAsync(put, request);
    /// </code></example>
    public RpcChannel OpenChannel() => new(_clientPort.InProcessChannelOptions());

    /// <summary>What carries calls to this member without a socket, for a channel that is to outlive it, or that knows other
    /// members, too: see <see cref="RpcChannelOptions.Handlers"/>.</summary>
    public HttpMessageHandler NewHandler() => _clientPort.NewHandler();

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
    public static Task<RaftKvNode> StartAsync(RaftKvOptions options, CancellationToken cancellation = default)
        => StartAsync(options, MachineGround.Instance, cancellation);

    internal static async Task<RaftKvNode> StartAsync(RaftKvOptions options, MemberGround ground, CancellationToken cancellation)
    {
        if (options.Problems().FirstOrDefault() is { } problem)
        {
            throw new BootstrapException(problem);
        }

        var log = (options.Loggers ?? NullLoggerFactory.Instance).CreateLogger("raftkv");
        var path = ground.PathOf(options);
        if (options.ForcesNewCluster)
        {
            BeAlone(options, ground, log);
        }

        // What is wrong with files is told before anything is made; but what is made for them lies in the directory.
        var certificates = options.ClientTls.IsAutomatic || options.PeerTls.IsAutomatic ? null : Certified(options, path, log);
        var directory = DataDirectory.Open(ground.Files, path, identityIfNew: ground.Draw() | 1);
        HttpClient? http = null;
        RunningMember? member = null;
        IPeerLink? peers = null;
        ClientPort? clientPort = null;
        try
        {
            certificates ??= Certified(options, path, log);
            http = PeerHttp.NewClient(certificates.Peer, options.RequestTimeout);

            // etcd's default has the name, and the ids of members are derived from it.
            var peerUrls = options.AdvertisePeerUrls.Count > 0 ? options.AdvertisePeerUrls : Advertised(options.ListenPeer, "localhost");
            var who = MemberFile.TryRead(ground.Files, path);
            if (who is null)
            {
                options = await DiscoveredAsync(options, peerUrls, cancellation).ConfigureAwait(false);
                who = options.JoinsExistingCluster
                    ? await Founding.JoinAsync(options, peerUrls, http, cancellation).ConfigureAwait(false)
                    : Founding.Found(options, peerUrls);
                MemberLog.Make(ground.Files, directory, who, ground.Wal, options.WalDirectory);
                who.Write(ground.Files, path);
            }

            member = RunningMember.Open(options, log, ground, directory, who, certificates);
            peers = await ground.OpenPeersAsync(options, member, who, http, certificates.Peer, cancellation).ConfigureAwait(false);

            // Clients that come before it has started wait; a port that is taken is known before it has taken part.
            var metrics = new NodeMetrics(member, peers.Network, options) { RoundTrips = peers.RoundTrips };
            clientPort = await ClientPort.OpenAsync(member, options, metrics, certificates, cancellation).ConfigureAwait(false);
            member.Start(peers.Network, peers.Leader);
            var clientUrls = options.AdvertiseClientUrls.Count > 0
                ? options.AdvertiseClientUrls
                : Advertised([.. clientPort.EndPoints.Zip(options.ListenClient, (url, asked) => new ListenAddress(new IPEndPoint(asked.Address, url.Port), asked.IsTls))], "127.0.0.1");
            var announced = member.AnnounceAsync(options.Name, [.. clientUrls.Select(Founding.Text)]);
            var compactor = options.AutoCompaction.IsOff ? null : new AutoCompactor(member, options.AutoCompaction, options.Time, log);
            return new RaftKvNode(member, clientPort, peers, http, announced, compactor, new NodeMeter(member, metrics, options.Name));
        }
        catch
        {
            if (clientPort is not null)
            {
                await clientPort.DisposeAsync().ConfigureAwait(false);
            }

            if (peers is not null)
            {
                await peers.DisposeAsync().ConfigureAwait(false);
            }

            member?.Dispose();
            directory.Dispose();
            http?.Dispose();
            throw;
        }
    }

    /// <summary>Hands leadership over, finishes what is under way, and stops.</summary>
    public async ValueTask DisposeAsync()
    {
        if (Volatile.Read(ref _isStopped) == 0)
        {
            await _member.HandOverAsync().ConfigureAwait(false);
        }

        await StopAsync().ConfigureAwait(false);
    }

    /// <summary>Stops without a word to the others about who is to lead.</summary>
    internal async ValueTask StopAsync()
    {
        if (Interlocked.Exchange(ref _isStopped, 1) != 0)
        {
            return;
        }

        _compactor?.Dispose();
        _meter.Dispose();
        await _clientPort.DisposeAsync().ConfigureAwait(false);
        await _peers.DisposeAsync().ConfigureAwait(false);
        _member.Dispose();
        _http.Dispose();
    }

    private static async Task<RaftKvOptions> DiscoveredAsync(RaftKvOptions options, IReadOnlyList<Uri> peerUrls, CancellationToken cancellation)
    {
        if (options.Discovers is not { } discover)
        {
            return options;
        }

        var (members, token) = await discover(peerUrls, cancellation).ConfigureAwait(false);
        var found = options with { InitialCluster = members, ClusterToken = token };
        return found.Problems().FirstOrDefault() is { } problem ? throw new BootstrapException(problem) : found;
    }

    private static void BeAlone(RaftKvOptions options, MemberGround ground, ILogger log)
    {
        var path = ground.PathOf(options);
        if (!ground.Files.DirectoryExists(path) || MemberFile.TryRead(ground.Files, path) is null)
        {
            throw new BootstrapException($"{path} holds no member that could go on alone. Start without --force-new-cluster.");
        }

        var report = SurvivorRecovery.Run(
            new RecoveryOptions { DataDirectory = path, WalDirectory = options.WalDirectory, DropsUncommitted = true, OnlyIfNotAlone = true }, options, ground);
        if (report.IsDone)
        {
            Log.WentAlone(log, report.Dropped.Count, report.ClusterId.ToString("x16", CultureInfo.InvariantCulture), report.Revision);
        }
    }

    private static MemberCertificates Certified(RaftKvOptions options, string path, ILogger log)
    {
        try
        {
            return MemberCertificates.Open(options, path, log);
        }
        catch (CertificateFileException file)
        {
            throw new BootstrapException(file.Message, file);
        }
    }

    private static IReadOnlyList<Uri> Advertised(IReadOnlyList<ListenAddress> listen, string loopback)
        => [.. listen.Select(point => new Uri(string.Create(CultureInfo.InvariantCulture, $"{point.Scheme}://{Host(point.EndPoint, loopback)}:{point.Port}")))];

    private static string Host(IPEndPoint point, string loopback)
        => point.Address.Equals(IPAddress.Loopback) || point.Address.Equals(IPAddress.Any) || point.Address.Equals(IPAddress.IPv6Any) ? loopback
            : point.Address.AddressFamily == System.Net.Sockets.AddressFamily.InterNetworkV6 ? $"[{point.Address}]"
            : point.Address.ToString();
}
