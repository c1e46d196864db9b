using System.Globalization;

namespace KubeStore.Objects;

/// <summary>Times as objects carry them: RFC 3339, UTC, whole seconds or six digits of them.</summary>
internal static class KubeTime
{
    public static string Seconds(DateTimeOffset time) => time.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);

    public static string Micro(DateTimeOffset time) => time.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.ffffff'Z'", CultureInfo.InvariantCulture);

    public static bool TryParse(string? text, out DateTimeOffset time)
    {
        time = default;
        return text is { Length: >= 20 } && text[4] == '-' && text[10] is 'T' or 't'
            && DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal, out time);
    }

    /// <summary>How long something has been, the way tables say it: <c>95s</c>, <c>5m10s</c>, <c>3h</c>, <c>7d2h</c>.</summary>
    public static string Age(TimeSpan age)
    {
        var seconds = (long)age.TotalSeconds;
        if (seconds < -1)
        {
            return "<invalid>";
        }

        if (seconds < 0)
        {
            return "0s";
        }

        long minutes = seconds / 60, hours = seconds / 3600, days = hours / 24;
        return seconds < 120 ? Text(seconds, "s")
            : minutes < 10 ? Text(minutes, "m", seconds % 60, "s")
            : minutes < 180 ? Text(minutes, "m")
            : hours < 8 ? Text(hours, "h", minutes % 60, "m")
            : hours < 48 ? Text(hours, "h")
            : days < 8 ? Text(days, "d", hours % 24, "h")
            : days < 730 ? Text(days, "d")
            : days < 8 * 365 ? Text(days / 365, "y", days % 365, "d")
            : Text(days / 365, "y");
    }

    private static string Text(long major, string unit, long minor = 0, string minorUnit = "")
        => minor == 0
            ? string.Create(CultureInfo.InvariantCulture, $"{major}{unit}")
            : string.Create(CultureInfo.InvariantCulture, $"{major}{unit}{minor}{minorUnit}");
}
