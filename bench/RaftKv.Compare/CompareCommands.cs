using System.CommandLine;
using System.CommandLine.Parsing;
using RaftKv.Compare.Curves;
using RaftKv.Compare.Plots;
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
        root.Subcommands.Add(CreateCurves());
        return root;
    }

    private static Command CreateTable()
    {
        var command = new Command("table", "Measures the works that goals are stated for, and says which are met");
        var flags = new SetupFlags(command);
        var works = NamesOption("--work", "Which works", "work", [.. Suite.Works.Select(work => work.Name)]);
        command.Options.Add(works);
        command.SetAction(async (parsed, _) =>
        {
            var wanted = parsed.GetValue(works) is { Length: > 0 } some ? some : null;
            var chosen = Suite.Works.Where(work => wanted?.Contains(work.Name) ?? true).ToList();
            var setup = flags.Setup(parsed);
            var contenders = await flags.ContendersAsync(parsed);
            var header = await Header.OfAsync(contenders, setup);
            var summary = await new Comparison(contenders, setup, Console.Error).RunAsync(chosen);
            await flags.ReportAsync(
                parsed,
                $"{header}\n\n{MarkdownTable.Of(summary, chosen, Suite.Goals, setup)}",
                JsonReport.Of(header, setup, [("table", setup, summary)], chosen, Suite.Goals),
                TablePlots.Of(summary, Suite.Goals));
            return 0;
        });
        return command;
    }

    private static Command CreateCurves()
    {
        var command = new Command("curves", "Measures throughput and latency while something grows");
        var flags = new SetupFlags(command);
        var names = NamesOption("--curve", "Which curves", "curve", [.. Curve.All.Select(curve => curve.Name)]);
        var points = new Option<int[]>("--points")
        {
            Description = "Which sizes, instead of all; of one curve only",
            HelpName = "N,...",
            CustomParser = Points,
        };
        command.Options.Add(names);
        command.Options.Add(points);
        command.Validators.Add(result =>
        {
            if (result.GetResult(points) is not null && Split(result.GetResult(names)).Length != 1)
            {
                result.AddError("--points are sizes of one curve, so name it with --curve.");
            }
        });
        command.SetAction(async (parsed, _) =>
        {
            var wanted = parsed.GetValue(names) is { Length: > 0 } some ? some : null;
            var chosen = Curve.All.Where(curve => wanted?.Contains(curve.Name) ?? true)
                .Select(curve => parsed.GetValue(points) is { Length: > 0 } own ? curve with { Points = own } : curve).ToList();
            var setup = flags.Setup(parsed);
            var contenders = await flags.ContendersAsync(parsed);
            var header = await Header.OfAsync(contenders, setup);
            var reports = new List<CurveReport>();
            foreach (var curve in chosen)
            {
                var measured = new List<(int, Summary)>();
                foreach (var point in curve.Points)
                {
                    await Console.Error.WriteLineAsync($"{curve.Name}: {point:N0}");
                    measured.Add((point, await new Comparison(contenders, curve.At(setup, point), Console.Error).RunAsync(curve.Works)));
                }

                reports.Add(new CurveReport(curve, measured));
            }

            await flags.ReportAsync(
                parsed,
                $"{header}\n{string.Concat(reports.Select(report => report.Markdown(setup)))}",
                JsonReport.Of(
                    header,
                    setup,
                    [.. reports.SelectMany(report => report.Points.Select(point => ($"{report.Curve.Name} {point.Point}", report.Curve.At(setup, point.Point), point.Summary)))],
                    [.. chosen.SelectMany(curve => curve.Works).DistinctBy(work => work.Name)],
                    []),
                reports.SelectMany(report => report.Plots()));
            return 0;
        });
        return command;
    }

    private static Option<string[]> NamesOption(string name, string what, string kind, IReadOnlyList<string> known)
    {
        var option = new Option<string[]>(name)
        {
            Description = $"{what}, separated by commas [default: all]: {string.Join(", ", known)}",
            HelpName = "NAME,...",
            CustomParser = Split,
        };
        option.Validators.Add(result =>
        {
            foreach (var other in Split(result).Except(known))
            {
                result.AddError($"'{other}' is no {kind}: there are {string.Join(", ", known)}.");
            }
        });
        return option;
    }

    private static string[] Split(SymbolResult? result)
        => [.. (result?.Tokens ?? []).SelectMany(token => token.Value.Split(',', StringSplitOptions.RemoveEmptyEntries))];

    private static int[] Points(ArgumentResult result)
    {
        var points = new List<int>();
        foreach (var text in Split(result))
        {
            if (!int.TryParse(text, out var point) || point < 1)
            {
                result.AddError($"'{text}' is no size (--points): whole numbers from 1, separated by commas.");
                return [];
            }

            points.Add(point);
        }

        return [.. points.Order()];
    }
}
