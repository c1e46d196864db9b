using System.Diagnostics;
using System.Globalization;
using RaftKv.Faults.Checking;
using RaftKv.Faults.Nemeses;

namespace RaftKv.Faults.Running;

/// <summary>
/// Many runs one after the other, until the time is used up. What passes is thrown away, what does not is kept. A run that nobody
/// can judge, because too little happened on a machine that had much else to do, is made once more with twice the time; a promise
/// that was broken is broken, whatever would come of a second try.
/// </summary>
internal sealed record Campaign
{
    // Starting, the quiet times, the end, and judging.
    private static readonly TimeSpan Around = TimeSpan.FromSeconds(25);

    // A little of everything that members are for, and of all that is done to them: processes, network, disk, clock, membership.
    private static readonly (string Workload, string Nemesis)[] Smoke =
    [
        ("register", "kill-leader"),
        ("list-append", "partitions"),
        ("set", "power-cut"),
        ("watch", "kill-one"),
        ("lease", "pause-leader"),
        ("register", "sync-fails"),
        ("cas", "lost-answers"),
        ("range", "compactions"),
        ("lease", "clocks"),
        ("list-append", "membership"),
        ("lock-fenced", "kill-leader"),
        ("lock-unsafe", "none"),
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

    /// <summary>Makes one run.</summary>
    public Func<RunSettings, Task<JudgedRun>> Run { get; init; } = settings => new Ground(settings, TextWriter.Null).RunAsync();

    /// <summary>What is run, in that order.</summary>
    public IEnumerable<PlannedRun> Plan() => Set switch
    {
        SmokeSet => Smoke.Select(pair => new PlannedRun(pair.Workload, pair.Nemesis, Members)),
        ScenarioSet => Scenario.All.Where(scenario => Scenarios.Count == 0 || Scenarios.Contains(scenario.Id, StringComparer.OrdinalIgnoreCase))
            .SelectMany(scenario => scenario.Members.SelectMany(
                members => scenario.Runs.Select(pair => new PlannedRun(pair.Workload, pair.Nemesis, members, scenario)))),
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
        var tally = new CampaignTally();
        var seed = Seed;
        foreach (var planned in Plan())
        {
            var seconds = Math.Max(Seconds, planned.Scenario?.LeastSeconds ?? 0);
            if (!HasTime(clock, seconds))
            {
                await told.WriteLineAsync($"The budget of {Budget} is used up.");

                // Of a set that is meant to be run whole, what was left out is missed.
                if (Set != SmokeSet)
                {
                    break;
                }

                tally.AddLeftOut(planned);
                continue;
            }

            var settings = new RunSettings
            {
                Workload = planned.Workload,
                Nemesis = Nemesis.All.First(one => one.Name == planned.Nemesis),
                Seconds = seconds,
                Members = planned.Members,
                Clients = planned.Scenario?.Clients ?? RunSettings.UsualClients,
                Rate = Rate,
                Target = Target,
                Seed = seed++,
                Folder = Path.Combine(Folder, string.Create(CultureInfo.InvariantCulture, $"{planned.Workload}-{planned.Nemesis}-{planned.Members}")),
            };
            var came = await TryAsync(settings, told);
            if (came is { Judgement: Judgement.Unknown, IsImpossible: false } && HasTime(clock, 2 * seconds))
            {
                await told.WriteLineAsync($"  Not decided: once more, with {2 * seconds} s.");
                settings = settings with { Seconds = 2 * seconds, Folder = $"{settings.Folder}-again" };
                came = await TryAsync(settings, told);
                came = came.History is null && !came.IsImpossible ? came with { Judgement = Judgement.Fail } : came;
            }

            tally.Add(planned, settings, came);
        }

        tally.Write(told);
        return tally.Worst;
    }

    private bool HasTime(Stopwatch clock, int seconds) => clock.Elapsed + TimeSpan.FromSeconds(seconds) + Around <= Budget;

    private async Task<CameOf> TryAsync(RunSettings settings, TextWriter told)
    {
        await told.WriteLineAsync(settings.Command);
        try
        {
            var (history, judging) = await Run(settings);
            judging.Write(told);
            if (judging.Result == Judgement.Pass)
            {
                Directory.Delete(settings.Folder, recursive: true);
            }

            // The last is that of whether enough happened, which is why others cannot tell either.
            var undecided = judging.Verdicts.LastOrDefault(verdict => verdict.Judgement == Judgement.Unknown);
            return new(judging.Result, history, undecided?.Findings[0].Text ?? "What must be found was not.");
        }
        catch (ImpossibleException missing)
        {
            await told.WriteLineAsync($"  {missing.Message}");
            return new(Judgement.Unknown, null, missing.Message) { IsImpossible = true };
        }
        catch (Exception stopped)
        {
            // One run that the harness itself could not make, or not finish, must not cost the others.
            await told.WriteLineAsync($"  {stopped}");
            return new(Judgement.Unknown, null, stopped.Message);
        }
    }
}

/// <summary>A run of a campaign.</summary>
/// <param name="Workload">What clients do.</param>
/// <param name="Nemesis">What is done to members.</param>
/// <param name="Members">How many there are.</param>
/// <param name="Scenario">Which of the list it is for, if it is for one.</param>
internal sealed record PlannedRun(string Workload, string Nemesis, int Members, Scenario? Scenario = null);
