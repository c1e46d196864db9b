using System.CommandLine;
using RaftKv.Cli.Commands;

namespace RaftKv.Cli.Completion;

/// <summary>A word that a command line may go on with.</summary>
/// <param name="After">The command's words so far: "", or "lease grant".</param>
/// <param name="Text">A command's next word, or a flag with its dashes.</param>
/// <param name="Description">What it is for.</param>
internal sealed record CompletionWord(string After, string Text, string Description)
{
    /// <summary>All words of the program.</summary>
    public static IReadOnlyList<CompletionWord> All(RootCommand raftkv)
    {
        var words = new List<CompletionWord>();
        Add("", raftkv, words);
        foreach (var (name, description, flags) in ClientProgram.Overview())
        {
            if (name.Split(' ') is [var group, var second])
            {
                words.Add(new(group, second, description));
            }

            words.AddRange(flags.Select(flag => new CompletionWord(name, $"--{flag.Name}", flag.Description)));
        }

        return [.. words.DistinctBy(word => (word.After, word.Text)).OrderBy(word => word.After, StringComparer.Ordinal).ThenBy(word => word.Text, StringComparer.Ordinal)];
    }

    private static void Add(string path, Command command, List<CompletionWord> words)
    {
        words.AddRange(command.Options
            .Where(option => !option.Hidden && option.Name.StartsWith("--", StringComparison.Ordinal))
            .Select(option => new CompletionWord(path, option.Name, option.Description ?? "")));
        foreach (var subcommand in command.Subcommands.Where(subcommand => !subcommand.Hidden))
        {
            words.Add(new(path, subcommand.Name, subcommand.Description ?? ""));
            Add($"{path} {subcommand.Name}".Trim(), subcommand, words);
        }
    }
}
