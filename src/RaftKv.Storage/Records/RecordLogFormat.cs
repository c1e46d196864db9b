using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using RaftKv.Storage.Files;
using RaftKv.Storage.Mvcc;

namespace RaftKv.Storage.Records;

/// <summary>
/// The bytes of a <see cref="LogRecordStore"/>. All numbers are little-endian.
/// </summary>
/// <remarks>
/// <code>
/// A segment, "0000000000000001.records", grows as records are put:
///
///   0        8        12         16         24       32            40             44     48
///   +--------+--------+----------+----------+--------+-------------+--------------+------+----------+--
///   | magic  | format | zero     | identity | number | end of the  | running sum  | crc  | record   | …
///   |        |        |          |          |        | one before  | of that      | 32c  |          |
///   +--------+--------+----------+----------+--------+-------------+--------------+------+----------+--
///
/// A record:
///
///   0        4        8        16       24
///   +--------+--------+--------+--------+---------------+
///   | crc32c | length | main   | sub    | record        |
///   +--------+--------+--------+--------+---------------+
///
///   crc32c covers the identity, the segment's number, the record's offset in it, and everything from length on.
///
/// A token, which names a state of the whole store:
///
///   0        4        8          16      24     32       40            44      48
///   +--------+--------+----------+-------+------+--------+-------------+-------+
///   | mark   | format | identity | first | last | length | running sum | crc32c|
///   +--------+--------+----------+-------+------+--------+-------------+-------+
///
///   first and last are numbers of segments, length is the length of the last.
/// </code>
/// <para>The running sum at some place is the CRC of all sums before it, headers' included, from the first segment that
/// ever was. Each header repeats the one before it, so that a token vouches for every byte of every segment it names: one
/// that was cut, exchanged for an older copy of itself or for another member's does not lead to the token's sum.</para>
/// </remarks>
internal static class RecordLogFormat
{
    public const uint Format = 1;
    public const int SegmentHeaderBytes = 48;
    public const int RecordHeaderBytes = 24;
    public const int TokenBytes = 48;

    private const string Extension = ".records";
    private const uint TokenMark = 0x43455256; // "VREC"

    private static ReadOnlySpan<byte> Magic => "RKVRECLG"u8;

    public static string SegmentName(long number)
        => number.ToString("x16", CultureInfo.InvariantCulture) + Extension;

    public static bool TryParseSegmentName(string name, out long number)
    {
        number = 0;
        return name.Length == 16 + Extension.Length
            && name.EndsWith(Extension, StringComparison.Ordinal)
            && long.TryParse(
                name.AsSpan(0, 16), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out number)
            && number > 0
            && SegmentName(number) == name;
    }

    /// <summary>Writes a header.</summary>
    /// <returns>Its sum.</returns>
    public static uint WriteHeader(Span<byte> destination, ulong identity, long number, long lengthBefore, uint sumBefore)
    {
        Magic.CopyTo(destination);
        BinaryPrimitives.WriteUInt32LittleEndian(destination[8..], Format);
        BinaryPrimitives.WriteUInt32LittleEndian(destination[12..], 0);
        BinaryPrimitives.WriteUInt64LittleEndian(destination[16..], identity);
        BinaryPrimitives.WriteInt64LittleEndian(destination[24..], number);
        BinaryPrimitives.WriteInt64LittleEndian(destination[32..], lengthBefore);
        BinaryPrimitives.WriteUInt32LittleEndian(destination[40..], sumBefore);
        var sum = Crc32C.Of(destination[..44]);
        BinaryPrimitives.WriteUInt32LittleEndian(destination[44..], sum);
        return sum;
    }

    /// <summary>Reads a header and judges everything in it but what it says of the segment before.</summary>
    public static RecordLogHeader ReadHeader(string path, ReadOnlySpan<byte> source, ulong identity, long number)
    {
        if (source.Length < SegmentHeaderBytes)
        {
            throw Damaged(0, $"a header of {SegmentHeaderBytes} bytes", $"the end of the file after {source.Length}");
        }

        if (!source[..8].SequenceEqual(Magic))
        {
            throw Damaged(0, "the mark of a segment of records", Convert.ToHexStringLower(source[..8]));
        }

        // Judged before the sum: a newer format may sum something else.
        var format = BinaryPrimitives.ReadUInt32LittleEndian(source[8..]);
        var sum = BinaryPrimitives.ReadUInt32LittleEndian(source[44..]);
        var computed = Crc32C.Of(source[..44]);
        if (format != Format)
        {
            throw Damaged(8, $"format {Format}", $"format {format}, which a newer program or a flipped bit wrote");
        }

        if (sum != computed)
        {
            throw Damaged(44, $"the sum {computed:x8}", $"{sum:x8}");
        }

        var foundIdentity = BinaryPrimitives.ReadUInt64LittleEndian(source[16..]);
        if (foundIdentity != identity)
        {
            throw Damaged(16, $"the member {identity:x16}", $"a segment of {foundIdentity:x16}");
        }

        var foundNumber = BinaryPrimitives.ReadInt64LittleEndian(source[24..]);
        if (foundNumber != number)
        {
            throw Damaged(24, $"segment {number}", $"segment {foundNumber}");
        }

        return new RecordLogHeader(
            BinaryPrimitives.ReadInt64LittleEndian(source[32..]), BinaryPrimitives.ReadUInt32LittleEndian(source[40..]), sum);

        RecordStoreDamagedException Damaged(long offset, string expected, string found) => new(path, offset, expected, found);
    }

    /// <summary>Writes the header of a record.</summary>
    /// <returns>Its sum.</returns>
    public static uint WriteRecordHeader(
        Span<byte> destination, in RecordPlace place, Revision revision, ReadOnlySpan<byte> record)
    {
        BinaryPrimitives.WriteInt32LittleEndian(destination[4..], record.Length);
        BinaryPrimitives.WriteInt64LittleEndian(destination[8..], revision.Main);
        BinaryPrimitives.WriteInt64LittleEndian(destination[16..], revision.Sub);
        var sum = SumOf(place, destination[4..RecordHeaderBytes], record);
        BinaryPrimitives.WriteUInt32LittleEndian(destination, sum);
        return sum;
    }

    public static RecordHeader ReadRecordHeader(ReadOnlySpan<byte> source) => new(
        BinaryPrimitives.ReadUInt32LittleEndian(source),
        BinaryPrimitives.ReadInt32LittleEndian(source[4..]),
        new Revision(
            BinaryPrimitives.ReadInt64LittleEndian(source[8..]), BinaryPrimitives.ReadInt64LittleEndian(source[16..])));

    /// <summary>What the sum of a record must be, header and all in <paramref name="bytes"/>.</summary>
    public static uint SumOf(in RecordPlace place, ReadOnlySpan<byte> bytes)
        => SumOf(place, bytes[4..RecordHeaderBytes], bytes[RecordHeaderBytes..]);

    public static byte[] WriteToken(in RecordLogMark mark)
    {
        var token = RecordToken.Begin(TokenMark, Format, TokenBytes);
        BinaryPrimitives.WriteUInt64LittleEndian(token.AsSpan(8), mark.Identity);
        BinaryPrimitives.WriteInt64LittleEndian(token.AsSpan(16), mark.First);
        BinaryPrimitives.WriteInt64LittleEndian(token.AsSpan(24), mark.Last);
        BinaryPrimitives.WriteInt64LittleEndian(token.AsSpan(32), mark.Length);
        BinaryPrimitives.WriteUInt32LittleEndian(token.AsSpan(40), mark.RunningSum);
        RecordToken.Seal(token);
        return token;
    }

    public static bool TryReadToken(ReadOnlySpan<byte> token, [NotNullWhen(false)] out string? problem, out RecordLogMark mark)
    {
        mark = default;
        if (!RecordToken.IsWhole(token, TokenMark, Format, TokenBytes, out problem))
        {
            return false;
        }

        mark = new RecordLogMark(
            BinaryPrimitives.ReadUInt64LittleEndian(token[8..]),
            BinaryPrimitives.ReadInt64LittleEndian(token[16..]),
            BinaryPrimitives.ReadInt64LittleEndian(token[24..]),
            BinaryPrimitives.ReadInt64LittleEndian(token[32..]),
            BinaryPrimitives.ReadUInt32LittleEndian(token[40..]));
        return true;
    }

    private static uint SumOf(in RecordPlace place, ReadOnlySpan<byte> header, ReadOnlySpan<byte> record)
    {
        var sum = Crc32C.Continue(0, place.Identity);
        sum = Crc32C.Continue(sum, (ulong)place.Segment);
        sum = Crc32C.Continue(sum, (ulong)place.Offset);
        sum = Crc32C.Continue(sum, header);
        return Crc32C.Continue(sum, record);
    }
}

/// <summary>What a segment's header says that is not known from elsewhere.</summary>
internal readonly record struct RecordLogHeader(long LengthBefore, uint SumBefore, uint Sum);

/// <summary>A record as it announces itself; nothing in it is to be believed before its sum was checked.</summary>
internal readonly record struct RecordHeader(uint Sum, int Length, Revision Revision);

/// <summary>Where a record stands; a part of its sum.</summary>
internal readonly record struct RecordPlace(ulong Identity, long Segment, long Offset);

/// <summary>The places of one segment.</summary>
/// <param name="Identity">Of the member.</param>
/// <param name="Segment">Its number.</param>
/// <param name="AreForgotten">See <see cref="RecordFaults.SumsWithoutPlace"/>.</param>
internal readonly record struct RecordPlaces(ulong Identity, long Segment, bool AreForgotten)
{
    public RecordPlace At(long offset) => AreForgotten ? default : new RecordPlace(Identity, Segment, offset);
}

/// <summary>A state of the whole store: what a token says.</summary>
internal readonly record struct RecordLogMark(ulong Identity, long First, long Last, long Length, uint RunningSum);
