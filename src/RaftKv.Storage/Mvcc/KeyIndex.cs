using RaftKv.Raft;

namespace RaftKv.Storage.Mvcc;

/// <summary>
/// Which keys there are and what was done to them, from the compaction horizon on: a copy-on-write B+tree in memory. The
/// values are elsewhere, under the revisions that are found here.
/// </summary>
/// <remarks>
/// <code>
///   Published ──&gt; root ─┬─ page ─┬─ leaf      published: only ever overwritten
///                       │        └─ leaf &lt;─┐
///                       └─ page            │  shared
///                                          │
///   Working  ───&gt; root'─┬─ page'─┬─ leaf'  │  made in this batch: changed in place
///                       │        └─────────┘
///                       └─ (page, shared)
/// </code>
/// <para>One thread writes. <see cref="Publish"/> ends a batch: what was written becomes visible as a whole.</para>
/// <para><b>Overwriting.</b> Most puts give a new value to a key that has one. That is one more revision at the front of
/// the key's history and nothing else: no place of a key changes and no count. A snapshot does not look at revisions later
/// than its own (<see cref="KeySnapshot.Latest"/>), so this one change is made in the page itself, under the eyes of readers
/// (<see cref="Page.TryOverwrite"/>), and copies nothing; or, where the page has no room, the page alone is made anew, and takes
/// its place in the page above (<see cref="Page.Overwritten"/>). Everything else takes a copy of all pages on the way.</para>
/// </remarks>
public sealed partial class KeyIndex
{
    private Page _root;
    private long _batch = 1;
    private long _horizon;
    private long _latest;
    private KeySnapshot _published;

    public KeyIndex()
    {
        _root = Page.EmptyLeaf(_batch);
        _published = Publish();
    }

    /// <summary>What readers may see; on any thread.</summary>
    public KeySnapshot Published => Volatile.Read(ref _published);

    /// <summary>What the writer sees, all that is not published yet included; valid until its next change.</summary>
    public KeySnapshot Working => new(_root, _horizon, _latest);

    internal KeySpaceFaults Faults { get; init; } = KeySpaceFaults.None;

    /// <summary>What all that <see cref="Restore"/> has added counts for.</summary>
    internal long Bytes { get; private set; }

    /// <summary>What a change of a key counts for in space: its key and value, and about what comes with it.</summary>
    internal static long CountedBytes(in KeyRevision item) => item.Bytes + 32;

    /// <summary>Makes everything written so far visible to readers at once.</summary>
    public KeySnapshot Publish()
    {
        var snapshot = Freeze();
        Volatile.Write(ref _published, snapshot);
        return snapshot;
    }

    /// <summary>Keeps everything written so far as it is, without showing it to readers.</summary>
    internal KeySnapshot Freeze()
    {
        var snapshot = Working;
        _batch++;
        _restoredLeaf = null;
        return snapshot;
    }

    /// <summary>Notes that a key was given a value.</summary>
    /// <param name="key">Not empty.</param>
    /// <param name="revision">Greater than all the key has.</param>
    /// <param name="valueBytes">How long the value is.</param>
    /// <param name="isLeased">Whether it is attached to a lease.</param>
    public KeyChange Put(ReadOnlySpan<byte> key, Revision revision, int valueBytes, bool isLeased = false)
    {
        var item = new KeyRevision(revision, 0, 0, key.Length + valueBytes, isLeased);
        var change = new IndexChange { Kind = ChangeKind.Put, Item = item };
        Apply(key, ref change);
        return new KeyChange(change.Before, change.Item);
    }

    /// <summary>Notes that a key was deleted.</summary>
    /// <param name="key">Not empty.</param>
    /// <param name="revision">Greater than all the key has.</param>
    /// <param name="before">What it was.</param>
    /// <returns>False if it had no value; then nothing was done.</returns>
    public bool Delete(ReadOnlySpan<byte> key, Revision revision, out KeyRevision before)
    {
        // A page that is only looked at is not copied.
        if (!Working.TryFind(key, out before))
        {
            return false;
        }

        var change = new IndexChange { Kind = ChangeKind.Tombstone, Item = KeyRevision.Tombstone(revision, key.Length) };
        Apply(key, ref change);
        return true;
    }

    /// <summary>Walks all of it; for tests.</summary>
    internal void CheckInvariants() => _root.CheckInvariants([], [], isOpen: true);

    private void Apply(ReadOnlySpan<byte> key, ref IndexChange change)
    {
        Invariant.Holds(key.Length > 0);
        _restoredLeaf = null;
        var root = Apply(_root, key, ref change);
        _root = change.Right is null ? root : Page.Over(_batch, root, change.Separator, change.Right);
        _latest = Math.Max(_latest, change.Item.Modified.Main);
    }

    private Page Apply(Page page, ReadOnlySpan<byte> key, ref IndexChange change)
    {
        if (page.IsLeaf)
        {
            return ApplyToLeaf(page, key, ref change);
        }

        var index = page.ChildFor(key);
        var child = Apply(page.Child(index), key, ref change);
        if (change.IsOverwritten)
        {
            page.ReplaceOverwritten(index, child);
            return page;
        }

        page = page.Owned(_batch);
        page.SetChild(index, child);
        if (change.Kind == ChangeKind.Restore)
        {
            Remember(page, index);
        }

        if (change.Right is not null)
        {
            page.InsertChild(index, change.Separator, change.Right);
            change.Right = null;
            if (page.IsFull)
            {
                change.Right = page.SplitInner(out change.Separator);
            }
        }

        return page;
    }

    private Page ApplyToLeaf(Page leaf, ReadOnlySpan<byte> key, ref IndexChange change)
    {
        var isThere = leaf.Search(key, out var index);
        return ApplyToLeaf(leaf, key, isThere, index, ref change);
    }

    private Page ApplyToLeaf(Page leaf, ReadOnlySpan<byte> key, bool isThere, int index, ref IndexChange change)
    {
        change.Before = isThere ? leaf.NewestAt(index) : default;
        if (change.Kind == ChangeKind.Put)
        {
            change.Item = change.Before.AfterPut(change.Item.Modified, change.Item.Bytes, change.Item.IsLeased);
            change.IsOverwritten = change.Before.IsLive && leaf.TryOverwrite(index, change.Before, change.Item);
            if (change.IsOverwritten)
            {
                return leaf;
            }

            if (change.Before.IsLive && !leaf.IsOf(_batch) && leaf.Overwritten(index, change.Before, change.Item) is { } other)
            {
                change.IsOverwritten = true;
                return other;
            }
        }

        leaf = leaf.Owned(_batch);
        if (!isThere)
        {
            leaf.InsertKey(index, key, change.Item);
        }
        else if (change.Kind == ChangeKind.Restore && change.Item.Modified.CompareTo(change.Before.Modified) <= 0)
        {
            change.WasThere = leaf.Contains(index, change.Item.Modified);
            leaf.AddAnywhere(index, change.Item);
        }
        else
        {
            leaf.AddNewest(index, change.Before, change.Item);
        }

        if (leaf.IsFull)
        {
            change.Right = leaf.SplitLeaf(isThere ? -1 : index, out change.Separator);
            change.HasSplit = true;
        }

        if (change.Kind == ChangeKind.Restore)
        {
            _restoredLeaf = leaf;
        }

        return leaf;
    }

    private enum ChangeKind
    {
        Put,
        Tombstone,
        Restore,
    }

    /// <summary>What goes down to a leaf, and what comes back.</summary>
    private ref struct IndexChange
    {
        public ChangeKind Kind;
        public KeyRevision Item;
        public KeyRevision Before;

        // Then nothing above the leaf is to be done.
        public bool IsOverwritten;

        // Of what is restored.
        public bool WasThere;

        // Then the way to the leaf is not what it was.
        public bool HasSplit;

        // Set while a page that was split looks for its place in the page above.
        public Page? Right;
        public byte[] Separator;
    }
}
