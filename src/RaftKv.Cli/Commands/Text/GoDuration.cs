using System.Buffers;
using System.Globalization;

namespace RaftKv.Cli.Commands.Text;

/// <summary>Durations as Go writes them: "5s", "1m30s", "1.395081ms".</summary>
internal static class GoDuration
{
    private const long NanosecondsPerTick = 100;

    private static readonly SearchValues<char> Digits = SearchValues.Create("0123456789.");

    private static readonly (string Unit, double Nanoseconds)[] Units =
    [
        ("ns", 1), ("us", 1e3), ("µs", 1e3), ("μs", 1e3), ("ms", 1e6), ("s", 1e9), ("m", 60e9), ("h", 3600e9),
    ];

    /// <exception cref="FormatException">The text is no duration.</exception>
    public static TimeSpan Parse(string text)
    {
        var rest = text.AsSpan();
        var isNegative = rest is ['-', ..];
        rest = rest is ['-' or '+', ..] ? rest[1..] : rest;
        if (rest is "0")
        {
            return TimeSpan.Zero;
        }

        if (rest.IsEmpty)
        {
            throw Wrong(text, "invalid duration");
        }

        var nanoseconds = 0.0;
        while (!rest.IsEmpty)
        {
            var digits = rest.IndexOfAnyExcept(Digits);
            if (digits < 0)
            {
                throw Wrong(text, "missing unit in duration");
            }

            var isNumber = double.TryParse(rest[..digits], NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var number);
            rest = rest[digits..];
            var end = rest.IndexOfAny(Digits);
            var name = (end < 0 ? rest : rest[..end]).ToString();
            rest = end < 0 ? [] : rest[end..];
            var unit = Array.Find(Units, unit => unit.Unit == name);
            if (!isNumber || unit.Unit is null)
            {
                throw Wrong(text, "invalid duration");
            }

            nanoseconds += number * unit.Nanoseconds;
        }

        // More than a century is as good as that, and is what every timer takes.
        var ticks = Math.Min(Math.Ceiling(nanoseconds / NanosecondsPerTick), TimeSpan.FromDays(36_500).Ticks);
        return TimeSpan.FromTicks(isNegative ? -(long)ticks : (long)ticks);
    }

    public static string Format(TimeSpan duration)
    {
        if (duration == TimeSpan.Zero)
        {
            return "0s";
        }

        var sign = duration < TimeSpan.Zero ? "-" : "";
        duration = duration.Duration();
        if (duration < TimeSpan.FromSeconds(1))
        {
            var nanoseconds = duration.Ticks * NanosecondsPerTick;
            return sign + nanoseconds switch
            {
                < 1_000 => Number(nanoseconds) + "ns",
                < 1_000_000 => Number(nanoseconds / 1e3m) + "µs",
                _ => Number(nanoseconds / 1e6m) + "ms",
            };
        }

        var hours = (long)duration.TotalHours;
        var seconds = Number(duration.Seconds + ((duration.Ticks % TimeSpan.TicksPerSecond) / (decimal)TimeSpan.TicksPerSecond)) + "s";
        return sign + (hours > 0 ? $"{hours}h{duration.Minutes}m{seconds}" : duration.Minutes > 0 ? $"{duration.Minutes}m{seconds}" : seconds);
    }

    private static string Number(decimal number) => number.ToString("0.#########", CultureInfo.InvariantCulture);

    private static FormatException Wrong(string text, string reason) => new($"time: {reason} {GoQuoted.Of(text)}");
}
