using System.Buffers;
using System.Globalization;

namespace RaftKv.Cli.Serve;

/// <summary>A duration as etcd's flags write it: <c>300ms</c>, <c>1h30m</c>, <c>1.5s</c>; never a negative one.</summary>
internal static class GoDuration
{
    private static readonly SearchValues<char> Numeric = SearchValues.Create("0123456789.");

    // The longer of two that begin alike comes first.
    private static readonly (string Unit, double Ticks)[] Units =
    [
        ("ns", 0.01),
        ("us", TimeSpan.TicksPerMicrosecond),
        ("µs", TimeSpan.TicksPerMicrosecond),
        ("ms", TimeSpan.TicksPerMillisecond),
        ("s", TimeSpan.TicksPerSecond),
        ("m", TimeSpan.TicksPerMinute),
        ("h", TimeSpan.TicksPerHour),
    ];

    public static bool TryParse(string text, out TimeSpan duration)
    {
        duration = default;
        var rest = text.AsSpan();
        if (rest is "0")
        {
            return true;
        }

        var ticks = 0.0;
        if (rest.IsEmpty)
        {
            return false;
        }

        while (!rest.IsEmpty)
        {
            var digits = rest.IndexOfAnyExcept(Numeric);
            if (digits <= 0
                || !double.TryParse(rest[..digits], NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var number))
            {
                return false;
            }

            rest = rest[digits..];
            var found = false;
            foreach (var (unit, length) in Units)
            {
                if (rest.StartsWith(unit, StringComparison.Ordinal))
                {
                    ticks += number * length;
                    rest = rest[unit.Length..];
                    found = true;
                    break;
                }
            }

            if (!found)
            {
                return false;
            }
        }

        if (ticks > TimeSpan.MaxValue.Ticks / 2)
        {
            return false;
        }

        duration = TimeSpan.FromTicks((long)ticks);
        return true;
    }
}
