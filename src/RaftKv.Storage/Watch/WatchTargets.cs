namespace RaftKv.Storage.Watch;

/// <summary>All that is being watched: single keys in a table, ranges in a tree.</summary>
internal sealed class WatchTargets
{
    private readonly Dictionary<byte[], WatchTarget> _keys = new(KeyBytes.Comparer);
    private readonly Dictionary<byte[], WatchTarget>.AlternateLookup<ReadOnlySpan<byte>> _keysBySpan;
    private readonly RangeTree<WatchTarget> _ranges = new();

    public WatchTargets()
    {
        _keysBySpan = _keys.GetAlternateLookup<ReadOnlySpan<byte>>();
    }

    public int Count => _keys.Count + _ranges.Count;

    /// <summary>Appends the targets that a change of a key concerns.</summary>
    public void Find(ReadOnlySpan<byte> key, List<WatchTarget> found)
    {
        if (_keysBySpan.TryGetValue(key, out var target))
        {
            found.Add(target);
        }

        _ranges.Find(key, found);
    }

    /// <summary>Adds a watcher to the target of its range; one that is new knows what comes from a revision on.</summary>
    public void Add(Watcher watcher, long knownFrom)
    {
        var range = watcher.Range;
        WatchTarget? target;
        if (range.IsSingle)
        {
            if (!_keysBySpan.TryGetValue(range.Start.Span, out target))
            {
                target = new WatchTarget(range, knownFrom);
                _keysBySpan[range.Start.Span] = target;
            }
        }
        else if (!_ranges.TryFind(range, out target))
        {
            target = new WatchTarget(range, knownFrom);
            _ranges.Add(range, target);
        }

        target.Add(watcher);
    }

    public void Remove(Watcher watcher)
    {
        if (watcher.Target is not { } target)
        {
            return;
        }

        target.Remove(watcher);
        if (target.WatcherCount > 0)
        {
            return;
        }

        if (target.Range.IsSingle)
        {
            _keysBySpan.Remove(target.Range.Start.Span);
        }
        else
        {
            _ranges.Remove(target.Range);
        }
    }

    /// <summary>All, in no order that means anything.</summary>
    public List<WatchTarget> All()
    {
        var all = new List<WatchTarget>(_keys.Values);
        _ranges.All(all);
        return all;
    }

    private sealed class KeyBytes : IEqualityComparer<byte[]>, IAlternateEqualityComparer<ReadOnlySpan<byte>, byte[]>
    {
        public static readonly KeyBytes Comparer = new();

        public bool Equals(byte[]? left, byte[]? right) => left.AsSpan().SequenceEqual(right);

        public int GetHashCode(byte[] key) => GetHashCode(key.AsSpan());

        public bool Equals(ReadOnlySpan<byte> left, byte[] right) => left.SequenceEqual(right);

        // With a seed that clients cannot know.
        public int GetHashCode(ReadOnlySpan<byte> key)
        {
            var hash = default(HashCode);
            hash.AddBytes(key);
            return hash.ToHashCode();
        }

        public byte[] Create(ReadOnlySpan<byte> key) => key.ToArray();
    }
}
