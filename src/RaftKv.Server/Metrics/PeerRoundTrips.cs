using System.Collections.Concurrent;
using RaftKv.Raft;

namespace RaftKv.Server.Metrics;

/// <summary>How long other members take to answer, by member.</summary>
internal sealed class PeerRoundTrips
{
    private readonly ConcurrentDictionary<NodeId, Histogram> _times = new();

    public Histogram Of(NodeId peer) => _times.GetOrAdd(peer, _ => Histogram.OfSeconds(0.0001, 2, 16));
}
