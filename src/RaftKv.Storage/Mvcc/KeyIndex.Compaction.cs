using RaftKv.Raft;

namespace RaftKv.Storage.Mvcc;

/// <summary>
/// Compaction: of each key, the newest revision up to the horizon stays, and all that came later; if it is a tombstone
/// from before the horizon, it goes as well. What happened exactly at the horizon stays whole until the next compaction,
/// for watchers that begin there.
/// </summary>
/// <remarks>The walk goes on by key, so that writes between its steps, which may split any page, do not disturb it. They
/// add nothing that it would have to remove: they are all past the horizon.</remarks>
public sealed partial class KeyIndex
{
    // The first key that has not been looked at; null when nothing is left to do.
    private byte[]? _compactFrom;

    /// <summary>Whether history from before the horizon may still be there.</summary>
    public bool IsCompacting => _compactFrom is not null;

    /// <summary>Begins to drop what only reads before a revision would see. From the next snapshot on there are no such
    /// reads; the history goes with the steps. A compaction still under way is overtaken.</summary>
    public void StartCompaction(long horizon)
    {
        Invariant.Holds(horizon >= _horizon);
        _horizon = horizon;
        _compactFrom = [];
    }

    /// <summary>Goes on a bounded step. What it changed is published with the batch.</summary>
    /// <param name="maxKeys">How many keys to look at; a removed revision counts as much as a key. A key with a very long
    /// history takes several steps.</param>
    /// <param name="removed">Receives the revisions that no snapshot published from here on will ask for. Older snapshots
    /// may.</param>
    /// <returns>Whether there is more to do.</returns>
    public bool CompactStep(int maxKeys, List<KeyRevision> removed)
    {
        Invariant.Holds(maxKeys > 0);
        if (_compactFrom is null)
        {
            return false;
        }

        var from = _compactFrom;
        _compactFrom = null;
        _restoredLeaf = null;
        _root = Compact(_root, from, ref maxKeys, removed);
        while (!_root.IsLeaf && _root.ChildCount <= 1)
        {
            _root = _root.ChildCount == 0 ? Page.EmptyLeaf(_batch) : _root.Child(0);
        }

        return IsCompacting;
    }

    private Page Compact(Page page, ReadOnlySpan<byte> from, ref int budget, List<KeyRevision> removed)
    {
        if (page.IsLeaf)
        {
            return CompactLeaf(page, from, ref budget, removed);
        }

        var first = page.ChildFor(from);
        var index = first;
        var removedBefore = removed.Count;
        for (; index < page.ChildCount && _compactFrom is null; index++)
        {
            // Whoever changed a page removed something. The page itself may still be the same: made in this batch.
            var child = Compact(page.Child(index), from, ref budget, removed);
            if (removed.Count > removedBefore)
            {
                page = page.Owned(_batch);
                page.SetChild(index, child);
            }
        }

        if (removed.Count > removedBefore)
        {
            page.TidyChildren(first, index - 1);
        }

        return page;
    }

    private Page CompactLeaf(Page page, ReadOnlySpan<byte> from, ref int budget, List<KeyRevision> removed)
    {
        page.Search(from, out var index);
        while (index < page.Count)
        {
            if (budget <= 0)
            {
                _compactFrom = page.KeyAt(index);
                break;
            }

            var firstKept = FirstKept(page, index);
            var isThere = true;
            if (page.HasOlderThan(index, firstKept))
            {
                page = page.Owned(_batch);
                isThere = page.RemoveOlderThan(index, firstKept, ref budget, removed);
            }

            // What a step leaves of a long history is looked at again.
            if (isThere && !page.HasOlderThan(index, firstKept))
            {
                index++;
            }

            budget--;
        }

        return page;
    }

    private Revision FirstKept(Page page, int index)
    {
        if (Faults.DropsTombstonesAtHorizon && page.At(index, _horizon) is { IsLive: false } tombstone)
        {
            return tombstone.Modified with { Sub = tombstone.Modified.Sub + 1 };
        }

        return page.FirstKept(index, Faults.CompactsOneTooFar ? _horizon + 1 : _horizon);
    }
}
