using System.Net;
using System.Security.Authentication;
using Microsoft.Extensions.Logging;
using RaftKv.Server.Replica;
using RaftKv.Server.Tls;
using RaftKv.Server.Tokens;

namespace RaftKv.Server;

/// <summary>How a member is set up. What is not said is as etcd has it.</summary>
public sealed record RaftKvOptions
{
    /// <summary>What people call it, and what it is called in <see cref="InitialCluster"/>.</summary>
    public string Name { get; init; } = "default";

    /// <summary>Where its data lies; made if it is missing. <c>NAME.raftkv</c> in the current directory if nothing is
    /// said.</summary>
    public string DataDirectory { get; init; } = "";

    /// <summary>Where its log lies, on a disk of its own for instance; in the data directory if empty.</summary>
    public string WalDirectory { get; init; } = "";

    /// <summary>Where clients connect; nowhere if empty, for a member that serves its own process alone.</summary>
    public IReadOnlyList<ListenAddress> ListenClient { get; init; } = [new IPEndPoint(IPAddress.Loopback, 2379)];

    /// <summary>Where plain HTTP is served: JSON, health, metrics. <see cref="ListenClient"/> serves gRPC alone then; both if
    /// empty. etcd's <c>--listen-client-http-urls</c>.</summary>
    public IReadOnlyList<ListenAddress> ListenClientHttp { get; init; } = [];

    /// <summary>Where the other members connect; nowhere if empty, for a member on its own.</summary>
    public IReadOnlyList<ListenAddress> ListenPeer { get; init; } = [new IPEndPoint(IPAddress.Loopback, 2380)];

    /// <summary>For the addresses of <see cref="ListenClient"/> that have TLS.</summary>
    public PortTls ClientTls { get; init; } = new();

    /// <summary>For the addresses of <see cref="ListenPeer"/> that have TLS, and for connections to other members.</summary>
    public PortTls PeerTls { get; init; } = new();

    /// <summary>Which versions of TLS are spoken, to clients and to members.</summary>
    public SslProtocols TlsVersions { get; init; } = SslProtocols.Tls12 | SslProtocols.Tls13;

    /// <summary>Which cipher suites TLS 1.2 may use, by their standard names; the system's choice if empty.</summary>
    public IReadOnlyList<string> CipherSuites { get; init; } = [];

    /// <summary>How many years a certificate lasts that a member makes for itself.</summary>
    public int SelfSignedYears { get; init; } = 1;

    /// <summary>Where clients are told to connect; where it listens if nothing is said.</summary>
    public IReadOnlyList<Uri> AdvertiseClientUrls { get; init; } = [];

    /// <summary>Where the other members are told to connect; where it listens if nothing is said.</summary>
    public IReadOnlyList<Uri> AdvertisePeerUrls { get; init; } = [];

    /// <summary>The founding members, or, for one that joins, all members with it: names and peer URLs. A member on its own
    /// if empty.</summary>
    public IReadOnlyList<(string Name, Uri PeerUrl)> InitialCluster { get; init; } = [];

    /// <summary>Finds out who founds the cluster, in the place of <see cref="InitialCluster"/> and <see cref="ClusterToken"/>. Asked of a
    /// member that has no data yet, with its own peer URLs. What it throws as <see cref="Bootstrap.BootstrapException"/> ends the
    /// start.</summary>
    public Func<IReadOnlyList<Uri>, CancellationToken, Task<FoundingMembers>>? Discovers { get; init; }

    /// <summary>Whether the cluster is there already and this member was added to it.</summary>
    public bool JoinsExistingCluster { get; init; }

    /// <summary>Whether it makes a cluster of itself alone of what it has, if it has run in one with others: for when most of
    /// those are lost. What it does not know to be committed is dropped; see <see cref="Bootstrap.SurvivorRecovery"/>.</summary>
    public bool ForcesNewCluster { get; init; }

    /// <summary>Tells clusters with the same addresses apart.</summary>
    public string ClusterToken { get; init; } = "etcd-cluster";

    public TimeSpan HeartbeatInterval { get; init; } = TimeSpan.FromMilliseconds(100);

    public TimeSpan ElectionTimeout { get; init; } = TimeSpan.FromMilliseconds(1000);

    /// <summary>The largest request, as encoded; the same for all members, since each has to hold what any of them lets
    /// in. At most <see cref="LargestMaxRequestBytes"/>.</summary>
    public int MaxRequestBytes { get; init; } = 1_572_864;

    /// <summary>How large <see cref="MaxRequestBytes"/> may be.</summary>
    public const int LargestMaxRequestBytes = 31 * 1024 * 1024;

    internal const int RecordOverheadBytes = 64 * 1024;

    public int MaxTxnOps { get; init; } = 128;

    /// <summary>How large the data may grow before writes are refused; 0 for etcd's default of 2 GiB, less for no limit.</summary>
    public long QuotaBytes { get; init; }

    /// <summary>Whether and how far the cluster drops history by itself.</summary>
    public AutoCompaction AutoCompaction { get; init; } = AutoCompaction.Off;

    /// <summary>How often members compare their data; zero for never. One that differs takes itself out of service and takes
    /// over the leader's.</summary>
    public TimeSpan ComparisonInterval { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>How much memory writes may take that are under way; more are refused.</summary>
    public long MaxPendingWriteBytes { get; init; } = 256L * 1024 * 1024;

    /// <summary>How many reads may be under way; more are refused. What keeps leases alive is not counted.</summary>
    public int MaxPendingReads { get; init; } = 20_000;

    /// <summary>How much memory answers may take that clients have not taken yet; more are refused. Answers about a single key
    /// are not.</summary>
    public long MaxPendingReadBytes { get; init; } = 256L * 1024 * 1024;

    /// <summary>Connections of clients at once; any number if null. One more is closed at once.</summary>
    public int? MaxConnections { get; init; }

    /// <summary>Where metrics and health are served beside the client ports, to anybody who can connect.</summary>
    public IReadOnlyList<ListenAddress> ListenMetrics { get; init; } = [];

    /// <summary>Whether the time that calls take is measured by method. etcd's <c>--metrics extensive</c>.</summary>
    public bool HasExtensiveMetrics { get; init; }

    /// <summary>Under which names plain HTTP may be asked for; any if empty. etcd's <c>--host-whitelist</c>.</summary>
    public IReadOnlyList<string> AllowedHosts { get; init; } = [];

    /// <summary>How many learners the cluster may have.</summary>
    public int MaxLearners { get; init; } = 1;

    /// <summary>How often watchers that ask for it are told how far they are.</summary>
    public TimeSpan WatchProgressInterval { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>Calls in progress at once on one connection of a client.</summary>
    public int MaxConcurrentStreams { get; init; } = int.MaxValue;

    /// <summary>How often a silent client connection is asked whether it lives.</summary>
    public TimeSpan ClientKeepAliveInterval { get; init; } = TimeSpan.FromHours(2);

    /// <summary>How long it may take to answer.</summary>
    public TimeSpan ClientKeepAliveTimeout { get; init; } = TimeSpan.FromSeconds(20);

    /// <summary>Whether clients may also call with JSON over HTTP, under <c>/v3/</c>.</summary>
    public bool HasGateway { get; init; } = true;

    /// <summary>Whose web pages may call with JSON, such as <c>https://console.example.com</c>; <c>*</c> for all.</summary>
    public IReadOnlyList<string> AllowedOrigins { get; init; } = [];

    /// <summary>Tokens that are signed; simple ones, which members remember, if null.</summary>
    public JwtOptions? Jwt { get; init; }

    /// <summary>How long a simple token lives that is not used.</summary>
    public TimeSpan TokenTimeToLive { get; init; } = TimeSpan.FromSeconds(300);

    /// <summary>Each one more doubles the time that a password takes to be looked at; 4 to 31.</summary>
    public int PasswordCost { get; init; } = 10;

    /// <summary>How much memory the newest records may take; the rest is on disk.</summary>
    public long RecordMemoryBytes { get; init; } = 64L * 1024 * 1024;

    public ApplierOptions Applier { get; init; } = new();

    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>From when on a call of a client that is no stream is slow enough for a line that says where the time
    /// went.</summary>
    public TimeSpan SlowCall { get; init; } = TimeSpan.FromMilliseconds(300);

    /// <summary>What is worth a line, if it may be changed while the member runs, by <c>PUT /config/local/log</c>; null if it
    /// may not.</summary>
    public LogLevelSwitch? LogLevels { get; init; }

    /// <summary>Where log lines go; nowhere if null.</summary>
    public ILoggerFactory? Loggers { get; init; }

    /// <summary>What <see cref="QuotaBytes"/> comes to; 0 or less for no limit.</summary>
    internal long EffectiveQuotaBytes => QuotaBytes == 0 ? Api.ApiOptions.DefaultQuotaBytes : QuotaBytes;

    /// <summary>After which a request is given up, as etcd reckons it.</summary>
    public TimeSpan RequestTimeout => TimeSpan.FromSeconds(5) + (2 * ElectionTimeout);

    /// <summary>Everything wrong with these options, in words an operator can act on.</summary>
    public IEnumerable<string> Problems()
    {
        if (Name.Length == 0)
        {
            yield return "The member needs a name.";
        }

        if (HeartbeatInterval < TimeSpan.FromMilliseconds(1))
        {
            yield return $"The heartbeat interval is {HeartbeatInterval.TotalMilliseconds} ms; it must be at least 1 ms.";
        }

        if (ElectionTimeout < 5 * HeartbeatInterval)
        {
            yield return $"The election timeout is {ElectionTimeout.TotalMilliseconds} ms; it must be at least five heartbeat intervals, {5 * HeartbeatInterval.TotalMilliseconds} ms.";
        }

        if (ElectionTimeout > TimeSpan.FromSeconds(50))
        {
            yield return $"The election timeout is {ElectionTimeout.TotalMilliseconds} ms; it must be at most 50000 ms.";
        }

        if (InitialCluster.Count > 0 && InitialCluster.All(member => member.Name != Name))
        {
            yield return $"The initial cluster ({string.Join(", ", InitialCluster.Select(member => member.Name))}) does not name this member, '{Name}'.";
        }

        if (MaxRequestBytes > LargestMaxRequestBytes)
        {
            yield return $"--max-request-bytes is {MaxRequestBytes}; it must be at most {LargestMaxRequestBytes}.";
        }

        if (PasswordCost is < 4 or > 31)
        {
            yield return $"--bcrypt-cost is {PasswordCost}; it must be from 4 to 31.";
        }

        if (TokenTimeToLive < TimeSpan.FromSeconds(1))
        {
            yield return $"--auth-token-ttl is {TokenTimeToLive.TotalSeconds} s; it must be a second at least.";
        }

        foreach (var problem in TlsProblems().Concat(Jwt?.Problems() ?? []))
        {
            yield return problem;
        }

        if (AutoCompaction.Problem is { } wrongPlan)
        {
            yield return wrongPlan;
        }

        var twice = InitialCluster.GroupBy(member => member.PeerUrl).FirstOrDefault(group => group.Select(one => one.Name).Distinct().Count() > 1);
        if (twice is not null)
        {
            yield return $"The initial cluster gives {twice.Key} to more than one member.";
        }
    }

    private IEnumerable<string> TlsProblems()
    {
        foreach (var problem in ClientTls.Problems("", "--client-crl-file", [.. ListenClient, .. ListenClientHttp, .. ListenMetrics]).Concat(PeerTls.Problems("peer-", "--peer-crl-file", ListenPeer)))
        {
            yield return problem;
        }

        foreach (var name in CipherSuites)
        {
            if (Tls.CipherSuites.Problem(name) is { } problem)
            {
                yield return problem;
            }
        }

        if (CipherSuites.Count > 0 && TlsVersions == SslProtocols.Tls13)
        {
            yield return "Cipher suites can be chosen for TLS 1.2 only, and --tls-min-version leaves TLS 1.3 alone: take one of the two away.";
        }

        if (CipherSuites.Count > 0 && OperatingSystem.IsWindows())
        {
            yield return "Cipher suites are chosen by the system on Windows, and not by --cipher-suites.";
        }
    }
}

/// <summary>Who founds a cluster.</summary>
/// <param name="Members">Names and peer URLs; a name may come again with another URL.</param>
/// <param name="ClusterToken">Tells clusters with the same addresses apart.</param>
public sealed record FoundingMembers(IReadOnlyList<(string Name, Uri PeerUrl)> Members, string ClusterToken);
