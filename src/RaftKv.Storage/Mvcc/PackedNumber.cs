using System.Runtime.CompilerServices;

namespace RaftKv.Storage.Mvcc;

/// <summary>Whole numbers, seven bits a byte, the low ones first; the high bit of a byte says that another follows.</summary>
internal static class PackedNumber
{
    public const int MaxBytes = 10;

    public static int LengthOf(ulong number)
    {
        var length = 1;
        while ((number >>= 7) != 0)
        {
            length++;
        }

        return length;
    }

    /// <returns>How many bytes it took.</returns>
    public static int Write(Span<byte> to, ulong number)
    {
        var length = 0;
        while (number >= 0x80)
        {
            to[length++] = (byte)(number | 0x80);
            number >>= 7;
        }

        to[length++] = (byte)number;
        return length;
    }

    /// <summary>Reads the number at <paramref name="at"/> and moves past it.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong Read(ReadOnlySpan<byte> from, ref int at)
    {
        var first = from[at++];
        return first < 0x80 ? first : ReadSlow(from, ref at, first);
    }

    private static ulong ReadSlow(ReadOnlySpan<byte> from, ref int at, byte first)
    {
        var number = first & 0x7ful;
        for (var shift = 7; ; shift += 7)
        {
            var next = from[at++];
            number |= (next & 0x7ful) << shift;
            if (next < 0x80)
            {
                return number;
            }
        }
    }
}
