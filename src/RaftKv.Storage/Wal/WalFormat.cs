using System.Buffers.Binary;
using System.Globalization;
using System.Numerics;
using RaftKv.Raft;
using RaftKv.Raft.Log;
using RaftKv.Storage.Files;

namespace RaftKv.Storage.Wal;

/// <summary>
/// The bytes of the log. All numbers are little-endian; nothing depends on the page size of the machine.
/// </summary>
/// <remarks>
/// <code>
/// A segment, "0000000000000001.wal", has a fixed length and is zero where nothing was written yet:
///
///   0        512
///   +--------+---------+---------+---------+-------------------------------+
///   | header | batch   | batch   | batch   | zeros                         |
///   +--------+---------+---------+---------+-------------------------------+
///
/// The header fills a sector:
///
///   0        8         12         16         24        32         36         40
///   +--------+---------+----------+----------+---------+----------+----------+
///   | magic  | format  | zero     | identity | number  | capacity | previous |
///   +--------+---------+----------+----------+---------+----------+----------+
///   40         48     56     64       72                80                 88
///   +----------+------+------+--------+-----------------+-------------------+
///   | sequence | term | vote | commit | start (term, …  | … index)          |
///   +----------+------+------+--------+-----------------+-------------------+
///   88                96          104     508      512
///   +-----------------+-----------+-------+--------+
///   | last (term, …   | … index)  | zeros | crc32c |
///   +-----------------+-----------+-------+--------+
///
/// previous is the sum of the last record of the segment before, sequence the number of the first batch here; term, vote,
/// commit, start and last are the state of the log when the segment was begun, so that older segments can go.
///
/// A batch is what one append wrote with one call and synced once. Its records are aligned to 8 bytes:
///
///   +-------+--------+--------+-----+-----+
///   | Begin | record | record |  …  | End |
///   +-------+--------+--------+-----+-----+
///
/// A record:
///
///   0        4        8          12     13      14     16          length     next multiple of 8
///   +--------+--------+----------+------+-------+------+-----------+----------+
///   | length | crc32c | previous | kind | entry | zero | body      | zeros    |
///   +--------+--------+----------+------+-------+------+-----------+----------+
///
///   crc32c covers: identity, segment number, offset of the record in the segment, length, and all from previous to the
///   last padding byte. previous is the crc32c of the record before, or the header's previous for the first one.
///
///   Begin      sequence (8), bytes of the whole batch (4), records between Begin and End (4)
///   End        zero sectors (4), faint sectors (4), a fixed mark (8)
///   Entry      term (8), index (8), payload; the kind of entry stands in the record's header
///   HardState  term (8), vote (8), commit (8)
///   Compacted  term (8), index (8): entries through this one are not needed any more
///   Reset      term (8), index (8): a snapshot replaced everything; the log goes on after this position
///   Closed     number of the segment that continues the log (8)
/// </code>
/// <para>Why a sum that knows its place: a record that is read where another was meant to be (stale, misdirected, from
/// another segment or another member's log) sums to something else. Why "previous" is stored and not only mixed in: a
/// record past a damaged spot can still be recognised, and that it is there proves that the spot was durable once.</para>
/// <para>Why End counts sectors: see rule 5 in <see cref="WalRecovery"/>.</para>
/// </remarks>
internal static class WalFormat
{
    public const uint FormatVersion = 1;
    public const int SectorBytes = 512;
    public const int SegmentHeaderBytes = SectorBytes;
    public const int RecordHeaderBytes = 16;
    public const int BeginBytes = RecordHeaderBytes + 16;
    public const int EndBytes = RecordHeaderBytes + 16;
    public const int EntryHeaderBytes = RecordHeaderBytes + 16;
    public const int HardStateBytes = RecordHeaderBytes + 24;
    public const int PositionBytes = RecordHeaderBytes + 16;
    public const int ClosedBytes = RecordHeaderBytes + 8;
    public const int BatchFrameBytes = BeginBytes + EndBytes;
    public const int RecordAlignment = 8;

    // Many bits, so that no sector that holds a part of End can be mistaken for one that never arrived.
    public const ulong EndMark = 0x9AE16A3B2F90404F;

    public const string SegmentSuffix = ".wal";
    public const string UnfinishedSuffix = ".new";

    private const int HeaderSumOffset = SegmentHeaderBytes - sizeof(uint);

    public static ReadOnlySpan<byte> Magic => "RAFTKVWL"u8;

    public static string SegmentName(ulong number)
        => number.ToString("x16", CultureInfo.InvariantCulture) + SegmentSuffix;

    /// <summary>Whether a name is a segment's, exactly as <see cref="SegmentName"/> writes it.</summary>
    public static bool TryParseSegmentName(string name, out ulong number)
    {
        number = 0;
        return name.EndsWith(SegmentSuffix, StringComparison.Ordinal)
            && ulong.TryParse(
                name.AsSpan(0, name.Length - SegmentSuffix.Length),
                NumberStyles.AllowHexSpecifier,
                CultureInfo.InvariantCulture,
                out number)
            && number > 0
            && name == SegmentName(number);
    }

    /// <summary>What a record takes on disk.</summary>
    public static long Padded(long length) => (length + RecordAlignment - 1) & ~(RecordAlignment - 1L);

    /// <summary>Where every record's sum in one segment starts from.</summary>
    public static uint Salt(ulong identity, ulong segmentNumber)
        => Crc32C.Continue(Crc32C.Continue(0, identity), segmentNumber);

    /// <param name="salt">Of the segment.</param>
    /// <param name="offset">Of the record in the segment.</param>
    /// <param name="record">The record with its padding; its own sum is not read.</param>
    public static uint SumOf(uint salt, long offset, ReadOnlySpan<byte> record)
    {
        var sum = Crc32C.Continue(salt, (ulong)offset);
        sum = Crc32C.Continue(sum, BinaryPrimitives.ReadUInt32LittleEndian(record));
        return Crc32C.Continue(sum, record[8..]);
    }

    public static void WriteHeader(in WalSegmentHeader header, Span<byte> sector)
    {
        sector[..SegmentHeaderBytes].Clear();
        Magic.CopyTo(sector);
        BinaryPrimitives.WriteUInt32LittleEndian(sector[8..], FormatVersion);
        BinaryPrimitives.WriteUInt64LittleEndian(sector[16..], header.Identity);
        BinaryPrimitives.WriteUInt64LittleEndian(sector[24..], header.Number);
        BinaryPrimitives.WriteUInt32LittleEndian(sector[32..], header.CapacityBytes);
        BinaryPrimitives.WriteUInt32LittleEndian(sector[36..], header.Previous);
        BinaryPrimitives.WriteUInt64LittleEndian(sector[40..], header.Sequence);
        WriteHardState(header.HardState, sector[48..]);
        WritePosition(header.Start, sector[72..]);
        WritePosition(header.Last, sector[88..]);
        BinaryPrimitives.WriteUInt32LittleEndian(sector[HeaderSumOffset..], Crc32C.Of(sector[..HeaderSumOffset]));
    }

    public static bool TryReadHeader(ReadOnlySpan<byte> sector, out WalSegmentHeader header, out WalFlaw flaw)
    {
        header = default;
        flaw = default;
        if (!sector[..8].SequenceEqual(Magic))
        {
            flaw = new WalFlaw(0, "the magic bytes of a log segment", Convert.ToHexStringLower(sector[..8]));
            return false;
        }

        // Before the sum: a newer format may keep it elsewhere, and "newer" is the more useful word. A flipped bit here
        // is refused either way.
        var format = BinaryPrimitives.ReadUInt32LittleEndian(sector[8..]);
        if (format != FormatVersion)
        {
            flaw = new WalFlaw(8, $"format {FormatVersion}", $"format {format}, of a newer program");
            return false;
        }

        var expected = BinaryPrimitives.ReadUInt32LittleEndian(sector[HeaderSumOffset..]);
        var found = Crc32C.Of(sector[..HeaderSumOffset]);
        if (expected != found)
        {
            flaw = new WalFlaw(HeaderSumOffset, $"header crc32c {expected:x8}", $"bytes that sum to {found:x8}");
            return false;
        }

        header = new WalSegmentHeader
        {
            Identity = BinaryPrimitives.ReadUInt64LittleEndian(sector[16..]),
            Number = BinaryPrimitives.ReadUInt64LittleEndian(sector[24..]),
            CapacityBytes = BinaryPrimitives.ReadUInt32LittleEndian(sector[32..]),
            Previous = BinaryPrimitives.ReadUInt32LittleEndian(sector[36..]),
            Sequence = BinaryPrimitives.ReadUInt64LittleEndian(sector[40..]),
            HardState = ReadHardState(sector[48..]),
            Start = ReadPosition(sector[72..]),
            Last = ReadPosition(sector[88..]),
        };
        return true;
    }

    /// <summary>Reads one record and checks all that can be checked without its neighbours.</summary>
    /// <param name="bytes">From the record on; no further than the batch, or the segment.</param>
    /// <param name="offset">Of the record in the segment.</param>
    /// <param name="salt">Of the segment.</param>
    /// <param name="record">Borrows its body from <paramref name="bytes"/>.</param>
    /// <param name="flaw">What is wrong, if it is not a record.</param>
    public static bool TryReadRecord(
        ReadOnlySpan<byte> bytes, long offset, uint salt, out WalRecord record, out WalFlaw flaw)
    {
        record = default;
        flaw = default;
        var length = bytes.Length < RecordHeaderBytes ? 0 : BinaryPrimitives.ReadUInt32LittleEndian(bytes);
        if (length < RecordHeaderBytes || Padded(length) > bytes.Length)
        {
            flaw = new WalFlaw(
                offset, $"a record of {RecordHeaderBytes} to {bytes.Length} bytes", $"one that says {length} bytes");
            return false;
        }

        var whole = bytes[..(int)Padded(length)];
        var expected = BinaryPrimitives.ReadUInt32LittleEndian(whole[4..]);
        var found = SumOf(salt, offset, whole);
        if (expected != found)
        {
            flaw = new WalFlaw(offset, $"crc32c {expected:x8}", $"bytes that sum to {found:x8} at this place");
            return false;
        }

        record = new WalRecord
        {
            Offset = offset,
            Sum = found,
            Previous = BinaryPrimitives.ReadUInt32LittleEndian(whole[8..]),
            Kind = (WalRecordKind)whole[12],
            EntryKind = (EntryKind)whole[13],
            Body = whole[RecordHeaderBytes..(int)length],
            PaddedBytes = whole.Length,
        };
        if (!HasKnownShape(record))
        {
            flaw = new WalFlaw(
                offset, "a kind of record that this program knows", $"kind {whole[12]} of {length} bytes");
            return false;
        }

        return true;
    }

    public static HardState ReadHardState(ReadOnlySpan<byte> bytes)
        => new(
            BinaryPrimitives.ReadUInt64LittleEndian(bytes),
            new NodeId(BinaryPrimitives.ReadUInt64LittleEndian(bytes[8..])),
            BinaryPrimitives.ReadUInt64LittleEndian(bytes[16..]));

    public static void WriteHardState(HardState state, Span<byte> bytes)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, state.Term);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes[8..], state.Vote.Value);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes[16..], state.Commit);
    }

    public static LogPosition ReadPosition(ReadOnlySpan<byte> bytes)
        => new(BinaryPrimitives.ReadUInt64LittleEndian(bytes), BinaryPrimitives.ReadUInt64LittleEndian(bytes[8..]));

    public static void WritePosition(LogPosition position, Span<byte> bytes)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, position.Term);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes[8..], position.Index);
    }

    /// <summary>
    /// Looks at the part of every sector that some bytes fill. Zero: no bit is set, as if it had never been written.
    /// Faint: a single bit is set, so that one flip could make it look as if it had never been written.
    /// </summary>
    public static BareSectors CountBareSectors(ReadOnlySpan<byte> bytes, long offset)
    {
        var zero = 0u;
        var faint = 0u;
        while (bytes.Length > 0)
        {
            var inSector = (int)Math.Min(bytes.Length, SectorBytes - (offset % SectorBytes));
            var part = bytes[..inSector];
            var first = part.IndexOfAnyExcept((byte)0);
            if (first < 0)
            {
                zero++;
            }
            else if (BitOperations.IsPow2(part[first]) && part[(first + 1)..].IndexOfAnyExcept((byte)0) < 0)
            {
                faint++;
            }

            bytes = bytes[inSector..];
            offset += inSector;
        }

        return new BareSectors(zero, faint);
    }

    private static bool HasKnownShape(in WalRecord record)
    {
        var body = record.Body.Length + RecordHeaderBytes;
        return record.Kind switch
        {
            WalRecordKind.Begin => body == BeginBytes,
            WalRecordKind.End => body == EndBytes,
            WalRecordKind.Entry => body >= EntryHeaderBytes,
            WalRecordKind.HardState => body == HardStateBytes,
            WalRecordKind.Compacted or WalRecordKind.Reset => body == PositionBytes,
            WalRecordKind.Closed => body == ClosedBytes,
            _ => false,
        };
    }
}

/// <summary>What a record says. The numbers are on disk.</summary>
internal enum WalRecordKind : byte
{
    Begin = 1,
    End = 2,
    Entry = 3,
    HardState = 4,
    Compacted = 5,
    Reset = 6,
    Closed = 7,
}

/// <summary>What is wrong, where: the two halves of every refusal.</summary>
internal readonly record struct WalFlaw(long Offset, string Expected, string Found);

/// <summary>See <see cref="WalFormat.CountBareSectors"/>.</summary>
internal readonly record struct BareSectors(uint Zero, uint Faint);

/// <summary>The first sector of a segment.</summary>
internal readonly record struct WalSegmentHeader
{
    public ulong Identity { get; init; }

    public ulong Number { get; init; }

    public uint CapacityBytes { get; init; }

    public uint Previous { get; init; }

    public ulong Sequence { get; init; }

    public HardState HardState { get; init; }

    public LogPosition Start { get; init; }

    public LogPosition Last { get; init; }
}

/// <summary>One record, its body borrowed from whatever it was read into.</summary>
internal readonly ref struct WalRecord
{
    public long Offset { get; init; }

    public uint Sum { get; init; }

    public uint Previous { get; init; }

    public WalRecordKind Kind { get; init; }

    public EntryKind EntryKind { get; init; }

    public ReadOnlySpan<byte> Body { get; init; }

    public int PaddedBytes { get; init; }

    /// <summary>Of Begin.</summary>
    public ulong Sequence => BinaryPrimitives.ReadUInt64LittleEndian(Body);

    /// <summary>Of Begin.</summary>
    public uint BatchBytes => BinaryPrimitives.ReadUInt32LittleEndian(Body[8..]);

    /// <summary>Of Begin.</summary>
    public uint RecordCount => BinaryPrimitives.ReadUInt32LittleEndian(Body[12..]);

    /// <summary>Of End.</summary>
    public BareSectors BareSectors
        => new(BinaryPrimitives.ReadUInt32LittleEndian(Body), BinaryPrimitives.ReadUInt32LittleEndian(Body[4..]));

    /// <summary>Of Entry, Compacted and Reset.</summary>
    public LogPosition Position => WalFormat.ReadPosition(Body);

    /// <summary>Of Entry.</summary>
    public ReadOnlySpan<byte> Payload => Body[16..];

    /// <summary>Of HardState.</summary>
    public HardState HardState => WalFormat.ReadHardState(Body);

    /// <summary>Of Closed.</summary>
    public ulong NextSegment => BinaryPrimitives.ReadUInt64LittleEndian(Body);
}
