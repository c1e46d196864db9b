using System.CommandLine;

namespace RaftKv.Cli.Serve;

/// <summary>
/// Flags of etcd that RaftKv takes without doing what they say. A script that was written for etcd goes on working; where
/// leaving a flag out would change what its user relies on, the member does not start.
/// </summary>
internal static class OtherFlags
{
    // What they set is done in another way here, or is always as they would have it.
    private static readonly string[] WithoutEffect =
    [
        "--pre-vote", "--initial-election-tick-advance", "--max-snapshots", "--max-wals", "--backend-bbolt-freelist-type",
        "--backend-batch-interval", "--backend-batch-limit", "--grpc-keepalive-min-time", "--socket-reuse-port",
        "--socket-reuse-address", "--raft-read-timeout", "--raft-write-timeout", "--compaction-batch-limit",
        "--compaction-sleep-interval", "--downgrade-check-time",
        "--bootstrap-defrag-threshold-megabytes",
        "--memory-mlock", "--logger", "--enable-log-rotation", "--log-rotation-config-json",
        "--enable-distributed-tracing", "--distributed-tracing-address", "--distributed-tracing-service-name",
        "--distributed-tracing-instance-id", "--distributed-tracing-sampling-rate", "--v2-deprecation", "--feature-gates",
        "--enable-pprof", "--enable-v2", "--strict-reconfig-check",
        "--discovery-fallback", "--discovery-proxy",
    ];

    private static readonly string[] NotThere =
    [
        "--listen-client-http-urls", "--wal-dir", "--unsafe-no-fsync", "--discovery", "--discovery-srv", "--discovery-srv-name", "--discovery-token", "--discovery-endpoints",
    ];

    public static IReadOnlyList<Option<string>> All { get; } =
    [
        .. WithoutEffect.Concat(NotThere).Select(name => new Option<string>(name)
        {
            Hidden = true,
            Arity = ArgumentArity.ZeroOrOne,
        }),
    ];

    /// <summary>What to tell of those that were given.</summary>
    /// <exception cref="FlagException">One of them matters.</exception>
    public static IEnumerable<string> Warnings(ParseResult parsed)
    {
        foreach (var flag in All)
        {
            if (parsed.GetResult(flag) is null or { Implicit: true })
            {
                continue;
            }

            // Set to what is the case anyway, or to nothing.
            var value = parsed.GetValue(flag);
            var isOff = value is "" or "0" or "0s" or "false";
            if (NotThere.Contains(flag.Name) && !isOff)
            {
                throw new FlagException($"{flag.Name} is not there yet: this version cannot do what it asks for. Start without it.");
            }

            if (!NotThere.Contains(flag.Name))
            {
                yield return $"{flag.Name} has no effect here.";
            }
        }
    }
}
