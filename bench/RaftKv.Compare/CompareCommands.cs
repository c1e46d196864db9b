using System.CommandLine;
using RaftKv.Compare.Results;
using RaftKv.Compare.Works;

namespace RaftKv.Compare;

/// <summary>The command line.</summary>
internal static class CompareCommands
{
    public static RootCommand Create()
    {
        var root = new RootCommand("RaftKv and etcd side by side on this machine: the same topology, flags and load, in turn.");
        root.Subcommands.Add(CreateTable());
        return root;
    }

    private static Command CreateTable()
    {
        var command = new Command("table", "Measures the works that goals are stated for, and says which are met");
        var names = string.Join(", ", Suite.Works.Select(work => work.Name));
        var works = new Option<string[]>("--work") { Description = $"Which works, separated by commas: {names}", HelpName = "NAME,...", CustomParser = Names };
        works.Validators.Add(result =>
        {
            foreach (var name in Names(result) ?? [])
            {
                if (Suite.Works.All(work => work.Name != name))
                {
                    result.AddError($"'{name}' is no work: there are {names}.");
                }
            }
        });
        var flags = new SetupFlags(command);
        command.Options.Add(works);
        command.SetAction(async (parsed, _) =>
        {
            var wanted = parsed.GetValue(works) is { Length: > 0 } some ? some : null;
            var chosen = Suite.Works.Where(work => wanted?.Contains(work.Name) ?? true).ToList();
            var setup = flags.Setup(parsed);
            var contenders = await flags.ContendersAsync(parsed);
            var summary = await new Comparison(contenders, setup, Console.Error).RunAsync(chosen);
            var header = await Header.OfAsync(contenders, setup);
            await flags.ReportAsync(parsed, $"{header}\n\n{MarkdownTable.Of(summary, chosen, Suite.Goals, setup)}");
            return 0;
        });
        return command;
    }

    private static string[] Names(System.CommandLine.Parsing.SymbolResult result)
        => [.. result.Tokens.SelectMany(token => token.Value.Split(',', StringSplitOptions.RemoveEmptyEntries))];
}
