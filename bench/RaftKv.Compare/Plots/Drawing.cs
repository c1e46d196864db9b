using System.Globalization;
using System.Net;
using System.Text;
using RaftKv.Compare.Contenders;

namespace RaftKv.Compare.Plots;

/// <summary>An SVG, element by element.</summary>
internal sealed class Drawing(int width, int height)
{
    public const string Grid = "#ddd";
    public const string Met = "#3a7d44";
    public const string Missed = "#c8553d";

    private readonly StringBuilder _elements = new();

    public static string ColorOf(string name) => name switch
    {
        Contender.Etcd => "#5b7c99",
        Contender.RaftKv => "#c8553d",
        _ => "#333",
    };

    public void Line(double x1, double y1, double x2, double y2, string color)
        => Add($"<line x1=\"{x1:0.#}\" y1=\"{y1:0.#}\" x2=\"{x2:0.#}\" y2=\"{y2:0.#}\" stroke=\"{color}\" stroke-width=\"{(color == Grid ? 1 : 2)}\"/>");

    public void Bar(double x, double y, double width, double height, string color)
        => Add($"<rect x=\"{x:0.#}\" y=\"{y:0.#}\" width=\"{Math.Max(1, width):0.#}\" height=\"{height:0.#}\" fill=\"{color}\"/>");

    public void Path(IReadOnlyList<(double X, double Y)> points, string color, bool dots)
    {
        var text = string.Join(' ', points.Select(point => Text($"{point.X:0.#},{point.Y:0.#}")));
        Add($"<polyline points=\"{text}\" fill=\"none\" stroke=\"{color}\" stroke-width=\"2\"/>");
        foreach (var (x, y) in dots ? points : [])
        {
            Add($"<circle cx=\"{x:0.#}\" cy=\"{y:0.#}\" r=\"3.5\" fill=\"{color}\"/>");
        }
    }

    public void Text(double x, double y, string text, string anchor, int size = 11)
        => Add($"<text x=\"{x:0.#}\" y=\"{y:0.#}\" text-anchor=\"{anchor}\" font-size=\"{size}\">{WebUtility.HtmlEncode(text)}</text>");

    public override string ToString() => Text(
        $"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" font-family=\"sans-serif\" fill=\"#222\">\n<rect width=\"{width}\" height=\"{height}\" fill=\"#fff\"/>\n{_elements}</svg>\n");

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);

    private void Add(FormattableString element) => _elements.Append(Text(element)).Append('\n');
}
