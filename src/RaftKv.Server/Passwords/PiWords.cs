using System.Numerics;

namespace RaftKv.Server.Passwords;

/// <summary>The digits of pi behind the point, which Blowfish begins with. They are worked out once rather than written
/// down: a table of a thousand numbers is a place where a mistake can hide.</summary>
internal static class PiWords
{
    private const int WordBits = 32;

    // What the divisions cut off adds up in the last few bits.
    private const int GuardBits = 64;

    /// <summary>The first words, of 32 bits each.</summary>
    public static uint[] First(int count)
    {
        var bits = (count * WordBits) + GuardBits;

        // Machin's formula: pi / 4 = 4 arctan(1/5) - arctan(1/239).
        var pi = (16 * ArcTangentOfInverse(5, bits)) - (4 * ArcTangentOfInverse(239, bits));
        var fraction = (pi - (new BigInteger(3) << bits)) >> GuardBits;
        var words = new uint[count];
        for (var i = count - 1; i >= 0; i--)
        {
            words[i] = (uint)(fraction & uint.MaxValue);
            fraction >>= WordBits;
        }

        return words;
    }

    // 1/x - 1/3x^3 + 1/5x^5 - ..., as a whole number of the unit that is chosen by the bits.
    private static BigInteger ArcTangentOfInverse(int x, int bits)
    {
        var power = (BigInteger.One << bits) / x;
        var sum = power;
        for (var odd = 3; !power.IsZero; odd += 2)
        {
            power /= x * x;
            sum += (odd & 2) != 0 ? -(power / odd) : power / odd;
        }

        return sum;
    }
}
