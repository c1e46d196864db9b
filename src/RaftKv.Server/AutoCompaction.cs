using System.Globalization;

namespace RaftKv.Server;

/// <summary>How far the cluster keeps history, if it drops it by itself.</summary>
/// <example><code>
/// var options = new RaftKvOptions { AutoCompaction = AutoCompaction.After(TimeSpan.FromHours(1)) };
/// </code></example>
public sealed record AutoCompaction
{
    /// <summary>History is kept until somebody drops it.</summary>
    public static readonly AutoCompaction Off = new();

    private AutoCompaction()
    {
    }

    /// <summary>How old what can be read must be allowed to be; zero if age does not count.</summary>
    public TimeSpan Period { get; private init; }

    /// <summary>How many revisions stay readable; zero if their number does not count.</summary>
    public long Revisions { get; private init; }

    /// <summary>What is wrong with it; null if nothing is.</summary>
    internal string? Problem
        => Period < TimeSpan.Zero || Revisions < 0 ? "The retention of auto compaction is negative." : null;

    internal bool IsOff => Period <= TimeSpan.Zero && Revisions <= 0;

    /// <summary>What is older than this goes, once an hour, or as often as this if it is shorter.</summary>
    public static AutoCompaction After(TimeSpan period) => new() { Period = period };

    /// <summary>All but the newest revisions go, every five minutes.</summary>
    public static AutoCompaction Behind(long revisions) => new() { Revisions = revisions };

    public override string ToString()
        => IsOff ? "off"
            : Revisions > 0 ? string.Create(CultureInfo.InvariantCulture, $"a retention of {Revisions} revisions")
            : $"a retention of {Period}";
}
