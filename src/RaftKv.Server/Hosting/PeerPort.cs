using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using RaftKv.Server.Bootstrap;
using RaftKv.Server.Metrics;
using RaftKv.Server.Peers;
using RaftKv.Server.Tls;

namespace RaftKv.Server.Hosting;

/// <summary>Where the other members come in, and the connections to them. A member that listens nowhere has no port.</summary>
internal sealed class PeerPort : IPeerLink
{
    private readonly PeerTransport _transport;
    private readonly PeerHost? _host;

    private PeerPort(PeerTransport transport, PeerHost? host, HttpClient http, PeerRoundTrips roundTrips)
    {
        _transport = transport;
        _host = host;
        RoundTrips = roundTrips;
        Leader = new LeaderCalls(http);
    }

    public IPeerNetwork Network => _transport;

    public ILeaderCalls Leader { get; }

    public PeerRoundTrips RoundTrips { get; }

    public IReadOnlyList<Uri> EndPoints => _host?.EndPoints ?? [];

    /// <exception cref="IOException">A port is taken.</exception>
    /// <exception cref="BootstrapException">There are others, and no port for them.</exception>
    public static async Task<IPeerLink> OpenAsync(
        RaftKvOptions options, RunningMember member, MemberFile who, HttpClient http, TlsPort? tls, CancellationToken cancellation)
    {
        if (options.ListenPeer.Count == 0 && who.Members.Count > 1)
        {
            throw new BootstrapException("The member listens for no other members, but its cluster has some: they need an address to connect to.");
        }

        var log = (options.Loggers ?? NullLoggerFactory.Instance).CreateLogger("raftkv");
        var roundTrips = new PeerRoundTrips();
        var transport = new PeerTransport(
            new PeerOptions
            {
                ClusterId = who.ClusterId,
                Self = who.Self,
                ServerVersion = RaftKvNode.EtcdVersion,
                Time = options.Time,
                IsBlank = () => member.Memory.IsBlank,
                HasRun = id => member.HasRun(id),
                Tls = tls,
                RoundTripped = (peer, took) => roundTrips.Of(peer).Observe(took),
                Observer = change => LogPeer(log, change),
            },
            member);
        try
        {
            var host = options.ListenPeer.Count > 0
                ? await ListenAsync(options, member, transport, cancellation).ConfigureAwait(false)
                : null;
            return new PeerPort(transport, host, http, roundTrips);
        }
        catch
        {
            await transport.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _transport.DisposeAsync().ConfigureAwait(false);
        if (_host is not null)
        {
            await _host.DisposeAsync().ConfigureAwait(false);
        }
    }

    private static Task<PeerHost> ListenAsync(
        RaftKvOptions options, RunningMember member, PeerTransport transport, CancellationToken cancellation)
    {
        var host = new PeerHostOptions { Http = app => PeerEndpoints.Map(app, member, RaftKvNode.EtcdVersion) };
        foreach (var address in options.ListenPeer)
        {
            host.Listen.Add(address);
        }

        return PeerHost.StartAsync(host, transport, cancellation);
    }

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
