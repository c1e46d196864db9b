namespace RaftKv.Load;

/// <summary>The fields of a protobuf message, one after the other, without objects.</summary>
public ref struct FieldReader(ReadOnlySpan<byte> message)
{
    private ReadOnlySpan<byte> _rest = message;

    /// <summary>Of the field that was read last.</summary>
    public int Number { get; private set; }

    /// <summary>What it holds if it is a number.</summary>
    public ulong Value { get; private set; }

    /// <summary>What it holds if it is a message, a text or bytes.</summary>
    public ReadOnlySpan<byte> Bytes { get; private set; }

    /// <exception cref="InvalidDataException">This is no message.</exception>
    public bool Read()
    {
        if (_rest.IsEmpty)
        {
            return false;
        }

        var tag = Varint();
        Number = (int)(tag >> 3);
        switch (tag & 7)
        {
            case 0:
                Value = Varint();
                break;
            case 1:
                Bytes = Take(8);
                break;
            case 2:
                Bytes = Take(Varint());
                break;
            case 5:
                Bytes = Take(4);
                break;
            default:
                throw new InvalidDataException("A protobuf field of a kind that there is not.");
        }

        return true;
    }

    /// <summary>Whether a field of this number is there; it is the one that was read last then.</summary>
    public bool Find(int number)
    {
        while (Read())
        {
            if (Number == number)
            {
                return true;
            }
        }

        return false;
    }

    private ReadOnlySpan<byte> Take(ulong length)
    {
        if (length > (ulong)_rest.Length)
        {
            throw new InvalidDataException("A protobuf field is longer than its message.");
        }

        var taken = _rest[..(int)length];
        _rest = _rest[(int)length..];
        return taken;
    }

    private ulong Varint()
    {
        ulong value = 0;
        for (var i = 0; i < 10 && i < _rest.Length; i++)
        {
            value |= (ulong)(_rest[i] & 0x7f) << (7 * i);
            if (_rest[i] < 0x80)
            {
                _rest = _rest[(i + 1)..];
                return value;
            }
        }

        throw new InvalidDataException("A protobuf number does not end.");
    }
}
