using System.Buffers.Binary;
using RaftKv.Raft;

namespace RaftKv.Storage.Mvcc;

/// <summary>
/// A page of the key index: keys in order, packed in one array of bytes, each with some bytes of its own. A leaf keeps
/// the revisions of every key; an inner page has a key between every two children. See Page.Leaf and Page.Inner.
/// </summary>
/// <remarks>
/// <code>
///   0          8 * count        _heapStart                        length - _prefixLength   length
///   +----------+----------------+---------------------------------+------------------------+
///   | slots    | free           | entries, in order of arrival    | prefix of all keys     |
///   +----------+----------------+---------------------------------+------------------------+
///
///   slot       the first 4 bytes of the key without the prefix, as a number, zeros if it is shorter; and where the entry
///              begins, 4 bytes. The slots are in key order
///
///   entry      +--------+--------------------------+--------+------------------------------+
///              | length | key without the prefix   | length | payload                      |
///              +--------+--------------------------+--------+------------------------------+
///
///   payload    of a leaf, see <see cref="HistoryFormat"/>:
///                 0 | history
///                 1 | place in _old, 2 bytes | the newest of the history; _old has the rest
///              of an inner page: empty
/// </code>
/// <para>Why a slot repeats the head of its key: a search then stays in the slots, a few lines of cache side by side, and
/// looks into one or two entries instead of one for every halving.</para>
/// <para>An entry that is replaced or removed leaves a hole; the holes are closed when room runs out and the page is
/// packed anew. That is also when the prefix grows to what the keys have in common. A key that does not begin with the
/// prefix makes the page pack itself anew with a shorter one.</para>
/// <para>A page may be changed only in the batch that made it. From then on readers may hold it, so that the writer
/// takes a copy (<see cref="Owned"/>).</para>
/// <para>The array is as long as the page needs and a little more. It may be far longer than <see cref="FullBytes"/>,
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
    private const int SlotBytes = HeadBytes + sizeof(int);

    // What a page may grow by before it is packed anew: half of it is lost on average, and an eighth of a page makes eight
    // packings of a page that is filled from empty.
    private const int GrowthBytes = 256;

    private readonly long _batch;
    private byte[] _bytes;
    private int _count;
    private int _prefixLength;
    private int _heapStart;
    private int _holes;

    private Page(long batch, int capacity, ReadOnlySpan<byte> prefix)
    {
        _batch = batch;
        _bytes = GC.AllocateUninitializedArray<byte>(capacity);
        _prefixLength = prefix.Length;
        _heapStart = capacity - prefix.Length;
        prefix.CopyTo(_bytes.AsSpan(_heapStart));
    }

    private Page(Page other, long batch)
    {
        _batch = batch;
        _bytes = other._bytes.AsSpan().ToArray();
        _count = other._count;
        _prefixLength = other._prefixLength;
        _heapStart = other._heapStart;
        _holes = other._holes;
        _live = other._live;
        _old = other._old.Length == 0 ? [] : [.. other._old];
        _children = other._children is null ? null : [.. other._children];
        _childLive = other._childLive is null ? null : [.. other._childLive];
        _childCount = other._childCount;
    }

    /// <summary>How many keys are in it; of an inner page, how many separate its children.</summary>
    public int Count => _count;

    /// <summary>What the keys and payloads take, without free room and holes.</summary>
    public int NeededBytes => (_count * SlotBytes) + _bytes.Length - _heapStart - _holes;

    private ReadOnlySpan<byte> KeyPrefix => _bytes.AsSpan(_bytes.Length - _prefixLength);

    /// <summary>This page if the batch made it, else a copy that the batch may change.</summary>
    public Page Owned(long batch) => _batch == batch ? this : new Page(this, batch);

    /// <summary>Finds a key, or the place where it would be.</summary>
    public bool Search(ReadOnlySpan<byte> key, out int index)
    {
        var prefix = KeyPrefix;
        if (prefix.Length > 0)
        {
            if (!key.StartsWith(prefix))
            {
                index = key.SequenceCompareTo(prefix) < 0 ? 0 : _count;
                return false;
            }

            key = key[prefix.Length..];
        }

        var head = HeadOf(key, []);
        var low = 0;
        var high = _count;
        while (low < high)
        {
            var middle = (low + high) >>> 1;
            var order = HeadAt(middle).CompareTo(head);
            if (order == 0)
            {
                order = SuffixAt(middle).SequenceCompareTo(key);
            }

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

    private static int EntryBytes(int suffixLength, int payloadLength)
        => PackedNumber.LengthOf((ulong)suffixLength) + suffixLength
            + PackedNumber.LengthOf((ulong)payloadLength) + payloadLength;

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

    private uint HeadAt(int index) => BinaryPrimitives.ReadUInt32LittleEndian(_bytes.AsSpan(index * SlotBytes));

    private int SlotAt(int index)
        => BinaryPrimitives.ReadInt32LittleEndian(_bytes.AsSpan((index * SlotBytes) + HeadBytes));

    private void SetSlot(int index, uint head, int offset)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(_bytes.AsSpan(index * SlotBytes), head);
        BinaryPrimitives.WriteInt32LittleEndian(_bytes.AsSpan((index * SlotBytes) + HeadBytes), offset);
    }

    private ReadOnlySpan<byte> SuffixAt(int index)
    {
        var at = SlotAt(index);
        var length = (int)PackedNumber.Read(_bytes, ref at);
        return _bytes.AsSpan(at, length);
    }

    private Span<byte> PayloadAt(int index)
    {
        var at = SlotAt(index);
        var suffixLength = (int)PackedNumber.Read(_bytes, ref at);
        at += suffixLength;
        var length = (int)PackedNumber.Read(_bytes, ref at);
        return _bytes.AsSpan(at, length);
    }

    private void InsertEntry(int index, ReadOnlySpan<byte> key, ReadOnlySpan<byte> payload)
    {
        // Less the prefix, if there is one: more than enough room is not wrong.
        var needed = SlotBytes + EntryBytes(key.Length, payload.Length);
        if (needed > _heapStart - (_count * SlotBytes) || !key.StartsWith(KeyPrefix))
        {
            PackAnew(key, needed);
        }

        var slots = _bytes.AsSpan(0, (_count + 1) * SlotBytes);
        slots[(index * SlotBytes)..^SlotBytes].CopyTo(slots[((index + 1) * SlotBytes)..]);
        _count++;
        WriteEntry(index, key[_prefixLength..], [], payload);
    }

    private void ReplacePayload(int index, ReadOnlySpan<byte> payload)
    {
        var old = PayloadAt(index);
        if (payload.Length == old.Length)
        {
            payload.CopyTo(old);
            return;
        }

        MakeRoomToReplace(index, payload.Length);
        var suffix = SuffixAt(index);
        _holes += EntryBytes(suffix.Length, PayloadAt(index).Length);
        WriteEntry(index, suffix, [], payload);
    }

    private void MakeRoomToReplace(int index, int payloadLength)
    {
        var needed = EntryBytes(SuffixAt(index).Length, payloadLength);
        if (needed > _heapStart - (_count * SlotBytes))
        {
            // A key of the page leaves its prefix as it is, unless it is alone: then the prefix joins the key.
            PackAnew(KeyAt(index), needed + _prefixLength);
        }
    }

    private void RemoveEntry(int index)
    {
        _holes += EntryBytes(SuffixAt(index).Length, PayloadAt(index).Length);
        var slots = _bytes.AsSpan(0, _count * SlotBytes);
        slots[((index + 1) * SlotBytes)..].CopyTo(slots[(index * SlotBytes)..]);
        _count--;
        if (_count == 0)
        {
            _prefixLength = 0;
            _heapStart = _bytes.Length;
            _holes = 0;
        }
    }

    /// <summary>Writes an entry whose key, without the prefix, is given in two pieces.</summary>
    private void WriteEntry(
        int index, ReadOnlySpan<byte> suffix, ReadOnlySpan<byte> suffixRest, ReadOnlySpan<byte> payload)
    {
        var suffixLength = suffix.Length + suffixRest.Length;
        _heapStart -= EntryBytes(suffixLength, payload.Length);
        SetSlot(index, HeadOf(suffix, suffixRest), _heapStart);
        var at = _heapStart + PackedNumber.Write(_bytes.AsSpan(_heapStart), (ulong)suffixLength);
        suffix.CopyTo(_bytes.AsSpan(at));
        suffixRest.CopyTo(_bytes.AsSpan(at + suffix.Length));
        at += suffixLength;
        at += PackedNumber.Write(_bytes.AsSpan(at), (ulong)payload.Length);
        payload.CopyTo(_bytes.AsSpan(at));
    }

    /// <summary>Closes the holes and makes room for a key, with the prefix that it leaves.</summary>
    private void PackAnew(ReadOnlySpan<byte> key, int room)
    {
        // A lone key is all prefix, which the next key would have to undo.
        var prefix = _count < 2 ? [] : CommonPrefix(CommonPrefix(KeyAt(0), KeyAt(_count - 1)), key);
        Take(Packed(prefix, room + GrowthBytes, this, 0, _count));
    }

    /// <summary>A page of some of the entries of another, with room for more.</summary>
    private Page Packed(ReadOnlySpan<byte> prefix, int room, Page source, int from, int to)
    {
        var packed = new Page(_batch, prefix.Length + source.BytesOf(from, to, prefix.Length) + room, prefix);
        packed.Append(source, from, to);
        return packed;
    }

    /// <summary>A page of some of the entries of this one.</summary>
    private Page PackedPart(int from, int to)
    {
        var prefix = to - from < 2 ? [] : CommonPrefix(KeyAt(from), KeyAt(to - 1));
        return Packed(prefix, GrowthBytes, this, from, to);
    }

    /// <summary>What entries take behind a prefix of another length, and perhaps a little more.</summary>
    private int BytesOf(int from, int to, int prefixLength)
    {
        var bytes = 0;
        for (var i = from; i < to; i++)
        {
            bytes += SlotBytes + EntryBytes(KeyLengthAt(i) - prefixLength, PayloadAt(i).Length);
        }

        return bytes;
    }

    /// <summary>Writes entries of another page behind those that are here; there is room for them.</summary>
    private void Append(Page source, int from, int to)
    {
        var gained = source._prefixLength > _prefixLength ? source.KeyPrefix[_prefixLength..] : [];
        var lost = Math.Max(0, _prefixLength - source._prefixLength);
        for (var i = from; i < to; i++)
        {
            WriteEntry(_count, gained, source.SuffixAt(i)[lost..], source.PayloadAt(i));
            _count++;
        }

        AdoptOld(source, _count - (to - from));
    }

    /// <summary>Becomes what another page is; only the children stay.</summary>
    private void Take(Page packed)
    {
        _bytes = packed._bytes;
        _count = packed._count;
        _prefixLength = packed._prefixLength;
        _heapStart = packed._heapStart;
        _holes = packed._holes;
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
            held += EntryBytes(SuffixAt(i).Length, PayloadAt(i).Length);
            Invariant.Holds(SlotAt(i) >= _heapStart && SlotAt(i) < _bytes.Length - _prefixLength);
            Invariant.Holds(HeadAt(i) == HeadOf(SuffixAt(i), []));
            Invariant.Holds(i == 0 || SuffixAt(i - 1).SequenceCompareTo(SuffixAt(i)) < 0);
        }

        Invariant.Holds(_heapStart >= _count * SlotBytes);
        Invariant.Holds(held + _holes + _prefixLength == _bytes.Length - _heapStart);
    }
}
