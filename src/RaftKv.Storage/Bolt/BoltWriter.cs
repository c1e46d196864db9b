using System.Buffers.Binary;
using System.Text;
using RaftKv.Raft;
using RaftKv.Storage.Files;

namespace RaftKv.Storage.Bolt;

/// <summary>
/// Writes a bbolt file from its beginning to its end: the leaves of a bucket as its items come, the branches over them, and
/// at last the metas, before which it is no bbolt file. Full pages, none of them unused.
/// </summary>
/// <example><code>
/// var bolt = new BoltWriter(file);
/// bolt.BeginBucket("key"u8);
/// bolt.Add(key, value);
/// bolt.Finish();
/// </code></example>
/// <param name="file">Empty.</param>
/// <param name="pageBytes">Of a page. A program that opens the file goes by what the file says.</param>
public sealed class BoltWriter(IFile file, int pageBytes = 4096)
{
    // The last ones of an empty file: so it is the first meta that counts.
    private const ulong Transaction = 2;
    private const int BufferBytes = 1024 * 1024;

    private readonly byte[] _buffer = new byte[Math.Max(BufferBytes, pageBytes)];
    private readonly SortedDictionary<string, byte[]> _buckets = new(StringComparer.Ordinal);
    private ulong _nextPage = 2;
    private long _written = 2L * pageBytes;
    private int _buffered;
    private BoltTree? _tree;
    private string? _bucket;

    internal int PageBytes => pageBytes;

    /// <summary>Ends the bucket before, and begins one.</summary>
    /// <param name="name">ASCII, and not one that was there already.</param>
    public void BeginBucket(string name)
    {
        EndBucket();
        (_bucket, _tree) = (name, new BoltTree(this));
    }

    /// <summary>The next item of the bucket.</summary>
    /// <param name="key">Not empty, and greater than the one before.</param>
    /// <param name="value">May be empty.</param>
    public void Add(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value) => _tree!.Add(key, value, isBucket: false);

    /// <summary>All buckets are written: makes it a file, durably.</summary>
    /// <returns>Its length.</returns>
    public long Finish()
    {
        EndBucket();
        var directory = new BoltTree(this);
        foreach (var (name, head) in _buckets)
        {
            directory.Add(Encoding.ASCII.GetBytes(name), head, isBucket: true);
        }

        var root = directory.Finish();
        var freeList = WritePage(BoltFormat.FreeListFlag, count: 0, []);
        Flush();
        var meta = new byte[2 * pageBytes];
        for (var id = 0; id < 2; id++)
        {
            var page = meta.AsSpan(id * pageBytes, pageBytes);
            BinaryPrimitives.WriteUInt64LittleEndian(page, (ulong)id);
            BinaryPrimitives.WriteUInt16LittleEndian(page[8..], BoltFormat.MetaFlag);
            new BoltMeta(pageBytes, root, freeList, _nextPage, Transaction - (ulong)id).Write(page[BoltFormat.PageHeadBytes..]);
        }

        file.WriteAt(0, meta);
        file.Sync();
        Invariant.Holds(file.Length == (long)_nextPage * pageBytes);
        return file.Length;
    }

    /// <summary>Writes a page, and those it goes on for.</summary>
    /// <returns>Its id.</returns>
    internal ulong WritePage(ushort flags, int count, ReadOnlySpan<byte> content)
    {
        var id = _nextPage;
        var pages = (BoltFormat.PageHeadBytes + content.Length + pageBytes - 1) / pageBytes;
        Span<byte> head = stackalloc byte[BoltFormat.PageHeadBytes];
        WriteHead(head, id, flags, count, pages - 1);
        Write(head);
        Write(content);
        WriteZeros((int)(((long)pages * pageBytes) - head.Length - content.Length));
        _nextPage += (ulong)pages;
        return id;
    }

    internal static void WriteHead(Span<byte> to, ulong id, ushort flags, int count, int overflow)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(to, id);
        BinaryPrimitives.WriteUInt16LittleEndian(to[8..], flags);
        BinaryPrimitives.WriteUInt16LittleEndian(to[10..], checked((ushort)count));
        BinaryPrimitives.WriteUInt32LittleEndian(to[12..], (uint)overflow);
    }

    private void EndBucket()
    {
        if (_tree is null)
        {
            return;
        }

        // A small bucket lies within the item that names it, as bbolt would have it.
        var head = _tree.TryFinishInline();
        if (head is null)
        {
            head = new byte[BoltFormat.BucketHeadBytes];
            BinaryPrimitives.WriteUInt64LittleEndian(head, _tree.Finish());
        }

        _buckets.Add(_bucket!, head);
        _tree = null;
    }

    private void Write(ReadOnlySpan<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            var part = Math.Min(bytes.Length, _buffer.Length - _buffered);
            bytes[..part].CopyTo(_buffer.AsSpan(_buffered));
            _buffered += part;
            bytes = bytes[part..];
            if (_buffered == _buffer.Length)
            {
                Flush();
            }
        }
    }

    private void WriteZeros(int count)
    {
        Span<byte> zeros = stackalloc byte[512];
        zeros.Clear();
        for (; count > 0; count -= Math.Min(count, zeros.Length))
        {
            Write(zeros[..Math.Min(count, zeros.Length)]);
        }
    }

    private void Flush()
    {
        file.WriteAt(_written, _buffer.AsSpan(0, _buffered));
        _written += _buffered;
        _buffered = 0;
    }
}
