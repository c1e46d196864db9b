using System.Buffers.Binary;
using System.Text;

namespace RaftKv.Rpc.Tests.RawHttp2;

/// <summary>RFC 9113 §6.</summary>
internal enum FrameKind : byte
{
    Data = 0x0,
    Headers = 0x1,
    Priority = 0x2,
    Reset = 0x3,
    Settings = 0x4,
    PushPromise = 0x5,
    Ping = 0x6,
    GoAway = 0x7,
    WindowUpdate = 0x8,
    Continuation = 0x9,
}

/// <summary>RFC 9113 §7.</summary>
internal enum Http2Code : uint
{
    NoError = 0x0,
    ProtocolError = 0x1,
    InternalError = 0x2,
    FlowControlError = 0x3,
    SettingsTimeout = 0x4,
    StreamClosed = 0x5,
    FrameSizeError = 0x6,
    RefusedStream = 0x7,
    Cancel = 0x8,
    CompressionError = 0x9,
    ConnectError = 0xa,
    EnhanceYourCalm = 0xb,
    InadequateSecurity = 0xc,
    Http11Required = 0xd,
}

/// <summary>
/// One frame as it is on the wire, right or wrong: nothing here checks it, so that tests can send what nobody should.
/// <code>
///   0                 3        4        5                   9
///   +-----------------+--------+--------+-------------------+---------+
///   | length          | kind   | flags  | R stream          | payload |
///   +-----------------+--------+--------+-------------------+---------+
/// </code>
/// </summary>
internal readonly record struct RawFrame(FrameKind Kind, byte Flags, int Stream, ReadOnlyMemory<byte> Payload)
{
    public const int HeaderSize = 9;

    public const byte Ack = 0x1;
    public const byte EndStream = 0x1;
    public const byte EndHeaders = 0x4;
    public const byte Padded = 0x8;
    public const byte HasPriority = 0x20;

    public const ushort InitialWindowSize = 0x4;
    public const ushort MaxConcurrentStreams = 0x3;

    public bool EndsStream => Kind is FrameKind.Data or FrameKind.Headers && (Flags & EndStream) != 0;

    public bool EndsHeaders => (Flags & EndHeaders) != 0;

    public bool IsAck => Kind is FrameKind.Settings or FrameKind.Ping && (Flags & Ack) != 0;

    /// <summary>The error code of a Reset or GoAway.</summary>
    public Http2Code Code => (Http2Code)BinaryPrimitives.ReadUInt32BigEndian(Payload.Span[(Kind is FrameKind.GoAway ? 4 : 0)..]);

    /// <summary>The last stream that the sender of a GoAway will have processed.</summary>
    public int LastStream => BinaryPrimitives.ReadInt32BigEndian(Payload.Span);

    public static RawFrame Settings(params ReadOnlySpan<(ushort Id, uint Value)> settings)
    {
        var payload = new byte[settings.Length * 6];
        for (var i = 0; i < settings.Length; i++)
        {
            BinaryPrimitives.WriteUInt16BigEndian(payload.AsSpan(i * 6), settings[i].Id);
            BinaryPrimitives.WriteUInt32BigEndian(payload.AsSpan((i * 6) + 2), settings[i].Value);
        }

        return new(FrameKind.Settings, 0, 0, payload);
    }

    public static RawFrame SettingsAck() => new(FrameKind.Settings, Ack, 0, default);

    public static RawFrame Ping(ulong opaque, bool ack = false) => new(FrameKind.Ping, ack ? Ack : (byte)0, 0, BigEndian(opaque));

    public static RawFrame Headers(int stream, bool endStream, params (string Name, string Value)[] headers)
        => new(FrameKind.Headers, (byte)(EndHeaders | (endStream ? EndStream : 0)), stream, HeaderBlock.Encode(headers));

    public static RawFrame Data(int stream, ReadOnlyMemory<byte> bytes, bool endStream = false)
        => new(FrameKind.Data, endStream ? EndStream : (byte)0, stream, bytes);

    public static RawFrame Reset(int stream, Http2Code code) => new(FrameKind.Reset, 0, stream, BigEndian((uint)code));

    public static RawFrame WindowUpdate(int stream, int increment) => new(FrameKind.WindowUpdate, 0, stream, BigEndian((uint)increment));

    public static RawFrame GoAway(int lastStream, Http2Code code, string debug = "")
        => new(FrameKind.GoAway, 0, 0, (byte[])[.. BigEndian((uint)lastStream), .. BigEndian((uint)code), .. Encoding.UTF8.GetBytes(debug)]);

    public byte[] ToBytes()
    {
        var bytes = new byte[HeaderSize + Payload.Length];
        BinaryPrimitives.WriteUInt32BigEndian(bytes, ((uint)Payload.Length << 8) | (byte)Kind);
        bytes[4] = Flags;
        BinaryPrimitives.WriteInt32BigEndian(bytes.AsSpan(5), Stream);
        Payload.Span.CopyTo(bytes.AsSpan(HeaderSize));
        return bytes;
    }

    public static (FrameKind Kind, byte Flags, int Stream, int Length) ParseHeader(ReadOnlySpan<byte> header)
    {
        var first = BinaryPrimitives.ReadUInt32BigEndian(header);
        return ((FrameKind)(byte)first, header[4], BinaryPrimitives.ReadInt32BigEndian(header[5..]) & int.MaxValue, (int)(first >> 8));
    }

    public override string ToString() => $"{Kind} stream={Stream} flags=0x{Flags:x2} {Payload.Length} bytes";

    private static byte[] BigEndian(uint value)
    {
        var bytes = new byte[4];
        BinaryPrimitives.WriteUInt32BigEndian(bytes, value);
        return bytes;
    }

    private static byte[] BigEndian(ulong value)
    {
        var bytes = new byte[8];
        BinaryPrimitives.WriteUInt64BigEndian(bytes, value);
        return bytes;
    }
}
