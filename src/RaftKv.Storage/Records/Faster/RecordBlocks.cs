using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using RaftKv.Storage.Files;

namespace RaftKv.Storage.Records.Faster;

/// <summary>
/// The bytes of a <see cref="FasterRecordStore"/> on the disk. All numbers are little-endian.
/// </summary>
/// <remarks>
/// <code>
/// A segment, "0000000000000000.faster", holds a stretch of FASTER's log, a block at a time:
///
///   0               4096     4100            8196
///   +---------------+--------+---------------+--------+--
///   | block         | crc32c | block         | crc32c | …
///   +---------------+--------+---------------+--------+--
///
///   crc32c covers the member's identity, the address of the block in the log, and the block.
///
/// A record in the log:
///
///   0         8        16       24       28       32
///   +---------+--------+--------+--------+--------+---------+----------+
///   | FASTER  | main   | sub    | length | crc32c | record  | to a     |
///   |         |        |        | (+ 4)  |        |         | full 8   |
///   +---------+--------+--------+--------+--------+---------+----------+
///
///   crc32c covers main, sub and the record.
///
/// A token:
///
///   0      4        8          16        20           24      32     40           48      52
///   +------+--------+----------+---------+------------+-------+------+------------+-------+
///   | mark | format | identity | log2    | log2       | begin | end  | sum of the | crc32c|
///   |      |        |          | of page | of segment |       |      | blocks     |       |
///   +------+--------+----------+---------+------------+-------+------+------------+-------+
/// </code>
/// <para>Why sums of blocks beside sums of records: FASTER follows lengths and links that it reads from the disk, and does
/// not doubt them. Nothing that was not written reaches it.</para>
/// <para>Why no block is ever written twice: a checkpoint fills its last block up. So a torn write can only hurt blocks that
/// no checkpoint counts on.</para>
/// <para>The sum of the blocks, from the page of begin to end, tells a block that is missing its last write, or a file that
/// was exchanged for an older copy of itself, from the real ones.</para>
/// </remarks>
internal static class RecordBlocks
{
    public const uint Format = 1;
    public const int BlockBytes = 4096;
    public const int StoredBlockBytes = BlockBytes + sizeof(uint);

    /// <summary>What a record takes in the log beyond its own bytes, at most.</summary>
    public const int RecordOverheadBytes = 40;

    /// <summary>Bytes before the record in its value.</summary>
    public const int RecordSumBytes = 4;

    public const int TokenBytes = 52;

    private const string Extension = ".faster";
    private const uint TokenMark = 0x4B545346; // "FSTK"

    /// <summary>The bytes that FASTER gives to a record.</summary>
    public static int SizeOf(int recordLength) => (8 + 16 + 4 + RecordSumBytes + recordLength + 7) & ~7;

    /// <summary>The length of the record to which FASTER gives that many bytes.</summary>
    public static int LengthForSize(int size) => size - 8 - 16 - 4 - RecordSumBytes;

    public static string SegmentName(int segment)
        => ((long)segment).ToString("x16", CultureInfo.InvariantCulture) + Extension;

    public static bool TryParseSegmentName(string name, out int segment)
    {
        segment = 0;
        return name.Length == 16 + Extension.Length
            && name.EndsWith(Extension, StringComparison.Ordinal)
            && int.TryParse(
                name.AsSpan(0, 16), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out segment)
            && segment >= 0
            && SegmentName(segment) == name;
    }

    /// <summary>Where in its segment's file an offset in the segment is stored.</summary>
    public static long StoredOffset(long offset) => offset / BlockBytes * StoredBlockBytes;

    public static uint SumOf(ulong identity, long address, ReadOnlySpan<byte> block)
        => Crc32C.Continue(Crc32C.Continue(Crc32C.Continue(0, identity), (ulong)address), block);

    public static uint SumOf(in RecordKey key, ReadOnlySpan<byte> record)
        => Crc32C.Continue(Crc32C.Continue(Crc32C.Continue(0, (ulong)key.Main), (ulong)key.Sub), record);

    public static byte[] WriteToken(in RecordLogExtent extent)
    {
        var token = RecordToken.Begin(TokenMark, Format, TokenBytes);
        BinaryPrimitives.WriteUInt64LittleEndian(token.AsSpan(8), extent.Identity);
        BinaryPrimitives.WriteInt32LittleEndian(token.AsSpan(16), extent.PageBits);
        BinaryPrimitives.WriteInt32LittleEndian(token.AsSpan(20), extent.SegmentBits);
        BinaryPrimitives.WriteInt64LittleEndian(token.AsSpan(24), extent.Begin);
        BinaryPrimitives.WriteInt64LittleEndian(token.AsSpan(32), extent.End);
        BinaryPrimitives.WriteUInt64LittleEndian(token.AsSpan(40), extent.Sum);
        RecordToken.Seal(token);
        return token;
    }

    public static bool TryReadToken(
        ReadOnlySpan<byte> token, [NotNullWhen(false)] out string? problem, out RecordLogExtent extent)
    {
        extent = default;
        if (!RecordToken.IsWhole(token, TokenMark, Format, TokenBytes, out problem))
        {
            return false;
        }

        extent = new RecordLogExtent(
            BinaryPrimitives.ReadUInt64LittleEndian(token[8..]),
            BinaryPrimitives.ReadInt32LittleEndian(token[16..]),
            BinaryPrimitives.ReadInt32LittleEndian(token[20..]),
            BinaryPrimitives.ReadInt64LittleEndian(token[24..]),
            BinaryPrimitives.ReadInt64LittleEndian(token[32..]),
            BinaryPrimitives.ReadUInt64LittleEndian(token[40..]));
        return true;
    }
}

/// <summary>The part of FASTER's log that a checkpoint stands for.</summary>
internal readonly record struct RecordLogExtent(
    ulong Identity, int PageBits, int SegmentBits, long Begin, long End, ulong Sum);
