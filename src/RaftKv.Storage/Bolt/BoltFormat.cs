using System.Buffers.Binary;

namespace RaftKv.Storage.Bolt;

/// <summary>
/// The bytes of a bbolt file, the one that etcd keeps its state in.
/// <code>
///   page    | id 8 | flags 2 | count 2 | overflow 4 | content …            overflow: how many more pages it goes on for
///
///   branch  | offset 4, key length 4, child 8 | … | keys
///   leaf    | flags 4, offset 4, key length 4, value length 4 | … | keys and values      offsets from the item itself
///   meta    | magic 4 | version 4 | page size 4 | flags 4 | root 8, sequence 8 | free list 8 | pages 8 | txn 8 | sum 8 |
///
///   bucket  a leaf item with flag 1, whose value is | root 8, sequence 8 |; a small one has root 0 and its only page behind
/// </code>
/// </summary>
/// <remarks>All numbers are those of the machine that wrote it, which is taken to be little-endian. Pages 0 and 1 are the two
/// metas, of which the one with the greater transaction counts, if its sum is right. No other page has a sum.</remarks>
internal static class BoltFormat
{
    public const int PageHeadBytes = 16;
    public const int ItemBytes = 16;
    public const int BucketHeadBytes = 16;
    public const int MetaBytes = 64;
    public const uint Magic = 0xED0CDAED;
    public const uint Version = 2;
    public const ushort BranchFlag = 0x01;
    public const ushort LeafFlag = 0x02;
    public const ushort MetaFlag = 0x04;
    public const ushort FreeListFlag = 0x10;
    public const uint BucketItemFlag = 0x01;
    public const int PageBytesMin = 1024;
    public const int PageBytesMax = 64 * 1024;

    /// <summary>Greater than any level there can be in a file of this world.</summary>
    public const int LevelsMax = 32;

    /// <summary>FNV-1a, 64 bits.</summary>
    public static ulong Sum(ReadOnlySpan<byte> bytes)
    {
        var sum = 14695981039346656037ul;
        foreach (var one in bytes)
        {
            sum = (sum ^ one) * 1099511628211ul;
        }

        return sum;
    }
}

/// <summary>What one of the two meta pages says.</summary>
/// <param name="PageBytes">Of every page.</param>
/// <param name="Root">The page that the tree of buckets begins at.</param>
/// <param name="FreeList">The page that lists those that are not used; all ones if there is none.</param>
/// <param name="Pages">How many there are; what follows them in the file does not count.</param>
/// <param name="Transaction">The greater one counts.</param>
internal readonly record struct BoltMeta(int PageBytes, ulong Root, ulong FreeList, ulong Pages, ulong Transaction)
{
    private const int SummedBytes = BoltFormat.MetaBytes - sizeof(ulong);

    /// <summary>Reads it from behind the head of its page.</summary>
    /// <returns>What is wrong with it; null if nothing is.</returns>
    public static string? TryRead(ReadOnlySpan<byte> bytes, out BoltMeta meta)
    {
        meta = default;
        if (bytes.Length < BoltFormat.MetaBytes)
        {
            return "it is cut short";
        }

        if (BinaryPrimitives.ReadUInt32LittleEndian(bytes) is var magic && magic != BoltFormat.Magic)
        {
            return $"it begins with {magic:x8} instead of {BoltFormat.Magic:x8}";
        }

        if (BinaryPrimitives.ReadUInt32LittleEndian(bytes[4..]) is var version && version != BoltFormat.Version)
        {
            return $"its version is {version}, and only {BoltFormat.Version} is known";
        }

        var (sum, expected) = (BoltFormat.Sum(bytes[..SummedBytes]), BinaryPrimitives.ReadUInt64LittleEndian(bytes[SummedBytes..]));
        if (sum != expected)
        {
            return $"its sum is {sum:x16}, but {expected:x16} was written";
        }

        var pageBytes = BinaryPrimitives.ReadUInt32LittleEndian(bytes[8..]);
        if (pageBytes is < BoltFormat.PageBytesMin or > BoltFormat.PageBytesMax)
        {
            return $"its pages would have {pageBytes} bytes";
        }

        meta = new BoltMeta(
            (int)pageBytes,
            BinaryPrimitives.ReadUInt64LittleEndian(bytes[16..]),
            BinaryPrimitives.ReadUInt64LittleEndian(bytes[32..]),
            BinaryPrimitives.ReadUInt64LittleEndian(bytes[40..]),
            BinaryPrimitives.ReadUInt64LittleEndian(bytes[48..]));
        return null;
    }

    public void Write(Span<byte> to)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(to, BoltFormat.Magic);
        BinaryPrimitives.WriteUInt32LittleEndian(to[4..], BoltFormat.Version);
        BinaryPrimitives.WriteUInt32LittleEndian(to[8..], (uint)PageBytes);
        BinaryPrimitives.WriteUInt32LittleEndian(to[12..], 0);
        BinaryPrimitives.WriteUInt64LittleEndian(to[16..], Root);
        BinaryPrimitives.WriteUInt64LittleEndian(to[24..], 0);
        BinaryPrimitives.WriteUInt64LittleEndian(to[32..], FreeList);
        BinaryPrimitives.WriteUInt64LittleEndian(to[40..], Pages);
        BinaryPrimitives.WriteUInt64LittleEndian(to[48..], Transaction);
        BinaryPrimitives.WriteUInt64LittleEndian(to[SummedBytes..], BoltFormat.Sum(to[..SummedBytes]));
    }
}

/// <summary>The file is not a whole bbolt file.</summary>
public sealed class BoltDamagedException : Exception
{
    /// <param name="page">Which.</param>
    /// <param name="problem">What is wrong with it, as the rest of a sentence.</param>
    /// <param name="pageBytes">Of every page; 0 if that is not known.</param>
    public BoltDamagedException(ulong page, string problem, int pageBytes = 0)
        : base($"page {page} {problem}")
    {
        Page = page;
        Problem = problem;
        Offset = page < long.MaxValue / BoltFormat.PageBytesMax ? (long)page * pageBytes : 0;
    }

    /// <summary>Which page.</summary>
    public ulong Page { get; }

    /// <summary>Where it begins in the file; 0 if that is not known.</summary>
    public long Offset { get; }

    internal string Problem { get; }
}
