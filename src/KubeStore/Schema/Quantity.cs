using System.Globalization;

namespace KubeStore.Schema;

/// <summary>Amounts of a resource: <c>100m</c>, <c>1.5Gi</c>, <c>12e6</c>.</summary>
internal static class Quantity
{
    private static readonly (string Suffix, decimal Factor)[] Suffixes =
    [
        ("Ki", 1024m), ("Mi", 1024m * 1024), ("Gi", 1024m * 1024 * 1024), ("Ti", 1024m * 1024 * 1024 * 1024),
        ("Pi", 1024m * 1024 * 1024 * 1024 * 1024), ("Ei", 1024m * 1024 * 1024 * 1024 * 1024 * 1024),
        ("n", 0.000000001m), ("u", 0.000001m), ("m", 0.001m), ("k", 1e3m), ("M", 1e6m), ("G", 1e9m), ("T", 1e12m), ("P", 1e15m), ("E", 1e18m),
    ];

    public static bool IsValid(string text) => TryParse(text, out _);

    public static bool TryParse(string? text, out decimal amount)
    {
        amount = 0;
        if (string.IsNullOrEmpty(text) || char.IsWhiteSpace(text[0]) || char.IsWhiteSpace(text[^1]))
        {
            return false;
        }

        foreach (var (suffix, factor) in Suffixes)
        {
            if (text.EndsWith(suffix, StringComparison.Ordinal) && TryNumber(text.AsSpan(0, text.Length - suffix.Length), NumberStyles.None, out var number))
            {
                try
                {
                    amount = number * factor;
                    return true;
                }
                catch (OverflowException)
                {
                    return false;
                }
            }
        }

        return TryNumber(text, NumberStyles.AllowExponent, out amount);
    }

    public static int Compare(string left, string right)
        => TryParse(left, out var a) && TryParse(right, out var b) ? a.CompareTo(b) : string.CompareOrdinal(left, right);

    /// <summary>Writes an amount the way Kubernetes does: as a whole number of the largest unit there is one of.</summary>
    /// <param name="amount">What to write.</param>
    /// <param name="like">An amount of the same thing: whether its units are powers of 1024.</param>
    public static string Format(decimal amount, string? like = null)
    {
        var isBinary = like is { Length: > 1 } && like[^1] == 'i';
        if (amount != decimal.Truncate(amount))
        {
            var fraction = Math.Abs(amount);
            return fraction * 1e3m == decimal.Truncate(fraction * 1e3m) ? Whole(amount * 1e3m) + "m"
                : fraction * 1e6m == decimal.Truncate(fraction * 1e6m) ? Whole(amount * 1e6m) + "u"
                : Whole(Math.Ceiling(amount * 1e9m)) + "n";
        }

        var largest = (Suffix: "", Factor: 1m);
        foreach (var unit in Suffixes)
        {
            if (unit.Factor > largest.Factor && unit.Suffix.EndsWith('i') == isBinary && amount != 0 && amount % unit.Factor == 0)
            {
                largest = unit;
            }
        }

        return Whole(amount / largest.Factor) + largest.Suffix;
    }

    private static string Whole(decimal number) => number.ToString("0", CultureInfo.InvariantCulture);

    private static bool TryNumber(ReadOnlySpan<char> text, NumberStyles more, out decimal number)
        => decimal.TryParse(text, NumberStyles.AllowDecimalPoint | NumberStyles.AllowLeadingSign | more, CultureInfo.InvariantCulture, out number);
}
