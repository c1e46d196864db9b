using System.Diagnostics.Metrics;
using RaftKv.Server.Hosting;

namespace RaftKv.Server.Metrics;

/// <summary>The most telling of a member's metrics as .NET's own, for hosts that export those. They are read when somebody
/// collects; a member on its own pays nothing for them.</summary>
internal sealed class NodeMeter : IDisposable
{
    private readonly Meter _meter;

    public NodeMeter(RunningMember member, NodeMetrics metrics, string name)
    {
        var tags = new KeyValuePair<string, object?>[] { new("raftkv.member", name) };
        _meter = new Meter(RaftKvNode.TelemetryName, RaftKvNode.Version, tags);
        _meter.CreateObservableGauge("raftkv.has_leader", () => member.Status.Leader.IsNone ? 0 : 1, description: "Whether the member knows a leader.");
        _meter.CreateObservableGauge("raftkv.is_leader", () => member.Status.Leader == member.Self ? 1 : 0, description: "Whether the member leads.");
        _meter.CreateObservableGauge("raftkv.out_of_service", () => member.IsOutOfService ? 1 : 0, description: "Whether its data is known to be wrong.");
        _meter.CreateObservableCounter("raftkv.leader_changes", () => member.Instruments.LeaderChanges.Value, description: "Changes of the leader.");
        _meter.CreateObservableGauge("raftkv.applied_index", () => (long)member.Status.AppliedIndex, description: "Up to where the log is applied.");
        _meter.CreateObservableGauge("raftkv.revision", () => member.Keys.PublishedRevision, description: "The revision.");
        _meter.CreateObservableGauge("raftkv.proposals.pending", () => member.PendingProposals, description: "Writes that wait for an answer.");
        _meter.CreateObservableCounter("raftkv.proposals.failed", () => member.FailedProposals, description: "Writes that were given up.");
        _meter.CreateObservableGauge("raftkv.data.needed", () => member.Space.Needed, "By", "What the quota is about.");
        _meter.CreateObservableGauge("raftkv.data.disk", () => member.Space.Taken, "By", "What the data takes on the disk.");
        _meter.CreateObservableCounter("raftkv.wal.written", () => member.Instruments.WalBytes.Value, "By", "Bytes written to the log.");
        _meter.CreateObservableCounter("raftkv.calls.unary", () => metrics.Calls.UnaryCalls.Value, description: "Calls that are no streams.");
        _meter.CreateObservableCounter("raftkv.calls.streams", () => metrics.Calls.StreamCalls.Value, description: "Streams that were begun.");
        _meter.CreateObservableGauge("raftkv.watchers", () => member.Watches.WatcherCount, description: "Watchers.");
    }

    public void Dispose() => _meter.Dispose();
}
