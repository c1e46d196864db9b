using System.Buffers.Binary;
using System.Text;
using RaftKv.Raft;
using RaftKv.Raft.Messages;

namespace RaftKv.Server.Peers;

/// <summary>
/// What is said on a snapshot's stream. S sends, R receives.
/// <code>
///   S  Offer      id (16), transfer (16), length (8, all ones if unknown), batch of the one message
///   R  Resume     offset (8): "I have the bytes before this one"
///   S  Chunk      offset (8), bytes        … again and again; the frame's sum covers both
///   S  End        length (8)
///   R  Delivered  the state is in place
///   R  Refused    text: at any moment, instead of what it would have said
/// </code>
/// After a cut, an Offer of the same id on a new connection is answered by how far the receiver got; by Delivered, if only
/// that word was lost. The transfer tells the latter from a host that wants the same bytes sent again.
/// </summary>
internal static class SnapshotFrames
{
    public const int MaxChunkBytes = 256 * 1024;
    public const int ChunkHeaderBytes = sizeof(ulong);

    private const int OfferHeaderBytes = 16 + 16 + sizeof(ulong);

    public static byte[] Offer(Guid id, Guid transfer, long? length, in Message message)
    {
        var body = new byte[OfferHeaderBytes + MessageCodec.BatchHeaderBytes + MessageCodec.BoundOf(message)];
        id.TryWriteBytes(body, bigEndian: true, out _);
        transfer.TryWriteBytes(body.AsSpan(16), bigEndian: true, out _);
        BinaryPrimitives.WriteUInt64LittleEndian(body.AsSpan(32), length is { } known ? (ulong)known : ulong.MaxValue);
        MessageCodec.WriteBatchHeader(body.AsSpan(OfferHeaderBytes), 1, 0);
        var messageBytes = MessageCodec.Write(message, body.AsSpan(OfferHeaderBytes + MessageCodec.BatchHeaderBytes));
        return PeerConnection.Frame(
            FrameKind.SnapshotOffer, body.AsSpan(0, OfferHeaderBytes + MessageCodec.BatchHeaderBytes + messageBytes));
    }

    public static (SnapshotOffer Offer, Guid Transfer) ReadOffer(ReceivedFrame frame, NodeId from, NodeId to)
    {
        Expect(frame, FrameKind.SnapshotOffer);
        var reader = new WireReader(frame.Body.Span);
        var id = new Guid(reader.Take(16), bigEndian: true);
        var transfer = new Guid(reader.Take(16), bigEndian: true);
        var length = reader.Fixed64();
        var messages = new List<Message>();
        MessageCodec.Read(frame.Body[OfferHeaderBytes..], from, to, messages);
        if (messages is not [{ Kind: MessageKind.InstallSnapshot, Snapshot: not null, Entries.Length: 0 } message])
        {
            throw new PeerProtocolException("A snapshot is offered without the message it belongs to.");
        }

        if (length is > long.MaxValue and < ulong.MaxValue)
        {
            throw new PeerProtocolException($"A snapshot of {length} bytes is offered.");
        }

        return (new SnapshotOffer(message, id, length == ulong.MaxValue ? null : (long)length), transfer);
    }

    /// <summary>Puts a chunk's frame around bytes that stand in the buffer behind the room for its head.</summary>
    public static void SealChunk(Span<byte> frame, long offset)
    {
        BinaryPrimitives.WriteInt64LittleEndian(frame[PeerFrame.HeaderBytes..], offset);
        PeerFrame.Seal(frame, FrameKind.SnapshotChunk);
    }

    public static byte[] Number(FrameKind kind, long number)
    {
        Span<byte> body = stackalloc byte[sizeof(long)];
        BinaryPrimitives.WriteInt64LittleEndian(body, number);
        return PeerConnection.Frame(kind, body);
    }

    public static long ReadNumber(ReceivedFrame frame)
    {
        var number = new WireReader(frame.Body.Span).Fixed64();
        return number <= long.MaxValue ? (long)number : throw new PeerProtocolException($"A snapshot's stream names byte {number}.");
    }

    public static byte[] Text(FrameKind kind, string text) => PeerConnection.Frame(kind, Encoding.UTF8.GetBytes(text));

    public static string ReadText(ReceivedFrame frame)
        => HandshakeFrame.PlainText(frame.Body.Span[..Math.Min(frame.Body.Length, 500)]);

    public static void Expect(ReceivedFrame frame, FrameKind kind)
    {
        if (frame.Kind != kind)
        {
            throw new PeerProtocolException($"A snapshot's stream has {frame.Kind} where {kind} should be.");
        }
    }
}
