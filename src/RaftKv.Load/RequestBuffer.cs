using System.Buffers.Binary;

namespace RaftKv.Load;

/// <summary>Bytes to send: protobuf fields and the frames around them, in an array that is used again.</summary>
public sealed class RequestBuffer(int capacity)
{
    private byte[] _bytes = new byte[capacity];

    public int Length { get; private set; }

    public ReadOnlySpan<byte> Written => _bytes.AsSpan(0, Length);

    public ReadOnlyMemory<byte> WrittenMemory => _bytes.AsMemory(0, Length);

    public void Clear() => Length = 0;

    public void Add(ReadOnlySpan<byte> bytes)
    {
        Reserve(bytes.Length);
        bytes.CopyTo(_bytes.AsSpan(Length));
        Length += bytes.Length;
    }

    public void AddByte(byte value)
    {
        Reserve(1);
        _bytes[Length++] = value;
    }

    /// <summary>Four bytes, the highest first, as HTTP/2 and gRPC write numbers.</summary>
    public void AddInt(int value)
    {
        Reserve(4);
        BinaryPrimitives.WriteInt32BigEndian(_bytes.AsSpan(Length), value);
        Length += 4;
    }

    public void AddVarint(ulong value)
    {
        while (value >= 0x80)
        {
            AddByte((byte)(value | 0x80));
            value >>= 7;
        }

        AddByte((byte)value);
    }

    /// <summary>A protobuf field of bytes; numbers up to 15.</summary>
    public void AddField(int number, ReadOnlySpan<byte> value)
    {
        AddByte((byte)((number << 3) | 2));
        AddVarint((ulong)value.Length);
        Add(value);
    }

    /// <summary>A protobuf field that is a number; numbers of fields up to 15.</summary>
    public void AddField(int number, ulong value)
    {
        AddByte((byte)(number << 3));
        AddVarint(value);
    }

    private void Reserve(int count)
    {
        if (_bytes.Length - Length < count)
        {
            Array.Resize(ref _bytes, Math.Max(_bytes.Length * 2, Length + count));
        }
    }
}
