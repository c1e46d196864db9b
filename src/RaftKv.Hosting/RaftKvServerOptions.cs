namespace RaftKv.Hosting;

/// <summary>
/// A member's options as configuration can say them: addresses are text. What is not said is as in
/// <see cref="Server.RaftKvOptions"/>, except that the member listens nowhere unless told to.
/// </summary>
/// <example><code>
/// "RaftKv": {
///   "Name": "a",
///   "DataDirectory": "/var/lib/app/raftkv",
///   "ListenClient": [ "127.0.0.1:2379" ],
///   "ListenPeer": [ "10.0.0.1:2380" ],
///   "InitialCluster": { "a": "http://10.0.0.1:2380", "b": "http://10.0.0.2:2380", "c": "http://10.0.0.3:2380" }
/// }
/// </code></example>
public sealed class RaftKvServerOptions
{
    /// <summary>What the member is called, in <see cref="InitialCluster"/> too.</summary>
    public string Name { get; set; } = "default";

    /// <summary>Where its data lies, seen from the application's content root; <c>NAME.raftkv</c> if nothing is said.</summary>
    public string DataDirectory { get; set; } = "";

    /// <summary>Where other processes connect as clients: IP address and port, such as <c>127.0.0.1:2379</c>. Nowhere if
    /// empty: the client of this process needs no port.</summary>
    public IList<string> ListenClient { get; } = [];

    /// <summary>Where the other members connect, written the same way. A member on its own needs none.</summary>
    public IList<string> ListenPeer { get; } = [];

    /// <summary>For addresses of <see cref="ListenClient"/> that begin with <c>https://</c>.</summary>
    public RaftKvServerTls ClientTls { get; } = new();

    /// <summary>For addresses of <see cref="ListenPeer"/> that begin with <c>https://</c>, and for connections to others.</summary>
    public RaftKvServerTls PeerTls { get; } = new();

    /// <summary>Where clients are told to connect, such as <c>http://10.0.0.1:2379</c>; where it listens if nothing is said.</summary>
    public IList<string> AdvertiseClientUrls { get; } = [];

    /// <summary>Where the other members are told to connect; its own part of <see cref="InitialCluster"/> if nothing is said.</summary>
    public IList<string> AdvertisePeerUrls { get; } = [];

    /// <summary>The founding members, or, for one that joins, all members with it: a name and a peer URL each. A member on
    /// its own if empty.</summary>
    public IDictionary<string, string> InitialCluster { get; } = new Dictionary<string, string>(StringComparer.Ordinal);

    /// <summary>Whether the cluster is there already and this member was added to it.</summary>
    public bool JoinsExistingCluster { get; set; }

    /// <summary>Tells clusters with the same addresses apart.</summary>
    public string ClusterToken { get; set; } = "etcd-cluster";

    public TimeSpan HeartbeatInterval { get; set; } = TimeSpan.FromMilliseconds(100);

    public TimeSpan ElectionTimeout { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>How large the data may grow before writes are refused; 0 for 2 GiB, less for no limit.</summary>
    public long QuotaBytes { get; set; }

    /// <summary>The largest request, as encoded.</summary>
    public int MaxRequestBytes { get; set; } = 1_572_864;

    /// <summary>The most operations in one transaction.</summary>
    public int MaxTxnOps { get; set; } = 128;

    /// <summary>How much memory the newest records may take; the rest is on disk.</summary>
    public long RecordMemoryBytes { get; set; } = 64L * 1024 * 1024;
}
