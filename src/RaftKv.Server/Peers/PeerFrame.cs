using System.Buffers.Binary;
using RaftKv.Storage.Files;

namespace RaftKv.Server.Peers;

/// <summary>What a frame holds. The numbers are on the wire.</summary>
internal enum FrameKind : byte
{
    /// <summary>A batch of messages without entries, read from borrowed bytes.</summary>
    Messages = 1,

    /// <summary>A batch of messages, some with entries. Their payloads are slices of the frame, so the receiver gives it
    /// memory of its own. A kind of its own, so that this is known before the first byte is read.</summary>
    MessagesWithEntries = 2,

    /// <summary>"Are you there?" with a number (8).</summary>
    Ping = 3,

    /// <summary>Answers a ping with its number (8).</summary>
    Pong = 4,

    /// <summary>"I am here", said unasked while the pong may be stuck behind data.</summary>
    Alive = 5,

    /// <summary>Why the sender closes the connection, as text.</summary>
    Farewell = 6,

    /// <summary>See <c>SnapshotFrames</c>, also for those below.</summary>
    SnapshotOffer = 10,

    SnapshotResume = 11,

    SnapshotChunk = 12,

    SnapshotEnd = 13,

    SnapshotDelivered = 14,

    SnapshotRefused = 15,
}

/// <summary>
/// What every byte after the handshake belongs to. Numbers are little-endian.
/// <code>
///   0        4      5          8          12       12 + length
///   +--------+------+----------+----------+--------+
///   | length | kind | head sum | body sum | body   |
///   +--------+------+----------+----------+--------+
/// </code>
/// The head sum is the lower three bytes of the CRC-32C of the five bytes before it: a damaged length would otherwise make
/// the receiver wait for bytes that never come. The body sum is the CRC-32C of the body. TCP's own sum is weak, and says
/// nothing about memory it passed on the way.
/// </summary>
internal static class PeerFrame
{
    public const int HeaderBytes = 12;

    /// <summary>Fills in the header of a frame whose body stands behind it.</summary>
    public static void Seal(Span<byte> frame, FrameKind kind)
        => Seal(frame[..HeaderBytes], kind, frame.Length - HeaderBytes, Crc32C.Of(frame[HeaderBytes..]));

    /// <exception cref="PeerProtocolException">The header is damaged, or announces more than is allowed.</exception>
    public static (FrameKind Kind, int Length, uint BodySum) ReadHeader(ReadOnlySpan<byte> header, int maxBytes)
    {
        var sum = header[5] | (uint)header[6] << 8 | (uint)header[7] << 16;
        if (sum != (Crc32C.Of(header[..5]) & 0xFFFFFF))
        {
            throw new PeerProtocolException("The header of a frame is damaged: its sum does not match.");
        }

        var length = BinaryPrimitives.ReadUInt32LittleEndian(header);
        if (length > (uint)maxBytes)
        {
            throw new PeerProtocolException($"A frame announces {length} bytes; {maxBytes} are allowed.");
        }

        var kind = (FrameKind)header[4];
        if (!Enum.IsDefined(kind))
        {
            throw new PeerProtocolException($"A frame is of kind {header[4]}, which is unknown here.");
        }

        return (kind, (int)length, BinaryPrimitives.ReadUInt32LittleEndian(header[8..]));
    }

    /// <exception cref="PeerProtocolException">The body is damaged.</exception>
    public static void CheckBody(ReadOnlySpan<byte> body, uint sum)
    {
        if (Crc32C.Of(body) != sum)
        {
            throw new PeerProtocolException($"The body of a frame of {body.Length} bytes is damaged: its sum does not match.");
        }
    }

    private static void Seal(Span<byte> header, FrameKind kind, int length, uint bodySum)
    {
        BinaryPrimitives.WriteInt32LittleEndian(header, length);
        header[4] = (byte)kind;
        var sum = Crc32C.Of(header[..5]);
        header[5] = (byte)sum;
        header[6] = (byte)(sum >> 8);
        header[7] = (byte)(sum >> 16);
        BinaryPrimitives.WriteUInt32LittleEndian(header[8..], bodySum);
    }
}
