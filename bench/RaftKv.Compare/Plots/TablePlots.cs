using RaftKv.Compare.Contenders;
using RaftKv.Compare.Results;

namespace RaftKv.Compare.Plots;

/// <summary>The pictures of a table: the goals, and the latencies of each work.</summary>
internal static class TablePlots
{
    // The more nines, the further right: each of them as far from the last.
    private static readonly (double Share, string Text)[] Shares =
        [(0, "0"), (0.5, "50 %"), (0.9, "90 %"), (0.99, "99 %"), (0.999, "99.9 %"), (0.9999, "99.99 %")];

    public static IEnumerable<(string Name, string Svg)> Of(Summary summary, IReadOnlyList<Goal> goals)
    {
        var reached = new List<(Goal, double)>();
        foreach (var goal in goals)
        {
            if (goal.Reached(summary.Median(goal.Work, Contender.Etcd, goal.Of), summary.Median(goal.Work, Contender.RaftKv, goal.Of)) is { } value)
            {
                reached.Add((goal, value));
            }
        }

        if (reached.Count > 0)
        {
            yield return ("goals.svg", new GoalChart(reached).ToSvg());
        }

        foreach (var work in summary.Works)
        {
            var lines = new List<Series>();
            foreach (var contender in summary.Contenders)
            {
                if (summary.LatenciesOf(work, contender) is { } latencies)
                {
                    lines.Add(new Series(contender, [.. Steps().Select(share => (Nines(share), latencies.QuantileMs(share)))]));
                }
            }

            if (lines.Count > 0)
            {
                yield return ($"latency-{work}.svg", new LineChart(
                    $"{work}: latency",
                    "share of all that took at most so long",
                    "ms",
                    Axis.Marked([.. Shares.Select(share => (Nines(share.Share), share.Text))]),
                    Axis.Logarithmic(lines.SelectMany(line => line.Points).Select(point => point.Y)),
                    lines).ToSvg());
            }
        }
    }

    private static double Nines(double share) => -Math.Log10(1 - share);

    private static IEnumerable<double> Steps() => Enumerable.Range(0, 81).Select(i => 1 - Math.Pow(10, -i / 20.0));
}
