using System.Buffers.Binary;
using Google.Protobuf;

namespace RaftKv.Rpc.Tests.RawHttp2;

/// <summary>The frames that a well-behaved gRPC client sends.</summary>
internal static class GrpcFrames
{
    public static (string Name, string Value)[] RequestHeaders(string path, params (string Name, string Value)[] more) =>
    [
        (":method", "POST"),
        (":scheme", "http"),
        (":path", path),
        (":authority", "127.0.0.1"),
        ("content-type", "application/grpc"),
        ("te", "trailers"),
        .. more,
    ];

    public static RawFrame Request(int stream, string path, params (string Name, string Value)[] more)
        => RawFrame.Headers(stream, endStream: false, RequestHeaders(path, more));

    public static RawFrame Message(int stream, IMessage message, bool endStream = false)
        => RawFrame.Data(stream, Framed(message.ToByteArray()), endStream);

    public static byte[] Framed(ReadOnlySpan<byte> message)
    {
        var framed = new byte[5 + message.Length];
        BinaryPrimitives.WriteInt32BigEndian(framed.AsSpan(1), message.Length);
        message.CopyTo(framed.AsSpan(5));
        return framed;
    }

    /// <summary>A header block cut into HEADERS and as many CONTINUATION frames as it takes.</summary>
    public static IEnumerable<RawFrame> InPieces(int stream, byte[] block, int pieceBytes, bool endStream)
    {
        for (var at = 0; at < block.Length; at += pieceBytes)
        {
            var piece = block.AsMemory(at, Math.Min(pieceBytes, block.Length - at));
            var last = at + pieceBytes >= block.Length ? RawFrame.EndHeaders : (byte)0;
            yield return at == 0
                ? new RawFrame(FrameKind.Headers, (byte)(last | (endStream ? RawFrame.EndStream : 0)), stream, piece)
                : new RawFrame(FrameKind.Continuation, last, stream, piece);
        }
    }
}
