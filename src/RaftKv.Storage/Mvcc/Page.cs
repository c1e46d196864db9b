using System.Buffers.Binary;
using RaftKv.Raft;

namespace RaftKv.Storage.Mvcc;

/// <summary>
/// A page of the key index: keys in order, each with some bytes of its own. A leaf keeps the revisions of every key; an
/// inner page has a key between every two children. See Page.Leaf and Page.Inner.
/// </summary>
/// <remarks>
/// <code>
///   _slots     one for each key, in key order:
///              the first 4 bytes of the key without the prefix, as a number, zeros if it is shorter;
///              where in the heap the key is, and where its payload
///
///   _heap      0        _heapStart                        length - _prefixLength   length
///              +--------+---------------------------------+------------------------+
///              | free   | strings, the newest first       | prefix of all keys     |
///              +--------+---------------------------------+------------------------+
///
///   string     length, as a packed number, and as many bytes: a key without the prefix, or a payload
///
///   payload    of a leaf, see <see cref="HistoryFormat"/>:
///                 0 | history
///                 1 | place in _old, 2 bytes | the newest of the history; _old has the rest
///              of an inner page: empty
/// </code>
/// <para>Why a slot repeats the head of its key: a search then stays in the slots, a few lines of cache side by side, and
/// looks into one or two keys instead of one for every halving.</para>
/// <para>A string that is replaced or removed leaves a hole; the holes are closed when room runs out and the page is
/// packed anew. That is also when the prefix grows to what the keys have in common. A key that does not begin with the
/// prefix makes the page pack itself anew with a shorter one.</para>
/// <para><b>Copies.</b> A page may be changed only in the batch that made it. From then on readers may hold it, so that
/// the writer takes a copy (<see cref="Owned"/>); only <see cref="TryOverwrite"/> does not need one. The copy shares everything
/// with the original: the heap for good, for readers do not look below the strings they know of, and new strings go there;
/// the arrays until they are changed. So changing a key costs a copy of its leaf's slots and not of its keys. What
/// <see cref="Overwritten"/> makes belongs to no batch: it takes the place of the original also where readers hold that.</para>
/// <para>The heap is as long as the page needs and a little more. It may be far longer than <see cref="FullBytes"/>,
/// for a long key fits into a page whole; then few keys share the page.</para>
/// </remarks>
internal sealed partial class Page
{
    /// <summary>A page that needs more is split.</summary>
    public const int FullBytes = 2048;

    /// <summary>A page that needs less looks for a neighbour to be merged with.</summary>
    public const int SmallBytes = FullBytes / 4;

    /// <summary>Two pages are merged only if that leaves room to grow.</summary>
    public const int MergedBytes = FullBytes * 3 / 4;

    private const int HeadBytes = sizeof(uint);
    private const int SlotBytes = HeadBytes + (2 * sizeof(int));

    // What a page may grow by before it is packed anew. Half of it is unused on average; half as much would mean twice as
    // many packings.
    private const int GrowthBytes = 384;

    // The same for a page whose keys are overwritten: every put writes a key's short history once more, and a page that ran
    // out of room will again.
    private const int OverwriteGrowthBytes = 1024;
    private const int SpareSlots = 4;

    // Batches count from one.
    private const long NoBatch = 0;

    private readonly long _batch;
    private Slot[] _slots;
    private byte[] _heap;
    private int _count;
    private int _prefixLength;
    private int _heapStart;
    private int _holes;

    // From here on the heap may be somebody else's as well.
    private int _sharedFrom;
    private bool _sharesSlots;

    private Page(long batch, int slots, int heapBytes, ReadOnlySpan<byte> prefix)
    {
        _batch = batch;
        _slots = new Slot[slots];
        _heap = GC.AllocateUninitializedArray<byte>(heapBytes + prefix.Length);
        _prefixLength = prefix.Length;
        _heapStart = heapBytes;
        _sharedFrom = _heap.Length;
        prefix.CopyTo(_heap.AsSpan(_heapStart));
    }

    private Page(Page other, long batch)
    {
        _batch = batch;
        _slots = other._slots;
        _heap = other._heap;
        _count = other._count;
        _prefixLength = other._prefixLength;
        _heapStart = other._heapStart;
        _holes = other._holes;
        _sharedFrom = other._heapStart;
        _sharesSlots = true;
        _live = other._live;
        _old = other._old.Length == 0 ? [] : [.. other._old];
        _children = other._children is null ? null : [.. other._children];
        _childLive = other._childLive;
        _sharesChildLive = true;
        _childCount = other._childCount;
        _level = other._level;
    }

    /// <summary>How many keys are in it; of an inner page, how many separate its children.</summary>
    public int Count => _count;

    /// <summary>What the keys and payloads take, without free room and holes.</summary>
    public int NeededBytes => (_count * SlotBytes) + _heap.Length - _heapStart - _holes;

    private ReadOnlySpan<byte> KeyPrefix => _heap.AsSpan(_heap.Length - _prefixLength);

    private ReadOnlySpan<Slot> Slots => _slots.AsSpan(0, _count);

    /// <summary>Whether a batch made it: then readers do not know it yet.</summary>
    public bool IsOf(long batch) => _batch == batch;

    /// <summary>This page if the batch made it, else a copy that the batch may change.</summary>
    public Page Owned(long batch) => IsOf(batch) ? this : new Page(this, batch);

    /// <summary>Finds a key, or the place where it would be.</summary>
    public bool Search(ReadOnlySpan<byte> key, out int index)
    {
        // Halving looks at one line after the other, and each would be waited for.
        FetchSlots();
        if (_prefixLength > 0)
        {
            var prefix = KeyPrefix;
            if (!key.StartsWith(prefix))
            {
                index = key.SequenceCompareTo(prefix) < 0 ? 0 : _count;
                return false;
            }

            key = key[prefix.Length..];
        }

        var slots = Slots;
        var head = HeadOf(key, []);
        var low = FirstFrom(slots, head);
        if (low == slots.Length || slots[low].Head != head)
        {
            index = low;
            return false;
        }

        // Of those with the same head only the rest of the key tells.
        var high = low + 1;
        if (high < slots.Length && slots[high].Head == head)
        {
            high = head == uint.MaxValue ? slots.Length : high + FirstFrom(slots[high..], head + 1);
        }

        while (low < high)
        {
            var middle = (low + high) >>> 1;
            var order = StringAt(slots[middle].Key).SequenceCompareTo(key);
            if (order == 0)
            {
                index = middle;
                return true;
            }

            if (order < 0)
            {
                low = middle + 1;
            }
            else
            {
                high = middle;
            }
        }

        index = low;
        return false;
    }

    /// <summary>Whether a key begins with what all keys here begin with.</summary>
    public bool HasPrefixOf(ReadOnlySpan<byte> key) => key.StartsWith(KeyPrefix);

    public int KeyLengthAt(int index) => _prefixLength + SuffixAt(index).Length;

    /// <summary>Writes a key whole.</summary>
    public void CopyKey(int index, Span<byte> to)
    {
        KeyPrefix.CopyTo(to);
        SuffixAt(index).CopyTo(to[_prefixLength..]);
    }

    public byte[] KeyAt(int index)
    {
        var key = new byte[KeyLengthAt(index)];
        CopyKey(index, key);
        return key;
    }

    private static ReadOnlySpan<byte> CommonPrefix(ReadOnlySpan<byte> left, ReadOnlySpan<byte> right)
        => left[..left.CommonPrefixLength(right)];

    private static int StringBytes(int length) => PackedNumber.LengthOf((ulong)length) + length;

    /// <summary>Heads that differ compare as their keys do: a byte that is missing is not greater than any other.</summary>
    private static uint HeadOf(ReadOnlySpan<byte> suffix, ReadOnlySpan<byte> suffixRest)
    {
        if (suffix.Length >= HeadBytes)
        {
            return BinaryPrimitives.ReadUInt32BigEndian(suffix);
        }

        Span<byte> head = stackalloc byte[HeadBytes];
        head.Clear();
        suffix.CopyTo(head);
        suffixRest[..Math.Min(suffixRest.Length, HeadBytes - suffix.Length)].CopyTo(head[suffix.Length..]);
        return BinaryPrimitives.ReadUInt32BigEndian(head);
    }

    /// <summary>The first slot whose head is not smaller. Which half to go on with is a toss-up, so there is no branch to be
    /// guessed wrong.</summary>
    private static int FirstFrom(ReadOnlySpan<Slot> slots, uint head)
    {
        var first = 0;
        var length = slots.Length;
        while (length > 1)
        {
            var half = length >>> 1;
            first += half & -(slots[first + half - 1].Head < head ? 1 : 0);
            length -= half;
        }

        if (length == 1)
        {
            first += slots[first].Head < head ? 1 : 0;
        }

        return first;
    }

    private ReadOnlySpan<byte> StringAt(int at)
    {
        var length = (int)PackedNumber.Read(_heap, ref at);
        return _heap.AsSpan(at, length);
    }

    private ReadOnlySpan<byte> SuffixAt(int index) => StringAt(Slots[index].Key);

    private ReadOnlySpan<byte> PayloadAt(int index) => StringAt(Slots[index].Payload);

    private void InsertEntry(int index, ReadOnlySpan<byte> key, ReadOnlySpan<byte> payload)
    {
        // Less the prefix, if there is one: more than enough room is not wrong.
        var needed = StringBytes(key.Length) + StringBytes(payload.Length);
        if (needed > _heapStart || !key.StartsWith(KeyPrefix))
        {
            PackAnew(LengthInCommon(key), needed + GrowthBytes);
        }

        var slots = OwnSlots(_count + 1);
        slots[index.._count].CopyTo(slots[(index + 1)..]);
        _count++;
        WriteEntry(index, key[_prefixLength..], [], payload);
    }

    private void ReplacePayload(int index, ReadOnlySpan<byte> payload)
    {
        var at = Slots[index].Payload;
        var old = StringAt(at);
        if (payload.Length == old.Length && at < _sharedFrom)
        {
            WriteString(at, payload, []);
            return;
        }

        MakeRoomToReplace(index, payload.Length);
        _holes += StringBytes(PayloadAt(index).Length);
        _heapStart -= StringBytes(payload.Length);
        WriteString(_heapStart, payload, []);
        OwnSlots(_count)[index].Payload = _heapStart;
    }

    private void MakeRoomToReplace(int index, int payloadLength)
    {
        var needed = StringBytes(payloadLength);
        if (needed > _heapStart)
        {
            // Of a lone key the prefix joins the key.
            PackAnew(int.MaxValue, needed + _prefixLength + OverwriteGrowthBytes);
        }
    }

    private void RemoveEntry(int index)
    {
        if (_count == 1)
        {
            Take(new Page(_batch, SpareSlots, GrowthBytes, []));
            return;
        }

        _holes += StringBytes(SuffixAt(index).Length) + StringBytes(PayloadAt(index).Length);
        var slots = OwnSlots(_count);
        slots[(index + 1).._count].CopyTo(slots[index..]);
        _count--;
    }

    /// <summary>Writes an entry whose key, without the prefix, is given in two pieces.</summary>
    private void WriteEntry(
        int index, ReadOnlySpan<byte> suffix, ReadOnlySpan<byte> suffixRest, ReadOnlySpan<byte> payload)
    {
        _heapStart -= StringBytes(payload.Length);
        WriteString(_heapStart, payload, []);
        var payloadAt = _heapStart;
        _heapStart -= StringBytes(suffix.Length + suffixRest.Length);
        WriteString(_heapStart, suffix, suffixRest);
        _slots[index] = new Slot { Head = HeadOf(suffix, suffixRest), Key = _heapStart, Payload = payloadAt };
    }

    private void WriteString(int at, ReadOnlySpan<byte> bytes, ReadOnlySpan<byte> rest)
    {
        var to = _heap.AsSpan(at);
        var length = PackedNumber.Write(to, (ulong)(bytes.Length + rest.Length));
        bytes.CopyTo(to[length..]);
        rest.CopyTo(to[(length + bytes.Length)..]);
    }

    /// <summary>The slots, to be changed, with room for so many.</summary>
    private Span<Slot> OwnSlots(int capacity)
    {
        if (_sharesSlots || capacity > _slots.Length)
        {
            var slots = new Slot[capacity > _slots.Length ? capacity + SpareSlots : _slots.Length];
            Slots.CopyTo(slots);
            _slots = slots;
            _sharesSlots = false;
        }

        return _slots;
    }

    /// <summary>How many bytes all keys, and one more, begin with.</summary>
    private int LengthInCommon(ReadOnlySpan<byte> key)
    {
        var length = KeyPrefix.CommonPrefixLength(key);
        return _count == 0 || length < _prefixLength ? length : length + SuffixAt(0).CommonPrefixLength(key[length..]);
    }

    /// <summary>How many bytes a span of keys begins with. A lone key is no prefix: the next key would have to undo
    /// it.</summary>
    private int PrefixLengthOf(int from, int to)
        => to - from < 2 ? 0 : _prefixLength + SuffixAt(from).CommonPrefixLength(SuffixAt(to - 1));

    /// <summary>Closes the holes and makes room.</summary>
    /// <param name="prefixLength">The prefix is not to be longer.</param>
    /// <param name="room">For what is coming, and for what may come after it.</param>
    private void PackAnew(int prefixLength, int room)
        => Take(Packed(Math.Min(prefixLength, PrefixLengthOf(0, _count)), room, 0, _count));

    /// <summary>A page of some of the entries of this one.</summary>
    private Page PackedPart(int from, int to) => Packed(PrefixLengthOf(from, to), GrowthBytes, from, to);

    private Page Packed(int prefixLength, int room, int from, int to)
    {
        Span<byte> first = stackalloc byte[256];
        if (prefixLength > first.Length)
        {
            first = new byte[prefixLength];
        }

        var ofPrefix = Math.Min(prefixLength, _prefixLength);
        KeyPrefix[..ofPrefix].CopyTo(first);
        if (prefixLength > ofPrefix)
        {
            SuffixAt(from)[..(prefixLength - ofPrefix)].CopyTo(first[ofPrefix..]);
        }

        return Packed(first[..prefixLength], room, from, to);
    }

    /// <summary>A page of some of the entries of this one, behind another prefix that they have, with room for more.</summary>
    private Page Packed(ReadOnlySpan<byte> prefix, int room, int from, int to)
    {
        var heapBytes = BytesOf(from, to, prefix.Length) - ((to - from) * SlotBytes) + room;
        var packed = new Page(_batch, to - from + SpareSlots, heapBytes, prefix);
        packed.Append(this, from, to);
        return packed;
    }

    /// <summary>What entries take behind a prefix of another length, and perhaps a little more.</summary>
    private int BytesOf(int from, int to, int prefixLength)
    {
        if (from == 0 && to == _count && prefixLength == _prefixLength)
        {
            return NeededBytes - prefixLength;
        }

        var bytes = 0;
        for (var i = from; i < to; i++)
        {
            bytes += SlotBytes + StringBytes(KeyLengthAt(i) - prefixLength) + StringBytes(PayloadAt(i).Length);
        }

        return bytes;
    }

    /// <summary>Writes entries of another page behind those that are here; there is room for them in the heap.</summary>
    private void Append(Page source, int from, int to)
    {
        OwnSlots(_count + to - from);
        if (source._prefixLength == _prefixLength)
        {
            AppendUnchanged(source, from, to);
            return;
        }

        var gained = source._prefixLength > _prefixLength ? source.KeyPrefix[_prefixLength..] : [];
        var lost = Math.Max(0, _prefixLength - source._prefixLength);
        for (var i = from; i < to; i++)
        {
            WriteEntry(_count, gained, source.SuffixAt(i)[lost..], source.PayloadAt(i));
            _count++;
        }

        AdoptOld(source, _count - (to - from));
    }

    /// <summary>Behind the same prefix an entry is the same bytes at another place.</summary>
    private void AppendUnchanged(Page source, int from, int to)
    {
        foreach (ref readonly var slot in source.Slots[from..to])
        {
            var payload = CopyString(source, slot.Payload);
            var key = CopyString(source, slot.Key);
            _slots[_count++] = new Slot { Head = slot.Head, Key = key, Payload = payload };
        }

        AdoptOld(source, _count - (to - from));
    }

    private int CopyString(Page source, int at)
    {
        var end = at;
        var length = (int)PackedNumber.Read(source._heap, ref end);
        var bytes = source._heap.AsSpan(at, end - at + length);
        _heapStart -= bytes.Length;
        bytes.CopyTo(_heap.AsSpan(_heapStart));
        return _heapStart;
    }

    /// <summary>Becomes what another page is; only the children stay.</summary>
    private void Take(Page packed)
    {
        _slots = packed._slots;
        _heap = packed._heap;
        _count = packed._count;
        _prefixLength = packed._prefixLength;
        _heapStart = packed._heapStart;
        _holes = packed._holes;
        _sharedFrom = packed._sharedFrom;
        _sharesSlots = packed._sharesSlots;
        _old = packed._old;
    }

    /// <summary>Where to cut a full page so that both sides need about the same; the entry there begins the right side.</summary>
    private int Middle()
    {
        var left = 0;
        var half = BytesOf(0, _count, _prefixLength) / 2;
        for (var i = 0; i < _count - 1; i++)
        {
            left += BytesOf(i, i + 1, _prefixLength);
            if (left >= half)
            {
                return i + 1;
            }
        }

        return _count - 1;
    }

    private void CheckPacking()
    {
        var held = 0;
        for (var i = 0; i < _count; i++)
        {
            held += StringBytes(SuffixAt(i).Length) + StringBytes(PayloadAt(i).Length);
            foreach (var at in (int[])[Slots[i].Key, Slots[i].Payload])
            {
                Invariant.Holds(at >= _heapStart && at < _heap.Length - _prefixLength);
            }

            Invariant.Holds(Slots[i].Head == HeadOf(SuffixAt(i), []));
            Invariant.Holds(i == 0 || SuffixAt(i - 1).SequenceCompareTo(SuffixAt(i)) < 0);
        }

        Invariant.Holds(_heapStart >= 0);
        Invariant.Holds(held + _holes + _prefixLength == _heap.Length - _heapStart);
    }

    private struct Slot
    {
        public uint Head;
        public int Key;
        public int Payload;
    }
}
