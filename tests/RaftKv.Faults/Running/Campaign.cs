using System.Diagnostics;
using System.Globalization;
using RaftKv.Faults.Checking;
using RaftKv.Faults.Histories;
using RaftKv.Faults.Nemeses;

namespace RaftKv.Faults.Running;

/// <summary>Many runs one after the other, until the time is used up. What passes is thrown away, what does not is kept.</summary>
internal sealed record Campaign
{
    // Starting, the quiet times, the end, and judging.
    private static readonly TimeSpan Around = TimeSpan.FromSeconds(25);

    private static readonly (string Workload, string Nemesis)[] Smoke =
    [
        ("register", "kill-leader"),
        ("list-append", "partitions"),
        ("watch", "kill-one"),
        ("lease", "pause-leader"),
        ("lock-unsafe", "none"),
        ("lock-fenced", "kill-leader"),
        ("set", "power-cut"),
        ("range", "compactions"),
    ];

    public const string AllSet = "all";
    public const string SmokeSet = "smoke";
    public const string ScenarioSet = "scenarios";

    public static readonly string[] Sets = [AllSet, SmokeSet, ScenarioSet];

    private static readonly string[] AllWorkloadNames = ["register", "list-append", "watch", "lease", "set", "rw-register", "bank", "lock-fenced", "queue", "range", "cas", "lock", "kubernetes", "soak", "accounts", "informers"];

    // They bring their own disasters, or show what cannot be had.
    private static readonly string[] Undisturbed = ["lock-unsafe", "recovery", "backup"];

    public required TimeSpan Budget { get; init; }

    /// <summary>Which runs; <see cref="Sets"/>.</summary>
    public required string Set { get; init; }

    /// <summary>Which scenarios; none: all of them.</summary>
    public IReadOnlyList<string> Scenarios { get; init; } = [];

    public required int Seconds { get; init; }

    public required int Members { get; init; }

    public required int Rate { get; init; }

    public required string Target { get; init; }

    public required long Seed { get; init; }

    public required string Folder { get; init; }

    /// <summary>What is run, in that order.</summary>
    public IEnumerable<PlannedRun> Plan() => Set switch
    {
        SmokeSet => Smoke.Select(pair => new PlannedRun(pair.Workload, pair.Nemesis, Members)),
        ScenarioSet => Scenario.All.Where(scenario => Scenarios.Count == 0 || Scenarios.Contains(scenario.Id, StringComparer.OrdinalIgnoreCase))
            .SelectMany(scenario => scenario.Members.SelectMany(
                members => scenario.Runs.Select(pair => new PlannedRun(pair.Workload, pair.Nemesis, members, scenario.Id)))),
        _ => Everything(),
    };

    // Every nemesis early, with another workload each round.
    private IEnumerable<PlannedRun> Everything()
    {
        var nemeses = Nemesis.All.Where(nemesis => nemesis.Name != Meaningful.NoNemesis && !(nemesis.NeedsFaultyMembers && Target == "etcd")).Select(nemesis => nemesis.Name).ToList();
        return Enumerable.Range(0, AllWorkloadNames.Length)
            .SelectMany(round => nemeses.Select((nemesis, i) => new PlannedRun(AllWorkloadNames[(i + round) % AllWorkloadNames.Length], nemesis, Members)))
            .Concat(Undisturbed.Select(workload => new PlannedRun(workload, Meaningful.NoNemesis, Members)));
    }

    /// <returns>The worst of all.</returns>
    public async Task<Judgement> RunAsync(TextWriter told)
    {
        var clock = Stopwatch.StartNew();
        var rows = new List<string>();
        var worst = Judgement.Pass;
        var seed = Seed;
        foreach (var planned in Plan())
        {
            if (clock.Elapsed + TimeSpan.FromSeconds(Seconds) + Around > Budget)
            {
                await told.WriteLineAsync($"The budget of {Budget} is used up.");
                break;
            }

            var settings = new RunSettings
            {
                Workload = planned.Workload,
                Nemesis = Nemesis.All.First(one => one.Name == planned.Nemesis),
                Seconds = Seconds,
                Members = planned.Members,
                Rate = Rate,
                Target = Target,
                Seed = seed++,
                Folder = Path.Combine(Folder, string.Create(CultureInfo.InvariantCulture, $"{planned.Workload}-{planned.Nemesis}-{planned.Members}")),
            };
            var judgement = await RunOneAsync(planned, settings, rows, told);
            worst = (Judgement)Math.Max((int)worst, (int)judgement);
        }

        await told.WriteLineAsync("\n| scenario | workload | nemesis | members | operations | answered | unknown | faults | judgement | seed |\n| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |");
        rows.ForEach(told.WriteLine);
        return worst;
    }

    private async Task<Judgement> RunOneAsync(PlannedRun planned, RunSettings settings, List<string> rows, TextWriter told)
    {
        await told.WriteLineAsync(settings.Command);
        try
        {
            var judging = await new Ground(settings, TextWriter.Null).RunAsync();
            judging.Write(told);
            var history = History.Read(Path.Combine(settings.Folder, History.FileName));
            rows.Add(string.Create(
                CultureInfo.InvariantCulture,
                $"| {planned.Scenario} | {settings.Workload} | {settings.Nemesis.Name} | {planned.Members} | {history.Operations.Count} | {history.Operations.Count(operation => operation.IsOk)} | {history.Operations.Count(operation => operation.Outcome == Outcome.Info)} | {history.Faults.Count} | {judging.Result} | {settings.Seed} |"));
            if (judging.Result == Judgement.Pass)
            {
                Directory.Delete(settings.Folder, recursive: true);
            }

            return judging.Result;
        }
        catch (Exception stopped)
        {
            // One run that the harness itself could not make, or not finish, must not cost the others.
            await told.WriteLineAsync(stopped is ImpossibleException ? $"  {stopped.Message}" : $"  {stopped}");
            rows.Add(string.Create(CultureInfo.InvariantCulture, $"| {planned.Scenario} | {settings.Workload} | {settings.Nemesis.Name} | {planned.Members} | | | | | not run | {settings.Seed} |"));
            return Judgement.Unknown;
        }
    }
}

/// <summary>A run of a campaign.</summary>
/// <param name="Workload">What clients do.</param>
/// <param name="Nemesis">What is done to members.</param>
/// <param name="Members">How many there are.</param>
/// <param name="Scenario">Which of the list it is for, if it is for one.</param>
internal sealed record PlannedRun(string Workload, string Nemesis, int Members, string? Scenario = null);
