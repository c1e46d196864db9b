using System.Buffers.Binary;
using RaftKv.Storage.Files;

namespace RaftKv.Storage.Snapshots;

/// <summary>
/// A whole state as a stream of bytes: on its way to another member, or in a backup.
/// <code>
///   "RAFTKVSS" | version, 4 bytes | frame | frame | …
///
///   frame    +------+-----------+--------+----------+
///            | kind | length    | crc32c | content  |     numbers little-endian, 4 bytes
///            +------+-----------+--------+----------+
///
///   tables   once, first: see StateMachine.WriteTables
///   records  as many as it takes; each record: main, sub, length as packed numbers, then its bytes
///   end      how many records there were, 8 bytes
/// </code>
/// </summary>
/// <remarks>
/// The sum of a frame continues that of the frame before, so that one that is missing, doubled or moved is noticed as
/// surely as one that was changed. The records are those that can still be read: what stood at the compaction horizon,
/// and then every later change in order.
/// </remarks>
internal static class SnapshotFormat
{
    public const uint Version = 1;
    public const int StartBytes = 12;
    public const int FrameHeadBytes = 9;

    /// <summary>Larger than any frame: one holds a chunk of records or all tables.</summary>
    public const int FrameBytesMax = 1 << 30;

    public static ReadOnlySpan<byte> Magic => "RAFTKVSS"u8;

    public static uint Sum(uint before, SnapshotFrame kind, ReadOnlySpan<byte> content)
    {
        Span<byte> head = stackalloc byte[5];
        head[0] = (byte)kind;
        BinaryPrimitives.WriteInt32LittleEndian(head[1..], content.Length);
        return Crc32C.Continue(Crc32C.Continue(before, head), content);
    }
}

internal enum SnapshotFrame : byte
{
    Tables = 1,
    Records = 2,
    End = 3,
}

/// <summary>The bytes are not those of a snapshot, or not of a whole one.</summary>
public sealed class SnapshotDamagedException(long offset, string problem)
    : Exception($"The snapshot cannot be used: at byte {offset} {problem}")
{
    /// <summary>Where in the stream.</summary>
    public long Offset { get; } = offset;
}
