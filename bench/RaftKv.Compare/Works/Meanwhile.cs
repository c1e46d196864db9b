using RaftKv.Compare.Contenders;
using RaftKv.Compare.Results;
using RaftKv.Load;
using RaftKv.Load.Works;

namespace RaftKv.Compare.Works;

/// <summary>What something does to the latency of puts that come at a steady rate: as long without it as with it.</summary>
internal static class Meanwhile
{
    public static async Task MeasureAsync(Cluster cluster, Setup setup, LoadKeys keys, Outcome outcome, Func<Task> something)
    {
        await using var load = await LoadRun.StartAsync(new LoadPlan
        {
            Endpoints = cluster.Clients,
            Work = new Puts(keys, setup.ValueBytes),
            Clients = 200,
            Connections = 10,
            Rate = setup.Rate,
        });
        await load.LastAsync(TimeSpan.FromSeconds(2));
        _ = load.Take();
        await load.LastAsync(TimeSpan.FromSeconds(setup.Seconds));
        var without = load.Take();
        await something();
        var with = load.Take();
        await load.StopAsync();
        var (quiet, busy) = (without.Latencies.QuantileMs(0.99), with.Latencies.QuantileMs(0.99));
        outcome.With(with.Latencies)
            .With(Figure.QuietP99, quiet)
            .With(Figure.P99AgainstQuiet, quiet > 0 ? busy / quiet : 0)
            .With(Figure.LoadCpu, with.CpuUs)
            .With(Figure.Refused, without.Refused + with.Refused);
    }
}
