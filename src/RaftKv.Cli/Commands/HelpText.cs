using System.Text;
using RaftKv.Cli.Commands.Flags;

namespace RaftKv.Cli.Commands;

/// <summary>What --help says about a command, or about the commands that share a first word.</summary>
internal static class HelpText
{
    private const int Column = 34;

    public static async Task WriteAsync(ClientConsole console, ClientCommand command, IEnumerable<Flag> own, IEnumerable<Flag> common)
    {
        var text = new StringBuilder($"{command.Description}.\n\nraftkv {command.Name} [flags] {command.Arguments}\n");
        Append(text, "\nFlags:\n", own);
        Append(text, "\nFlags of all client commands (also from the environment: --dial-timeout is ETCDCTL_DIAL_TIMEOUT):\n", common);
        await console.Output.WriteAsync(Encoding.UTF8.GetBytes(text.ToString()));
    }

    /// <returns>The exit code.</returns>
    public static async Task<int> WriteGroupAsync(ClientConsole console, string word, IReadOnlyList<ClientCommand> group, IEnumerable<string> rest)
    {
        if (rest.FirstOrDefault(token => !token.StartsWith('-')) is { } other)
        {
            var known = string.Join(", ", group.Select(command => command.Name[(word.Length + 1)..]));
            throw new CommandFailure(ExitCode.Error, $"unknown command \"{other}\" for \"raftkv {word}\": there are {known}");
        }

        var text = new StringBuilder();
        foreach (var command in group)
        {
            text.Append($"raftkv {command.Name} {command.Arguments}".PadRight(Column + 16)).Append(' ').Append(command.Description).Append('\n');
        }

        await console.Output.WriteAsync(Encoding.UTF8.GetBytes(text.ToString()));
        return ExitCode.Success;
    }

    private static void Append(StringBuilder text, string title, IEnumerable<Flag> flags)
    {
        var isFirst = true;
        foreach (var flag in flags)
        {
            text.Append(isFirst ? title : "");
            isFirst = false;
            var name = (flag.Letter is { } letter ? $"  -{letter}, " : "      ") + $"--{flag.Name} {flag.Meaning}";
            text.Append(name.PadRight(Column)).Append(' ').Append(flag.Description).Append('\n');
        }
    }
}
