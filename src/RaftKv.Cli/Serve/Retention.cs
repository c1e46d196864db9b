using System.Globalization;
using RaftKv.Cli.Commands.Text;
using RaftKv.Server;

namespace RaftKv.Cli.Serve;

/// <summary>How etcd's flags say what history is kept.</summary>
internal static class Retention
{
    /// <param name="mode"><c>periodic</c> or <c>revision</c>.</param>
    /// <param name="text">A number, of hours or of revisions; or a duration.</param>
    /// <exception cref="FlagException">They say nothing that can be done.</exception>
    public static AutoCompaction Read(string mode, string text)
    {
        var isNumber = long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number);
        switch (mode)
        {
            case "revision" when isNumber:
                return number == 0 ? AutoCompaction.Off : AutoCompaction.Behind(number);
            case "revision":
                throw new FlagException($"--auto-compaction-retention is '{text}'; with --auto-compaction-mode=revision it must be a number of revisions.");
            case "periodic" when isNumber && number <= TimeSpan.MaxValue.TotalHours:
                return number == 0 ? AutoCompaction.Off : AutoCompaction.After(TimeSpan.FromHours(number));
            case "periodic":
                return OfDuration(text);
            default:
                throw new FlagException($"--auto-compaction-mode is '{mode}'; it must be periodic or revision.");
        }
    }

    private static AutoCompaction OfDuration(string text)
    {
        try
        {
            var period = GoDuration.Parse(text);

            // Ten looks in a period, and a timer that is worth the name.
            if (period >= TimeSpan.FromSeconds(1))
            {
                return AutoCompaction.After(period);
            }

            if (period == TimeSpan.Zero)
            {
                return AutoCompaction.Off;
            }
        }
        catch (FormatException)
        {
            // Said below, with an example.
        }

        throw new FlagException($"--auto-compaction-retention is '{text}'; write it as a number of hours, or as 30m or 1h30m.");
    }
}
