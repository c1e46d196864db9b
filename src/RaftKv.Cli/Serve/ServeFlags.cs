using System.CommandLine;
using System.Net;
using RaftKv.Server;
using RaftKv.Server.Replica;

namespace RaftKv.Cli.Serve;

/// <summary>The flags of a member, under etcd's names.</summary>
internal sealed class ServeFlags
{
    private readonly Option<string> _name = new("--name")
    {
        Description = "What people call this member, and what it is called in --peers",
        HelpName = "NAME",
        DefaultValueFactory = _ => "default",
    };

    private readonly Option<string> _dataDir = new("--data-dir")
    {
        Description = "Where its data lies [default: NAME.raftkv]",
        HelpName = "FOLDER",
    };

    private readonly Option<string> _walDir = new("--wal-dir")
    {
        Description = "Where its log lies, for a disk of its own; always the same [default: in its data]",
        HelpName = "FOLDER",
    };

    private readonly Option<(string Name, Uri PeerUrl)[]> _peers = new("--peers", "--initial-cluster")
    {
        Description = "All members of the cluster with their peer URLs, this one too; the same on each",
        HelpName = "a=http://10.0.0.1:2380,b=...",
        CustomParser = UrlLists.ParseCluster,
    };

    private readonly Option<string> _clusterState = new("--initial-cluster-state")
    {
        Description = "'new' founds the cluster; 'existing' joins one that this member was added to",
        HelpName = "new|existing",
        DefaultValueFactory = _ => "new",
    };

    private readonly Option<bool> _forceNewCluster = new("--force-new-cluster")
    {
        Description = "Most members are lost for good: go on alone with what this one has; see 'raftkv recover' first",
    };

    private readonly Option<string> _token = new("--initial-cluster-token")
    {
        Description = "Tells clusters with the same addresses apart",
        HelpName = "TOKEN",
        DefaultValueFactory = _ => "etcd-cluster",
    };

    private readonly Option<ListenAddress[]> _listenClient = new("--listen-client-urls")
    {
        Description = "Where clients connect: addresses of this machine, separated by commas",
        HelpName = "URL,...",
        CustomParser = ListenUrl.Parse,
        DefaultValueFactory = _ => [new IPEndPoint(IPAddress.Loopback, 2379)],
    };

    private readonly Option<ListenAddress[]> _listenClientHttp = new("--listen-client-http-urls")
    {
        Description = "Where JSON, health and metrics are served; the client URLs serve gRPC alone then",
        HelpName = "URL,...",
        CustomParser = ListenUrl.Parse,
    };

    private readonly Option<ListenAddress[]> _listenPeer = new("--listen-peer-urls")
    {
        Description = "Where the other members connect",
        HelpName = "URL,...",
        CustomParser = ListenUrl.Parse,
        DefaultValueFactory = _ => [new IPEndPoint(IPAddress.Loopback, 2380)],
    };

    private readonly Option<Uri[]> _advertiseClient = new("--advertise-client-urls")
    {
        Description = "Where clients are told to connect [default: where it listens]",
        HelpName = "URL,...",
        CustomParser = UrlLists.ParseAdvertised,
    };

    private readonly Option<Uri[]> _advertisePeer = new("--initial-advertise-peer-urls")
    {
        Description = "Where the other members are told to connect [default: as --peers says, or where it listens]",
        HelpName = "URL,...",
        CustomParser = UrlLists.ParseAdvertised,
    };

    private readonly Option<int> _heartbeat = new("--heartbeat-interval")
    {
        Description = "Between two signs of life of the leader, in milliseconds",
        HelpName = "MS",
        DefaultValueFactory = _ => 100,
    };

    private readonly Option<int> _election = new("--election-timeout")
    {
        Description = "After which a silent leader is replaced, in milliseconds",
        HelpName = "MS",
        DefaultValueFactory = _ => 1000,
    };

    private readonly Option<ulong> _snapshotCount = new("--snapshot-count")
    {
        Description = "Applied entries between two checkpoints",
        HelpName = "N",
        DefaultValueFactory = _ => new ApplierOptions().CheckpointEntries,
    };

    private readonly Option<ulong> _catchUp = new("--snapshot-catchup-entries", "--experimental-snapshot-catchup-entries")
    {
        Description = "Entries kept behind a checkpoint for members that are a little behind",
        HelpName = "N",
        DefaultValueFactory = _ => new ApplierOptions().KeptEntries,
    };

    private readonly Option<int> _maxRequest = new("--max-request-bytes")
    {
        Description = "The largest request",
        HelpName = "BYTES",
        DefaultValueFactory = _ => 1_572_864,
    };

    private readonly Option<int> _maxTxn = new("--max-txn-ops")
    {
        Description = "Operations in one list of a transaction",
        HelpName = "N",
        DefaultValueFactory = _ => 128,
    };

    private readonly Option<bool> _gateway = new("--enable-grpc-gateway")
    {
        Description = "Also serve JSON over HTTP, under /v3/",
        DefaultValueFactory = _ => true,
    };

    private readonly Option<string> _cors = new("--cors")
    {
        Description = "Origins whose web pages may call with JSON, comma-separated; * for all",
        HelpName = "ORIGINS",
        DefaultValueFactory = _ => "",
    };

    private readonly Option<uint> _maxStreams = new("--max-concurrent-streams")
    {
        Description = "Calls in progress at once on one connection of a client",
        HelpName = "N",
        DefaultValueFactory = _ => uint.MaxValue,
    };

    private readonly Option<long> _quota = new("--quota-backend-bytes")
    {
        Description = "How large the data may grow before writes are refused; 0 for 2 GiB, negative for no limit",
        HelpName = "BYTES",
    };

    private readonly Option<string> _compactionMode = new("--auto-compaction-mode")
    {
        Description = "By what history is dropped by itself: 'periodic' by its age, 'revision' by its length",
        HelpName = "periodic|revision",
        DefaultValueFactory = _ => "periodic",
    };

    private readonly Option<string> _compactionRetention = new("--auto-compaction-retention")
    {
        Description = "What of history is kept: hours (or 30m, 1h30m), or a number of revisions; 0 keeps all",
        HelpName = "N",
        DefaultValueFactory = _ => "0",
    };

    private readonly Option<TimeSpan> _comparison = new(
        "--corrupt-check-time", "--compact-hash-check-time", "--experimental-corrupt-check-time", "--experimental-compact-hash-check-time")
    {
        Description = "How often members compare their data, so that one that differs is noticed and mended; 0 for never",
        HelpName = "1m",
        CustomParser = DurationFlag.ParseOrNone,
        DefaultValueFactory = _ => new RaftKvOptions().ComparisonInterval,
    };

    private readonly Option<long> _maxPendingWrites = new("--max-pending-write-bytes")
    {
        Description = "How much memory writes under way may take before more are refused",
        HelpName = "BYTES",
        DefaultValueFactory = _ => new RaftKvOptions().MaxPendingWriteBytes,
    };

    private readonly Option<int> _maxPendingReads = new("--max-pending-reads")
    {
        Description = "How many reads may be under way before more are refused",
        HelpName = "N",
        DefaultValueFactory = _ => new RaftKvOptions().MaxPendingReads,
    };

    private readonly Option<long> _maxPendingReadBytes = new("--max-pending-read-bytes")
    {
        Description = "How much memory answers that wait for their clients may take before more are refused",
        HelpName = "BYTES",
        DefaultValueFactory = _ => new RaftKvOptions().MaxPendingReadBytes,
    };

    private readonly Option<int> _maxConnections = new("--max-connections")
    {
        Description = "Connections of clients at once; 0 for any number",
        HelpName = "N",
    };

    private readonly Option<ListenAddress[]> _listenMetrics = new("--listen-metrics-urls")
    {
        Description = "Where /metrics and health are served beside the client ports, to anybody who can connect",
        HelpName = "URL,...",
        CustomParser = ListenUrl.Parse,
    };

    private readonly Option<string> _metrics = new("--metrics")
    {
        Description = "'extensive' measures how long calls take, by method",
        HelpName = "basic|extensive",
        DefaultValueFactory = _ => "basic",
    };

    private readonly Option<string> _hosts = new("--host-whitelist")
    {
        Description = "Names under which plain HTTP may be asked for, comma-separated; * for any",
        HelpName = "HOST,...",
        DefaultValueFactory = _ => "*",
    };

    private readonly Option<int> _maxLearners = new("--max-learners", "--experimental-max-learners")
    {
        Description = "How many learners the cluster may have",
        HelpName = "N",
        DefaultValueFactory = _ => 1,
    };

    private readonly Option<TimeSpan> _progress = new("--watch-progress-notify-interval", "--experimental-watch-progress-notify-interval")
    {
        Description = "How often watchers that ask for it are told how far they are",
        HelpName = "10m",
        CustomParser = DurationFlag.Parse,
        DefaultValueFactory = _ => TimeSpan.FromMinutes(10),
    };

    private readonly Option<TimeSpan> _keepAliveInterval = new("--grpc-keepalive-interval")
    {
        Description = "How often a silent client connection is asked whether it lives",
        HelpName = "2h",
        CustomParser = DurationFlag.Parse,
        DefaultValueFactory = _ => TimeSpan.FromHours(2),
    };

    private readonly Option<TimeSpan> _keepAliveTimeout = new("--grpc-keepalive-timeout")
    {
        Description = "How long it may take to answer",
        HelpName = "20s",
        CustomParser = DurationFlag.Parse,
        DefaultValueFactory = _ => TimeSpan.FromSeconds(20),
    };

    private readonly Option<long> _recordMemory = new("--record-memory-bytes")
    {
        Description = "How much memory the newest values may take; older ones are read from the disk",
        HelpName = "BYTES",
        DefaultValueFactory = _ => new RaftKvOptions().RecordMemoryBytes,
    };

    public Option<string> ConfigFile { get; } = new("--config-file")
    {
        Description = "A YAML or JSON file with all settings; other flags and the environment are ignored then",
        HelpName = "FILE",
    };

    public LogFlags Log { get; } = new();

    public TracingFlags Tracing { get; } = new();

    private readonly TlsFlags _tls = new();

    private readonly AuthFlags _auth = new();

    private readonly DiscoveryFlags _discovery = new();

    private readonly Option<TimeSpan> _slowCall = new("--warning-unary-request-duration", "--experimental-warning-unary-request-duration")
    {
        Description = "From when on a call is slow enough for a line that says where the time went",
        HelpName = "300ms",
        CustomParser = DurationFlag.Parse,
        DefaultValueFactory = _ => new RaftKvOptions().SlowCall,
    };

    private readonly Option<TimeSpan> _slowApply = new("--warning-apply-duration", "--experimental-warning-apply-duration")
    {
        Description = "From when on applying is slow enough for a line",
        HelpName = "100ms",
        CustomParser = DurationFlag.Parse,
        DefaultValueFactory = _ => new ApplierOptions().SlowApply,
    };

    public IEnumerable<Option> All =>
    [
        ConfigFile,
        _name, _dataDir, _walDir, _peers, _clusterState, _forceNewCluster, _token, _listenClient, _listenClientHttp, _advertiseClient, _listenPeer, _advertisePeer, _heartbeat,
        _election, _snapshotCount, _catchUp, _maxRequest, _maxTxn, _gateway, _cors, _maxStreams, _quota, _compactionMode, _compactionRetention,
        _comparison, _maxPendingWrites, _maxPendingReads, _maxPendingReadBytes, _maxConnections, _listenMetrics, _metrics, _hosts, _maxLearners, _progress, _keepAliveInterval,
        _keepAliveTimeout, _recordMemory, .. Log.All, _slowCall, _slowApply, .. Tracing.All, .. _tls.All, .. _auth.All, .. _discovery.All,
    ];

    /// <summary>The flags as options of a member.</summary>
    /// <exception cref="FlagException">They contradict each other, or themselves.</exception>
    public RaftKvOptions Read(ParseResult parsed)
    {
        var listenClient = parsed.GetRequiredValue(_listenClient);
        var listenPeer = parsed.GetRequiredValue(_listenPeer);
        var advertiseClient = parsed.GetValue(_advertiseClient) ?? [];
        var peers = parsed.GetValue(_peers) ?? [];
        var name = parsed.GetRequiredValue(_name);
        if (advertiseClient.Length == 0 && listenClient.Any(IsWildcard))
        {
            throw new FlagException(
                "--listen-client-urls has an address that stands for all of this machine's: say which one clients shall use, with --advertise-client-urls.");
        }

        var own = peers.Where(member => member.Name == name).Select(member => member.PeerUrl).ToArray();
        var advertisePeer = parsed.GetValue(_advertisePeer) is { Length: > 0 } told ? told : own;
        if (advertisePeer.Length == 0 && listenPeer.Any(IsWildcard))
        {
            throw new FlagException(
                "--listen-peer-urls has an address that stands for all of this machine's: say which one the other members shall use, with --initial-advertise-peer-urls.");
        }

        if (parsed.GetResult(_listenPeer) is null or { Implicit: true } && own.Length > 0)
        {
            // Said once is enough, as long as it is an address and not a name.
            var points = own
                .Select(url => (IsAddress: ListenUrl.TryParse(url.GetLeftPart(UriPartial.Authority), out var point, out _), Point: point))
                .ToArray();
            listenPeer = points.All(one => one.IsAddress) ? [.. points.Select(one => one.Point)] : listenPeer;
        }

        var state = parsed.GetRequiredValue(_clusterState);
        var options = new RaftKvOptions
        {
            Name = name,
            DataDirectory = parsed.GetValue(_dataDir) ?? "",
            WalDirectory = parsed.GetValue(_walDir) ?? "",
            ListenClient = listenClient,
            ListenClientHttp = parsed.GetValue(_listenClientHttp) ?? [],
            ListenPeer = listenPeer,
            AdvertiseClientUrls = advertiseClient,
            AdvertisePeerUrls = advertisePeer,
            InitialCluster = peers,
            JoinsExistingCluster = state switch
            {
                "new" => false,
                "existing" => true,
                _ => throw new FlagException($"--initial-cluster-state is '{state}'; it must be new or existing."),
            },
            ForcesNewCluster = parsed.GetValue(_forceNewCluster),
            ClusterToken = parsed.GetRequiredValue(_token),
            HeartbeatInterval = TimeSpan.FromMilliseconds(parsed.GetRequiredValue(_heartbeat)),
            ElectionTimeout = TimeSpan.FromMilliseconds(parsed.GetRequiredValue(_election)),
            MaxRequestBytes = Positive(parsed, _maxRequest),
            MaxTxnOps = Positive(parsed, _maxTxn),
            MaxConcurrentStreams = (int)Math.Clamp(parsed.GetRequiredValue(_maxStreams), 1, int.MaxValue),
            HasGateway = parsed.GetRequiredValue(_gateway),
            AllowedOrigins = Words(parsed.GetRequiredValue(_cors)),
            QuotaBytes = parsed.GetValue(_quota),
            AutoCompaction = Retention.Read(parsed.GetRequiredValue(_compactionMode), parsed.GetRequiredValue(_compactionRetention)),
            ComparisonInterval = parsed.GetRequiredValue(_comparison),
            MaxPendingWriteBytes = Math.Max(0, parsed.GetRequiredValue(_maxPendingWrites)),
            MaxPendingReads = Positive(parsed, _maxPendingReads),
            MaxPendingReadBytes = Math.Max(0, parsed.GetRequiredValue(_maxPendingReadBytes)),
            ListenMetrics = parsed.GetValue(_listenMetrics) ?? [],
            HasExtensiveMetrics = parsed.GetRequiredValue(_metrics) switch
            {
                "basic" => false,
                "extensive" => true,
                var other => throw new FlagException($"--metrics is '{other}'; it must be basic or extensive."),
            },
            AllowedHosts = Words(parsed.GetRequiredValue(_hosts)),
            MaxConnections = parsed.GetValue(_maxConnections) is > 0 and var connections ? connections : null,
            MaxLearners = parsed.GetRequiredValue(_maxLearners),
            SlowCall = parsed.GetRequiredValue(_slowCall),
            WatchProgressInterval = parsed.GetRequiredValue(_progress),
            ClientKeepAliveInterval = parsed.GetRequiredValue(_keepAliveInterval),
            ClientKeepAliveTimeout = parsed.GetRequiredValue(_keepAliveTimeout),
            RecordMemoryBytes = parsed.GetRequiredValue(_recordMemory),
            Applier = new ApplierOptions
            {
                CheckpointEntries = Count(parsed, _snapshotCount, new ApplierOptions().CheckpointEntries),
                KeptEntries = parsed.GetRequiredValue(_catchUp),
                SlowApply = parsed.GetRequiredValue(_slowApply),
            },
        };
        return _discovery.AddTo(_auth.AddTo(_tls.AddTo(options, parsed), parsed), parsed);
    }

    private static string[] Words(string text) => text.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);

    // As in etcd, 0 is "as usual".
    private static ulong Count(ParseResult parsed, Option<ulong> flag, ulong usual)
        => parsed.GetRequiredValue(flag) is > 0 and var count ? count : usual;

    private static int Positive(ParseResult parsed, Option<int> flag)
        => parsed.GetRequiredValue(flag) is > 0 and var value
            ? value
            : throw new FlagException($"{flag.Name} is {parsed.GetRequiredValue(flag)}; it must be greater than 0.");

    private static bool IsWildcard(ListenAddress point) => point.Address.Equals(IPAddress.Any) || point.Address.Equals(IPAddress.IPv6Any);
}

/// <summary>The flags cannot be followed; the message says why and what to do.</summary>
internal sealed class FlagException(string message) : Exception(message);
