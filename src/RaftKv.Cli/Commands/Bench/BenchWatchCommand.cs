using System.Diagnostics;
using System.Text;
using RaftKv.Cli.Commands.Flags;
using RaftKv.Load;
using RaftKv.Load.Watching;

namespace RaftKv.Cli.Commands.Bench;

/// <summary><c>raftkv bench watch</c></summary>
internal sealed class BenchWatchCommand() : BenchCommand("watch", "Put one key that many watch; events are counted, and how late they come")
{
    // So long after the last put, what has not come will not come.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    private static readonly byte[] Key = Encoding.ASCII.GetBytes(BenchKeys.First);

    private Flag<int> _watchers = null!;
    private Flag<int> _streams = null!;
    private Flag<int> _valueBytes = null!;

    public override void AddFlags(FlagSet flags)
    {
        base.AddFlags(flags);
        _watchers = flags.Count("watchers", "How many watch", 1000);
        _streams = flags.Count("streams", "On how many streams, each on a connection of its own", 10);
        _valueBytes = flags.Count("val-size", "How long values are, in bytes; they begin with the time", 256, least: 8);
    }

    public override void Check(ParsedArguments arguments, ClientSession session)
    {
        base.Check(arguments, session);
        if (_streams.Value > _watchers.Value)
        {
            throw CommandFailure.BadArguments($"{_streams.Value} streams (--streams) are more than {_watchers.Value} watchers (--watchers)");
        }
    }

    protected override async Task<BenchReport> MeasureAsync(ClientSession session, IReadOnlyList<LoadEndpoint> endpoints, CancellationToken stop)
    {
        await using var crowd = await WatchCrowd.OpenAsync(endpoints, _watchers.Value, _streams.Value, Key, cancellation: stop);
        var plan = new LoadPlan
        {
            Endpoints = endpoints,
            Work = new StampedValue(Key, _valueBytes.Value),
            Clients = Clients,
            Connections = Connections,
            Rate = Rate,
            Operations = Total,
        };
        var (began, cpu) = (Stopwatch.GetTimestamp(), Environment.CpuUsage.TotalTime);
        var puts = Total is null ? await LoadRun.MeasureAsync(plan, TimeSpan.Zero, Duration, stop) : await LoadRun.CompleteAsync(plan, stop);
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(stop);
        patience.CancelAfter(Patience);
        var told = await crowd.ToldAsync(puts.Latencies.Count * _watchers.Value, patience.Token);
        return new BenchReport(
            Name,
            $"{_watchers.Value} watchers, {_streams.Value} streams, {puts.Latencies.Count} puts of {_valueBytes.Value} bytes by {Clients} clients on {Connections} connections",
            new LoadFigures(crowd.TakeDelays(), Stopwatch.GetElapsedTime(began, told).TotalSeconds, puts.Refused, (Environment.CpuUsage.TotalTime - cpu).TotalSeconds),
            Rate)
        {
            Operations = puts.Latencies.Count * _watchers.Value,
            Unit = "events",
        };
    }
}
