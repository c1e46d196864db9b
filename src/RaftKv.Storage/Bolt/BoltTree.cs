using System.Buffers;
using System.Buffers.Binary;
using RaftKv.Raft;

namespace RaftKv.Storage.Bolt;

/// <summary>The pages of one bucket on their way out: the page of each level that is being filled.</summary>
/// <remarks>A branch has at least two children, because bbolt takes that for granted when it merges pages. So a branch that is
/// full keeps its last child back for the next one.</remarks>
internal sealed class BoltTree(BoltWriter writer)
{
    private const int ChildrenMin = 2;

    private readonly List<Level> _levels = [new Level()];
    private byte[] _last = [];

    public void Add(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, bool isBucket)
    {
        Invariant.Holds(!key.IsEmpty && key.SequenceCompareTo(_last) > 0);
        _last = key.ToArray();
        var leaf = _levels[0];
        if (leaf.Count > 0 && leaf.Bytes + BoltFormat.ItemBytes + key.Length + value.Length > writer.PageBytes)
        {
            Flush(0, leaf.Count);
        }

        leaf.Add(_last, value, isBucket ? BoltFormat.BucketItemFlag : 0, child: 0);
    }

    /// <returns>The head of a bucket that has all its items within; null if they are too many for that.</returns>
    public byte[]? TryFinishInline()
    {
        var leaf = _levels[0];
        if (_levels.Count > 1 || leaf.Bytes > writer.PageBytes / 4)
        {
            return null;
        }

        var head = new byte[BoltFormat.BucketHeadBytes + leaf.Bytes];
        var page = head.AsSpan(BoltFormat.BucketHeadBytes);
        BoltWriter.WriteHead(page, id: 0, BoltFormat.LeafFlag, leaf.Count, overflow: 0);
        leaf.Content(leaf.Count, isLeaf: true).CopyTo(page[BoltFormat.PageHeadBytes..]);
        return head;
    }

    /// <returns>The root's page.</returns>
    public ulong Finish()
    {
        for (var level = 0; ; level++)
        {
            if (level == _levels.Count - 1)
            {
                return Write(level, _levels[level].Count);
            }

            Flush(level, _levels[level].Count);
        }
    }

    // The page over the first items of a level is written, and its parent told.
    private void Flush(int level, int count)
    {
        var full = _levels[level];
        var first = full.Key(0);
        var page = Write(level, count);
        full.Drop(count);

        if (level + 1 == _levels.Count)
        {
            _levels.Add(new Level());
        }

        var parent = _levels[level + 1];
        if (parent.Count > ChildrenMin && parent.Bytes + BoltFormat.ItemBytes + first.Length > writer.PageBytes)
        {
            Flush(level + 1, parent.Count - 1);
        }

        parent.Add(first, [], flags: 0, page);
    }

    private ulong Write(int level, int count)
        => writer.WritePage(
            level == 0 ? BoltFormat.LeafFlag : BoltFormat.BranchFlag, count, _levels[level].Content(count, isLeaf: level == 0));

    private sealed class Level
    {
        private readonly List<(byte[] Key, int ValueBytes, uint Flags, ulong Child)> _items = [];
        private ArrayBufferWriter<byte> _values = new();

        public int Count => _items.Count;

        /// <summary>Of the page, if it ended here.</summary>
        public int Bytes { get; private set; } = BoltFormat.PageHeadBytes;

        public byte[] Key(int index) => _items[index].Key;

        public void Add(byte[] key, ReadOnlySpan<byte> value, uint flags, ulong child)
        {
            _items.Add((key, value.Length, flags, child));
            _values.Write(value);
            Bytes += BoltFormat.ItemBytes + key.Length + value.Length;
        }

        /// <summary>The first items go.</summary>
        public void Drop(int count)
        {
            // Of a leaf, all of them do; what is kept back of a branch has no value.
            Invariant.Holds(count == Count || _values.WrittenCount == 0);
            _items.RemoveRange(0, count);
            _values = _values.Capacity > 256 * 1024 ? new ArrayBufferWriter<byte>() : _values;
            _values.ResetWrittenCount();
            Bytes = BoltFormat.PageHeadBytes + _items.Sum(item => BoltFormat.ItemBytes + item.Key.Length);
        }

        /// <summary>The page behind its head.</summary>
        public byte[] Content(int count, bool isLeaf)
        {
            var at = count * BoltFormat.ItemBytes;
            var value = 0;
            var content = new byte[at + _items.Take(count).Sum(item => item.Key.Length + item.ValueBytes)];
            for (var i = 0; i < count; i++)
            {
                var (key, valueBytes, flags, child) = _items[i];
                var start = i * BoltFormat.ItemBytes;
                var item = content.AsSpan(start, BoltFormat.ItemBytes);
                var offset = (uint)(at - start);
                if (isLeaf)
                {
                    BinaryPrimitives.WriteUInt32LittleEndian(item, flags);
                    BinaryPrimitives.WriteUInt32LittleEndian(item[4..], offset);
                    BinaryPrimitives.WriteUInt32LittleEndian(item[8..], (uint)key.Length);
                    BinaryPrimitives.WriteUInt32LittleEndian(item[12..], (uint)valueBytes);
                }
                else
                {
                    BinaryPrimitives.WriteUInt32LittleEndian(item, offset);
                    BinaryPrimitives.WriteUInt32LittleEndian(item[4..], (uint)key.Length);
                    BinaryPrimitives.WriteUInt64LittleEndian(item[8..], child);
                }

                key.CopyTo(content.AsSpan(at));
                _values.WrittenSpan.Slice(value, valueBytes).CopyTo(content.AsSpan(at + key.Length));
                at += key.Length + valueBytes;
                value += valueBytes;
            }

            return content;
        }
    }
}
