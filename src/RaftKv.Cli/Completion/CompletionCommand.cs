using System.CommandLine;

namespace RaftKv.Cli.Completion;

/// <summary><c>raftkv completion SHELL</c>: a script that lets a shell finish commands and flags.</summary>
internal static class CompletionCommand
{
    private static readonly Dictionary<string, Func<IReadOnlyList<CompletionWord>, string>> Shells = new(StringComparer.Ordinal)
    {
        ["bash"] = ShellScripts.Bash,
        ["zsh"] = ShellScripts.Zsh,
        ["fish"] = ShellScripts.Fish,
    };

    public static Command Create(RootCommand raftkv)
    {
        var shell = new Argument<string>("SHELL") { Description = "bash, zsh or fish" };
        shell.AcceptOnlyFromAmong([.. Shells.Keys]);
        var command = new Command("completion", "Print a script that lets a shell finish commands and flags: source <(raftkv completion bash)") { shell };
        command.SetAction(parsed => parsed.InvocationConfiguration.Output.Write(Shells[parsed.GetRequiredValue(shell)](CompletionWord.All(raftkv))));
        return command;
    }
}
