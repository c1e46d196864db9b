using System.CommandLine;
using System.CommandLine.Parsing;
using RaftKv.Cli.Commands.Text;

namespace RaftKv.Cli.Help;

/// <summary>What is said about a command line that means nothing: one line, and perhaps what was meant.</summary>
internal static class WrongArguments
{
    private const int Failed = 1;

    /// <returns>The exit code; null if there is nothing wrong.</returns>
    public static int? Tell(ParseResult parsed)
    {
        if (parsed.Errors is not [var first, ..])
        {
            return null;
        }

        var error = parsed.InvocationConfiguration.Error;
        error.WriteLine($"raftkv: {Text(parsed, first)}");
        error.WriteLine($"'raftkv {string.Concat(Path(parsed.CommandResult).Select(name => name + " "))}--help' tells what there is.");
        return Failed;
    }

    private static string Text(ParseResult parsed, ParseError error)
    {
        if (parsed.UnmatchedTokens is [var unknown, ..])
        {
            var command = parsed.CommandResult.Command;
            var name = unknown.Split('=')[0];
            var known = name.StartsWith('-')
                ? command.Options.SelectMany(flag => flag.Aliases.Prepend(flag.Name))
                : command.Subcommands.Select(one => one.Name);
            var meant = known.FirstOrDefault(one => Spelling.IsClose(one, name));
            return $"unknown {(name.StartsWith('-') ? "flag" : "command or argument")} '{name}'{(meant is null ? "" : $" (did you mean {meant}?)")}";
        }

        return error.SymbolResult is OptionResult { Option.Name: var flag } && !error.Message.Contains(flag, StringComparison.Ordinal)
            ? $"{flag}: {error.Message}"
            : error.Message;
    }

    private static IEnumerable<string> Path(CommandResult command)
        => command.Parent is CommandResult parent ? Path(parent).Append(command.Command.Name) : [];
}
