using System.Buffers;
using System.IO.Pipelines;
using System.Text;
using RaftKv.Raft;
using RaftKv.Storage.Files;

namespace RaftKv.Server.Peers;

/// <summary>How a member answers one that connects. The numbers are on the wire.</summary>
internal enum PeerVerdict : byte
{
    Welcome = 0,
    OtherProtocol = 1,
    OtherCluster = 2,
    WrongMember = 3,
    Removed = 4,
    SameIdentity = 5,
    Stopping = 6,
    Malformed = 7,
    LostItsData = 8,
}

/// <summary>
/// What the connecting member says first.
/// <code>
///   0       8        10       10 + length
///   +-------+--------+--------+--------+
///   | magic | length | body   | crc32c |     the sum covers length and body
///   +-------+--------+--------+--------+
///
///   oldest and newest protocol it speaks (1 each), lane (1), cluster (8), from (8), to (8), process (8), version (1 + text),
///   whether it is blank (1)
/// </code>
/// The first byte of the magic is in no HTTP request and no TLS record, so the port can tell them apart. Bytes behind those
/// known are passed over: this is where later versions say more.
/// </summary>
internal readonly record struct PeerHello(
    byte OldestProtocol,
    byte NewestProtocol,
    PeerLane Lane,
    ulong ClusterId,
    NodeId From,
    NodeId To,
    ulong Process,
    string Version,
    bool IsBlank = false)
{
    /// <summary>The only protocol there is so far.</summary>
    public const byte Protocol = 1;

    public byte[] Encode()
    {
        var body = new byte[HandshakeFrame.MaxBodyBytes];
        var writer = new WireWriter(body);
        writer.Byte(OldestProtocol);
        writer.Byte(NewestProtocol);
        writer.Byte((byte)Lane);
        writer.Fixed64(ClusterId);
        writer.Fixed64(From.Value);
        writer.Fixed64(To.Value);
        writer.Fixed64(Process);
        HandshakeFrame.WriteText(ref writer, Version, 64);
        writer.Byte(IsBlank ? (byte)1 : (byte)0);
        return HandshakeFrame.Seal(body.AsSpan(0, writer.Position));
    }

    public static PeerHello Decode(ReadOnlySpan<byte> body)
    {
        var reader = new WireReader(body);
        return new PeerHello(
            reader.Byte(),
            reader.Byte(),
            (PeerLane)reader.Byte(),
            reader.Fixed64(),
            new NodeId(reader.Fixed64()),
            new NodeId(reader.Fixed64()),
            reader.Fixed64(),
            HandshakeFrame.ReadText(ref reader),
            reader.Remaining > 0 && reader.Byte() != 0);
    }
}

/// <summary>
/// The answer, in the same frame: verdict (1), protocol chosen (1), cluster (8), member (8), process (8), version (1 + text),
/// reason (1 + text).
/// </summary>
internal readonly record struct PeerWelcome(
    PeerVerdict Verdict, byte Protocol, ulong ClusterId, NodeId Member, ulong Process, string Version, string Reason)
{
    public byte[] Encode()
    {
        var body = new byte[HandshakeFrame.MaxBodyBytes];
        var writer = new WireWriter(body);
        writer.Byte((byte)Verdict);
        writer.Byte(Protocol);
        writer.Fixed64(ClusterId);
        writer.Fixed64(Member.Value);
        writer.Fixed64(Process);
        HandshakeFrame.WriteText(ref writer, Version, 64);
        HandshakeFrame.WriteText(ref writer, Reason, 250);
        return HandshakeFrame.Seal(body.AsSpan(0, writer.Position));
    }

    public static PeerWelcome Decode(ReadOnlySpan<byte> body)
    {
        var reader = new WireReader(body);
        return new PeerWelcome(
            (PeerVerdict)reader.Byte(),
            reader.Byte(),
            reader.Fixed64(),
            new NodeId(reader.Fixed64()),
            reader.Fixed64(),
            HandshakeFrame.ReadText(ref reader),
            HandshakeFrame.ReadText(ref reader));
    }
}

/// <summary>The frame of both.</summary>
internal static class HandshakeFrame
{
    public const int MaxBodyBytes = 512;

    private const int MaxFrameBytes = 8 + sizeof(ushort) + MaxBodyBytes + sizeof(uint);

    public static ReadOnlySpan<byte> Magic => [0x8B, (byte)'R', (byte)'K', (byte)'V', (byte)'P', (byte)'E', (byte)'E', (byte)'R'];

    public static byte[] Seal(ReadOnlySpan<byte> body)
    {
        var frame = new byte[Magic.Length + sizeof(ushort) + body.Length + sizeof(uint)];
        var writer = new WireWriter(frame);
        writer.Bytes(Magic);
        writer.Fixed16((ushort)body.Length);
        writer.Bytes(body);
        writer.Fixed32(Crc32C.Of(frame.AsSpan(Magic.Length, sizeof(ushort) + body.Length)));
        return frame;
    }

    /// <summary>Whether the bytes to come begin with the magic. Consumes nothing; null if they end before that is clear.</summary>
    public static async ValueTask<bool?> IsNextAsync(PipeReader input, CancellationToken cancellation)
    {
        while (true)
        {
            var result = await input.ReadAsync(cancellation).ConfigureAwait(false);
            var verdict = Compare(result.Buffer);
            if (verdict is not null || result.IsCompleted || result.IsCanceled)
            {
                // Nothing is marked as examined, so that the next reader gets these bytes at once.
                input.AdvanceTo(result.Buffer.Start);
                return verdict;
            }

            input.AdvanceTo(result.Buffer.Start, result.Buffer.End);
        }
    }

    /// <summary>The body of the next frame.</summary>
    /// <exception cref="PeerProtocolException">There is something else.</exception>
    public static async ValueTask<byte[]> ReadAsync(PipeReader input, CancellationToken cancellation)
    {
        while (true)
        {
            var result = await input.ReadAsync(cancellation).ConfigureAwait(false);
            var body = Take(result.Buffer, out var consumed);
            if (body is not null)
            {
                input.AdvanceTo(consumed);
                return body;
            }

            if (result.IsCompleted || result.IsCanceled)
            {
                throw new PeerProtocolException("It closed the connection in the middle of the handshake.");
            }

            input.AdvanceTo(result.Buffer.Start, result.Buffer.End);
        }
    }

    public static void WriteText(ref WireWriter writer, string text, int maxBytes)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        var length = Math.Min(bytes.Length, maxBytes);
        writer.Byte((byte)length);
        writer.Bytes(bytes.AsSpan(0, length));
    }

    public static string ReadText(ref WireReader reader) => PlainText(reader.Take(reader.Byte()));

    /// <summary>Text of a stranger that may end up in a log: no control characters.</summary>
    public static string PlainText(ReadOnlySpan<byte> bytes)
        => string.Create(Encoding.UTF8.GetCharCount(bytes), bytes, static (text, source) =>
        {
            Encoding.UTF8.GetChars(source, text);
            foreach (ref var one in text)
            {
                one = char.IsControl(one) ? '?' : one;
            }
        });

    private static bool? Compare(in ReadOnlySequence<byte> bytes)
    {
        Span<byte> first = stackalloc byte[Magic.Length];
        first = first[..(int)Math.Min(bytes.Length, first.Length)];
        bytes.Slice(0, first.Length).CopyTo(first);
        if (!Magic.StartsWith(first))
        {
            return false;
        }

        return first.Length == Magic.Length ? true : null;
    }

    private static byte[]? Take(in ReadOnlySequence<byte> bytes, out SequencePosition consumed)
    {
        consumed = bytes.Start;
        Span<byte> room = stackalloc byte[MaxFrameBytes];
        var first = room[..(int)Math.Min(bytes.Length, MaxFrameBytes)];
        bytes.Slice(0, first.Length).CopyTo(first);
        if (Compare(bytes) is false)
        {
            throw new PeerProtocolException(Describe(first));
        }

        var headerBytes = Magic.Length + sizeof(ushort);
        if (first.Length < headerBytes)
        {
            return null;
        }

        var length = new WireReader(first[Magic.Length..]).Fixed16();
        if (length > MaxBodyBytes)
        {
            throw new PeerProtocolException($"Its handshake announces {length} bytes; {MaxBodyBytes} are allowed.");
        }

        if (first.Length < headerBytes + length + sizeof(uint))
        {
            return null;
        }

        var sum = new WireReader(first[(headerBytes + length)..]).Fixed32();
        if (sum != Crc32C.Of(first.Slice(Magic.Length, sizeof(ushort) + length)))
        {
            throw new PeerProtocolException("Its handshake is damaged: the sum does not match.");
        }

        consumed = bytes.GetPosition(headerBytes + length + sizeof(uint));
        return first.Slice(headerBytes, length).ToArray();
    }

    private static string Describe(ReadOnlySpan<byte> first)
    {
        var lineEnd = first.IndexOfAny((byte)'\r', (byte)'\n');
        var line = PlainText(first[..Math.Min(lineEnd < 0 ? first.Length : lineEnd, 60)]);
        return line.StartsWith("HTTP/", StringComparison.Ordinal)
            ? $"It speaks HTTP (\"{line}\"): that is not a RaftKv peer port."
            : "It does not speak the protocol of RaftKv's peers.";
    }
}
