using System.Globalization;
using RaftKv.Stores;

namespace RaftKv.Compatibility.Tests.Stores;

/// <summary>What a member of either kind tells of the others on its page of metrics.</summary>
internal static class MemberMetrics
{
    private static readonly HttpClient Http = new();

    /// <summary>Whether it shows a connection to another member.</summary>
    public static async Task<bool> IsConnectedAsync(StoreMember member, ulong other)
        => await SumAsync(member, "etcd_network_active_peers", $"Remote=\"{other:x}\"") > 0;

    /// <summary>The states that it says it has delivered to another member.</summary>
    public static Task<double> SnapshotsSentAsync(StoreMember member, ulong other)
        => SumAsync(member, "etcd_network_snapshot_send_success", $"To=\"{other:x}\"");

    private static async Task<double> SumAsync(StoreMember member, string name, string label)
    {
        var page = await Http.GetStringAsync(new Uri(member.Client, "/metrics"), TestContext.Current.CancellationToken);
        return page
            .Split('\n')
            .Where(line => line.StartsWith($"{name}{{", StringComparison.Ordinal) && line.Contains(label, StringComparison.Ordinal))
            .Sum(line => double.Parse(line.AsSpan(line.LastIndexOf(' ') + 1), CultureInfo.InvariantCulture));
    }
}
