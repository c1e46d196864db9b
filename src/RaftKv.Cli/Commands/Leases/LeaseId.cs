using RaftKv.Cli.Commands.Text;

namespace RaftKv.Cli.Commands.Leases;

/// <summary>A lease's number as command lines have it: hexadecimal, without a prefix.</summary>
internal static class LeaseId
{
    /// <exception cref="CommandFailure">The text is no such number; it begins with the complaint.</exception>
    public static long Parse(string text, string complaint = "bad lease ID arg")
    {
        try
        {
            return GoNumber.Int64(text, 16);
        }
        catch (FormatException wrong)
        {
            throw new CommandFailure(ExitCode.BadArguments, $"{complaint} ({wrong.Message}), expecting ID in Hex", wrong);
        }
    }
}
