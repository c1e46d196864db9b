using System.Buffers.Binary;
using RaftKv.Raft;
using RaftKv.Storage.Mvcc;

namespace RaftKv.Storage.State;

/// <summary>
/// A set of keys in bytewise order, a few bytes more than the keys themselves: they lie one after the other in blocks,
/// and there is no object a key. One key alone is one small array; a million are a list of blocks.
/// </summary>
/// <remarks>
/// <code>
///   block   +----------+---------------+----------------+---------------+----------------+--
///           | used (4) | length, packed| key            | length, packed| key            |  …  room
///           +----------+---------------+----------------+---------------+----------------+--
/// </code>
/// <para>A copy shares its blocks with the original. Only the one that is the set itself is ever changed.</para>
/// </remarks>
public struct SortedKeys
{
    private const int HeaderBytes = sizeof(int);

    // A search walks through half a block on average, and an insertion moves half of it: some thirty keys of common
    // size are walked faster than a line of memory is fetched for a binary search among separate keys.
    private const int MaxUsedBytes = 2048;

    // Blocks are joined when both fit into half of one, so that a join is not followed by a split.
    private const int JoinedBytes = MaxUsedBytes / 2;

    private byte[]? _only;
    private List<byte[]>? _many;
    private int _count;

    public readonly int Count => _count;

    public readonly Enumerator GetEnumerator() => new(_only, _many);

    public readonly bool Contains(ReadOnlySpan<byte> key)
        => _count > 0 && Find(Block(BlockOf(key)), key, out _);

    public readonly byte[][] ToArray()
    {
        var keys = new byte[_count][];
        var i = 0;
        foreach (var key in this)
        {
            keys[i++] = key.ToArray();
        }

        return keys;
    }

    /// <returns>False if it was there.</returns>
    internal bool Add(ReadOnlySpan<byte> key)
    {
        if (_count == 0)
        {
            _only = NewBlock(ItemBytes(key));
            WriteItem(_only, HeaderBytes, key);
            _count = 1;
            return true;
        }

        var number = BlockOf(key);
        var block = Block(number);
        if (Find(block, key, out var at))
        {
            return false;
        }

        _count++;
        var used = Used(block);
        var itemBytes = ItemBytes(key);
        if (used + itemBytes <= MaxUsedBytes)
        {
            Put(number, Inserted(block, at, key, itemBytes));
            return true;
        }

        // Keys that come in order leave full blocks behind; else what is on either side of the new key moves apart,
        // with the key on the smaller side.
        var right = block.AsSpan(at, used - at);
        if (right.IsEmpty)
        {
            InsertBlock(number + 1, BlockOfOne(key, itemBytes));
            return true;
        }

        var goesLeft = at - HeaderBytes < right.Length;
        InsertBlock(number + 1, goesLeft ? NewBlock(right) : BlockOfOne(key, itemBytes, right));
        var left = NewBlock(block.AsSpan(HeaderBytes, at - HeaderBytes));
        if (goesLeft)
        {
            left = Inserted(left, at, key, itemBytes);
        }

        // Not empty: a key that is smaller than all goes left.
        Put(number, left);
        return true;
    }

    /// <returns>False if it was not there.</returns>
    internal bool Remove(ReadOnlySpan<byte> key)
    {
        if (_count == 0)
        {
            return false;
        }

        var number = BlockOf(key);
        var block = Block(number);
        if (!Find(block, key, out var at))
        {
            return false;
        }

        _count--;
        var used = Used(block) - ItemBytes(key);
        block.AsSpan(at + ItemBytes(key), used - at).CopyTo(block.AsSpan(at));
        SetUsed(block, used);
        if (used == HeaderBytes)
        {
            RemoveBlock(number);
            return true;
        }

        if (_many is null || (!TryJoin(number) && !(number > 0 && TryJoin(number - 1))))
        {
            // Not joined: at least give back the room of what has shrunk.
            if (used < block.Length / 4)
            {
                Put(number, NewBlock(block.AsSpan(HeaderBytes, used - HeaderBytes)));
            }
        }

        return true;
    }

    internal readonly void CheckInvariants()
    {
        Invariant.Holds(_only is null || _many is null);
        Invariant.Holds(_many is null || _many.Count > 1);
        Invariant.Holds(_count > 0 == (_only is not null || _many is not null));
        var count = 0;
        byte[]? previous = null;
        foreach (var key in this)
        {
            Invariant.Holds(previous is null || previous.AsSpan().SequenceCompareTo(key) < 0);
            previous = key.ToArray();
            count++;
        }

        Invariant.Holds(count == _count);
    }

    private static int Used(byte[] block) => BinaryPrimitives.ReadInt32LittleEndian(block);

    private static void SetUsed(byte[] block, int used) => BinaryPrimitives.WriteInt32LittleEndian(block, used);

    private static int ItemBytes(ReadOnlySpan<byte> key) => PackedNumber.LengthOf((ulong)key.Length) + key.Length;

    // Exact for what may stay alone for ever, with room to grow for what has grown before.
    private static byte[] NewBlock(int contentBytes)
    {
        var block = new byte[HeaderBytes + contentBytes];
        SetUsed(block, HeaderBytes + contentBytes);
        return block;
    }

    private static byte[] NewBlock(ReadOnlySpan<byte> content)
    {
        var block = NewBlock(content.Length);
        content.CopyTo(block.AsSpan(HeaderBytes));
        return block;
    }

    private static byte[] BlockOfOne(ReadOnlySpan<byte> key, int itemBytes, ReadOnlySpan<byte> following = default)
    {
        var block = NewBlock(itemBytes + following.Length);
        WriteItem(block, HeaderBytes, key);
        following.CopyTo(block.AsSpan(HeaderBytes + itemBytes));
        return block;
    }

    private static void WriteItem(byte[] block, int at, ReadOnlySpan<byte> key)
        => key.CopyTo(block.AsSpan(at + PackedNumber.Write(block.AsSpan(at), (ulong)key.Length)));

    private static byte[] Inserted(byte[] block, int at, ReadOnlySpan<byte> key, int itemBytes)
    {
        var used = Used(block);
        var into = block;
        if (used + itemBytes > block.Length)
        {
            into = new byte[Math.Max(used + itemBytes, Math.Min(MaxUsedBytes, used + (used / 2)))];
            block.AsSpan(0, at).CopyTo(into);
        }

        block.AsSpan(at, used - at).CopyTo(into.AsSpan(at + itemBytes));
        WriteItem(into, at, key);
        SetUsed(into, used + itemBytes);
        return into;
    }

    /// <param name="block">Where to look.</param>
    /// <param name="key">What for.</param>
    /// <param name="at">Where it is, or where it belongs.</param>
    private static bool Find(byte[] block, ReadOnlySpan<byte> key, out int at)
    {
        var used = Used(block);
        at = HeaderBytes;
        while (at < used)
        {
            var next = at;
            var length = (int)PackedNumber.Read(block, ref next);
            var order = block.AsSpan(next, length).SequenceCompareTo(key);
            if (order >= 0)
            {
                return order == 0;
            }

            at = next + length;
        }

        return false;
    }

    private static ReadOnlySpan<byte> First(byte[] block)
    {
        var at = HeaderBytes;
        var length = (int)PackedNumber.Read(block, ref at);
        return block.AsSpan(at, length);
    }

    private readonly byte[] Block(int number) => _only ?? _many![number];

    /// <summary>The last block that begins with this key or a smaller one; the first if none does.</summary>
    private readonly int BlockOf(ReadOnlySpan<byte> key)
    {
        if (_many is null)
        {
            return 0;
        }

        var (low, high) = (0, _many.Count - 1);
        while (low < high)
        {
            var middle = (low + high + 1) / 2;
            if (First(_many[middle]).SequenceCompareTo(key) <= 0)
            {
                low = middle;
            }
            else
            {
                high = middle - 1;
            }
        }

        return low;
    }

    private void Put(int number, byte[] block)
    {
        if (_many is null)
        {
            _only = block;
        }
        else
        {
            _many[number] = block;
        }
    }

    private void InsertBlock(int number, byte[] block)
    {
        if (_many is null)
        {
            _many = [_only!];
            _only = null;
        }

        _many.Insert(number, block);
    }

    private void RemoveBlock(int number)
    {
        if (_many is null)
        {
            _only = null;
            return;
        }

        _many.RemoveAt(number);
        if (_many.Count == 1)
        {
            _only = _many[0];
            _many = null;
        }
    }

    /// <summary>Joins a block with the next one if both are small.</summary>
    private bool TryJoin(int number)
    {
        if (number + 1 >= _many!.Count)
        {
            return false;
        }

        var (left, right) = (_many[number], _many[number + 1]);
        var (leftUsed, rightUsed) = (Used(left), Used(right));
        if (leftUsed + rightUsed - HeaderBytes > JoinedBytes)
        {
            return false;
        }

        var joined = NewBlock(leftUsed + rightUsed - HeaderBytes - HeaderBytes);
        left.AsSpan(HeaderBytes, leftUsed - HeaderBytes).CopyTo(joined.AsSpan(HeaderBytes));
        right.AsSpan(HeaderBytes, rightUsed - HeaderBytes).CopyTo(joined.AsSpan(leftUsed));
        _many[number] = joined;
        RemoveBlock(number + 1);
        return true;
    }

    /// <summary>From the smallest key to the greatest. The set must not change meanwhile.</summary>
    public ref struct Enumerator
    {
        private readonly List<byte[]>? _many;
        private byte[]? _block;
        private int _number;
        private int _next;
        private int _at;
        private int _length;

        internal Enumerator(byte[]? only, List<byte[]>? many)
        {
            _many = many;
            _block = many is null ? only : many[0];
            _next = HeaderBytes;
        }

        public readonly ReadOnlySpan<byte> Current => _block.AsSpan(_at, _length);

        public bool MoveNext()
        {
            if (_block is null)
            {
                return false;
            }

            if (_next == Used(_block))
            {
                if (_many is null || ++_number >= _many.Count)
                {
                    _block = null;
                    return false;
                }

                _block = _many[_number];
                _next = HeaderBytes;
            }

            _at = _next;
            _length = (int)PackedNumber.Read(_block, ref _at);
            _next = _at + _length;
            return true;
        }
    }
}
