using System.Buffers;
using RaftKv.Raft;

namespace RaftKv.Storage.Mvcc;

/// <summary>
/// The older revisions of a key that is written often, outside of its page. Never changes: every change makes another one
/// that shares the chunks.
/// </summary>
/// <remarks>
/// <code>
///   chunks, the oldest first; each a <see cref="HistoryFormat"/> of up to 512 items
///
///   +---------+---------+-----+---------+        page entry
///   | 2 .. 90 | 91..207 |  …  | 950..971|  &lt;--  | 990 980 975 |
///   +---------+---------+-----+---------+
/// </code>
/// <para>A page moves a few dozen items here at a time, so that a put copies its share of one chunk (a few dozen bytes)
/// and of the list of chunks (8 bytes per 512 revisions, once in 512 puts).</para>
/// </remarks>
internal sealed class OldHistory
{
    private const int ChunkItems = 512;

    private readonly Chunk[] _oldestFirst;

    private OldHistory(Chunk[] oldestFirst)
    {
        Invariant.Holds(oldestFirst.Length > 0);
        _oldestFirst = oldestFirst;
    }

    public Revision Oldest => _oldestFirst[0].Oldest;

    public Revision Newest => _oldestFirst[^1].Newest;

    public static OldHistory Of(ReadOnlySpan<KeyRevision> newestFirst) => new([Chunk.Of(newestFirst)]);

    /// <summary>With more items, all newer than those here.</summary>
    public OldHistory With(ReadOnlySpan<KeyRevision> newestFirst)
    {
        Invariant.Holds(newestFirst[^1].Modified.CompareTo(Newest) > 0);
        var last = _oldestFirst[^1];
        return last.Count + newestFirst.Length > ChunkItems
            ? new OldHistory([.. _oldestFirst, Chunk.Of(newestFirst)])
            : Replacing(_oldestFirst.Length - 1, [last.With(newestFirst)]);
    }

    /// <summary>With an item at its place, or in the place of the one of the same revision.</summary>
    public OldHistory With(in KeyRevision item)
    {
        var at = Math.Max(0, LastChunkFrom(item.Modified));
        var items = _oldestFirst[at].Items();
        HistoryItems.Insert(items, item);
        return items.Count <= ChunkItems
            ? Replacing(at, [Chunk.Of([.. items])])
            : Replacing(at, [Chunk.Of([.. items[(items.Count / 2)..]]), Chunk.Of([.. items[..(items.Count / 2)]])]);
    }

    /// <summary>The newest item whose main revision is not greater; the default if there is none.</summary>
    public KeyRevision At(long main)
    {
        var at = LastChunkFrom(new Revision(main, long.MaxValue));
        if (at < 0)
        {
            return default;
        }

        var items = new HistoryReader(_oldestFirst[at].Bytes);
        while (items.MoveNext())
        {
            if (items.Current.Modified.Main <= main)
            {
                return items.Current;
            }
        }

        return default;
    }

    /// <summary>Appends the items of a span of main revisions, the oldest first; stops with the chunk in which the list
    /// grew to a length.</summary>
    public void Collect(long first, long last, int enough, List<KeyRevision> oldestFirst)
    {
        var at = Math.Max(0, LastChunkFrom(new Revision(first, 0)));
        for (; at < _oldestFirst.Length && oldestFirst.Count < enough && _oldestFirst[at].Oldest.Main <= last; at++)
        {
            HistoryItems.Collect(_oldestFirst[at].Bytes, first, last, oldestFirst);
        }
    }

    public bool Contains(Revision revision)
    {
        var at = LastChunkFrom(revision);
        return at >= 0 && HistoryItems.Contains(_oldestFirst[at].Bytes, revision);
    }

    /// <summary>
    /// Without the items older than one, or without the oldest part of them: whole chunks go until the budget is used up.
    /// </summary>
    /// <returns>What remains; null if nothing does.</returns>
    public OldHistory? Without(Revision olderThan, ref int budget, List<KeyRevision> removed)
    {
        var whole = 0;
        while (whole < _oldestFirst.Length && budget > 0 && _oldestFirst[whole].Newest.CompareTo(olderThan) < 0)
        {
            _oldestFirst[whole].ReportOlderThan(olderThan, removed);
            budget -= _oldestFirst[whole].Count;
            whole++;
        }

        if (whole == _oldestFirst.Length)
        {
            return null;
        }

        var first = _oldestFirst[whole];
        var isCut = budget > 0 && first.Oldest.CompareTo(olderThan) < 0;
        if (isCut)
        {
            first.ReportOlderThan(olderThan, removed);
            var items = first.Items();
            items.RemoveAll(item => item.Modified.CompareTo(olderThan) < 0);
            budget -= first.Count - items.Count;
            first = Chunk.Of([.. items]);
        }

        return whole == 0 && !isCut ? this : new OldHistory([first, .. _oldestFirst.AsSpan(whole + 1)]);
    }

    public void CheckInvariants()
    {
        for (var i = 0; i < _oldestFirst.Length; i++)
        {
            var chunk = _oldestFirst[i];
            var items = chunk.Items();
            Invariant.Holds(items.Count == chunk.Count && chunk.Count > 0);
            Invariant.Holds(items[0].Modified == chunk.Newest && items[^1].Modified == chunk.Oldest);
            Invariant.Holds(i == 0 || _oldestFirst[i - 1].Newest.CompareTo(chunk.Oldest) < 0);
        }
    }

    /// <summary>The last chunk whose oldest item is not newer; -1 if there is none.</summary>
    private int LastChunkFrom(Revision revision)
    {
        var low = 0;
        var high = _oldestFirst.Length;
        while (low < high)
        {
            var middle = (low + high) >>> 1;
            if (_oldestFirst[middle].Oldest.CompareTo(revision) <= 0)
            {
                low = middle + 1;
            }
            else
            {
                high = middle;
            }
        }

        return low - 1;
    }

    private OldHistory Replacing(int at, ReadOnlySpan<Chunk> by)
        => new([.. _oldestFirst.AsSpan(0, at), .. by, .. _oldestFirst.AsSpan(at + 1)]);

    private sealed class Chunk
    {
        public required Revision Oldest { get; init; }

        public required Revision Newest { get; init; }

        public required int Count { get; init; }

        public required byte[] Bytes { get; init; }

        public static Chunk Of(ReadOnlySpan<KeyRevision> newestFirst)
        {
            var room = ArrayPool<byte>.Shared.Rent(newestFirst.Length * HistoryFormat.MaxItemBytes);
            var length = HistoryFormat.WriteAll(room, newestFirst);
            var bytes = room.AsSpan(0, length).ToArray();
            ArrayPool<byte>.Shared.Return(room);
            return new Chunk
            {
                Oldest = newestFirst[^1].Modified,
                Newest = newestFirst[0].Modified,
                Count = newestFirst.Length,
                Bytes = bytes,
            };
        }

        /// <summary>With newer items in front. What is here stays as it is, byte for byte, but for its newest item, which says
        /// how far it is from the one before it.</summary>
        public Chunk With(ReadOnlySpan<KeyRevision> newestFirst)
        {
            var room = ArrayPool<byte>.Shared.Rent(((newestFirst.Length + 1) * HistoryFormat.MaxItemBytes) + Bytes.Length);
            var length = HistoryFormat.WriteAll(room, newestFirst);
            var older = new HistoryReader(Bytes);
            var isThere = older.MoveNext();
            Invariant.Holds(isThere && older.Current.Modified == Newest);
            length += HistoryFormat.WriteOlder(room.AsSpan(length), older.Current, newestFirst[^1]);
            older.Rest.CopyTo(room.AsSpan(length));
            length += older.Rest.Length;
            var bytes = room.AsSpan(0, length).ToArray();
            ArrayPool<byte>.Shared.Return(room);
            return new Chunk { Oldest = Oldest, Newest = newestFirst[0].Modified, Count = Count + newestFirst.Length, Bytes = bytes };
        }

        public List<KeyRevision> Items()
        {
            var items = new List<KeyRevision>(Count + 1);
            HistoryItems.Read(Bytes, items);
            return items;
        }

        public void ReportOlderThan(Revision revision, List<KeyRevision> removed)
        {
            var items = new HistoryReader(Bytes);
            while (items.MoveNext())
            {
                if (items.Current.Modified.CompareTo(revision) < 0)
                {
                    removed.Add(items.Current);
                }
            }
        }
    }
}

/// <summary>A history read into a list, the newest first, where it must be changed in the middle.</summary>
internal static class HistoryItems
{
    public static void Read(ReadOnlySpan<byte> history, List<KeyRevision> items)
    {
        var reader = new HistoryReader(history);
        while (reader.MoveNext())
        {
            items.Add(reader.Current);
        }
    }

    /// <summary>Appends those of a span of main revisions, turned round.</summary>
    public static void Collect(ReadOnlySpan<byte> history, long first, long last, List<KeyRevision> oldestFirst)
    {
        var from = oldestFirst.Count;
        var items = new HistoryReader(history);
        while (items.MoveNext() && items.Current.Modified.Main >= first)
        {
            if (items.Current.Modified.Main <= last)
            {
                oldestFirst.Add(items.Current);
            }
        }

        oldestFirst.Reverse(from, oldestFirst.Count - from);
    }

    public static bool Contains(ReadOnlySpan<byte> history, Revision revision)
    {
        var items = new HistoryReader(history);
        while (items.MoveNext())
        {
            var order = items.Current.Modified.CompareTo(revision);
            if (order <= 0)
            {
                return order == 0;
            }
        }

        return false;
    }

    public static void Insert(List<KeyRevision> newestFirst, in KeyRevision item)
    {
        var at = 0;
        while (at < newestFirst.Count && newestFirst[at].Modified.CompareTo(item.Modified) > 0)
        {
            at++;
        }

        if (at < newestFirst.Count && newestFirst[at].Modified == item.Modified)
        {
            newestFirst[at] = item;
        }
        else
        {
            newestFirst.Insert(at, item);
        }
    }
}
