namespace RaftKv.Storage.Bolt;

/// <summary>Goes through the items of a bucket in order, and makes sure that they are.</summary>
public sealed class BoltWalk
{
    private readonly BoltFile _file;

    // From the root to where it stands. Those behind the depth are kept for their memory.
    private readonly List<BoltPage> _pages = [];
    private readonly int[] _at = new int[BoltFormat.LevelsMax];
    private int _depth;
    private byte[] _last = [];
    private int _lastLength = -1;

    internal BoltWalk(BoltFile file, BoltPage root)
    {
        _file = file;
        _pages.Add(root);
        _depth = 1;
        _at[0] = -1;
    }

    private BoltWalk(BoltFile file) => _file = file;

    /// <summary>Valid until the next step, as is <see cref="Value"/>.</summary>
    public ReadOnlySpan<byte> Key => Leaf.Key(_at[_depth - 1]);

    /// <summary>Of a bucket within this one: its head.</summary>
    public ReadOnlySpan<byte> Value => Leaf.Value(_at[_depth - 1]);

    /// <summary>Whether this is a bucket within this one.</summary>
    public bool IsBucket => Leaf.IsBucket(_at[_depth - 1]);

    /// <summary>The page that the item is on.</summary>
    public ulong Page => Leaf.Id;

    private BoltPage Leaf => _pages[_depth - 1];

    /// <summary>Goes to the next item.</summary>
    /// <exception cref="BoltDamagedException">The way there is damaged.</exception>
    public bool MoveNext()
    {
        while (_depth > 0)
        {
            var page = _pages[_depth - 1];
            var next = ++_at[_depth - 1];
            if (next >= page.Count)
            {
                _depth--;
            }
            else if (page.IsLeaf)
            {
                CheckOrder(page, page.Key(next));
                return true;
            }
            else
            {
                Descend(page, next);
            }
        }

        return false;
    }

    /// <summary>Walks through the bucket that is here.</summary>
    public BoltWalk WalkBucket() => _file.WalkBucket(Value, Page);

    internal static BoltWalk Over(BoltFile file) => new(file);

    private void Descend(BoltPage parent, int index)
    {
        if (_depth == BoltFormat.LevelsMax)
        {
            throw new BoltDamagedException(parent.Id, $"lies {BoltFormat.LevelsMax} levels deep and is no leaf.");
        }

        if (_pages.Count == _depth)
        {
            _pages.Add(new BoltPage());
        }

        var child = _pages[_depth];
        _file.Load(child, parent.Child(index));
        _at[_depth++] = -1;

        // Whoever looks for a key goes by what the branch says.
        if (child.Count > 0 && child.Key(0).SequenceCompareTo(parent.Key(index)) < 0)
        {
            throw new BoltDamagedException(child.Id, $"begins with a smaller key than page {parent.Id} says.");
        }
    }

    private void CheckOrder(BoltPage page, ReadOnlySpan<byte> key)
    {
        if (_lastLength >= 0 && key.SequenceCompareTo(_last.AsSpan(0, _lastLength)) <= 0)
        {
            throw new BoltDamagedException(page.Id, $"has an item {_at[_depth - 1]} whose key does not follow the one before.");
        }

        if (key.Length > _last.Length)
        {
            _last = new byte[Math.Max(key.Length, 2 * _last.Length)];
        }

        key.CopyTo(_last);
        _lastLength = key.Length;
    }
}
