using System.Globalization;
using RaftKv.Faults.Checking;
using RaftKv.Faults.Histories;
using RaftKv.Faults.Nemeses;
using RaftKv.Faults.Reporting;
using RaftKv.Faults.Running;
using RaftKv.Faults.Workloads;
using RaftKv.Stores;

namespace RaftKv.Faults.CommandLine;

/// <summary>What the program can be asked to do.</summary>
internal sealed class FaultCommands(TextWriter told, TextWriter complained)
{
    public const int Passed = 0;
    public const int Failed = 1;
    public const int Misused = 2;
    public const int NotDecided = 3;
    public const int NotPossible = 4;

    public const string Usage =
        """
        run      --workload W --nemesis N [--time S] [--members 1|3|5] [--rate R] [--clients C] [--seed X]
                 [--target raftkv|etcd] [--network namespaces|proxies] [--out DIR]
        check    DIR              judges a recorded history again
        run-all  [--budget 2h] [--set all|smoke|scenarios] [--scenario F01,F02] [--time S] [--members 3|5] [--rate R]
                 [--target raftkv|etcd] [--seed X] [--out DIR]
        list     names workloads and nemeses

        Exit codes: 0 all checkers passed and the run was meaningful, 1 a promise was broken, 2 a command line that cannot
        be meant, 3 not decided or not meaningful, 4 this machine cannot run it.
        """;

    private static readonly string[] RunFlags =
        ["--workload", "--nemesis", "--time", "--members", "--rate", "--clients", "--seed", "--target", "--network", "--out"];

    public async Task<int> RunAsync(IReadOnlyList<string> words)
    {
        try
        {
            string[] commands = ["run", "check", "run-all", "list"];
            return words.Count == 0
                ? throw new UsageException("Say what to do.")
                : words[0] switch
                {
                    "run" => await RunOneAsync(words.Skip(1).ToList()),
                    "check" => Check(words.Skip(1).ToList()),
                    "run-all" => await RunAllAsync(words.Skip(1).ToList()),
                    "list" => List(),
                    var other => throw new UsageException($"'{other}' is nothing to do.{Arguments.Suggestion(other, commands)}"),
                };
        }
        catch (UsageException mistake)
        {
            await complained.WriteLineAsync($"{mistake.Message}\n\n{Usage}");
            return Misused;
        }
        catch (HistoryException unreadable)
        {
            await complained.WriteLineAsync(unreadable.Message);
            return Misused;
        }
        catch (ImpossibleException missing)
        {
            await complained.WriteLineAsync(missing.Message);
            return NotPossible;
        }
        catch (StoreException down)
        {
            await complained.WriteLineAsync($"The cluster did not come up: {down.Message}");
            return NotDecided;
        }
    }

    /// <summary>The settings that the words of "run" stand for.</summary>
    public static RunSettings Parse(IReadOnlyList<string> words)
    {
        var flags = new Arguments(words, RunFlags);
        if (flags.Others.Count > 0)
        {
            throw new UsageException($"'{flags.Others[0]}' is no flag.{Arguments.Suggestion("--" + flags.Others[0], RunFlags)}");
        }

        var workload = Arguments.Choice("--workload", flags.Needed("--workload"), [.. AllWorkloads.All.Select(one => one.Name)]);
        var nemesis = FindNemesis(flags.Needed("--nemesis"));
        var members = flags.Number("--members", 3, 1, 5);
        if (members % 2 == 0)
        {
            throw new UsageException($"'--members' is {members}; a cluster here has 1, 3 or 5.");
        }

        var network = flags.Text("--network") is { } named ? Arguments.Choice("--network", named, ["namespaces", "proxies"]) : null;
        if (nemesis.NeedsQualities && network == "namespaces")
        {
            throw new UsageException($"The nemesis '{nemesis.Name}' makes links slow and bad, which the network 'namespaces' cannot; leave '--network' out, or say 'proxies'.");
        }

        var seed = flags.Text("--seed") is { } text
            ? long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var given) ? given : throw new UsageException($"'--seed' is '{text}'; it must be a number.")
            : Random.Shared.Next(1, 1_000_000);
        var target = Arguments.Choice("--target", flags.Text("--target") ?? "raftkv", ["raftkv", "etcd"]);
        if (nemesis.NeedsFaultyMembers && target == "etcd")
        {
            throw new UsageException($"The nemesis '{nemesis.Name}' is done by a test program of raftkv's, which there is not of etcd.");
        }

        return new()
        {
            Workload = workload,
            Nemesis = nemesis,
            Seconds = flags.Number("--time", 30, 1, 24 * 3600),
            Members = members,
            Rate = flags.Number("--rate", 100, 1, 100_000),
            Clients = flags.Number("--clients", RunSettings.UsualClients, 2, 1000),
            Seed = seed,
            Target = target,
            Network = network,
            Folder = flags.Text("--out") ?? Path.Combine("artifacts", "faults", string.Create(CultureInfo.InvariantCulture, $"{target}-{workload}-{nemesis.Name}-{members}-{seed}")),
        };
    }

    private static Nemesis FindNemesis(string name)
    {
        var found = Arguments.Choice("--nemesis", name, [.. Nemesis.All.Select(nemesis => nemesis.Name)]);
        return Nemesis.All.First(nemesis => nemesis.Name == found);
    }

    private async Task<int> RunOneAsync(IReadOnlyList<string> words)
    {
        var settings = Parse(words);
        await told.WriteLineAsync(settings.Command);
        var judging = (await new Ground(settings, told).RunAsync()).Judging;
        judging.Write(told);
        await told.WriteLineAsync($"{judging.Result.ToString().ToUpperInvariant()}  {Path.Combine(settings.Folder, HtmlReport.FileName)}");
        return CodeOf(judging.Result);
    }

    private int Check(IReadOnlyList<string> words)
    {
        var flags = new Arguments(words, []);
        if (flags.Others.Count != 1)
        {
            throw new UsageException("'check' takes the folder of a run.");
        }

        var path = Directory.Exists(flags.Others[0]) ? Path.Combine(flags.Others[0], History.FileName) : flags.Others[0];
        var history = History.Read(path);
        var judging = Judging.Of(history);
        judging.Write(told);
        HtmlReport.Write(Path.Combine(Path.GetDirectoryName(Path.GetFullPath(path))!, HtmlReport.FileName), history, judging);
        told.WriteLine(judging.Result.ToString().ToUpperInvariant());
        return CodeOf(judging.Result);
    }

    private async Task<int> RunAllAsync(IReadOnlyList<string> words)
    {
        var flags = new Arguments(words, ["--budget", "--set", "--time", "--members", "--target", "--seed", "--out", "--rate", "--scenario"]);
        var scenarios = flags.Text("--scenario")?.Split(',').Select(id => Arguments.Choice("--scenario", id, [.. Scenario.All.Select(scenario => scenario.Id)])).ToList();
        var set = Arguments.Choice("--set", flags.Text("--set") ?? (scenarios is null ? Campaign.AllSet : Campaign.ScenarioSet), Campaign.Sets);
        var plan = new Campaign
        {
            Budget = Duration(flags.Text("--budget") ?? (set == Campaign.SmokeSet ? "10m" : "2h")),
            Set = set,
            Scenarios = scenarios ?? [],
            Seconds = flags.Number("--time", set == Campaign.AllSet ? 30 : 10, 1, 3600),
            Members = flags.Number("--members", 3, 1, 5),
            Rate = flags.Number("--rate", 100, 1, 100_000),
            Target = Arguments.Choice("--target", flags.Text("--target") ?? "raftkv", ["raftkv", "etcd"]),
            Seed = flags.Number("--seed", 1, 0, int.MaxValue),
            Folder = flags.Text("--out") ?? Path.Combine("artifacts", "faults", set),
        };
        return CodeOf(await plan.RunAsync(told));
    }

    private int List()
    {
        foreach (var workload in AllWorkloads.All)
        {
            told.WriteLine($"workload {workload.Name,-18}{workload.Story}");
        }

        foreach (var nemesis in Nemesis.All)
        {
            told.WriteLine($"nemesis  {nemesis.Name,-18}{nemesis.Story}");
        }

        foreach (var scenario in Scenario.All)
        {
            told.WriteLine($"scenario {scenario.Id,-18}{scenario.Story}: {string.Join(", ", scenario.Runs.Select(run => $"{run.Workload} and {run.Nemesis}"))}");
        }

        return Passed;
    }

    private static TimeSpan Duration(string text)
    {
        var seconds = text.Length > 1 && double.TryParse(text[..^1], NumberStyles.Float, CultureInfo.InvariantCulture, out var number)
            ? text[^1] switch { 's' => number, 'm' => number * 60, 'h' => number * 3600, _ => 0 }
            : 0;
        return seconds > 0 ? TimeSpan.FromSeconds(seconds) : throw new UsageException($"'--budget' is '{text}'; it must be like 90s, 5m or 2h.");
    }

    private static int CodeOf(Judgement judgement) => judgement switch
    {
        Judgement.Pass => Passed,
        Judgement.Fail => Failed,
        _ => NotDecided,
    };
}
