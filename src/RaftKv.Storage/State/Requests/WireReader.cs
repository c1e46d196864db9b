using System.Runtime.CompilerServices;

namespace RaftKv.Storage.State.Requests;

/// <summary>
/// Walks the fields of a protobuf message without making objects. Fields that are not known are skipped; the last of
/// several values of one field counts.
/// </summary>
/// <remarks>The bytes of a request go through the log as the client sent them, and are read here twice: by the member that
/// received them, to refuse what is wrong, and by everyone who applies them.</remarks>
public ref struct WireReader(ReadOnlyMemory<byte> message)
{
    private readonly ReadOnlyMemory<byte> _message = message;
    private readonly ReadOnlySpan<byte> _bytes = message.Span;
    private int _at;
    private WireType _type;

    private enum WireType
    {
        Varint = 0,
        Fixed64 = 1,
        Bytes = 2,
        GroupStart = 3,
        GroupEnd = 4,
        Fixed32 = 5,
    }

    /// <summary>The number of the field at which the reader stands.</summary>
    public int Field { get; private set; }

    /// <summary>Goes to the next field. Its value is read by one of the other methods or by <see cref="Skip"/>.</summary>
    /// <exception cref="WireFormatException">The bytes are not a message.</exception>
    public bool Next()
    {
        if (_at == _bytes.Length)
        {
            return false;
        }

        var start = _at;
        var tag = Varint();
        Field = (int)(tag >> 3);
        _type = (WireType)(tag & 7);
        if (tag > uint.MaxValue || Field == 0 || _type > WireType.Fixed32)
        {
            throw new WireFormatException($"There is no field at {start}.");
        }

        return true;
    }

    /// <summary>A number, signed or not.</summary>
    public long Number()
    {
        Expect(WireType.Varint);
        return (long)Varint();
    }

    public bool Flag() => Number() != 0;

    /// <summary>An enum's number as it is, known or not.</summary>
    public int Enum() => (int)Number();

    /// <summary>Bytes, text, or a message within this one. Borrowed.</summary>
    public ReadOnlyMemory<byte> Bytes()
    {
        Expect(WireType.Bytes);
        var length = Varint();
        if (length > (ulong)(_bytes.Length - _at))
        {
            throw new WireFormatException($"Field {Field} has {length} bytes at {_at} of {_bytes.Length}.");
        }

        var start = _at;
        _at += (int)length;
        return _message.Slice(start, (int)length);
    }

    /// <summary>Passes over the value of a field that is not known.</summary>
    public void Skip()
    {
        switch (_type)
        {
            case WireType.Varint:
                Varint();
                break;
            case WireType.Fixed64:
                Pass(sizeof(ulong));
                break;
            case WireType.Fixed32:
                Pass(sizeof(uint));
                break;
            case WireType.Bytes:
                Bytes();
                break;
            default:
                throw new WireFormatException($"Field {Field} is a group.");
        }
    }

    private void Pass(int length)
    {
        if (length > _bytes.Length - _at)
        {
            throw new WireFormatException($"Field {Field} ends too early.");
        }

        _at += length;
    }

    private readonly void Expect(WireType type)
    {
        if (_type != type)
        {
            throw new WireFormatException($"Field {Field} is of another type.");
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private ulong Varint()
        => _at < _bytes.Length && _bytes[_at] < 0x80 ? _bytes[_at++] : LongVarint();

    private ulong LongVarint()
    {
        var value = 0ul;
        for (var shift = 0; shift < 70; shift += 7)
        {
            if (_at == _bytes.Length)
            {
                break;
            }

            var next = _bytes[_at++];
            value |= (next & 0x7ful) << shift;
            if (next < 0x80)
            {
                return value;
            }
        }

        throw new WireFormatException($"A number at {_at} has no end.");
    }
}

/// <summary>The bytes are not the protobuf message that they should be.</summary>
public sealed class WireFormatException(string problem) : FormatException(problem);
