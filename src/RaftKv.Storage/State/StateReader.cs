using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text;

namespace RaftKv.Storage.State;

/// <summary>Reads what <see cref="StateWriter"/> wrote, and nothing else.</summary>
/// <param name="bytes">All of them; <see cref="End"/> makes sure of that.</param>
/// <param name="what">What they are, for the words of a complaint: "lease table".</param>
public ref struct StateReader(ReadOnlySpan<byte> bytes, string what)
{
    private readonly ReadOnlySpan<byte> _bytes = bytes;
    private readonly string _what = what;
    private int _at;

    /// <summary>Where the next value begins.</summary>
    public readonly int Offset => _at;

    public readonly int Remaining => _bytes.Length - _at;

    public byte Byte()
    {
        if (_at == _bytes.Length)
        {
            Fail("it ends too early.");
        }

        return _bytes[_at++];
    }

    public bool Flag()
    {
        var value = Byte();
        if (value > 1)
        {
            FailAt(_at - 1, "a flag is neither 0 nor 1.");
        }

        return value == 1;
    }

    public ulong Number()
    {
        var start = _at;
        var number = 0ul;
        for (var shift = 0; ; shift += 7)
        {
            if (_at == _bytes.Length)
            {
                FailAt(start, "it ends within a number.");
            }

            var next = _bytes[_at++];
            if (shift == 63 && next > 1)
            {
                FailAt(start, "a number has more than 64 bits.");
            }

            number |= (next & 0x7ful) << shift;
            if (next < 0x80)
            {
                if (next == 0 && shift > 0)
                {
                    FailAt(start, "a number is longer than it needs to be.");
                }

                return number;
            }
        }
    }

    public long Zigzag()
    {
        var number = Number();
        return (long)(number >> 1) ^ -(long)(number & 1);
    }

    /// <summary>The number of an enumeration's member, zigzag.</summary>
    public int Code()
    {
        var start = _at;
        var number = Zigzag();
        if (number is < int.MinValue or > int.MaxValue)
        {
            FailAt(start, "a number is too great.");
        }

        return (int)number;
    }

    /// <summary>A number that says how many of something that does not follow.</summary>
    public int Amount()
    {
        var start = _at;
        var number = Number();
        if (number > int.MaxValue)
        {
            FailAt(start, "a number is too great.");
        }

        return (int)number;
    }

    public ulong Id()
    {
        if (Remaining < sizeof(ulong))
        {
            Fail("it ends within an id.");
        }

        var value = BinaryPrimitives.ReadUInt64LittleEndian(_bytes[_at..]);
        _at += sizeof(ulong);
        return value;
    }

    /// <summary>How many items follow. A count that the remaining bytes cannot hold is refused here, before anybody
    /// makes room for it.</summary>
    /// <param name="minBytesEach">What an item takes at least; at least 1.</param>
    public int Count(int minBytesEach = 1)
    {
        var start = _at;
        var count = Number();
        if (count > (ulong)(Remaining / minBytesEach))
        {
            FailAt(start, "it counts more than it holds.");
        }

        return (int)count;
    }

    /// <summary>Borrowed from the bytes being read.</summary>
    public ReadOnlySpan<byte> Bytes()
    {
        var length = Count();
        var value = _bytes.Slice(_at, length);
        _at += length;
        return value;
    }

    public string Text()
    {
        var start = _at;
        try
        {
            return StateWriter.StrictUtf8.GetString(Bytes());
        }
        catch (DecoderFallbackException)
        {
            FailAt(start, "a text is not UTF-8.");
            return "";
        }
    }

    public string[] Texts()
    {
        var values = new string[Count()];
        for (var i = 0; i < values.Length; i++)
        {
            values[i] = Text();
        }

        return values;
    }

    /// <summary>The byte that every table begins with.</summary>
    public void Version(byte known)
    {
        var version = Byte();
        if (version != known)
        {
            FailAt(_at - 1, string.Create(CultureInfo.InvariantCulture, $"its version is {version}, and only {known} is known."));
        }
    }

    /// <summary>Nothing may follow.</summary>
    public readonly void End()
    {
        if (_at != _bytes.Length)
        {
            Fail("something follows its end.");
        }
    }

    /// <summary>Complains about what was just read.</summary>
    [DoesNotReturn]
    public readonly void Fail(string problem) => throw new StateFormatException(_what, _at, problem);

    [DoesNotReturn]
    public readonly void FailAt(int offset, string problem) => throw new StateFormatException(_what, offset, problem);
}
