using RaftKv.Raft.Log;

namespace RaftKv.Raft.Membership;

/// <summary>
/// The configurations the log implies. A member uses the newest configuration in its log, committed or not (thesis
/// §4.1), so that what it counts never depends on how much of the log it happens to know as committed; if the entry
/// is truncated, the one before it is in force again.
/// <code>
/// committed 7:    5 voters=(1 2 3)   9 voters=(1 2 3 4)      in force: 9
/// truncate 8:     5 voters=(1 2 3)                           in force: 5
/// </code>
/// </summary>
internal sealed class ConfigHistory(ulong index, ClusterConfig config)
{
    // Oldest first. Only the first may be committed: older ones can never come back. At most one uncommitted change is
    // in flight, but the log of a follower may hold several that it does not yet know to be committed.
    private readonly List<(ulong Index, ClusterConfig Config)> _history = [(index, config)];

    public ClusterConfig Current => _history[^1].Config;

    /// <summary>The newest configuration known to be committed.</summary>
    public ClusterConfig Committed => _history[0].Config;

    /// <summary>Whether no more than one configuration is not known to be committed.</summary>
    public bool IsOneStepAhead => _history.Count == 2;

    /// <summary>Where the current configuration stands in the log, or the index as of which it was handed in.</summary>
    public ulong CurrentIndex => _history[^1].Index;

    /// <summary>Adopts the change at <paramref name="entry"/>.</summary>
    public void Adopt(in Entry entry)
    {
        Invariant.Holds(entry.Kind == EntryKind.ConfigChange);
        Invariant.Holds(entry.Index > CurrentIndex);
        Adopt(entry.Index, After(Current, entry));
    }

    public static ClusterConfig After(ClusterConfig config, in Entry entry)
    {
        // The leader asked the same question of the same configuration before it appended the entry.
        var isDecoded = ConfigChange.TryDecode(entry.Payload, out var change);
        Invariant.Holds(isDecoded);
        var isAllowed = config.TryChange(change, out var next, out _);
        Invariant.Holds(isAllowed);
        return next;
    }

    /// <summary>Returns true if that brings an older configuration back.</summary>
    public bool TruncateFrom(ulong index)
    {
        var before = _history.Count;
        while (_history.Count > 1 && _history[^1].Index >= index)
        {
            _history.RemoveAt(_history.Count - 1);
        }

        return _history.Count < before;
    }

    /// <summary>Forgets configurations that a committed one has replaced.</summary>
    public void CommitThrough(ulong index)
    {
        while (_history.Count > 1 && _history[1].Index <= index)
        {
            _history.RemoveAt(0);
        }
    }

    public void Reset(ulong atIndex, ClusterConfig to)
    {
        _history.Clear();
        _history.Add((atIndex, to));
    }

    private void Adopt(ulong atIndex, ClusterConfig next) => _history.Add((atIndex, next));
}
