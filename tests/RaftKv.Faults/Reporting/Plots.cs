using System.Globalization;
using System.Text;
using RaftKv.Faults.Histories;

namespace RaftKv.Faults.Reporting;

/// <summary>Latency and throughput over the time of a run.</summary>
internal static class Plots
{
    private const int Width = 1200;
    private const int Height = 220;
    private const int Left = 60;
    private const int Floor = Height - 20;
    private const int MostDots = 6000;

    /// <summary>A dot for each answered operation; upwards ten times as long for each line.</summary>
    public static string Latency(History history)
    {
        var scale = Scale(history);
        var svg = Open(history, scale);
        for (var power = 2; power <= 7; power++)
        {
            var y = Y(Math.Pow(10, power));
            svg.Append(CultureInfo.InvariantCulture, $"<line x1=\"{Left}\" x2=\"{Width - 10}\" y1=\"{y:F1}\" y2=\"{y:F1}\" stroke=\"#eee\"/><text x=\"4\" y=\"{y + 3:F1}\">{Math.Pow(10, power - 3):0.###} ms</text>\n");
        }

        var every = Math.Max(1, history.Operations.Count / MostDots);
        foreach (var operation in history.Operations.Where((operation, i) => operation.Watch is null && (i % every == 0 || operation.Outcome == Outcome.Info)))
        {
            var colour = operation.Outcome switch { Outcome.Ok => "#4c8bf5", Outcome.Fail => "#999", _ => "#f29900" };
            svg.Append(CultureInfo.InvariantCulture, $"<circle cx=\"{scale.X(operation.Begin):F1}\" cy=\"{Y(operation.End - operation.Begin):F1}\" r=\"1.4\" fill=\"{colour}\"/>\n");
        }

        return svg.Append("</svg>\n").ToString();
    }

    /// <summary>Operations that were answered in each second, and those that were not.</summary>
    public static string Throughput(History history)
    {
        var scale = Scale(history);
        var svg = Open(history, scale);
        var seconds = (int)(scale.To / 1_000_000) + 1;
        var most = history.Operations.GroupBy(operation => operation.End / 1_000_000).Select(second => second.Count()).DefaultIfEmpty(1).Max();
        foreach (var (isOk, colour) in new[] { (true, "#4c8bf5"), (false, "#f29900") })
        {
            var counts = new int[seconds + 1];
            foreach (var operation in history.Operations.Where(operation => operation.IsOk == isOk))
            {
                counts[operation.End / 1_000_000]++;
            }

            var points = counts.Select((count, second) => string.Create(
                CultureInfo.InvariantCulture, $"{scale.X((second * 1_000_000L) + 500_000):F1},{Floor - ((Floor - 16.0) * count / most):F1}"));
            svg.Append(CultureInfo.InvariantCulture, $"<polyline fill=\"none\" stroke=\"{colour}\" points=\"{string.Join(' ', points)}\"/>\n");
        }

        svg.Append(CultureInfo.InvariantCulture, $"<text x=\"4\" y=\"18\">{most}/s</text><text x=\"4\" y=\"{Floor}\">0</text>\n");
        return svg.Append("</svg>\n").ToString();
    }

    private static Scale Scale(History history) => new(0, Math.Max(1, history.Operations.Select(operation => operation.End).DefaultIfEmpty(1).Max()), Left, Width - 10);

    private static StringBuilder Open(History history, Scale scale)
    {
        var svg = new StringBuilder();
        svg.Append(CultureInfo.InvariantCulture, $"<svg width=\"{Width}\" height=\"{Height}\" viewBox=\"0 0 {Width} {Height}\">\n");
        Timeline.Bands(svg, history, scale, Height);
        Timeline.Axis(svg, scale, Height);
        return svg;
    }

    // From 0.1 ms at the floor to 10 s.
    private static double Y(double micros) => Floor - ((Floor - 16) * (Math.Log10(Math.Clamp(micros, 100, 10_000_000)) - 2) / 5);
}
