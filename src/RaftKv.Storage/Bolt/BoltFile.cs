using System.Buffers.Binary;
using System.Collections;
using RaftKv.Storage.Files;

namespace RaftKv.Storage.Bolt;

/// <summary>
/// A bbolt file, read from its beginning to its end and never changed. It takes no more memory than its largest page and a
/// bit for every page, however large it is. Nothing is believed: what a page says of itself and what led to it must agree.
/// </summary>
/// <example><code>
/// using var file = files.OpenFileToRead("member/snap/db");
/// var bolt = BoltFile.Open(file);
/// for (var item = bolt.Walk("key"u8); item.MoveNext();) { … item.Key, item.Value … }
/// </code></example>
/// <remarks>Each bucket can be walked once: a page that is come upon a second time belongs to two trees, or to a tree that
/// bites its tail.</remarks>
public sealed class BoltFile
{
    private readonly IFile _file;
    private readonly BitArray _seen;
    private readonly SortedDictionary<byte[], (byte[] Head, ulong Page)> _buckets = new(
        Comparer<byte[]>.Create(static (left, right) => left.AsSpan().SequenceCompareTo(right)));

    private BoltFile(IFile file, BoltMeta meta)
    {
        _file = file;
        Meta = meta;
        if (meta.Pages is < 3 or > int.MaxValue)
        {
            throw new BoltDamagedException(0, $"counts {meta.Pages} pages.");
        }

        // The pages that only a tree can lead to.
        _seen = new BitArray((int)meta.Pages) { [0] = true, [1] = true };
        if (meta.FreeList < meta.Pages)
        {
            _seen[(int)meta.FreeList] = true;
        }
    }

    internal BoltMeta Meta { get; }

    /// <summary>What the file needs; what follows is not part of it.</summary>
    public long Length => (long)Meta.Pages * Meta.PageBytes;

    /// <summary>The names of the outermost buckets, in order.</summary>
    public IReadOnlyCollection<byte[]> Buckets => _buckets.Keys;

    /// <summary>Reads the metas and the names of the buckets.</summary>
    /// <exception cref="BoltDamagedException">It is no bbolt file, or is not all there.</exception>
    public static BoltFile Open(IFile file)
    {
        var meta = ReadMeta(file);
        var bolt = new BoltFile(file, meta);
        if (file.Length < bolt.Length)
        {
            throw new BoltDamagedException(
                (ulong)(file.Length / meta.PageBytes),
                $"is not all there: the file ends at byte {file.Length}, and its {meta.Pages} pages take {bolt.Length}.");
        }

        for (var item = bolt.WalkPage(meta.Root); item.MoveNext();)
        {
            if (!item.IsBucket)
            {
                throw new BoltDamagedException(item.Page, "has a value where only buckets can be.");
            }

            bolt._buckets.Add(item.Key.ToArray(), (item.Value.ToArray(), item.Page));
        }

        return bolt;
    }

    /// <summary>Walks through one of the outermost buckets.</summary>
    /// <returns>A walk that is over at once if there is no such bucket.</returns>
    public BoltWalk Walk(ReadOnlySpan<byte> bucket)
        => _buckets.TryGetValue(bucket.ToArray(), out var found) ? WalkBucket(found.Head, found.Page) : BoltWalk.Over(this);

    internal BoltWalk WalkBucket(ReadOnlySpan<byte> head, ulong within)
    {
        if (head.Length < BoltFormat.BucketHeadBytes)
        {
            throw new BoltDamagedException(within, $"has a bucket within it whose head has {head.Length} bytes.");
        }

        var root = BinaryPrimitives.ReadUInt64LittleEndian(head);
        if (root != 0)
        {
            return WalkPage(root);
        }

        var page = new BoltPage();
        page.LoadInline(head[BoltFormat.BucketHeadBytes..], within);
        return new BoltWalk(this, page);
    }

    internal void Load(BoltPage page, ulong id)
    {
        page.Load(_file, Meta, id);
        for (var one = id; one < id + page.Span; one++)
        {
            if (_seen[(int)one])
            {
                throw new BoltDamagedException(one, $"is led to twice, the second time as part of page {id}.");
            }

            _seen[(int)one] = true;
        }
    }

    private BoltWalk WalkPage(ulong root)
    {
        var page = new BoltPage();
        Load(page, root);
        return new BoltWalk(this, page);
    }

    private static BoltMeta ReadMeta(IFile file)
    {
        var first = TryReadMeta(file, 0, out var meta);

        // Where the second one is depends on how large pages are, which the first one may not be able to say.
        var found = first is null ? meta : default(BoltMeta?);
        for (var size = BoltFormat.PageBytesMin; size <= BoltFormat.PageBytesMax; size *= 2)
        {
            if (TryReadMeta(file, size, out var other) is null
                && other.PageBytes == size
                && (found is not { } best || other.Transaction > best.Transaction))
            {
                found = other;
            }
        }

        return found ?? throw new BoltDamagedException(0, $"is no beginning of a bbolt file: {first}. Neither is page 1.");
    }

    private static string? TryReadMeta(IFile file, long offset, out BoltMeta meta)
    {
        Span<byte> page = stackalloc byte[BoltFormat.PageHeadBytes + BoltFormat.MetaBytes];
        var read = file.ReadAt(offset, page);
        return BoltMeta.TryRead(page[Math.Min(read, BoltFormat.PageHeadBytes)..read], out meta);
    }
}
