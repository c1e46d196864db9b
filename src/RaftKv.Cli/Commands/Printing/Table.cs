using System.Globalization;
using RaftKv.Cli.Commands.Text;
using RaftKv.Protocol.Etcd;
using RaftKv.Storage.Backups;

namespace RaftKv.Cli.Commands.Printing;

/// <summary>What members have answered as rows; the simple form separates them by commas, the table form draws them.</summary>
internal sealed record Table(IReadOnlyList<string> Titles, IReadOnlyList<IReadOnlyList<string>> Rows)
{
    public static Table Of(MemberListResponse response) => new(
        ["ID", "Status", "Name", "Peer Addrs", "Client Addrs", "Is Learner"],
        [.. response.Members.Select(member => (IReadOnlyList<string>)
        [
            $"{member.ID:x}",
            member.Name.Length == 0 ? "unstarted" : "started",
            member.Name,
            string.Join(',', member.PeerURLs),
            string.Join(',', member.ClientURLs),
            Text(member.IsLearner),
        ])]);

    /// <summary>Members since etcd 3.6 tell more about themselves, and then there are more columns.</summary>
    public static Table Of(IReadOnlyList<EndpointAnswer<StatusResponse>> answers)
        => answers.Any(answer => answer.Answer.StorageVersion.Length > 0 || answer.Answer.DbSizeQuota != 0) ? Wide(answers) : Narrow(answers);

    public static Table Of(IReadOnlyList<EndpointHealth> answers) => new(
        ["Endpoint", "Health", "Took", "Error"],
        [.. answers.Select(answer => (IReadOnlyList<string>)
            [answer.Endpoint, Text(answer.IsHealthy), GoDuration.Format(answer.Took), answer.Problem])]);

    /// <summary>Members since etcd 3.6 also say which revision the hash is of.</summary>
    public static Table Of(IReadOnlyList<EndpointAnswer<HashKVResponse>> answers)
    {
        var hasRevision = answers.Any(answer => answer.Answer.HashRevision != 0);
        return new Table(
            hasRevision ? ["Endpoint", "Hash", "Hash Revision"] : ["Endpoint", "Hash"],
            [.. answers.Select(answer => (IReadOnlyList<string>)(hasRevision
                ? [answer.Endpoint, $"{answer.Answer.Hash}", $"{answer.Answer.HashRevision}"]
                : [answer.Endpoint, $"{answer.Answer.Hash}"]))]);
    }

    public static Table Of(SnapshotFacts facts) => new(
        ["Hash", "Revision", "Total Keys", "Total Size", "Version"],
        [[$"{facts.Hash:x}", $"{facts.Revision}", $"{facts.TotalKeys}", ByteSize.Of(facts.TotalBytes), facts.Version]]);

    private static Table Narrow(IReadOnlyList<EndpointAnswer<StatusResponse>> answers) => new(
        ["Endpoint", "ID", "Version", "DB Size", "Is Leader", "Is Learner", "Raft Term", "Raft Index", "Raft Applied Index", "Errors"],
        [.. answers.Select(answer => (IReadOnlyList<string>)
            [answer.Endpoint, $"{Id(answer):x}", answer.Answer.Version, ByteSize.Of(answer.Answer.DbSize), .. Raft(answer)])]);

    private static Table Wide(IReadOnlyList<EndpointAnswer<StatusResponse>> answers) => new(
        [
            "Endpoint", "ID", "Version", "Storage Version", "DB Size", "In Use", "Percentage Not In Use", "Quota", "Is Leader", "Is Learner",
            "Raft Term", "Raft Index", "Raft Applied Index", "Errors", "Downgrade Target Version", "Downgrade Enabled",
        ],
        [.. answers.Select(answer => (IReadOnlyList<string>)
        [
            answer.Endpoint,
            $"{Id(answer):x}",
            answer.Answer.Version,
            answer.Answer.StorageVersion,
            ByteSize.Of(answer.Answer.DbSize),
            ByteSize.Of(answer.Answer.DbSizeInUse),
            Unused(answer.Answer),
            ByteSize.Of(answer.Answer.DbSizeQuota),
            .. Raft(answer),
            answer.Answer.DowngradeInfo?.TargetVersion ?? "",
            Text(answer.Answer.DowngradeInfo?.Enabled ?? false),
        ])]);

    private static IEnumerable<string> Raft(EndpointAnswer<StatusResponse> answer) =>
    [
        Text(Id(answer) == answer.Answer.Leader),
        Text(answer.Answer.IsLearner),
        $"{answer.Answer.RaftTerm}",
        $"{answer.Answer.RaftIndex}",
        $"{answer.Answer.RaftAppliedIndex}",
        string.Join(", ", answer.Answer.Errors),
    ];

    private static ulong Id(EndpointAnswer<StatusResponse> answer) => answer.Answer.Header?.MemberId ?? 0;

    private static string Unused(StatusResponse status)
        => status.DbSize == 0 ? "0%" : ((status.DbSize - status.DbSizeInUse) * 100 / status.DbSize).ToString(CultureInfo.InvariantCulture) + "%";

    private static string Text(bool value) => value ? "true" : "false";
}
