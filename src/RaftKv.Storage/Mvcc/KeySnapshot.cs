using System.Diagnostics.CodeAnalysis;
using RaftKv.Raft;

namespace RaftKv.Storage.Mvcc;

/// <summary>
/// The index as it was published once. Any number of threads may read it, without locks and for as long as they like; it
/// holds the pages it needs, and the garbage collector frees them after it.
/// </summary>
public sealed class KeySnapshot
{
    internal KeySnapshot(Page root, long horizon, long latest)
    {
        Root = root;
        Horizon = horizon;
        Latest = latest;
    }

    /// <summary>The revision that history is compacted to: the oldest one that can be read.</summary>
    public long Horizon { get; }

    /// <summary>The newest main revision that is in the snapshot. All greater ones read the same. The pages may have later
    /// ones by now: nothing here looks past this one.</summary>
    public long Latest { get; }

    /// <summary>How many keys have a value at the newest revision.</summary>
    public long LiveKeys => Root.Live;

    internal Page Root { get; }

    /// <summary>Finds a key that has a value at the newest revision.</summary>
    public bool TryFind(ReadOnlySpan<byte> key, out KeyRevision found) => TryFind(key, long.MaxValue, out found);

    /// <summary>Finds a key that has a value at a main revision, not before the horizon.</summary>
    public bool TryFind(ReadOnlySpan<byte> key, long revision, out KeyRevision found)
    {
        Invariant.Holds(revision >= Horizon);
        found = default;
        if (TryLocate(key, out var leaf, out var index))
        {
            found = leaf.At(index, Math.Min(revision, Latest));
        }

        if (!found.IsLive)
        {
            found = default;
        }

        return found.IsLive;
    }

    /// <summary>Appends every change of a key in a span of main revisions, tombstones too, the oldest first.</summary>
    /// <param name="key">Which.</param>
    /// <param name="first">Not before the horizon.</param>
    /// <param name="last">Inclusive.</param>
    /// <param name="enough">From this length of the list on, the rest may be left out.</param>
    /// <param name="oldestFirst">Where to.</param>
    public void History(ReadOnlySpan<byte> key, long first, long last, int enough, List<KeyRevision> oldestFirst)
    {
        Invariant.Holds(first >= Horizon);
        if (TryLocate(key, out var leaf, out var index))
        {
            leaf.Collect(index, first, Math.Min(last, Latest), enough, oldestFirst);
        }
    }

    /// <summary>Whether a revision of a key, be it a put or a tombstone, is still kept. What is not is never read again by
    /// this snapshot or later ones.</summary>
    public bool IsLive(ReadOnlySpan<byte> key, Revision revision)
        => revision.Main <= Latest && TryLocate(key, out var leaf, out var index) && leaf.Contains(index, revision);

    /// <summary>Whether a read at the horizon or later, of a key or of history, can come upon a revision. What cannot be
    /// come upon may be in here nevertheless, until compaction is through with it.</summary>
    internal bool IsNeeded(ReadOnlySpan<byte> key, Revision revision)
    {
        if (!TryLocate(key, out var leaf, out var index))
        {
            return false;
        }

        if (revision.Main >= Horizon)
        {
            return leaf.Contains(index, revision);
        }

        var found = leaf.At(index, Horizon);
        return found.IsLive && found.Modified == revision;
    }

    /// <summary>Whether anything is known of a key.</summary>
    internal bool Knows(ReadOnlySpan<byte> key) => TryLocate(key, out _, out _);

    /// <summary>The keys of a range that have a value at a main revision, in key order or against it.</summary>
    public KeyCursor Scan(KeyRange range, long revision = long.MaxValue, bool isDescending = false)
    {
        Invariant.Holds(revision >= Horizon);
        return new KeyCursor(Root, range, Math.Min(revision, Latest), isDescending);
    }

    /// <summary>
    /// How many keys of a range have a value at a main revision. At the newest revision that is a matter of the pages on
    /// the two edges of the range; at an older one every key of the range is looked at.
    /// </summary>
    public long Count(KeyRange range, long revision = long.MaxValue)
    {
        Invariant.Holds(revision >= Horizon);
        if (range.IsSingle)
        {
            return TryFind(range.Start.Span, revision, out _) ? 1 : 0;
        }

        if (range.IsEmpty)
        {
            return 0;
        }

        if (revision >= Latest)
        {
            return (range.IsOpen ? LiveKeys : LiveBefore(range.End)) - LiveBefore(range.Start.Span);
        }

        var count = 0L;
        var keys = Scan(range, revision);
        while (keys.MoveNext())
        {
            count++;
        }

        return count;
    }

    private bool TryLocate(ReadOnlySpan<byte> key, [NotNullWhen(true)] out Page? leaf, out int index)
    {
        var page = Root;
        while (!page.IsLeaf)
        {
            page = page.Child(page.ChildFor(key));
        }

        var isThere = page.Search(key, out index);
        leaf = isThere ? page : null;
        return isThere;
    }

    private long LiveBefore(ReadOnlySpan<byte> key)
    {
        var live = 0L;
        var page = Root;
        while (!page.IsLeaf)
        {
            var child = page.ChildFor(key);
            live += page.LiveBeforeChild(child);
            page = page.Child(child);
        }

        page.Search(key, out var index);
        return live + page.LiveBefore(index);
    }
}
