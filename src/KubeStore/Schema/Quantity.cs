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

    private static bool TryNumber(ReadOnlySpan<char> text, NumberStyles more, out decimal number)
        => decimal.TryParse(text, NumberStyles.AllowDecimalPoint | NumberStyles.AllowLeadingSign | more, CultureInfo.InvariantCulture, out number);
}
