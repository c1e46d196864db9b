using System.Buffers.Binary;
using RaftKv.Storage.Files;

namespace RaftKv.Storage.Bolt;

/// <summary>One page in memory, with those it goes on for. Nothing in it is believed before it was looked at.</summary>
internal sealed class BoltPage
{
    private byte[] _bytes = [];
    private int _length;

    public ulong Id { get; private set; }

    public bool IsLeaf { get; private set; }

    public int Count { get; private set; }

    /// <summary>How many pages it takes.</summary>
    public uint Span { get; private set; }

    /// <summary>Reads a page of a tree.</summary>
    /// <exception cref="BoltDamagedException">It is none, or is not all there.</exception>
    public void Load(IFile file, in BoltMeta meta, ulong id)
    {
        Id = id;
        if (id < 2 || id >= meta.Pages)
        {
            throw new BoltDamagedException(id, $"is asked for, but the tree's pages go from 2 to {meta.Pages - 1}.");
        }

        Ensure(meta.PageBytes);
        Read(file, id, meta.PageBytes, from: 0, meta.PageBytes);
        TakeHead(id);
        if (Span > meta.Pages - id)
        {
            throw new BoltDamagedException(id, $"takes {Span} pages, but only {meta.Pages - id} are left.");
        }

        var length = (long)Span * meta.PageBytes;
        if (length > Array.MaxLength)
        {
            throw new BoltDamagedException(id, $"takes {Span} pages, which nothing in it can need.");
        }

        Ensure((int)length);
        Read(file, id, meta.PageBytes, from: meta.PageBytes, (int)length);
    }

    /// <summary>Takes the page that a small bucket has behind its head.</summary>
    /// <param name="content">Its bytes.</param>
    /// <param name="within">The page that the bucket itself is in, for complaints.</param>
    public void LoadInline(ReadOnlySpan<byte> content, ulong within)
    {
        Id = within;
        if (content.Length < BoltFormat.PageHeadBytes)
        {
            throw new BoltDamagedException(within, "has a bucket within it that is cut short.");
        }

        Ensure(content.Length);
        content.CopyTo(_bytes);
        TakeHead(0);
        Id = within;
        if (!IsLeaf || Span != 1)
        {
            throw new BoltDamagedException(within, "has a bucket within it that is no leaf.");
        }
    }

    public ReadOnlySpan<byte> Key(int index)
    {
        var item = Item(index);
        var offset = BinaryPrimitives.ReadUInt32LittleEndian(item[(IsLeaf ? 4 : 0)..]);
        var length = BinaryPrimitives.ReadUInt32LittleEndian(item[(IsLeaf ? 8 : 4)..]);
        return Slice(index, offset, length);
    }

    /// <summary>Of a leaf.</summary>
    public ReadOnlySpan<byte> Value(int index)
    {
        var item = Item(index);
        var offset = (long)BinaryPrimitives.ReadUInt32LittleEndian(item[4..]) + BinaryPrimitives.ReadUInt32LittleEndian(item[8..]);
        return Slice(index, offset, BinaryPrimitives.ReadUInt32LittleEndian(item[12..]));
    }

    /// <summary>Of a leaf: whether the item is a bucket.</summary>
    public bool IsBucket(int index) => (BinaryPrimitives.ReadUInt32LittleEndian(Item(index)) & BoltFormat.BucketItemFlag) != 0;

    /// <summary>Of a branch.</summary>
    public ulong Child(int index) => BinaryPrimitives.ReadUInt64LittleEndian(Item(index)[8..]);

    private void TakeHead(ulong id)
    {
        var found = BinaryPrimitives.ReadUInt64LittleEndian(_bytes);
        if (found != id)
        {
            throw new BoltDamagedException(Id, $"says that it is page {found}, not {id}.");
        }

        var flags = BinaryPrimitives.ReadUInt16LittleEndian(_bytes.AsSpan(8));
        if (flags is not (BoltFormat.LeafFlag or BoltFormat.BranchFlag))
        {
            throw new BoltDamagedException(Id, $"is neither a leaf nor a branch: its flags are {flags:x4}.");
        }

        IsLeaf = flags == BoltFormat.LeafFlag;
        Count = BinaryPrimitives.ReadUInt16LittleEndian(_bytes.AsSpan(10));
        var more = BinaryPrimitives.ReadUInt32LittleEndian(_bytes.AsSpan(12));
        if (more >= uint.MaxValue)
        {
            throw new BoltDamagedException(Id, $"takes {more} pages more, which no file has.");
        }

        Span = more + 1;
        if (!IsLeaf && Count == 0)
        {
            throw new BoltDamagedException(Id, "is a branch that leads nowhere.");
        }
    }

    private ReadOnlySpan<byte> Item(int index)
    {
        var start = BoltFormat.PageHeadBytes + (index * BoltFormat.ItemBytes);
        return start + BoltFormat.ItemBytes <= _length
            ? _bytes.AsSpan(start, BoltFormat.ItemBytes)
            : throw new BoltDamagedException(Id, $"counts {Count} items, but ends within item {index}.");
    }

    private ReadOnlySpan<byte> Slice(int index, long offset, long length)
    {
        var start = BoltFormat.PageHeadBytes + (index * (long)BoltFormat.ItemBytes) + offset;
        var isBehindItems = start >= BoltFormat.PageHeadBytes + (Count * (long)BoltFormat.ItemBytes);
        return isBehindItems && start + length <= _length
            ? _bytes.AsSpan((int)start, (int)length)
            : throw new BoltDamagedException(Id, $"has an item {index} of {length} bytes at byte {start} of {_length}.");
    }

    private void Ensure(int length)
    {
        if (length > _bytes.Length)
        {
            Array.Resize(ref _bytes, length);
        }

        _length = length;
    }

    private void Read(IFile file, ulong id, int pageBytes, int from, int to)
    {
        if (from == to)
        {
            return;
        }

        var offset = ((long)id * pageBytes) + from;
        var read = file.ReadAt(offset, _bytes.AsSpan(from, to - from));
        if (read < to - from)
        {
            throw new BoltDamagedException(
                id + (ulong)((from + read) / pageBytes), $"is not all there: the file ends at byte {offset + read}.");
        }
    }
}
