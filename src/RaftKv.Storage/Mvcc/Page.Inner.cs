using RaftKv.Raft;

namespace RaftKv.Storage.Mvcc;

/// <summary>
/// The children of an inner page. Key i stands between child i, whose keys are smaller, and child i + 1, whose keys are
/// not.
/// </summary>
internal sealed partial class Page
{
    // A batch copies the children of every page that it changes something below of.
    private const int MaxChildren = 64;
    private const int SpareChildren = 8;

    // Inner pages only. The count of each child's live keys stands here as well, so that counting a range reads the
    // pages on its edges and no others.
    private Page[]? _children;
    private int[]? _childLive;
    private int _childCount;
    private bool _sharesChildLive;

    // How far it is down to the leaves; 0 for a leaf.
    private int _level;

    public int ChildCount => _childCount;

    public int Level => _level;

    /// <summary>Whether it is to be split.</summary>
    public bool IsFull
        => IsLeaf ? NeededBytes > FullBytes && _count > 1
            : (NeededBytes > FullBytes && _count > 2) || _childCount > MaxChildren;

    private bool IsSmall => NeededBytes < SmallBytes && _childCount < MaxChildren / 4;

    /// <summary>The root over the two halves of a root that was split.</summary>
    public static Page Over(long batch, Page left, ReadOnlySpan<byte> separator, Page right)
    {
        var root = new Page(batch, SpareSlots, GrowthBytes + separator.Length, [])
        {
            _children = [left, .. new Page[SpareChildren]],
            _childLive = [checked((int)left._live), .. new int[SpareChildren]],
            _childCount = 1,
            _live = left._live,
            _level = left._level + 1,
        };
        root.InsertChild(0, separator, right);
        return root;
    }

    public Page Child(int index) => Children[index];

    /// <summary>The child where a key belongs.</summary>
    public int ChildFor(ReadOnlySpan<byte> key) => Search(key, out var index) ? index + 1 : index;

    public long LiveBeforeChild(int index)
    {
        Invariant.Holds(index <= _childCount);
        var live = 0L;
        foreach (var ofChild in _childLive.AsSpan(0, index))
        {
            live += ofChild;
        }

        return live;
    }

    /// <summary>Puts a child that was changed, or its copy, in its place.</summary>
    public void SetChild(int index, Page child)
    {
        Children[index] = child;
        var change = child._live - _childLive![index];
        if (change != 0)
        {
            OwnChildLive()[index] = checked((int)child._live);
            _live += change;
        }
    }

    /// <summary>Puts what <see cref="Overwritten"/> made of a child in its place; readers may be looking at the page.</summary>
    public void ReplaceOverwritten(int index, Page child)
    {
        if (!ReferenceEquals(Children[index], child))
        {
            Invariant.Holds(child.IsOf(NoBatch) && child._live == _childLive![index]);
            Volatile.Write(ref Children[index], child);
        }
    }

    /// <summary>A child of this page, which its batch may change, has so many more keys with a value.</summary>
    public void AddLive(int index, long change)
    {
        if (change != 0)
        {
            OwnChildLive()[index] += checked((int)change);
            _live += change;
        }
    }

    /// <summary>Adds the right half of a child behind the left half, whose count is still that of both.</summary>
    public void InsertChild(int leftIndex, ReadOnlySpan<byte> separator, Page right)
    {
        if (_childCount == Children.Length)
        {
            Array.Resize(ref _children, _childCount + SpareChildren);
            Array.Resize(ref _childLive, _childCount + SpareChildren);
            _sharesChildLive = false;
        }

        InsertEntry(leftIndex, separator, []);
        var at = leftIndex + 1;
        Array.Copy(_children!, at, _children!, at + 1, _childCount - at);
        var live = OwnChildLive();
        Array.Copy(live, at, live, at + 1, _childCount - at);
        _childCount++;
        Children[at] = right;
        live[at] = checked((int)right._live);
        _live += right._live;
    }

    /// <summary>Takes a child away with the key beside it; what belonged there belongs to a neighbour now.</summary>
    public void RemoveChild(int index)
    {
        if (_count > 0)
        {
            RemoveEntry(Math.Max(0, index - 1));
        }

        var live = OwnChildLive();
        _live -= live[index];
        _childCount--;
        Array.Copy(Children, index + 1, Children, index, _childCount - index);
        Array.Copy(live, index + 1, live, index, _childCount - index);
        Children[_childCount] = null!; // Beyond the count: nobody looks, and the page can go.
    }

    /// <summary>Cuts a full inner page in two; this one keeps the left side.</summary>
    /// <param name="separator">The key that stood in the middle and belongs between the two now.</param>
    public Page SplitInner(out byte[] separator)
    {
        var middle = Math.Min(Middle(), _count - 1);
        separator = KeyAt(middle);
        var right = PackedPart(middle + 1, _count);
        right.SetChildren(Children.AsSpan((middle + 1).._childCount));
        Take(PackedPart(0, middle));
        SetChildren(Children.AsSpan(0, middle + 1).ToArray());
        return right;
    }

    /// <summary>Both inner pages in one, this one, with the key that stood between them.</summary>
    public void AppendInner(ReadOnlySpan<byte> separator, Page right)
    {
        var prefix = right._count == 0 ? separator : CommonPrefix(separator, right.KeyAt(right._count - 1));
        prefix = _count == 0 ? prefix : CommonPrefix(prefix, KeyAt(0));
        var room = right.BytesOf(0, right._count, prefix.Length)
            + SlotBytes + StringBytes(separator.Length) + StringBytes(0) + GrowthBytes;
        var merged = Packed(prefix, room, 0, _count);
        merged.InsertEntry(merged._count, separator, []);
        merged.Append(right, 0, right._count);
        Take(merged);
        SetChildren([.. Children.AsSpan(0, _childCount), .. right.Children.AsSpan(0, right._childCount)]);
    }

    /// <summary>Removes and merges children after some of them became smaller.</summary>
    public void TidyChildren(int from, int to)
    {
        for (var i = Math.Min(to, _childCount - 1); i >= from; i--)
        {
            var child = Children[i];
            if (child.IsLeaf ? child._count == 0 : child._childCount == 0)
            {
                RemoveChild(i);
            }
        }

        // From the right, so that what a merge moves was looked at before.
        for (var i = Math.Min(to, _childCount - 2); i >= Math.Max(0, from - 1); i--)
        {
            var left = Children[i];
            var right = Children[i + 1];
            if (!(left.IsSmall || right.IsSmall)
                || left.NeededBytes + right.NeededBytes > MergedBytes
                || left._childCount + right._childCount > MaxChildren * 3 / 4)
            {
                continue;
            }

            var merged = left.Owned(_batch);
            if (merged.IsLeaf)
            {
                merged.AppendLeaf(right);
            }
            else
            {
                merged.AppendInner(KeyAt(i), right);
            }

            RemoveChild(i + 1);
            SetChild(i, merged);
        }
    }

    private Page[] Children
    {
        get
        {
            Invariant.Holds(_children is not null);
            return _children;
        }
    }

    private int[] OwnChildLive()
    {
        if (_sharesChildLive)
        {
            _childLive = [.. _childLive!];
            _sharesChildLive = false;
        }

        return _childLive!;
    }

    private void SetChildren(ReadOnlySpan<Page> children)
    {
        _childCount = children.Length;
        _children = [.. children, .. new Page[SpareChildren]];
        _childLive = new int[_children.Length];
        _sharesChildLive = false;
        _level = children[0]._level + 1;
        _live = 0;
        for (var i = 0; i < children.Length; i++)
        {
            _childLive[i] = checked((int)children[i]._live);
            _live += children[i]._live;
        }
    }

    /// <returns>How many levels there are below and including this page.</returns>
    public int CheckInvariants(ReadOnlySpan<byte> from, ReadOnlySpan<byte> before, bool isOpen)
    {
        CheckPacking();
        if (_count > 0)
        {
            Invariant.Holds(KeyAt(0).AsSpan().SequenceCompareTo(from) >= 0);
            Invariant.Holds(isOpen || KeyAt(_count - 1).AsSpan().SequenceCompareTo(before) < 0);
        }

        if (IsLeaf)
        {
            CheckLeaf();
            return 1;
        }

        Invariant.Holds(_childCount == _count + 1);
        Invariant.Holds(_live == LiveBeforeChild(_childCount));
        var levels = 0;
        for (var i = 0; i < _childCount; i++)
        {
            Invariant.Holds(_childLive![i] == Children[i]._live);
            var isLast = i == _count;
            var levelsOfChild = Children[i].CheckInvariants(
                i == 0 ? from : KeyAt(i - 1), isLast ? before : KeyAt(i), isLast && isOpen);
            Invariant.Holds(i == 0 || levels == levelsOfChild);
            levels = levelsOfChild;
        }

        Invariant.Holds(_level == levels);
        return levels + 1;
    }
}
