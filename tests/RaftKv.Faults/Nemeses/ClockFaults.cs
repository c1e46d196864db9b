using System.Globalization;
using RaftKv.Faults.Checking;
using RaftKv.Faults.Running;

namespace RaftKv.Faults.Nemeses;

/// <summary>Clocks that are set to another time, and clocks that run too fast or too slowly.</summary>
internal static class ClockFaults
{
    /// <summary>How much too fast or too slowly a clock runs at most.</summary>
    public const double MostDrift = 2;

    /// <summary>The clocks on the walls of some are set ahead or back: between 11 ms and 288 s.</summary>
    public static readonly Fault Jump = new(FaultKinds.Clock, async (tools, _) =>
    {
        var targets = tools.Some(tools.Chance.Next(1, tools.Cluster.Members.Count + 1));
        var hits = 0L;
        foreach (var target in targets)
        {
            hits += await MemberControl.AskAsync(target, Order("jump", Distance(tools))) ?? 0;
        }

        return hits == 0 ? null : new BegunFault(targets, "clocks jump", tools.Seconds(0, 2), _ => Task.FromResult(hits));
    });

    /// <summary>The clock on one wall goes to and fro.</summary>
    public static readonly Fault Strobe = new(FaultKinds.Clock, async (tools, _) =>
    {
        var target = tools.Pick(tools.Cluster.Members);
        var distance = Distance(tools);
        var stop = new CancellationTokenSource();
        var strobing = StrobeAsync();
        await Task.CompletedTask;
        return new BegunFault([target], "a clock goes to and fro", tools.Seconds(2, 6), async _ =>
        {
            await stop.CancelAsync();
            var hits = await strobing;
            stop.Dispose();
            return hits;
        });

        async Task<long> StrobeAsync()
        {
            var hits = 0L;
            while (!stop.IsCancellationRequested)
            {
                hits += await MemberControl.AskAsync(target, Order("jump", distance)) ?? 0;
                distance = -distance;
                await Task.Delay(tools.Chance.Next(1, 200), CancellationToken.None);
            }

            return hits;
        }
    });

    /// <summary>The clock that counts runs too fast or too slowly on some.</summary>
    public static readonly Fault Drift = new(FaultKinds.Clock, async (tools, _) =>
    {
        var targets = tools.Some(tools.Chance.Next(1, tools.Cluster.Members.Count + 1));
        var hits = 0L;
        var detail = new List<string>();
        foreach (var target in targets)
        {
            var rate = Math.Pow(MostDrift, (2 * tools.Chance.NextDouble()) - 1);
            hits += await MemberControl.AskAsync(target, Order("rate", rate)) ?? 0;
            detail.Add(string.Create(CultureInfo.InvariantCulture, $"{target.Name} at {rate:F2}"));
        }

        return hits == 0 ? null : new BegunFault(targets, $"clocks run {string.Join(", ", detail)}", tools.Seconds(4, 10), async _ =>
        {
            await Task.WhenAll(targets.Select(target => MemberControl.AskAsync(target, "rate 1")));
            return hits;
        });
    });

    private static double Distance(FaultTools tools)
        => (tools.Chance.Next(2) == 0 ? 1 : -1) * Math.Pow(1.5, 6 + (25 * tools.Chance.NextDouble()));

    private static string Order(string what, double value) => string.Create(CultureInfo.InvariantCulture, $"{what} {value}");
}
