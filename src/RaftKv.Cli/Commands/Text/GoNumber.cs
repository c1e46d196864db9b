using System.Globalization;
using System.Numerics;

namespace RaftKv.Cli.Commands.Text;

/// <summary>
/// Whole numbers as etcdctl reads them. What is wrong with one is said in Go's words, which scripts may look for.
/// </summary>
internal static class GoNumber
{
    /// <exception cref="FormatException">The text says why it is no such number.</exception>
    public static long Int64(string text, int radix = 10)
        => (long)Parse("strconv.ParseInt", text, radix, long.MinValue, long.MaxValue);

    /// <inheritdoc cref="Int64"/>
    public static ulong UInt64(string text, int radix = 10)
        => (ulong)Parse("strconv.ParseUint", text, radix, ulong.MinValue, ulong.MaxValue);

    /// <summary>As flags take them: the prefix names the radix.</summary>
    public static long Int64OfAnyRadix(string text)
    {
        var sign = text.StartsWith('-') ? "-" : "";
        var digits = text[sign.Length..];
        return digits switch
        {
            ['0', 'x' or 'X', .. var hex] => Named(() => Int64(sign + hex, 16), text),
            ['0', 'b' or 'B', .. var binary] => Named(() => Int64(sign + binary, 2), text),
            ['0', 'o' or 'O', .. var octal] => Named(() => Int64(sign + octal, 8), text),
            ['0', _, ..] => Named(() => Int64(sign + digits[1..], 8), text),
            _ => Int64(text),
        };
    }

    private static long Named(Func<long> parse, string text)
    {
        try
        {
            return parse();
        }
        catch (FormatException)
        {
            throw Wrong("strconv.ParseInt", text, "invalid syntax");
        }
    }

    private static BigInteger Parse(string function, string text, int radix, BigInteger least, BigInteger most)
    {
        var isNegative = text.StartsWith('-');
        var hasSign = isNegative || text.StartsWith('+');
        var digits = hasSign ? text[1..] : text;
        if (digits.Length == 0 || (hasSign && least.IsZero))
        {
            throw Wrong(function, text, "invalid syntax");
        }

        var number = BigInteger.Zero;
        foreach (var digit in digits)
        {
            var value = char.IsAsciiHexDigit(digit) ? int.Parse([digit], NumberStyles.HexNumber, CultureInfo.InvariantCulture) : radix;
            if (value >= radix)
            {
                throw Wrong(function, text, "invalid syntax");
            }

            number = (number * radix) + value;
        }

        number = isNegative ? -number : number;
        return number < least || number > most ? throw Wrong(function, text, "value out of range") : number;
    }

    private static FormatException Wrong(string function, string text, string reason)
        => new($"{function}: parsing {GoQuoted.Of(text)}: {reason}");
}
