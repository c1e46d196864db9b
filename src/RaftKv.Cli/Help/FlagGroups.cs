using System.CommandLine;

namespace RaftKv.Cli.Help;

/// <summary>Which flags of a member belong together, for people who read all of them.</summary>
internal static class FlagGroups
{
    private const string Other = "Other";

    // The first that a flag's name begins with decides.
    private static readonly (string Title, string[] Beginnings)[] Groups =
    [
        ("The member", ["config-file", "name", "data-dir", "wal-dir", "force-new-cluster"]),
        ("Where it listens, and what it tells others", ["listen-", "advertise-", "initial-advertise-"]),
        ("Who founds the cluster, and joining it", ["peers", "initial-cluster", "discovery-", "max-learners"]),
        ("Consensus", ["heartbeat-", "election-", "snapshot-"]),
        ("TLS between members", ["peer-"]),
        ("TLS for clients", ["cert-", "key-", "trusted-", "client-", "auto-tls"]),
        ("TLS for both", ["tls-", "cipher-", "self-signed-"]),
        ("Users", ["auth-", "bcrypt-"]),
        ("HTTP", ["enable-grpc-gateway", "cors", "host-"]),
        ("Connections and watches", ["grpc-", "watch-", "max-connections", "max-concurrent-"]),
        ("Limits", ["max-"]),
        ("Space and history", ["quota-", "auto-compaction-", "corrupt-", "record-memory-"]),
        ("Log", ["log-", "enable-log-", "warning-"]),
        ("Metrics and traces", ["metrics", "enable-distributed-", "distributed-"]),
    ];

    /// <summary>The groups in the order in which they are told, each with its flags; none of them is empty.</summary>
    public static IEnumerable<(string Title, IReadOnlyList<Option> Flags)> Of(IEnumerable<Option> flags)
    {
        var byTitle = flags.ToLookup(flag => TitleOf(flag.Name[2..]), StringComparer.Ordinal);
        return Groups.Select(group => group.Title).Append(Other)
            .Select(title => (title, (IReadOnlyList<Option>)[.. byTitle[title]]))
            .Where(group => group.Item2.Count > 0);
    }

    private static string TitleOf(string name)
        => Groups.FirstOrDefault(group => group.Beginnings.Any(beginning => name.StartsWith(beginning, StringComparison.Ordinal))).Title ?? Other;
}
