using System.Globalization;
using RaftKv.Cli.Commands.Flags;
using RaftKv.Cli.Commands.Printing;
using RaftKv.Load;

namespace RaftKv.Cli.Commands.Checks;

/// <summary><c>raftkv check perf</c>: whether a cluster keeps up with a rate of writes. The measures are etcdctl's.</summary>
internal sealed class CheckPerfCommand() : ClientCommand("check perf", "", "See whether the cluster keeps up with a rate of writes, for a minute")
{
    private const double LeastShare = 0.9;
    private const double SlowestSeconds = 0.5;
    private const double MostDeviation = 0.1;

    private CheckLoad _load = null!;
    private Flag<TimeSpan> _duration = null!;

    public override AnswerForms Forms => AnswerForms.Simple;

    public override void AddFlags(FlagSet flags)
    {
        _load = new CheckLoad(flags, "/etcdctl-check-perf/");
        _duration = flags.Duration("duration", "For how long", TimeSpan.FromSeconds(60));
    }

    public override void Check(ParsedArguments arguments, ClientSession session)
    {
        _load.Check(arguments, Name);
        if (_duration.Value <= TimeSpan.Zero)
        {
            throw CommandFailure.BadArguments("--duration must be more than nothing");
        }
    }

    public override async Task<int> RunAsync(ParsedArguments arguments, ClientSession session, CancellationToken stop)
    {
        var figures = await _load.RunAsync(session, stop => MeasureAsync(session, stop), stop);
        return Judge(session.Output, figures, _load.Of(150, 1000, 8000, 15000)) ? ExitCode.Success : ExitCode.Error;
    }

    /// <summary>Says of each measure whether it is kept.</summary>
    internal static bool Judge(AnswerWriter output, LoadFigures figures, int wanted)
    {
        var perSecond = (int)figures.PerSecond + 1;
        var slowest = figures.Latencies.MaxMs / 1e3;
        var deviation = figures.Latencies.DeviationMs / 1e3;
        var isFast = perSecond >= wanted * LeastShare;
        var isEven = slowest <= SlowestSeconds;
        var isSteady = deviation <= MostDeviation;
        output.Line(isFast ? $"PASS: Throughput is {perSecond} writes/s" : $"FAIL: Throughput too low: {perSecond} writes/s");
        output.Line(Text(isEven ? "PASS: Slowest request took " : "Slowest request took too long: ", slowest));
        output.Line(Text(isSteady ? "PASS: Stddev is " : "Stddev too high: ", deviation));
        if (figures.Refused > 0)
        {
            output.Line($"FAIL: {figures.Refused} writes were refused");
        }

        var isGood = isFast && isEven && isSteady && figures.Refused == 0;
        output.Line(isGood ? "PASS" : "FAIL");
        return isGood;

        static string Text(string before, double seconds) => string.Create(CultureInfo.InvariantCulture, $"{before}{seconds:F6}s");
    }

    private async Task<LoadFigures> MeasureAsync(ClientSession session, CancellationToken stop)
    {
        var clients = _load.Of(50, 200, 500, 1000);
        var plan = new LoadPlan
        {
            Endpoints = await session.Cluster.LoadEndpointsAsync(stop),
            Work = _load.Puts(keys: 1_000_000),
            Clients = clients,
            Connections = Math.Max(1, clients / 10),
            Rate = _load.Of(150, 1000, 8000, 15000),
        };
        using var end = CancellationTokenSource.CreateLinkedTokenSource(stop);
        var telling = TellAsync(session, end.Token);
        try
        {
            return await LoadRun.MeasureAsync(plan, TimeSpan.Zero, _duration.Value, stop);
        }
        finally
        {
            await end.CancelAsync();
            await telling.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task TellAsync(ClientSession session, CancellationToken stop)
    {
        using var bar = new ProgressBar(session.Console, "s", (long)_duration.Value.TotalSeconds);
        for (var second = 0; ; second++)
        {
            bar.Show(second);
            await Task.Delay(TimeSpan.FromSeconds(1), stop);
        }
    }
}
