namespace RaftKv.Storage.Mvcc;

/// <summary>
/// Walks the keys of a range at one revision of one snapshot. It may be kept for as long as one likes, but is used by one
/// thread at a time. Whoever has seen enough keys just stops.
/// </summary>
public sealed class KeyCursor
{
    private readonly KeyRange _range;
    private readonly long _revision;
    private readonly bool _isDescending;

    // From the root to the leaf where the walk stands.
    private Frame[] _path = new Frame[4];
    private int _depth = -1;
    private byte[] _key = [];

    internal KeyCursor(Page root, KeyRange range, long revision, bool isDescending)
    {
        _range = range;
        _revision = revision;
        _isDescending = isDescending;
        if (!range.IsEmpty)
        {
            Enter(root);
        }
    }

    /// <summary>What the key is at the revision; valid after <see cref="MoveNext"/> said true.</summary>
    public KeyRevision Current { get; private set; }

    /// <summary>The key; valid until the next <see cref="MoveNext"/>.</summary>
    public ReadOnlySpan<byte> Key
    {
        get
        {
            ref var leaf = ref _path[_depth];
            var index = _isDescending ? leaf.Next + 1 : leaf.Next - 1;
            var length = leaf.Page.KeyLengthAt(index);
            if (_key.Length < length)
            {
                _key = new byte[Math.Max(length, 2 * _key.Length)];
            }

            leaf.Page.CopyKey(index, _key);
            return _key.AsSpan(0, length);
        }
    }

    /// <summary>Goes on to the next key that has a value.</summary>
    public bool MoveNext()
    {
        while (_depth >= 0)
        {
            ref var frame = ref _path[_depth];
            if (frame.Next == frame.Stop)
            {
                _depth--;
                continue;
            }

            var index = frame.Next;
            frame.Next += _isDescending ? -1 : 1;
            if (!frame.Page.IsLeaf)
            {
                Enter(frame.Page.Child(index));
                continue;
            }

            Current = frame.Page.At(index, _revision);
            if (Current.IsLive)
            {
                return true;
            }
        }

        Current = default;
        return false;
    }

    private void Enter(Page page)
    {
        // Only a page on the edge of the range has keys on the other side of it, but to know that takes the same search.
        int first;
        int end;
        if (page.IsLeaf)
        {
            var hasStart = page.Search(_range.Start.Span, out first);
            end = _range.IsOpen ? page.Count : _range.IsSingle ? first + (hasStart ? 1 : 0) : IndexOf(page, _range.End);
        }
        else
        {
            first = page.ChildFor(_range.Start.Span);
            end = 1 + (_range.IsOpen ? page.Count : _range.IsSingle ? first : page.ChildFor(_range.End));
        }

        _depth++;
        if (_depth == _path.Length)
        {
            Array.Resize(ref _path, 2 * _path.Length);
        }

        _path[_depth] = _isDescending ? new Frame(page, end - 1, first - 1) : new Frame(page, first, end);
    }

    private static int IndexOf(Page leaf, ReadOnlySpan<byte> key)
    {
        leaf.Search(key, out var index);
        return index;
    }

    private struct Frame(Page page, int next, int stop)
    {
        public readonly Page Page = page;
        public readonly int Stop = stop;
        public int Next = next;
    }
}
