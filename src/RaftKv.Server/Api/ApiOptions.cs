namespace RaftKv.Server.Api;

/// <summary>What an operator may set of the services.</summary>
public sealed record ApiOptions
{
    /// <summary>How large the data may grow if nothing is said.</summary>
    public const long DefaultQuotaBytes = 2L * 1024 * 1024 * 1024;

    /// <summary>The largest command that is proposed. Flag <c>--max-request-bytes</c>.</summary>
    public int MaxRequestBytes { get; init; } = 1536 * 1024;

    /// <summary>How many operations one list of a transaction may have. Flag <c>--max-txn-ops</c>.</summary>
    public int MaxTxnOperations { get; init; } = 128;

    /// <summary>How large the data may grow; 0 or less for no limit. Flag <c>--quota-backend-bytes</c>.</summary>
    public long QuotaBytes { get; init; } = DefaultQuotaBytes;

    /// <summary>Bytes of writes that may be under way at once; more are refused.</summary>
    public long MaxPendingWriteBytes { get; init; } = 256L * 1024 * 1024;

    /// <summary>Reads that may be under way at once; more are refused.</summary>
    public int MaxPendingReads { get; init; } = 20_000;

    /// <summary>Bytes of answers that may wait for their clients at once; what may be large is refused then.</summary>
    public long MaxPendingReadBytes { get; init; } = 256L * 1024 * 1024;

    /// <summary>From when on a call that is no stream is slow. Flag <c>--warning-unary-request-duration</c>.</summary>
    public TimeSpan SlowCall { get; init; } = TimeSpan.FromMilliseconds(300);

    /// <summary>What the cluster elects by: leases live at least half as long again, and a stream that needs a leader is
    /// ended after three of them without one.</summary>
    public TimeSpan ElectionTimeout { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>How often watchers that ask for it are told how far they are. Flag
    /// <c>--watch-progress-notify-interval</c>.</summary>
    public TimeSpan WatchProgressInterval { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>How many learners the cluster may have. Flag <c>--max-learners</c>.</summary>
    public int MaxLearners { get; init; } = 1;

    /// <summary>Each one more doubles the time that hashing a password takes; 4 to 31. Flag <c>--bcrypt-cost</c>.</summary>
    public int PasswordCost { get; init; } = 10;

    /// <summary>The version of etcd whose interface this is, as clients expect to be told it.</summary>
    public string ApiVersion { get; init; } = "3.6.14";

    /// <summary>The shortest TTL of a lease, in seconds; a shorter one is raised to it.</summary>
    public long MinLeaseTtl => (long)Math.Ceiling(ElectionTimeout.TotalSeconds * 1.5);

    /// <summary>The first two numbers of <see cref="ApiVersion"/>.</summary>
    public string ClusterVersion => ApiVersion[..ApiVersion.LastIndexOf('.')];

    /// <summary>The version of what is stored, in etcd's words.</summary>
    public string StorageVersion => ClusterVersion + ".0";
}
