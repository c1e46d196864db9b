using System.Globalization;
using System.Text.RegularExpressions;
using RaftKv.Stores;

namespace RaftKv.Compatibility.Tests.Etcdctl;

/// <summary>
/// What etcdctl printed in a scenario, without what differs between any two stores: ids, addresses, sizes, terms, times
/// and versions.
/// </summary>
internal sealed partial class Transcript(Etcdctl etcdctl, StoreProcess store, string endpoints)
{
    private readonly string _endpoints = endpoints;
    private readonly List<string> _lines = [];
    private readonly string _folder = store.NewFolder("own");
    private string _lease = "0";
    private string _self = "0";
    private string _added = "0";

    /// <summary>Runs a scenario against a new store.</summary>
    /// <param name="member">The one that is asked; null: as etcdctl chooses.</param>
    public static async Task<string> OfAsync(Etcdctl etcdctl, StoreProcess store, IReadOnlyList<EtcdctlStep> steps, StoreMember? member = null)
    {
        var transcript = new Transcript(etcdctl, store, member?.Client.GetLeftPart(UriPartial.Authority) ?? store.Endpoints);
        var members = await etcdctl.RunAsync(transcript._endpoints, new("member list"));
        var asked = (member ?? store.Members[0]).Client.Authority;
        transcript._self = members.Split('\n').Single(line => line.Contains(asked, StringComparison.Ordinal)).Split(',')[0];
        foreach (var step in steps)
        {
            await transcript.RunAsync(step);
        }

        return string.Join('\n', transcript._lines);
    }

    private async Task RunAsync(EtcdctlStep step)
    {
        var filled = step with
        {
            Arguments = step.Arguments
                .Replace("{lease}", _lease, StringComparison.Ordinal)
                .Replace("{self}", _self, StringComparison.Ordinal)
                .Replace("{added}", _added, StringComparison.Ordinal)
                .Replace("{folder}", _folder, StringComparison.Ordinal),
        };
        var output = await etcdctl.RunAsync(_endpoints, filled);
        _lease = GrantedLease().Match(output) is { Success: true } granted ? granted.Groups[1].Value : _lease;
        _added = AddedMember().Match(output) is { Success: true } added ? added.Groups[1].Value : _added;
        _lines.Add($"$ {step.Arguments}");
        var lines = output.Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Where(line => !line.StartsWith("{\"level\"", StringComparison.Ordinal))
            .Select(Plain);

        // Members come in the order of their ids, and those are made of addresses and times.
        _lines.AddRange(step.Arguments == "member list" ? lines.Order(StringComparer.Ordinal) : lines);
    }

    private string Plain(string line)
    {
        foreach (var member in store.Members)
        {
            line = line
                .Replace(member.Client.Authority, "CLIENT", StringComparison.Ordinal)
                .Replace(member.Peer.Authority, "PEER", StringComparison.Ordinal);
        }

        line = Known(line, _lease, "LEASE");
        line = Known(line, _self, "SELF");
        line = Known(line, _added, "ADDED");
        line = line.Replace(_folder, "FOLDER", StringComparison.Ordinal);
        line = InitialCluster().Replace(line, list => $"{list.Groups[1]}{string.Join(',', list.Groups[2].Value.Split(',').Order(StringComparer.Ordinal))}");
        line = JsonNumbers().Replace(line, "$1N");
        line = FieldNumbers().Replace(line, "$1N");
        line = StatusNumbers().Replace(Columns().Replace(line, " ").TrimEnd(), "$1 TERM, INDEX, APPLIED,");
        line = Versions().Replace(line, "VERSION");
        line = Sizes().Replace(line, "SIZE");
        line = Times().Replace(line, "TIME");
        line = Remaining().Replace(line, "$1 SECONDS");
        line = OtherIds().Replace(line, "ID");
        return Columns().Replace(line.StartsWith('+') ? "" : line, " ").TrimEnd();
    }

    /// <summary>Ids are printed in hex by one command, and as numbers by another.</summary>
    private static string Known(string line, string id, string name)
        => ulong.TryParse(id, NumberStyles.HexNumber, CultureInfo.InvariantCulture, out var number) && number > 0
            ? line.Replace(id, name, StringComparison.Ordinal).Replace(number.ToString(CultureInfo.InvariantCulture), name, StringComparison.Ordinal)
            : line;

    [GeneratedRegex(@"^lease ([0-9a-f]+) granted")]
    private static partial Regex GrantedLease();

    [GeneratedRegex(@"^Member\s+([0-9a-f]+) added")]
    private static partial Regex AddedMember();

    [GeneratedRegex("(\"(?:cluster_id|member_id|raft_term|raftTerm|raftIndex|raftAppliedIndex|dbSize|dbSizeInUse|leader|ttl)\":)[0-9]+")]
    private static partial Regex JsonNumbers();

    [GeneratedRegex("(\"(?:ClusterID|MemberID|RaftTerm|RaftIndex|RaftAppliedIndex|DBSize|Leader|Size|Hash|Keys)\" : )[0-9]+")]
    private static partial Regex FieldNumbers();

    [GeneratedRegex(@"((?:true|false),? (?:\| )?(?:true|false),?)[ |]+[0-9]+[, |]+[0-9]+[, |]+[0-9]+[, |]*$")]
    private static partial Regex StatusNumbers();

    [GeneratedRegex(@"\b3\.[0-9]+\.[0-9]+\b")]
    private static partial Regex Versions();

    [GeneratedRegex(@"\b[0-9]+(\.[0-9]+)? [kM]?B\b")]
    private static partial Regex Sizes();

    [GeneratedRegex(@"\b[0-9.]+(ns|µs|ms)\b|\b[0-9]+\.[0-9]+s\b")]
    private static partial Regex Times();

    [GeneratedRegex(@"(remaining)\(-?[0-9]+s\)")]
    private static partial Regex Remaining();

    [GeneratedRegex(@"\b[0-9a-f]{14,16}\b|\b[0-9]{17,20}\b")]
    private static partial Regex OtherIds();

    [GeneratedRegex("^(ETCD_INITIAL_CLUSTER=\")([^\"]*)")]
    private static partial Regex InitialCluster();

    [GeneratedRegex(@"\s+")]
    private static partial Regex Columns();
}
