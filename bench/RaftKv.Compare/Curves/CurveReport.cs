using System.Globalization;
using System.Text;
using RaftKv.Compare.Contenders;
using RaftKv.Compare.Plots;
using RaftKv.Compare.Results;
using RaftKv.Compare.Works;

namespace RaftKv.Compare.Curves;

/// <summary>What was measured along a curve, as a table and as pictures.</summary>
internal sealed record CurveReport(Curve Curve, IReadOnlyList<(int Point, Summary Summary)> Points)
{
    private static readonly string[] Figures = [Figure.PerSecond, Figure.P99, Figure.MemberCpu, Figure.PeakResident];

    public string Markdown(Setup setup)
    {
        var text = new StringBuilder();
        foreach (var work in Curve.Works)
        {
            text.Append(CultureInfo.InvariantCulture, $"\n**{work.Name}** over {Curve.What} (at the first of them: {work.Title(Curve.At(setup, Points[0].Point))})\n\n");
            AddTable(text, work.Name);
        }

        return text.ToString();
    }

    public IEnumerable<(string Name, string Svg)> Plots()
    {
        foreach (var work in Curve.Works)
        {
            yield return ($"{Curve.Name}-{work.Name}-throughput.svg", Chart(work, Figure.PerSecond, "a second").ToSvg());
            yield return ($"{Curve.Name}-{work.Name}-p99.svg", Chart(work, Figure.P99, "ms, p99").ToSvg());
        }
    }

    private LineChart Chart(Work work, string figure, string unit)
    {
        var lines = Points[0].Summary.Contenders.Select(contender => new Series(
            contender,
            [.. Points.Select(point => ((double)point.Point, point.Summary.Median(work.Name, contender, figure) ?? 0))])).ToList();
        var values = lines.SelectMany(line => line.Points).Select(point => point.Y).ToList();
        IReadOnlyList<(double, string)> ticks = [.. Points.Select(point => ((double)point.Point, Axis.Short(point.Point)))];
        var isWide = Points[^1].Point > 20 * Points[0].Point;
        return new LineChart(
            $"{work.Name} over {Curve.What}",
            Curve.What,
            unit,
            ticks.Count > 1 ? Axis.Marked(ticks, isWide) : Axis.Logarithmic([Points[0].Point]),
            figure == Figure.P99 || isWide ? Axis.Logarithmic(values) : Axis.Linear(values),
            lines);
    }

    private void AddTable(StringBuilder text, string work)
    {
        var contenders = Points[0].Summary.Contenders;
        var hasRatio = contenders.Count == 2;
        text.Append(CultureInfo.InvariantCulture, $"| {Curve.Name} |");
        foreach (var figure in Figures)
        {
            text.Append(CultureInfo.InvariantCulture, $" {figure}: {string.Join(" | ", contenders)} |{(hasRatio ? " ratio |" : "")}");
        }

        text.Append("\n| --- |").Append(string.Concat(Enumerable.Repeat(" --- |", Figures.Length * (contenders.Count + (hasRatio ? 1 : 0))))).Append('\n');
        foreach (var (point, summary) in Points)
        {
            text.Append(CultureInfo.InvariantCulture, $"| {point:N0} |");
            foreach (var figure in Figures)
            {
                var values = contenders.Select(contender => summary.Median(work, contender, figure)).ToList();
                text.Append(CultureInfo.InvariantCulture, $" {string.Join(" | ", values.Select(value => value is { } number ? Number.Of(number) : "-"))} |");
                if (hasRatio)
                {
                    var (etcd, ours) = (summary.Median(work, Contender.Etcd, figure), summary.Median(work, Contender.RaftKv, figure));
                    text.Append(CultureInfo.InvariantCulture, $" {(etcd > 0 && ours is not null ? Number.Of(ours.Value / etcd.Value) + "x" : "")} |");
                }
            }

            text.Append('\n');
        }
    }
}
