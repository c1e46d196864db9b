using System.Diagnostics;
using System.Text;
using RaftKv.Compare.Contenders;
using RaftKv.Compare.Results;
using RaftKv.Load;
using RaftKv.Load.Watching;

namespace RaftKv.Compare.Works;

/// <summary>Many watchers of one key that is put. What counts are the events that they are told.</summary>
internal sealed record Watches(string Name, Stage On) : Work(Name, On)
{
    private const int Putters = 50;
    private static readonly byte[] Key = Encoding.ASCII.GetBytes("watched");

    public override string Title(Setup setup)
        => $"{On.Members(setup)} members, {setup.Watchers:N0} watchers on {setup.WatchStreams} streams of one key, {setup.WatchedPuts:N0} puts of {setup.ValueBytes} B by {Putters} clients";

    public override async Task MeasureAsync(Cluster cluster, Setup setup, Outcome outcome)
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromMinutes(5));
        await using var crowd = await WatchCrowd.OpenAsync(
            cluster.Clients, setup.Watchers, Math.Min(setup.WatchStreams, setup.Watchers), Key, cancellation: patience.Token);

        // A tenth of it first, to warm the path up.
        var early = Math.Max(1, setup.WatchedPuts / 10);
        await PutAsync(cluster, setup, early);
        await crowd.ToldAsync((long)early * setup.Watchers, patience.Token);
        _ = crowd.TakeDelays();
        var events = (long)setup.WatchedPuts * setup.Watchers;
        var (cpu, own) = (cluster.CpuSeconds, Environment.CpuUsage.TotalTime);
        var began = Stopwatch.GetTimestamp();
        var putting = PutAsync(cluster, setup, setup.WatchedPuts);
        var told = await crowd.ToldAsync(events + ((long)early * setup.Watchers), patience.Token);
        var puts = await putting;
        var seconds = Stopwatch.GetElapsedTime(began, told).TotalSeconds;
        outcome.With(Figure.PerSecond, events / seconds)
            .With(crowd.TakeDelays())
            .With(Figure.MemberCpu, (cluster.CpuSeconds - cpu) * 1e6 / events)
            .With(Figure.LoadCpu, (Environment.CpuUsage.TotalTime - own).TotalMicroseconds / events)
            .With(Figure.Refused, puts.Refused);
        await AddHoldingsAsync(cluster, outcome);
    }

    private static Task<LoadFigures> PutAsync(Cluster cluster, Setup setup, int count) => LoadRun.CompleteAsync(new LoadPlan
    {
        Endpoints = cluster.Clients,
        Work = new StampedValue(Key, setup.ValueBytes),
        Clients = Putters,
        Connections = Putters / 10,
        Operations = count,
    });
}
