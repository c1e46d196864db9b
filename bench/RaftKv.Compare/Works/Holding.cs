using System.Diagnostics;
using RaftKv.Compare.Contenders;
using RaftKv.Compare.Results;

namespace RaftKv.Compare.Works;

/// <summary>What a member with many keys holds, and how long it takes to come back.</summary>
internal sealed record Holding(string Name, Stage On) : Work(Name, On)
{
    public override string Title(Setup setup) => $"1 member, {setup.ManyKeys:N0} keys of {setup.KeyBytes} + {setup.ValueBytes} B";

    public override async Task MeasureAsync(Cluster cluster, Setup setup, Outcome outcome)
    {
        outcome.With(Figure.FilledResident, cluster.ResidentBytes / 1e6);
        await AddHoldingsAsync(cluster, outcome);
        var member = cluster.Members[0];
        await member.StopAsync();
        outcome.With(Figure.Restart, await SecondsToReadyAsync(member));

        // What only starting needed may be given back.
        await Task.Delay(TimeSpan.FromSeconds(3));
        outcome.With(Figure.RestartedResident, member.ResidentBytes / 1e6);
        await member.KillAsync();
        outcome.With(Figure.CrashRestart, await SecondsToReadyAsync(member));
    }

    private static async Task<double> SecondsToReadyAsync(Member member)
    {
        var clock = Stopwatch.StartNew();
        member.Start();
        await member.ReadyAsync(TimeSpan.FromSeconds(120));
        return clock.Elapsed.TotalSeconds;
    }
}
