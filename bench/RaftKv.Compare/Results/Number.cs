using System.Globalization;

namespace RaftKv.Compare.Results;

/// <summary>Numbers as people read them: three digits that say something, or all before the point.</summary>
internal static class Number
{
    public static string Of(double value)
    {
        var size = Math.Abs(value);
        return value.ToString(size >= 100 ? "N0" : size >= 10 ? "F1" : size >= 1 || value == 0 ? "F2" : "F3", CultureInfo.InvariantCulture);
    }
}
