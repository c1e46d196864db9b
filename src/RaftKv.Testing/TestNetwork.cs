using RaftKv.Raft;

namespace RaftKv.Testing;

/// <summary>What lies between the members: they hear each other at once, unless they are cut from each other.</summary>
internal sealed class TestNetwork(TimeProvider time)
{
    private readonly Lock _gate = new();
    private readonly Dictionary<NodeId, Station> _stations = [];
    private HashSet<string> _oneSide = new(StringComparer.Ordinal);
    private long _changedAt;
    private long _underWay;
    private long _delivered;

    /// <summary>Whole states on their way.</summary>
    public long SnapshotsUnderWay => Interlocked.Read(ref _underWay);

    /// <summary>Whole states that have arrived.</summary>
    public long SnapshotsDelivered => Interlocked.Read(ref _delivered);

    public void Join(Station station)
    {
        lock (_gate)
        {
            _stations[station.Self] = station;
            _changedAt = time.GetTimestamp();
        }
    }

    public void Leave(Station station)
    {
        lock (_gate)
        {
            if (_stations.TryGetValue(station.Self, out var now) && now == station)
            {
                _stations.Remove(station.Self);
            }
        }
    }

    /// <summary>Those with these names hear each other, and the rest each other.</summary>
    public void Cut(IEnumerable<string> names)
    {
        lock (_gate)
        {
            _oneSide = new HashSet<string>(names, StringComparer.Ordinal);
            _changedAt = time.GetTimestamp();
        }
    }

    /// <summary>The other one, if it runs and can be heard.</summary>
    public Station? Reach(Station from, NodeId to)
    {
        lock (_gate)
        {
            return _stations.TryGetValue(to, out var station) && IsJoined(from, station) ? station : null;
        }
    }

    public Station? Reach(Station from, Uri peerUrl)
    {
        lock (_gate)
        {
            return _stations.Values.FirstOrDefault(station => station.Url == peerUrl && IsJoined(from, station));
        }
    }

    /// <summary>For how long nothing has changed between any of them.</summary>
    public TimeSpan Calm()
    {
        lock (_gate)
        {
            return time.GetElapsedTime(_changedAt);
        }
    }

    public void SnapshotBegun() => Interlocked.Increment(ref _underWay);

    public void SnapshotEnded(bool isDelivered)
    {
        if (isDelivered)
        {
            Interlocked.Increment(ref _delivered);
        }

        Interlocked.Decrement(ref _underWay);
    }

    private bool IsJoined(Station one, Station other) => _oneSide.Contains(one.Name) == _oneSide.Contains(other.Name);
}
