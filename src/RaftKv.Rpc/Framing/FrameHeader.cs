using System.Buffers;
using System.Buffers.Binary;

namespace RaftKv.Rpc.Framing;

/// <summary>What the start of a buffer holds.</summary>
internal enum FrameStatus
{
    /// <summary>A whole message.</summary>
    Complete,

    /// <summary>The beginning of a message, or nothing; more bytes must arrive.</summary>
    Incomplete,

    /// <summary>A message that announces more bytes than are allowed. Known from its header alone, before it is buffered.</summary>
    TooLarge,

    /// <summary>A first byte that is neither 0 nor 1.</summary>
    UnknownFlag,
}

/// <summary>
/// The five bytes before every message:
/// <code>
///   0        1                 5              5 + length
///   +--------+-----------------+----------------+
///   | flag   | length (big e.) | message        |
///   +--------+-----------------+----------------+
/// </code>
/// flag 0: the message as it is; flag 1: compressed as the call's grpc-encoding says.
/// </summary>
internal readonly record struct FrameHeader(byte Flag, uint Length)
{
    public const int Size = 5;

    public bool IsCompressed => Flag == 1;

    public static void Write(Span<byte> destination, bool compressed, int length)
    {
        destination[0] = compressed ? (byte)1 : (byte)0;
        BinaryPrimitives.WriteUInt32BigEndian(destination[1..], (uint)length);
    }

    /// <summary>Looks at the first message of a buffer. The message is a slice of the buffer, nothing is copied.</summary>
    public static FrameStatus TryRead(
        in ReadOnlySequence<byte> buffer, int maxMessageBytes, out FrameHeader header, out ReadOnlySequence<byte> message)
    {
        message = default;
        header = default;
        if (buffer.Length < Size)
        {
            return FrameStatus.Incomplete;
        }

        header = buffer.FirstSpan.Length >= Size ? Parse(buffer.FirstSpan) : ParseSlow(buffer);
        if (header.Flag > 1)
        {
            return FrameStatus.UnknownFlag;
        }

        if (header.Length > (uint)maxMessageBytes)
        {
            return FrameStatus.TooLarge;
        }

        if (buffer.Length - Size < header.Length)
        {
            return FrameStatus.Incomplete;
        }

        message = buffer.Slice(Size, header.Length);
        return FrameStatus.Complete;
    }

    private static FrameHeader Parse(ReadOnlySpan<byte> bytes)
        => new(bytes[0], BinaryPrimitives.ReadUInt32BigEndian(bytes[1..Size]));

    private static FrameHeader ParseSlow(in ReadOnlySequence<byte> buffer)
    {
        Span<byte> bytes = stackalloc byte[Size];
        buffer.Slice(0, Size).CopyTo(bytes);
        return Parse(bytes);
    }
}
