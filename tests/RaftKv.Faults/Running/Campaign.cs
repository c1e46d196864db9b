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
        ("bank", "kill-all"),
        ("range", "compactions"),
    ];

    private static readonly string[] AllWorkloadNames = ["register", "list-append", "watch", "lease", "set", "rw-register", "bank", "lock-fenced", "queue", "range", "cas", "lock", "kubernetes", "soak"];

    public required TimeSpan Budget { get; init; }

    public required bool IsSmoke { get; init; }

    public required int Seconds { get; init; }

    public required int Members { get; init; }

    public required int Rate { get; init; }

    public required string Target { get; init; }

    public required long Seed { get; init; }

    public required string Folder { get; init; }

    /// <summary>The pairs in the order in which they are run: every nemesis early, with another workload each round.</summary>
    public IEnumerable<(string Workload, string Nemesis)> Plan()
    {
        if (IsSmoke)
        {
            return Smoke;
        }

        var nemeses = Nemesis.All.Where(nemesis => nemesis.Name != Meaningful.NoNemesis).Select(nemesis => nemesis.Name).ToList();
        return Enumerable.Range(0, AllWorkloadNames.Length)
            .SelectMany(round => nemeses.Select((nemesis, i) => (AllWorkloadNames[(i + round) % AllWorkloadNames.Length], nemesis)))
            .Append(("lock-unsafe", Meaningful.NoNemesis));
    }

    /// <returns>The worst of all.</returns>
    public async Task<Judgement> RunAsync(TextWriter told)
    {
        var clock = Stopwatch.StartNew();
        var rows = new List<string>();
        var worst = Judgement.Pass;
        var seed = Seed;
        foreach (var (workload, nemesis) in Plan())
        {
            if (clock.Elapsed + TimeSpan.FromSeconds(Seconds) + Around > Budget)
            {
                await told.WriteLineAsync($"The budget of {Budget} is used up.");
                break;
            }

            var settings = new RunSettings
            {
                Workload = workload,
                Nemesis = Nemesis.All.First(one => one.Name == nemesis),
                Seconds = Seconds,
                Members = Members,
                Rate = Rate,
                Target = Target,
                Seed = seed++,
                Folder = Path.Combine(Folder, $"{workload}-{nemesis}"),
            };
            var judgement = await RunOneAsync(settings, rows, told);
            worst = (Judgement)Math.Max((int)worst, (int)judgement);
        }

        await told.WriteLineAsync("\n| workload | nemesis | members | operations | answered | unknown | faults | judgement | seed |\n| --- | --- | --- | --- | --- | --- | --- | --- | --- |");
        rows.ForEach(told.WriteLine);
        return worst;
    }

    private async Task<Judgement> RunOneAsync(RunSettings settings, List<string> rows, TextWriter told)
    {
        await told.WriteLineAsync(settings.Command);
        try
        {
            var judging = await new Ground(settings, TextWriter.Null).RunAsync();
            judging.Write(told);
            var history = History.Read(Path.Combine(settings.Folder, History.FileName));
            rows.Add(string.Create(
                CultureInfo.InvariantCulture,
                $"| {settings.Workload} | {settings.Nemesis.Name} | {Members} | {history.Operations.Count} | {history.Operations.Count(operation => operation.IsOk)} | {history.Operations.Count(operation => operation.Outcome == Outcome.Info)} | {history.Faults.Count} | {judging.Result} | {settings.Seed} |"));
            if (judging.Result == Judgement.Pass)
            {
                Directory.Delete(settings.Folder, recursive: true);
            }

            return judging.Result;
        }
        catch (ImpossibleException missing)
        {
            await told.WriteLineAsync($"  {missing.Message}");
            rows.Add(string.Create(CultureInfo.InvariantCulture, $"| {settings.Workload} | {settings.Nemesis.Name} | {Members} | | | | | not run | {settings.Seed} |"));
            return Judgement.Unknown;
        }
    }
}
