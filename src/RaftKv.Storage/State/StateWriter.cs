using System.Buffers;
using System.Buffers.Binary;
using System.Text;
using RaftKv.Storage.Mvcc;

namespace RaftKv.Storage.State;

/// <summary>
/// Writes the bytes of commands and of tables. There is one way to write each value, and <see cref="StateReader"/> takes
/// no other: equal values have equal bytes, and the other way round.
/// </summary>
/// <remarks>
/// <code>
///   number   a packed number: seven bits a byte, low ones first, in as few bytes as it takes
///   zigzag   a number that alternates signs: 0, -1, 1, -2, 2, …
///   id       8 bytes, little-endian, for numbers that are random or hashes
///   bytes    their number, then they
///   text     as bytes, in UTF-8
///   flag     0 or 1
/// </code>
/// </remarks>
public readonly struct StateWriter(IBufferWriter<byte> to)
{
    internal static readonly UTF8Encoding StrictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    private readonly IBufferWriter<byte> _to = to;

    public void Byte(byte value)
    {
        _to.GetSpan(1)[0] = value;
        _to.Advance(1);
    }

    public void Flag(bool value) => Byte(value ? (byte)1 : (byte)0);

    public void Number(ulong value) => _to.Advance(PackedNumber.Write(_to.GetSpan(PackedNumber.MaxBytes), value));

    /// <summary>A number that is never negative.</summary>
    public void Count(int value)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(value);
        Number((ulong)value);
    }

    public void Zigzag(long value) => Number((ulong)((value << 1) ^ (value >> 63)));

    public void Id(ulong value)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(_to.GetSpan(sizeof(ulong)), value);
        _to.Advance(sizeof(ulong));
    }

    public void Bytes(ReadOnlySpan<byte> value)
    {
        Count(value.Length);
        _to.Write(value);
    }

    /// <exception cref="EncoderFallbackException">The text has half a surrogate pair, which UTF-8 cannot hold.</exception>
    public void Text(string value)
    {
        var length = StrictUtf8.GetByteCount(value);
        Count(length);
        if (length > 0)
        {
            _to.Advance(StrictUtf8.GetBytes(value, _to.GetSpan(length)));
        }
    }

    public void Texts(IReadOnlyList<string> values)
    {
        Count(values.Count);
        foreach (var value in values)
        {
            Text(value);
        }
    }
}
