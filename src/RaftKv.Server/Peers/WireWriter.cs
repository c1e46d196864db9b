using System.Buffers.Binary;

namespace RaftKv.Server.Peers;

/// <summary>Writes what <see cref="WireReader"/> reads. The room must be there; a number takes up to ten bytes.</summary>
internal ref struct WireWriter(Span<byte> bytes)
{
    public const int MaxNumberBytes = 10;

    private readonly Span<byte> _bytes = bytes;

    public int Position { get; private set; }

    public void Byte(byte value) => _bytes[Position++] = value;

    public void Number(ulong value)
    {
        while (value >= 0x80)
        {
            _bytes[Position++] = (byte)(value | 0x80);
            value >>= 7;
        }

        _bytes[Position++] = (byte)value;
    }

    public void Fixed16(ushort value)
    {
        BinaryPrimitives.WriteUInt16LittleEndian(_bytes[Position..], value);
        Position += sizeof(ushort);
    }

    public void Fixed32(uint value)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(_bytes[Position..], value);
        Position += sizeof(uint);
    }

    public void Fixed64(ulong value)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(_bytes[Position..], value);
        Position += sizeof(ulong);
    }

    public void Bytes(ReadOnlySpan<byte> value)
    {
        value.CopyTo(_bytes[Position..]);
        Position += value.Length;
    }
}
