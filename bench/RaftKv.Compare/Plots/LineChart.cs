using System.Globalization;

namespace RaftKv.Compare.Plots;

/// <summary>Lines over an axis, as an SVG that needs nothing around it.</summary>
internal sealed record LineChart(string Title, string XTitle, string YTitle, Axis X, Axis Y, IReadOnlyList<Series> Lines)
{
    private const int Width = 640;
    private const int Height = 400;
    private const int Left = 70;
    private const int Right = 20;
    private const int Top = 50;
    private const int Bottom = 55;

    public string ToSvg()
    {
        var svg = new Drawing(Width, Height);
        svg.Text(Width / 2.0, 22, Title, anchor: "middle", size: 15);
        foreach (var (at, text) in X.Ticks)
        {
            svg.Line(XOf(at), Top, XOf(at), Height - Bottom, Drawing.Grid);
            svg.Text(XOf(at), Height - Bottom + 16, text, anchor: "middle");
        }

        foreach (var (at, text) in Y.Ticks)
        {
            svg.Line(Left, YOf(at), Width - Right, YOf(at), Drawing.Grid);
            svg.Text(Left - 6, YOf(at) + 4, text, anchor: "end");
        }

        svg.Text((Left + Width - Right) / 2.0, Height - 14, XTitle, anchor: "middle");
        svg.Text(Left, Top - 10, YTitle, anchor: "start");
        for (var i = 0; i < Lines.Count; i++)
        {
            var (color, line) = (Drawing.ColorOf(Lines[i].Name), Lines[i]);
            svg.Path([.. line.Points.Select(point => (XOf(point.X), YOf(point.Y)))], color, dots: line.Points.Count <= 12);
            var label = Width - Right - (90 * (Lines.Count - i));
            svg.Line(label, Top - 14, label + 18, Top - 14, color);
            svg.Text(label + 23, Top - 10, line.Name, anchor: "start");
        }

        return svg.ToString();
    }

    private double XOf(double value) => Left + (X.Place(value) * (Width - Left - Right));

    private double YOf(double value) => Height - Bottom - (Y.Place(value) * (Height - Top - Bottom));

    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Title}: {Lines.Count} lines");
}
