using RaftKv.Compare.Results;

namespace RaftKv.Compare.Plots;

/// <summary>How far each goal has been reached, as bars: what passes the line has met it.</summary>
internal sealed record GoalChart(IReadOnlyList<(Goal Goal, double Reached)> Goals)
{
    private const int Width = 760;
    private const int Left = 370;
    private const int Right = 90;
    private const int Row = 24;
    private const int Top = 60;

    public string ToSvg()
    {
        var axis = Axis.Marked([(0.1, "0.1"), (0.25, "0.25"), (0.5, "0.5"), (1, "goal"), (2, "2"), (4, "4"), (10, "10")], isLogarithmic: true);
        var height = Top + (Row * Goals.Count) + 15;
        var svg = new Drawing(Width, height);
        svg.Text(Width / 2.0, 22, "What was reached, in goals", anchor: "middle", size: 15);
        foreach (var (at, text) in axis.Ticks)
        {
            var x = At(axis, at);
            svg.Line(x, Top - 6, x, height - 10, Drawing.Grid);
            svg.Text(x, Top - 12, text, anchor: "middle");
        }

        for (var i = 0; i < Goals.Count; i++)
        {
            var (goal, reached) = Goals[i];
            var share = goal.IsAtLeast ? reached / goal.Limit : goal.Limit / Math.Max(reached, 1e-9);
            var y = Top + (i * Row);
            svg.Text(Left - 8, y + 14, goal.Row, anchor: "end");
            svg.Bar(Left, y + 3, At(axis, share) - Left, Row - 8, goal.IsMet(reached) ? Drawing.Met : Drawing.Missed);
            svg.Text(At(axis, share) + 5, y + 14, $"{Number.Of(reached)}x of {goal.LimitText}", anchor: "start", size: 10);
        }

        svg.Line(At(axis, 1), Top - 6, At(axis, 1), height - 10, "#333");
        return svg.ToString();
    }

    private static double At(Axis axis, double value) => Left + (axis.Place(value) * (Width - Left - Right));
}
