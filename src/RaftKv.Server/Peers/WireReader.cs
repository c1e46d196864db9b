using System.Buffers.Binary;

namespace RaftKv.Server.Peers;

/// <summary>Reads numbers from bytes that may be wrong in every way: past the end it says so, by exception.</summary>
internal ref struct WireReader(ReadOnlySpan<byte> bytes)
{
    private readonly ReadOnlySpan<byte> _bytes = bytes;

    public int Position { get; private set; }

    public readonly int Remaining => _bytes.Length - Position;

    public byte Byte()
    {
        if (Remaining < 1)
        {
            throw Truncated();
        }

        return _bytes[Position++];
    }

    /// <summary>Seven bits a byte, the lowest first, the top bit where more follow. Only the shortest form is taken, so
    /// that equal messages are equal bytes.</summary>
    public ulong Number()
    {
        var first = Byte();
        return first < 0x80 ? first : LongNumber(first);
    }

    /// <summary>A length or a count. No more than there are bytes left, whatever it counts.</summary>
    public int Count()
    {
        var count = Number();
        if (count > (ulong)Remaining)
        {
            throw Truncated();
        }

        return (int)count;
    }

    public ushort Fixed16() => BinaryPrimitives.ReadUInt16LittleEndian(Take(sizeof(ushort)));

    public uint Fixed32() => BinaryPrimitives.ReadUInt32LittleEndian(Take(sizeof(uint)));

    public ulong Fixed64() => BinaryPrimitives.ReadUInt64LittleEndian(Take(sizeof(ulong)));

    public ReadOnlySpan<byte> Take(int length)
    {
        if (length > Remaining)
        {
            throw Truncated();
        }

        var taken = _bytes.Slice(Position, length);
        Position += length;
        return taken;
    }

    private static PeerProtocolException Truncated() => new("What a peer sent ends in the middle.");

    private ulong LongNumber(byte first)
    {
        var number = (ulong)first & 0x7F;
        for (var shift = 7; ; shift += 7)
        {
            var next = Byte();
            if (shift == 63 && next > 1)
            {
                throw new PeerProtocolException("A number of a peer does not fit in 64 bits.");
            }

            number |= (ulong)(next & 0x7F) << shift;
            if (next < 0x80)
            {
                return next != 0 ? number : throw new PeerProtocolException("A number of a peer is longer than it need be.");
            }
        }
    }
}
