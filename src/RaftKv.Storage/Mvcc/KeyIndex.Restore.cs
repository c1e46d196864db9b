using RaftKv.Raft;

namespace RaftKv.Storage.Mvcc;

/// <summary>
/// Building an index from the records of a store. They come in the order in which they were written, and keys that are
/// written one after the other are often neighbours. So the leaf of the last one is remembered, and the way to it.
/// </summary>
public sealed partial class KeyIndex
{
    private const int LevelsMax = 32;

    // More than a change adds to a leaf beside the key: its slot and lengths, and a history as long as may be.
    private const int RestoredBytesMax = Page.InlineHistoryBytes + 96;

    // Where each level of the way goes on; only up to the level of the root. Worth nothing without the leaf.
    private readonly (Page Page, int Child)[] _restoredWay = new (Page, int)[LevelsMax];
    private Page? _restoredLeaf;

    /// <summary>How many were added beside the one before.</summary>
    internal long RestoredNearby { get; private set; }

    /// <summary>
    /// Adds what a record says, when the index is built from a record store: in any order, and again if need be.
    /// </summary>
    public void Restore(ReadOnlySpan<byte> key, KeyRevision item)
    {
        var change = new IndexChange { Kind = ChangeKind.Restore, Item = item };
        if (!RestoreNearby(key, ref change))
        {
            Apply(key, ref change);
            if (change.HasSplit)
            {
                _restoredLeaf = null;
            }
        }

        if (!change.WasThere)
        {
            Bytes += CountedBytes(item);
        }
    }

    private bool RestoreNearby(ReadOnlySpan<byte> key, ref IndexChange change)
    {
        // One that might have to be split is left to the walk from above.
        if (_restoredLeaf is not { } leaf || leaf.NeededBytes + key.Length + RestoredBytesMax > Page.FullBytes)
        {
            return false;
        }

        var isThere = leaf.Search(key, out var index);
        var isWithin = isThere || (index > 0 && index < leaf.Count);
        if (!isWithin && !(index > 0 && leaf.HasPrefixOf(key) && IsBeforeNextLeaf(key)))
        {
            return false; // It may belong to a neighbour, or make the page pack itself anew, and longer.
        }

        var live = leaf.Live;
        var same = ApplyToLeaf(leaf, key, isThere, index, ref change);
        Invariant.Holds(same == leaf && !change.HasSplit);
        for (var level = _root.Level; level > 0; level--)
        {
            _restoredWay[level].Page.AddLive(_restoredWay[level].Child, leaf.Live - live);
        }

        _latest = Math.Max(_latest, change.Item.Modified.Main);
        RestoredNearby++;
        return true;
    }

    // A key that is greater than some in the remembered leaf: whether it is smaller than all in the next.
    private bool IsBeforeNextLeaf(ReadOnlySpan<byte> key)
    {
        for (var level = 1; level <= _root.Level; level++)
        {
            var (page, child) = _restoredWay[level];
            if (child < page.ChildCount - 1)
            {
                return page.ChildFor(key) == child;
            }
        }

        return true;
    }

    private void Remember(Page page, int child) => _restoredWay[page.Level] = (page, child);
}
