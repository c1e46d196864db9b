using RaftKv.Compare.Contenders;
using RaftKv.Compare.Results;
using RaftKv.Load;

namespace RaftKv.Compare.Works;

/// <summary>As many calls as clients can make; or, if it is paced, so many a second as the setup says, answered or not.</summary>
internal sealed record Calls(string Name, Stage On, string What, int Clients, int Connections, Func<Setup, IWorkload> Make, bool IsPaced = false)
    : Work(Name, On)
{
    public override string Title(Setup setup)
        => $"{On.Members(setup)} members, {What}, {Clients} clients on {Connections} connections, {setup.KeyBytes} + {setup.ValueBytes} B, {setup.Keys:N0} keys, {(IsPaced ? $"{setup.Rate:N0} a second, " : "")}{setup.Seconds} s";

    public override async Task MeasureAsync(Cluster cluster, Setup setup, Outcome outcome)
    {
        await using var load = await LoadRun.StartAsync(
            new LoadPlan { Endpoints = cluster.Clients, Work = Make(setup), Clients = Clients, Connections = Connections, Rate = IsPaced ? setup.Rate : null });
        await load.LastAsync(TimeSpan.FromSeconds(1));
        var cpu = cluster.CpuSeconds;
        _ = load.Take();
        await load.LastAsync(TimeSpan.FromSeconds(setup.Seconds));
        var figures = load.Take();
        cpu = cluster.CpuSeconds - cpu;
        await load.StopAsync();
        outcome.With(Figure.PerSecond, figures.PerSecond)
            .With(figures.Latencies)
            .With(Figure.MemberCpu, cpu * 1e6 / Math.Max(1, figures.Latencies.Count))
            .With(Figure.LoadCpu, figures.CpuUs)
            .With(Figure.Refused, figures.Refused);
        await AddHoldingsAsync(cluster, outcome);
    }
}
