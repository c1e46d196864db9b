using RaftKv.Cli.Commands.Flags;
using RaftKv.Cli.Commands.Text;

namespace RaftKv.Cli.Commands.Members;

/// <summary>A member's number as command lines have it: hexadecimal, without a prefix.</summary>
internal static class MemberId
{
    /// <summary>The only argument of a command that is about one member.</summary>
    /// <exception cref="CommandFailure">There is not exactly one, or it is no such number.</exception>
    public static ulong Only(ParsedArguments arguments)
    {
        if (arguments.Count != 1)
        {
            throw CommandFailure.BadArguments("member ID is not provided");
        }

        try
        {
            return GoNumber.UInt64(arguments[0], 16);
        }
        catch (FormatException wrong)
        {
            throw new CommandFailure(ExitCode.BadArguments, $"bad member ID arg ({wrong.Message}), expecting ID in Hex", wrong);
        }
    }
}
