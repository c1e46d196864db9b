using System.CommandLine;

namespace RaftKv.Cli.Serve;

/// <summary>
/// Flags of etcd that RaftKv takes without doing what they say. A script that was written for etcd goes on working; where
/// leaving a flag out would change what its user relies on, the member does not start.
/// </summary>
internal static class OtherFlags
{
    private const string Experimental = "--experimental-";

    // What they set is done in another way here, or is always as they would have it; with their names before etcd 3.6.
    private static readonly (string Name, string Why)[] WithoutEffect =
    [
        ("--pre-vote", "members always ask first whether they would be elected"),
        ("--strict-reconfig-check", "changes that endanger the cluster are always refused"),
        ("--initial-election-tick-advance", "a member that starts is in no hurry"),
        ("--max-snapshots", "a checkpoint replaces the one before"),
        ("--max-wals", "the log is kept as long as somebody needs it"),
        ("--backend-bbolt-freelist-type", "there is no bbolt"),
        ("--backend-batch-interval", "writes are batched by themselves"),
        ("--backend-batch-limit", "writes are batched by themselves"),
        ("--grpc-keepalive-min-time", "clients may ping as often as they like"),
        ("--socket-reuse-port", ""),
        ("--socket-reuse-address", ""),
        ("--raft-read-timeout", "silent connections between members are cut after five seconds"),
        ("--raft-write-timeout", "silent connections between members are cut after five seconds"),
        ("--compaction-batch-limit", "compaction gives way to requests by itself"),
        ("--compaction-sleep-interval", "compaction gives way to requests by itself"),
        ("--downgrade-check-time", "there is no downgrade"),
        ("--bootstrap-defrag-threshold-megabytes", "space is given back while the member runs"),
        ("--memory-mlock", "no file is mapped into memory"),
        ("--logger", ""),
        ("--v2-deprecation", "there is no version 2 API"),
        ("--enable-v2", "there is no version 2 API"),
        ("--feature-gates", "what they open is always so here, or is not there"),
        ("--enable-pprof", "there is /metrics, and .NET's own tools"),
        ("--discovery-fallback", "there is no version 2 discovery"),
        ("--discovery-proxy", "there is no version 2 discovery"),
        ("--log-package-levels", "there is --log-level"),
    ];

    // Only ever known by these names.
    private static readonly (string Name, string Why)[] WithoutEffectUnderOldNames =
    [
        ("--experimental-initial-corrupt-check", "records are checked whenever they are read, and members compare their data"),
        ("--experimental-compact-hash-check-enabled", "members always compare their data: --corrupt-check-time"),
        ("--experimental-enable-lease-checkpoint", "the leader always writes down how long leases have left"),
        ("--experimental-enable-lease-checkpoint-persist", "the leader always writes down how long leases have left"),
        ("--experimental-stop-grpc-service-on-defrag", "defragmentation holds nothing up"),
        ("--experimental-txn-mode-write-with-shared-buffer", "transactions read what they have written anyhow"),
        ("--experimental-set-member-localaddr", ""),
        ("--experimental-enable-v2v3", "there is no version 2 API"),
    ];

    private static readonly (string Name, string Why)[] NotThere =
    [
        ("--unsafe-no-fsync", "a member acknowledges only what is on its disk"),
        ("--discovery", "it is for etcd's public discovery service, which is no more: use --discovery-endpoints with any cluster, or --discovery-srv"),
    ];

    private static readonly HashSet<string> OldNames =
    [
        "--compaction-batch-limit", "--compaction-sleep-interval", "--downgrade-check-time", "--bootstrap-defrag-threshold-megabytes", "--memory-mlock",
    ];

    public static IReadOnlyList<Option<string>> All { get; } =
    [
        .. WithoutEffect.Concat(WithoutEffectUnderOldNames).Concat(NotThere).Select(flag => new Option<string>(
            flag.Name, OldNames.Contains(flag.Name) ? [Experimental + flag.Name[2..]] : [])
        {
            Hidden = true,
            Arity = ArgumentArity.ZeroOrOne,
        }),
    ];

    /// <summary>Those that are taken and change nothing, by their present names.</summary>
    public static IEnumerable<string> WithoutMeaning => WithoutEffect.Select(flag => flag.Name);

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
            var isOff = parsed.GetValue(flag) is "" or "0" or "0s" or "false";
            if (NotThere.FirstOrDefault(one => one.Name == flag.Name) is { Why: { } reason })
            {
                if (!isOff)
                {
                    throw new FlagException($"{flag.Name} is not there: {reason}. Start without it.");
                }

                continue;
            }

            var why = WithoutEffect.Concat(WithoutEffectUnderOldNames).First(one => one.Name == flag.Name).Why;
            yield return why.Length > 0 ? $"{flag.Name} has no effect here: {why}." : $"{flag.Name} has no effect here.";
        }
    }
}
