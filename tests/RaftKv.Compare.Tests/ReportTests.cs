using System.Text.Json.Nodes;
using System.Xml.Linq;
using RaftKv.Compare.Curves;
using RaftKv.Compare.Plots;
using RaftKv.Compare.Results;
using RaftKv.Compare.Works;
using RaftKv.Load;

namespace RaftKv.Compare.Tests;

/// <summary>From what was measured to what is told.</summary>
public sealed class ReportTests
{
    private static readonly Setup Small = new() { Rounds = 3, Seconds = 1, Keys = 10 };

    private static readonly Summary Measured = new(
    [
        Outcome("put100", "etcd", 1000, 40), Outcome("put100", "raftkv", 4500, 20),
        Outcome("put100", "raftkv", 5000, 21), Outcome("put100", "etcd", 900, 41),
        Outcome("put100", "etcd", 1100, 42), Outcome("put100", "raftkv", 100, 22),
    ]);

    [Fact]
    public void Medians_are_of_all_rounds_of_one_contender()
    {
        Assert.Equal(1000, Measured.Median("put100", "etcd", Figure.PerSecond));
        Assert.Equal(4500, Measured.Median("put100", "raftkv", Figure.PerSecond));
        Assert.Null(Measured.Median("get", "etcd", Figure.PerSecond));
        Assert.Equal(950, new Summary([.. Measured.Outcomes.Take(4)]).Median("put100", "etcd", Figure.PerSecond));
    }

    [Fact]
    public void Latencies_of_all_rounds_are_one_distribution()
        => Assert.Equal((3, 42), (Measured.LatenciesOf("put100", "etcd")!.Count, Math.Round(Measured.LatenciesOf("put100", "etcd")!.MaxMs)));

    [Fact]
    public void The_table_says_which_goals_are_met_and_leaves_out_what_was_not_measured()
    {
        var table = MarkdownTable.Of(Measured, Suite.Works, Suite.Goals, Small);

        Assert.Contains("| put, 100 clients: throughput (per second) | 1,000 | 4,500 | 4.50x | >= 4x | met |", table, StringComparison.Ordinal);
        Assert.Contains("| put, 100 clients: p99 (p99 ms) | 41.0 | 21.0 | 0.512x | <= 0.35x | **missed** |", table, StringComparison.Ordinal);
        Assert.DoesNotContain("snapshot", table, StringComparison.Ordinal);
        Assert.Contains("**put100**: 3 members, put, 100 clients on 10 connections, 64 + 256 B, 10 keys, 1 s", table, StringComparison.Ordinal);
        Assert.Contains("| per second | 1,000 | 4,500 | 4.50x |", table, StringComparison.Ordinal);
    }

    [Fact]
    public void Goals_are_said_to_be_of_other_sizes_where_they_are()
    {
        const string Said = "Some sizes are not those that the goals are stated for.";
        var usual = new Setup { Rounds = 1, Seconds = 1, WarmUp = 0, Folder = "there" };

        Assert.DoesNotContain(Said, MarkdownTable.Of(Measured, Suite.Works, Suite.Goals, usual), StringComparison.Ordinal);
        Assert.StartsWith(Said, MarkdownTable.Of(Measured, Suite.Works, Suite.Goals, usual with { ManyKeys = 5 }), StringComparison.Ordinal);
    }

    [Fact]
    public void A_goal_of_ours_alone_needs_no_other()
    {
        var goal = new Goal("", "compaction", Figure.P99AgainstQuiet, 1.1, IsOfOursAlone: true);

        Assert.Equal(1.05, goal.Reached(null, 1.05));
        Assert.True(goal.IsMet(1.05));
        Assert.False(goal.IsMet(1.2));
        Assert.Null((goal with { IsOfOursAlone = false }).Reached(null, 1.05));
    }

    [Fact]
    public void Every_goal_is_of_a_work_of_the_suite()
        => Assert.Empty(Suite.Goals.Select(goal => goal.Work).Except(Suite.Works.Select(work => work.Name)));

    [Fact]
    public void Json_has_every_round_and_the_medians()
    {
        var report = JsonNode.Parse(JsonReport.Of("header", Small, [("table", Small, Measured)], Suite.Works, Suite.Goals))!;

        Assert.Equal(10, (int)report["setup"]!["keys"]!);
        var ours = report["parts"]![0]!["works"]![0]!["contenders"]!["raftkv"]!;
        Assert.Equal(4500, (double)ours["medians"]![Figure.PerSecond]!);
        Assert.Equal([4500.0, 5000, 100], ours["rounds"]!.AsArray().Select(round => (double)round![Figure.PerSecond]!));
        Assert.Equal(4.5, (double)report["parts"]![0]!["goals"]![0]!["reached"]!);
        Assert.True((bool)report["parts"]![0]!["goals"]![0]!["isMet"]!);
    }

    [Fact]
    public void Plots_of_a_table_are_the_goals_and_the_latencies_of_each_work()
    {
        var plots = TablePlots.Of(Measured, Suite.Goals).ToDictionary(plot => plot.Name, plot => XDocument.Parse(plot.Svg));

        Assert.Equal(["goals.svg", "latency-put100.svg"], plots.Keys);
        Assert.Equal(2, plots["latency-put100.svg"].Descendants().Count(element => element.Name.LocalName == "polyline"));
        Assert.Equal(
            Suite.Goals.Count(goal => goal is { Work: "put100", Of: Figure.PerSecond or Figure.P99 }) + 1,
            plots["goals.svg"].Descendants().Count(element => element.Name.LocalName == "rect"));
    }

    [Fact]
    public void A_curve_has_a_row_a_point_and_two_plots_a_work()
    {
        var curve = Curve.All.Single(curve => curve.Name == "members");
        var report = new CurveReport(curve, [(1, Measured), (3, Measured)]);

        var rows = report.Markdown(Small).Split('\n');

        Assert.Contains("| 1 | 1,000 | 4,500 | 4.50x | 41.0 | 21.0 | 0.512x | - | - |  | - | - |  |", rows);
        Assert.Equal(
            ["members-put100-throughput.svg", "members-put100-p99.svg", "members-get-throughput.svg", "members-get-p99.svg"],
            report.Plots().Select(plot => plot.Name));
        Assert.All(report.Plots(), plot => XDocument.Parse(plot.Svg));
    }

    [Fact]
    public void Curves_grow_what_they_are_called_after()
    {
        var grown = Curve.All.ToDictionary(curve => curve.Name, curve => curve.At(new Setup(), curve.Points[^1]));

        Assert.Equal(10_000_000, grown["keys"].Keys);
        Assert.Equal(5, grown["members"].Members);
        Assert.Equal((1_048_576, 256), (grown["values"].ValueBytes, grown["values"].Keys));
        Assert.Equal((10_000, 200), (grown["watchers"].Watchers, grown["watchers"].WatchedPuts));
    }

    [Theory]
    [InlineData(0, "0.00")]
    [InlineData(0.1234, "0.123")]
    [InlineData(1.234, "1.23")]
    [InlineData(12.34, "12.3")]
    [InlineData(1234567.8, "1,234,568")]
    public void Numbers_have_the_digits_that_say_something(double value, string text) => Assert.Equal(text, Number.Of(value));

    private static Outcome Outcome(string work, string contender, double perSecond, int ms)
    {
        var latencies = new Latencies();
        latencies.Add(ms * 1_000_000L);
        return new Outcome(work, contender).With(Figure.PerSecond, perSecond).With(latencies);
    }
}
