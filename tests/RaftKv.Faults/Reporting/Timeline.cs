using System.Globalization;
using System.Text;
using RaftKv.Faults.Histories;

namespace RaftKv.Faults.Reporting;

/// <summary>Operations as bars, a row for each process, with faults as bands behind them.</summary>
internal static class Timeline
{
    private const int Width = 1200;
    private const int Left = 60;
    private const int Row = 16;
    private const int Top = 22;

    // More bars than pixels tell nothing, and make a page that no browser likes.
    private const int MostBars = 6000;

    public static string Draw(History history, IReadOnlyList<Invocation> operations, bool showsEverything)
    {
        if (operations.Count == 0)
        {
            return "<p>There are none.</p>";
        }

        var (from, to) = showsEverything
            ? (0L, Math.Max(1, history.Operations.Max(operation => operation.End)))
            : Around(operations);
        var scale = new Scale(from, to, Left, Width - 10);
        var processes = operations.Select(operation => operation.Process).Distinct().Order().ToList();
        var height = Top + (processes.Count * Row) + 20;
        var svg = new StringBuilder();
        svg.Append(CultureInfo.InvariantCulture, $"<svg width=\"{Width}\" height=\"{height}\" viewBox=\"0 0 {Width} {height}\">\n");
        Bands(svg, history, scale, height);
        for (var i = 0; i < processes.Count; i++)
        {
            svg.Append(CultureInfo.InvariantCulture, $"<text x=\"4\" y=\"{Top + (i * Row) + 11}\">client {processes[i]}</text>\n");
        }

        var every = Math.Max(1, operations.Count / MostBars);
        for (var i = 0; i < operations.Count; i++)
        {
            if (i % every == 0 || operations[i].Outcome == Outcome.Info)
            {
                Bar(svg, operations[i], scale, Top + (processes.IndexOf(operations[i].Process) * Row), !showsEverything);
            }
        }

        Axis(svg, scale, height);
        return svg.Append("</svg>\n").ToString();
    }

    public static void Bands(StringBuilder svg, History history, Scale scale, int height)
    {
        foreach (var fault in history.Faults.Where(fault => fault.End >= scale.From && fault.Begin <= scale.To))
        {
            var (x, end) = (scale.X(Math.Max(fault.Begin, scale.From)), scale.X(Math.Min(fault.End, scale.To)));
            svg.Append(CultureInfo.InvariantCulture, $"<rect x=\"{x:F1}\" y=\"0\" width=\"{Math.Max(1, end - x):F1}\" height=\"{height - 16}\" fill=\"{ColourOf(fault.Kind)}\" fill-opacity=\".18\"><title>{HtmlReport.Text($"{fault.Detail} {string.Join(' ', fault.Targets)}")}</title></rect>\n");
            svg.Append(CultureInfo.InvariantCulture, $"<text x=\"{x + 2:F1}\" y=\"10\">{HtmlReport.Text(fault.Kind)}</text>\n");
        }
    }

    public static void Axis(StringBuilder svg, Scale scale, int height)
    {
        for (var i = 0; i <= 10; i++)
        {
            var at = scale.From + ((scale.To - scale.From) * i / 10);
            svg.Append(CultureInfo.InvariantCulture, $"<text x=\"{scale.X(at) - 10:F1}\" y=\"{height - 4}\">{at / 1e6:F2} s</text>\n");
        }
    }

    private static void Bar(StringBuilder svg, Invocation operation, Scale scale, int y, bool isLabelled)
    {
        var x = scale.X(operation.Begin);
        var width = Math.Max(1, scale.X(Math.Min(operation.End, scale.To)) - x);
        var colour = operation.Outcome switch { Outcome.Ok => "#4c8bf5", Outcome.Fail => "#c9c9c9", _ => "#f29900" };
        svg.Append(CultureInfo.InvariantCulture, $"<rect x=\"{x:F1}\" y=\"{y}\" width=\"{width:F1}\" height=\"12\" fill=\"{colour}\"><title>{HtmlReport.Text(Describe(operation))}</title></rect>\n");
        if (isLabelled)
        {
            svg.Append(CultureInfo.InvariantCulture, $"<text x=\"{x + 2:F1}\" y=\"{y + 10}\">{HtmlReport.Text(Short(operation))}</text>\n");
        }
    }

    private static (long From, long To) Around(IReadOnlyList<Invocation> operations)
    {
        var (from, to) = (operations.Min(operation => operation.Begin), operations.Max(operation => operation.End));
        var margin = Math.Max(1000, (to - from) / 10);
        return (Math.Max(0, from - margin), to + margin);
    }

    private static string Short(Invocation operation)
        => operation.Steps is { } steps ? $"[{string.Join(", ", steps)}]" : $"{operation.Call} {operation.Key} {operation.Expected} {operation.Value} {operation.Found}";

    private static string Describe(Invocation operation)
        => string.Create(CultureInfo.InvariantCulture, $"{Short(operation)}: {operation.Outcome} at {operation.Member}, {operation.Begin / 1e6:F3} to {operation.End / 1e6:F3} s, revision {operation.Revision} {operation.Error}");

    private static string ColourOf(string kind) => kind switch
    {
        Checking.FaultKinds.Kill => "#d93025",
        Checking.FaultKinds.Pause => "#9334e6",
        Checking.FaultKinds.Partition or Checking.FaultKinds.Link => "#e37400",
        Checking.FaultKinds.Membership => "#188038",
        Checking.FaultKinds.Compaction => "#129eaf",
        _ => "#5f6368",
    };
}

/// <summary>Where moments lie on a line.</summary>
internal sealed record Scale(long From, long To, double Left, double Right)
{
    public double X(long at) => Left + ((Right - Left) * (at - From) / Math.Max(1, To - From));
}
