using System.Globalization;

namespace RaftKv.Rpc.Framing;

/// <summary>The grpc-timeout header: up to eight digits and a unit, "100m" for 100 milliseconds.</summary>
internal static class TimeoutText
{
    private const int MaxDigits = 8;
    private const long MaxValue = 99_999_999;

    /// <returns>False when the text is not of that form.</returns>
    public static bool TryParse(ReadOnlySpan<char> text, out TimeSpan timeout)
    {
        timeout = default;
        if (text.Length is < 2 or > MaxDigits + 1)
        {
            return false;
        }

        long value = 0;
        foreach (var c in text[..^1])
        {
            if (!char.IsAsciiDigit(c))
            {
                return false;
            }

            value = (value * 10) + (c - '0');
        }

        long ticksPerUnit;
        switch (text[^1])
        {
            case 'H': ticksPerUnit = TimeSpan.TicksPerHour; break;
            case 'M': ticksPerUnit = TimeSpan.TicksPerMinute; break;
            case 'S': ticksPerUnit = TimeSpan.TicksPerSecond; break;
            case 'm': ticksPerUnit = TimeSpan.TicksPerMillisecond; break;
            case 'u': ticksPerUnit = TimeSpan.TicksPerMicrosecond; break;
            case 'n':
                // Below our resolution; rounded up, since a deadline may be late but never early.
                timeout = new TimeSpan((value + TimeSpan.NanosecondsPerTick - 1) / TimeSpan.NanosecondsPerTick);
                return true;
            default: return false;
        }

        timeout = value > long.MaxValue / ticksPerUnit ? TimeSpan.MaxValue : new TimeSpan(value * ticksPerUnit);
        return true;
    }

    /// <summary>The finest unit in which the value fits eight digits, rounded up.</summary>
    public static string Format(TimeSpan timeout)
    {
        if (timeout <= TimeSpan.Zero)
        {
            return "1n"; // Already over: the smallest that is still well-formed for every server.
        }

        return Fits(timeout.Ticks, TimeSpan.TicksPerMicrosecond, 'u')
            ?? Fits(timeout.Ticks, TimeSpan.TicksPerMillisecond, 'm')
            ?? Fits(timeout.Ticks, TimeSpan.TicksPerSecond, 'S')
            ?? Fits(timeout.Ticks, TimeSpan.TicksPerMinute, 'M')
            ?? Fits(timeout.Ticks, TimeSpan.TicksPerHour, 'H')
            ?? $"{MaxValue}H";
    }

    private static string? Fits(long ticks, long ticksPerUnit, char unit)
    {
        var value = (ticks / ticksPerUnit) + (ticks % ticksPerUnit == 0 ? 0 : 1);
        return value <= MaxValue ? string.Create(CultureInfo.InvariantCulture, $"{value}{unit}") : null;
    }
}
