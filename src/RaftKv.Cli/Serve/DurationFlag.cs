using System.CommandLine.Parsing;
using RaftKv.Cli.Commands.Text;

namespace RaftKv.Cli.Serve;

/// <summary>Durations as Go's flags write them; what is wrong with one becomes the error of its flag.</summary>
internal static class DurationFlag
{
    /// <summary>More than nothing.</summary>
    public static TimeSpan Parse(ArgumentResult argument) => Parse(argument, min: TimeSpan.FromTicks(1));

    /// <summary>Nothing, or more.</summary>
    public static TimeSpan ParseOrNone(ArgumentResult argument) => Parse(argument, TimeSpan.Zero);

    private static TimeSpan Parse(ArgumentResult argument, TimeSpan min)
    {
        var text = argument.Tokens[0].Value;
        try
        {
            if (GoDuration.Parse(text) is var duration && duration >= min)
            {
                return duration;
            }
        }
        catch (FormatException)
        {
            // Said below, with an example.
        }

        argument.AddError($"'{text}' is no duration: write it as 300ms, 20s or 1h30m.");
        return default;
    }
}
