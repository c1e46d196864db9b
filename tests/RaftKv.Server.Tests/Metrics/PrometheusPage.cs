using System.Globalization;
using System.Text;

namespace RaftKv.Server.Tests.Metrics;

/// <summary>A page in Prometheus' text format, read the way Prometheus reads it, and more strictly: whatever a scraper might
/// stumble over is an error here.</summary>
internal sealed class PrometheusPage
{
    private readonly Dictionary<string, (string Type, string Help)> _families = new(StringComparer.Ordinal);
    private readonly Dictionary<string, double> _samples = new(StringComparer.Ordinal);
    private readonly List<(string Family, string Name, SortedDictionary<string, string> Labels, double Value)> _lines = [];
    private readonly HashSet<string> _closed = new(StringComparer.Ordinal);

    private PrometheusPage()
    {
    }

    public IReadOnlyCollection<string> Families => _families.Keys;

    public double this[string series] => _samples.TryGetValue(series, out var value)
        ? value
        : throw new KeyNotFoundException($"There is no {series}; of that name there are: {string.Join(", ", _samples.Keys.Where(key => key.StartsWith(series.Split('{')[0], StringComparison.Ordinal)))}");

    public IEnumerable<string> SeriesOf(string name) => _lines.Where(line => line.Name == name).Select(line => Key(line.Name, line.Labels));

    public string TypeOf(string family) => _families[family].Type;

    public static PrometheusPage Parse(string text)
    {
        Assert.EndsWith("\n", text, StringComparison.Ordinal);
        var page = new PrometheusPage();
        string? current = null;
        foreach (var line in text[..^1].Split('\n'))
        {
            if (line.StartsWith("# HELP ", StringComparison.Ordinal))
            {
                var words = line.Split(' ', 4);
                Assert.Equal(4, words.Length);
                Assert.True(page._closed.Add(words[2]), $"{words[2]} is described twice");
                current = words[2];
                page._families.Add(words[2], ("untyped", words[3]));
            }
            else if (line.StartsWith("# TYPE ", StringComparison.Ordinal))
            {
                var words = line.Split(' ');
                Assert.Equal(4, words.Length);
                Assert.Equal(current, words[2]);
                Assert.Contains(words[3], new[] { "counter", "gauge", "histogram" });
                page._families[words[2]] = (words[3], page._families[words[2]].Help);
            }
            else
            {
                page.Add(line, current);
            }
        }

        page.CheckHistograms();
        return page;
    }

    private void Add(string line, string? family)
    {
        var at = 0;
        var name = Name(line, ref at, mayHaveColon: true);
        var labels = new SortedDictionary<string, string>(StringComparer.Ordinal);
        if (line[at] == '{')
        {
            at++;
            while (line[at] != '}')
            {
                var label = Name(line, ref at, mayHaveColon: false);
                Assert.True(line[at] == '=' && line[at + 1] == '"', line);
                at += 2;
                Assert.True(labels.TryAdd(label, Quoted(line, ref at)), $"{label} comes twice in {line}");
                if (line[at] == ',')
                {
                    at++;
                }
            }

            at++;
        }

        Assert.Equal(' ', line[at]);
        var value = line[(at + 1)..] switch
        {
            "+Inf" => double.PositiveInfinity,
            "-Inf" => double.NegativeInfinity,
            "NaN" => double.NaN,
            var number => double.Parse(number, NumberStyles.Float, CultureInfo.InvariantCulture),
        };
        Assert.NotNull(family);
        var type = _families[family].Type;
        Assert.NotEqual("untyped", type);
        string[] allowed = type == "histogram" ? [$"{family}_bucket", $"{family}_sum", $"{family}_count"] : [family];
        Assert.Contains(name, allowed);
        Assert.True(type == "gauge" || value >= 0, $"{line} counts backwards");
        Assert.True(_samples.TryAdd(Key(name, labels), value), $"{Key(name, labels)} comes twice");
        _lines.Add((family, name, labels, value));
    }

    private void CheckHistograms()
    {
        foreach (var (family, (type, _)) in _families)
        {
            if (type != "histogram")
            {
                continue;
            }

            var rows = _lines.Where(line => line.Name == $"{family}_bucket")
                .GroupBy(line => Key("", new SortedDictionary<string, string>(line.Labels.Where(label => label.Key != "le").ToDictionary(), StringComparer.Ordinal)));
            foreach (var row in rows)
            {
                var bounds = row.Select(line => Bound(line.Labels["le"])).ToArray();
                Assert.Equal(bounds.Order(), bounds);
                Assert.Equal(bounds.Distinct().Count(), bounds.Length);
                Assert.Equal(double.PositiveInfinity, bounds[^1]);
                var counts = row.Select(line => line.Value).ToArray();
                Assert.Equal(counts.Order(), counts);
                Assert.Equal(counts[^1], _samples[$"{family}_count{row.Key}"]);
                Assert.True(_samples.ContainsKey($"{family}_sum{row.Key}"), $"{family} has no sum");
            }
        }
    }

    private static double Bound(string text)
        => text == "+Inf" ? double.PositiveInfinity : double.Parse(text, NumberStyles.Float, CultureInfo.InvariantCulture);

    private static string Key(string name, SortedDictionary<string, string> labels)
        => labels.Count == 0 ? name : $"{name}{{{string.Join(",", labels.Select(label => $"{label.Key}={label.Value}"))}}}";

    private static string Name(string line, ref int at, bool mayHaveColon)
    {
        var start = at;
        while (char.IsAsciiLetter(line[at]) || line[at] == '_' || (mayHaveColon && line[at] == ':') || (at > start && char.IsAsciiDigit(line[at])))
        {
            at++;
        }

        Assert.True(at > start, $"there is no name at {start} of {line}");
        return line[start..at];
    }

    private static string Quoted(string line, ref int at)
    {
        var text = new StringBuilder();
        while (line[at] != '"')
        {
            if (line[at] == '\\')
            {
                at++;
                text.Append(line[at] switch
                {
                    'n' => '\n',
                    '\\' => '\\',
                    '"' => '"',
                    var other => throw new FormatException($"'\\{other}' in {line}"),
                });
            }
            else
            {
                text.Append(line[at]);
            }

            at++;
        }

        at++;
        return text.ToString();
    }
}
