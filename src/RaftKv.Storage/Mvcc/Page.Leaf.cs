using System.Buffers;
using System.Buffers.Binary;
using System.Runtime.InteropServices;
using RaftKv.Raft;

namespace RaftKv.Storage.Mvcc;

/// <summary>The revisions of the keys of a leaf.</summary>
internal sealed partial class Page
{
    /// <summary>What a key may keep of its history in the page; when that is exceeded, all but the newest moves out.</summary>
    public const int InlineHistoryBytes = 96;

    // The mark and the place in front of a history that goes on elsewhere.
    private const int PlacedBytes = 1 + sizeof(ushort);

    // Where the writer unpacks a history.
    [ThreadStatic]
    private static List<KeyRevision>? _items;

    // Indexed by the payloads. A key that lost its old history leaves null, until the page is packed anew.
    private OldHistory?[] _old = [];
    private long _live;

    public bool IsLeaf => _children is null;

    /// <summary>How many keys here, or below, have a value at the newest revision.</summary>
    public long Live => _live;

    public static Page EmptyLeaf(long batch) => new(batch, SpareSlots, GrowthBytes, []);

    /// <summary>What a key was at a main revision; the default if it had not been written yet.</summary>
    public KeyRevision At(int index, long main)
    {
        var old = ReadPayload(index, out var history);
        var items = new HistoryReader(history);
        while (items.MoveNext())
        {
            if (items.Current.Modified.Main <= main)
            {
                return items.Current;
            }
        }

        return old is null ? default : old.At(main);
    }

    public KeyRevision NewestAt(int index)
    {
        ReadPayload(index, out var history);
        var items = new HistoryReader(history);
        var isThere = items.MoveNext();
        Invariant.Holds(isThere);
        return items.Current;
    }

    /// <summary>Appends what a key was in a span of main revisions, the oldest first, until there is enough.</summary>
    public void Collect(int index, long first, long last, int enough, List<KeyRevision> oldestFirst)
    {
        var old = ReadPayload(index, out var history);
        old?.Collect(first, last, enough, oldestFirst);
        if (oldestFirst.Count < enough)
        {
            HistoryItems.Collect(history, first, last, oldestFirst);
        }
    }

    /// <summary>Whether a revision of a key is still kept.</summary>
    public bool Contains(int index, Revision revision)
    {
        var old = ReadPayload(index, out var history);
        return HistoryItems.Contains(history, revision) || (old is not null && old.Contains(revision));
    }

    /// <summary>How many of the first keys have a value at the newest revision.</summary>
    public long LiveBefore(int index)
    {
        var live = 0L;
        for (var i = 0; i < index; i++)
        {
            live += NewestAt(i).IsLive ? 1 : 0;
        }

        return live;
    }

    public void InsertKey(int index, ReadOnlySpan<byte> key, in KeyRevision item)
    {
        Span<byte> payload = stackalloc byte[1 + HistoryFormat.MaxItemBytes];
        payload[0] = 0;
        var length = 1 + HistoryFormat.WriteNewest(payload[1..], item);
        InsertEntry(index, key, payload[..length]);
        _live += item.IsLive ? 1 : 0;
    }

    /// <summary>Adds a put newer than all that the key has, to a key that has a value; readers may be looking at the
    /// page.</summary>
    /// <remarks>They find the old history or the new one, according to what they read from the slot, and both are right for
    /// them: they pass over what is newer than their snapshot. The bytes of the new one are there before the slot leads to
    /// them, and no byte that a slot has ever led to changes.</remarks>
    /// <returns>False if there is no room, or the history became too long; then nothing was done.</returns>
    public bool TryOverwrite(int index, in KeyRevision before, in KeyRevision item)
    {
        Invariant.Holds(before.IsLive && item.IsLive);
        Invariant.Holds(item.Modified.CompareTo(before.Modified) > 0);
        var old = PayloadAt(index);
        var mark = old[0] == 0 ? 1 : PlacedBytes;
        Span<byte> payload = stackalloc byte[PlacedBytes + InlineHistoryBytes + (2 * HistoryFormat.MaxItemBytes)];
        old[..mark].CopyTo(payload);
        var length = HistoryFormat.Prepend(payload[mark..], item, old[mark..]);
        if (length > InlineHistoryBytes)
        {
            return false;
        }

        payload = payload[..(mark + length)];
        var bytes = StringBytes(payload.Length);
        var hole = StringBytes(old.Length);
        if (bytes > _heapStart || NeededBytes + bytes - hole > FullBytes)
        {
            return false;
        }

        _holes += hole;
        _heapStart -= bytes;
        WriteString(_heapStart, payload, []);
        Volatile.Write(ref _slots[index].Payload, _heapStart);
        return true;
    }

    /// <summary>Where there is no room for what <see cref="TryOverwrite"/> does: a page with the put, to take the place of this
    /// one, under the eyes of readers as well.</summary>
    /// <remarks>Readers may come from any snapshot that leads here: none of them can tell the two apart, for keys, counts and
    /// all that they may look at of each history are the same. Nobody changes it after that but by an overwrite.</remarks>
    /// <returns>Null if it would have to be split.</returns>
    public Page? Overwritten(int index, in KeyRevision before, in KeyRevision item)
    {
        Invariant.Holds(before.IsLive && item.IsLive);
        var other = new Page(this, NoBatch);
        other.AddNewest(index, before, item);
        if (other.IsFull)
        {
            return null;
        }

        // What slots lead to is in a page's own list of old histories.
        Invariant.Holds(!other._sharesSlots && other._live == _live && other._count == _count);
        return other;
    }

    /// <summary>Adds a revision newer than all that the key has.</summary>
    public void AddNewest(int index, in KeyRevision before, in KeyRevision item)
    {
        Invariant.Holds(item.Modified.CompareTo(before.Modified) > 0);
        var old = ReadPayload(index, out var history);
        Span<byte> longer = stackalloc byte[InlineHistoryBytes + (2 * HistoryFormat.MaxItemBytes)];
        var length = HistoryFormat.Prepend(longer, item, history);
        if (length <= InlineHistoryBytes)
        {
            SetHistory(index, longer[..length], old);
        }
        else
        {
            var items = _items ??= [];
            items.Clear();
            HistoryItems.Read(history, items);
            var moved = CollectionsMarshal.AsSpan(items);
            old = old is null ? OldHistory.Of(moved) : old.With(moved);
            SetHistory(index, longer[..HistoryFormat.WriteNewest(longer, item)], old);
        }

        _live += (item.IsLive ? 1 : 0) - (before.IsLive ? 1 : 0);
    }

    /// <summary>Adds a revision anywhere in the history of a key, or says again what it is.</summary>
    public void AddAnywhere(int index, in KeyRevision item)
    {
        var before = NewestAt(index);
        var old = ReadPayload(index, out var history);
        if (old is not null && item.Modified.CompareTo(old.Newest) <= 0)
        {
            SetHistory(index, history, old.With(item));
            return;
        }

        var items = new List<KeyRevision>();
        HistoryItems.Read(history, items);
        HistoryItems.Insert(items, item);
        SetItems(index, items, old);
        _live += (items[0].IsLive ? 1 : 0) - (before.IsLive ? 1 : 0);
    }

    /// <summary>
    /// The oldest revision that a key keeps when history up to <paramref name="horizon"/> is compacted: the newest one up
    /// to there, or what follows if that is a tombstone from before the horizon.
    /// </summary>
    /// <remarks>A key may have changed more than once in the revision at the horizon. All of that revision stays: whoever
    /// reads history from there on counts through it, and would take a gap for its end.</remarks>
    public Revision FirstKept(int index, long horizon)
    {
        var kept = At(index, horizon);
        return kept.Modified.Main == horizon && kept != default ? kept.Modified with { Sub = 0 }
            : kept.IsLive || kept == default ? kept.Modified
            : kept.Modified with { Sub = kept.Modified.Sub + 1 };
    }

    /// <summary>Whether a key has revisions older than one.</summary>
    public bool HasOlderThan(int index, Revision revision)
    {
        var old = ReadPayload(index, out var history);
        if (old is not null)
        {
            return old.Oldest.CompareTo(revision) < 0;
        }

        var items = new HistoryReader(history);
        while (items.MoveNext())
        {
            if (items.Current.Modified.CompareTo(revision) < 0)
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Removes revisions of a key older than one, the oldest first and not many more than the budget.</summary>
    /// <returns>Whether the key is still there.</returns>
    public bool RemoveOlderThan(int index, Revision revision, ref int budget, List<KeyRevision> removed)
    {
        var old = ReadPayload(index, out var history);
        if (old is not null)
        {
            var rest = old.Without(revision, ref budget, removed);
            if (rest is not null)
            {
                SetHistory(index, history, rest);
                return true;
            }
        }

        // A compaction comes by every key: what it would leave behind, the collector would have to stop everybody for.
        var items = _items ??= [];
        items.Clear();
        HistoryItems.Read(history, items);
        for (var i = items.Count - 1; i >= 0 && items[i].Modified.CompareTo(revision) < 0; i--)
        {
            removed.Add(items[i]);
            items.RemoveAt(i);
            budget--;
        }

        if (items.Count > 0)
        {
            SetItems(index, items, old: null);
            return true;
        }

        Invariant.Holds(!NewestAt(index).IsLive);
        ForgetOld(index);
        RemoveEntry(index);
        return false;
    }

    /// <summary>Cuts a full leaf in two; this one keeps the left side.</summary>
    /// <param name="lastInserted">Where the key is that made it too full.</param>
    /// <param name="separator">A short key that is greater than all on the left and not greater than any on the right.</param>
    public Page SplitLeaf(int lastInserted, out byte[] separator)
    {
        // Keys that come in order leave full pages behind.
        var cut = lastInserted == _count - 1 ? _count - 1 : Middle();
        var last = KeyAt(cut - 1);
        var first = KeyAt(cut);
        separator = first[..(first.AsSpan().CommonPrefixLength(last) + 1)];

        var right = PackedPart(cut, _count);
        right._live = right.LiveBefore(right._count);
        Take(PackedPart(0, cut));
        _live -= right._live;
        return right;
    }

    /// <summary>Both leaves in one, this one.</summary>
    public void AppendLeaf(Page right)
    {
        var live = _live + right._live;
        if (right._count > 0)
        {
            var prefix = _count == 0 ? right.KeyPrefix : CommonPrefix(KeyAt(0), right.KeyAt(right._count - 1));
            var room = right.BytesOf(0, right._count, prefix.Length) + GrowthBytes;
            var merged = Packed(prefix, room, 0, _count);
            merged.Append(right, 0, right._count);
            Take(merged);
        }

        _live = live;
    }

    private OldHistory? ReadPayload(int index, out ReadOnlySpan<byte> history)
    {
        var payload = PayloadAt(index);
        if (payload[0] == 0)
        {
            history = payload[1..];
            return null;
        }

        history = payload[PlacedBytes..];
        return _old[PlaceIn(payload)];
    }

    private void SetItems(int index, List<KeyRevision> newestFirst, OldHistory? old)
    {
        var room = ArrayPool<byte>.Shared.Rent(newestFirst.Count * HistoryFormat.MaxItemBytes);
        var items = CollectionsMarshal.AsSpan(newestFirst);
        var length = HistoryFormat.WriteAll(room, items);
        if (length > InlineHistoryBytes && items.Length > 1)
        {
            var moved = items[1..];
            old = old is null ? OldHistory.Of(moved) : old.With(moved);
            length = HistoryFormat.WriteNewest(room, items[0]);
        }

        SetHistory(index, room.AsSpan(0, length), old);
        ArrayPool<byte>.Shared.Return(room);
    }

    /// <param name="index">Of the key.</param>
    /// <param name="history">May be this page's own bytes.</param>
    /// <param name="old">What the page does not hold; null for nothing.</param>
    private void SetHistory(int index, ReadOnlySpan<byte> history, OldHistory? old)
    {
        Span<byte> payload = stackalloc byte[PlacedBytes + InlineHistoryBytes + HistoryFormat.MaxItemBytes];

        // First of all: when a page is packed anew, every old history gets another place.
        MakeRoomToReplace(index, PlacedBytes + history.Length);
        var place = 0;
        if (old is not null)
        {
            if (PayloadAt(index)[0] == 0)
            {
                place = _old.Length;
                _old = [.. _old, old];
            }
            else
            {
                place = PlaceIn(PayloadAt(index));
                _old[place] = old;
            }
        }
        else
        {
            ForgetOld(index);
        }

        payload[0] = old is null ? (byte)0 : (byte)1;
        var length = 1;
        if (old is not null)
        {
            SetPlace(payload, place);
            length = PlacedBytes;
        }

        history.CopyTo(payload[length..]);
        ReplacePayload(index, payload[..(length + history.Length)]);
    }

    private void ForgetOld(int index)
    {
        if (PayloadAt(index)[0] != 0)
        {
            _old[PlaceIn(PayloadAt(index))] = null;
        }
    }

    private static int PlaceIn(ReadOnlySpan<byte> payload) => BinaryPrimitives.ReadUInt16LittleEndian(payload[1..]);

    private static void SetPlace(Span<byte> payload, int place)
        => BinaryPrimitives.WriteUInt16LittleEndian(payload[1..], checked((ushort)place));

    /// <summary>Gives the entries from one on, copied from another page, their old histories, in places of this page.</summary>
    private void AdoptOld(Page source, int from)
    {
        if (source._old.Length == 0)
        {
            return;
        }

        var adopted = new List<OldHistory?>(_old);
        for (var i = from; i < _count; i++)
        {
            var payload = PayloadAt(i);
            if (payload[0] != 0)
            {
                adopted.Add(source._old[PlaceIn(payload)]);
                SetPlace(_heap.AsSpan(_slots[i].Payload + PackedNumber.LengthOf((ulong)payload.Length)), adopted.Count - 1);
            }
        }

        _old = [.. adopted];
    }

    private void CheckLeaf()
    {
        Invariant.Holds(_live == LiveBefore(_count));
        var old = new HashSet<OldHistory>(ReferenceEqualityComparer.Instance);
        for (var i = 0; i < _count; i++)
        {
            var spilled = ReadPayload(i, out var history);
            var items = new List<KeyRevision>();
            HistoryItems.Read(history, items);
            Invariant.Holds(items.Count > 0);
            for (var n = 1; n < items.Count; n++)
            {
                Invariant.Holds(items[n - 1].Modified.CompareTo(items[n].Modified) > 0);
            }

            if (spilled is not null)
            {
                Invariant.Holds(old.Add(spilled));
                Invariant.Holds(spilled.Newest.CompareTo(items[^1].Modified) < 0);
                spilled.CheckInvariants();
            }
        }
    }
}
