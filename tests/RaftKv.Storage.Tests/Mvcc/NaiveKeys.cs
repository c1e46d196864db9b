using RaftKv.Storage.Mvcc;

namespace RaftKv.Storage.Tests.Mvcc;

/// <summary>What a key index means, in the plainest way: every revision of every key in a sorted list.</summary>
internal sealed class NaiveKeys
{
    private readonly SortedDictionary<byte[], List<KeyRevision>> _keys;

    public NaiveKeys() => _keys = new SortedDictionary<byte[], List<KeyRevision>>(ByBytes);

    private NaiveKeys(NaiveKeys other)
        : this()
    {
        Horizon = other.Horizon;
        foreach (var (key, revisions) in other._keys)
        {
            _keys.Add(key, [.. revisions]);
        }
    }

    public static IComparer<byte[]> ByBytes { get; }
        = Comparer<byte[]>.Create((left, right) => left.AsSpan().SequenceCompareTo(right));

    public long Horizon { get; private set; }

    public IEnumerable<(byte[] Key, KeyRevision Item)> All
        => _keys.SelectMany(entry => entry.Value.Select(item => (entry.Key, item)));

    public NaiveKeys Copy() => new(this);

    public KeyRevision At(byte[] key, long main)
    {
        var found = _keys.GetValueOrDefault(key)?.LastOrDefault(item => item.Modified.Main <= main) ?? default;
        return found.IsLive ? found : default;
    }

    public bool Contains(byte[] key, Revision revision)
        => _keys.GetValueOrDefault(key)?.Any(item => item.Modified == revision) ?? false;

    public KeyRevision Put(byte[] key, Revision revision, int valueBytes, bool isLeased)
    {
        var item = At(key, long.MaxValue).AfterPut(revision, key.Length + valueBytes, isLeased);
        Add(key, item);
        return item;
    }

    public bool Delete(byte[] key, Revision revision)
    {
        if (!At(key, long.MaxValue).IsLive)
        {
            return false;
        }

        Add(key, KeyRevision.Tombstone(revision, key.Length));
        return true;
    }

    public List<(byte[] Key, KeyRevision Item)> Range(KeyRange range, long main)
        => [.. _keys.Keys.Where(key => range.Contains(key)).Select(key => (key, At(key, main))).Where(found => found.Item2.IsLive)];

    public List<KeyRevision> Compact(long horizon)
    {
        Horizon = horizon;
        var removed = new List<KeyRevision>();
        foreach (var (key, revisions) in _keys.ToList())
        {
            var kept = revisions.FindLastIndex(item => item.Modified.Main <= horizon);
            var first = kept >= 0 && !revisions[kept].IsLive && revisions[kept].Modified.Main < horizon ? kept + 1 : kept;
            if (kept >= 0 && revisions[kept].Modified.Main == horizon)
            {
                // That revision stays whole.
                first = revisions.FindIndex(item => item.Modified.Main == horizon);
            }

            if (first > 0)
            {
                removed.AddRange(revisions[..first]);
                revisions.RemoveRange(0, first);
            }

            if (revisions.Count == 0)
            {
                _keys.Remove(key);
            }
        }

        return removed;
    }

    private void Add(byte[] key, KeyRevision item)
    {
        if (!_keys.TryGetValue(key, out var revisions))
        {
            _keys.Add(key, revisions = []);
        }

        revisions.Add(item);
    }
}
