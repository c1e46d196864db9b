using System.Globalization;
using RaftKv.Cli.Commands.Flags;
using RaftKv.Cli.Commands.Printing;
using RaftKv.Load;

namespace RaftKv.Cli.Commands.Checks;

/// <summary><c>raftkv check datascale</c>: how much memory the first of the endpoints takes for many keys.</summary>
internal sealed class CheckDataScaleCommand() : ClientCommand("check datascale", "", "See how much memory a member takes for many keys")
{
    private const string Metric = "process_resident_memory_bytes";
    private const double BytesInMb = 1024 * 1024;

    private CheckLoad _load = null!;

    public override AnswerForms Forms => AnswerForms.Simple;

    public override void AddFlags(FlagSet flags) => _load = new CheckLoad(flags, "/etcdctl-check-datascale/");

    public override void Check(ParsedArguments arguments, ClientSession session) => _load.Check(arguments, Name);

    public override Task<int> RunAsync(ParsedArguments arguments, ClientSession session, CancellationToken stop)
        => _load.RunAsync(session, stop => FillAsync(session, stop), stop);

    private async Task<int> FillAsync(ClientSession session, CancellationToken stop)
    {
        var before = await MemoryAsync(session, stop);
        var keys = _load.Of(10_000, 100_000, 1_000_000, 3_000_000);
        var clients = _load.Of(50, 200, 500, 1000);
        session.Output.Line($"Start data scale check for work load [{keys} key-value pairs, 1024 bytes per key-value, {clients} concurrent clients].").Flush();
        var figures = await LoadRun.CompleteAsync(
            new LoadPlan
            {
                Endpoints = await session.Cluster.LoadEndpointsAsync(stop),
                Work = _load.Puts(keys, isFilling: true),
                Clients = clients,
                Connections = Math.Max(1, clients / 10),
                Operations = keys,
            },
            stop);
        var used = (await MemoryAsync(session, stop) - before) / BytesInMb;
        if (figures.Refused > 0)
        {
            session.Output.Line($"FAIL: {figures.Refused} of {keys} keys were refused");
            return ExitCode.Error;
        }

        session.Output.Line(string.Create(CultureInfo.InvariantCulture, $"PASS: Approximate system memory used : {used:F2} MB."));
        return ExitCode.Success;
    }

    /// <summary>The value of a metric without labels in Prometheus' text; null if there is none.</summary>
    internal static double? Find(string metrics, string name)
    {
        foreach (var line in metrics.Split('\n'))
        {
            if (line.StartsWith(name, StringComparison.Ordinal) && line.Split(' ') is [var found, var value, ..] && found == name)
            {
                return double.Parse(value, NumberStyles.Float, CultureInfo.InvariantCulture);
            }
        }

        return null;
    }

    private static async Task<double> MemoryAsync(ClientSession session, CancellationToken stop)
    {
        var address = new Uri(session.Cluster.Endpoints[0].Address, "/metrics");
        try
        {
            using var http = session.Cluster.CreateHttp();
            return Find(await http.GetStringAsync(address, stop), Metric)
                ?? throw new CommandFailure(ExitCode.Error, $"{address} does not tell {Metric}, so its memory cannot be compared");
        }
        catch (HttpRequestException failure)
        {
            throw new CommandFailure(ExitCode.Error, $"FAILED: {address} cannot be read: {failure.Message}", failure);
        }
    }
}
