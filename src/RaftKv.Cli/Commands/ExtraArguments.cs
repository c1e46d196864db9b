using RaftKv.Cli.Commands.Flags;
using RaftKv.Cli.Commands.Text;

namespace RaftKv.Cli.Commands;

/// <summary>
/// etcdctl takes some commands with too many arguments and ignores the last ones, and scripts may rest on it. A value
/// whose quotes were forgotten looks the same, so at least it is said.
/// </summary>
internal static class ExtraArguments
{
    public static void Warn(ClientConsole console, string command, ParsedArguments arguments, int most, string taken)
    {
        if (arguments.Count > most)
        {
            console.Error.WriteLine($"Warning: {command} takes {taken}; {GoQuoted.Of(arguments[most])} and what follows is ignored.");
        }
    }
}
