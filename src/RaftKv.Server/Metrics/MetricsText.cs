using System.Globalization;
using System.Text;

namespace RaftKv.Server.Metrics;

/// <summary>A page of metrics as Prometheus reads it: a family at a time, with what it is before what it counts.</summary>
/// <example><code>
/// var page = new MetricsText();
/// page.Counter("etcd_mvcc_put_total", "Puts that were applied.", puts.Value);
/// page.Begin("etcd_network_peer_sent_bytes_total", "counter", "Bytes sent to other members.");
/// page.Sample(bytes, ("To", "8e9e05c52164694d"));
/// </code></example>
internal sealed class MetricsText
{
    public const string ContentType = "text/plain; version=0.0.4; charset=utf-8";

    private readonly StringBuilder _text = new(32 * 1024);
    private string _family = "";

    public void Counter(string name, string help, long value)
    {
        Begin(name, "counter", help);
        Sample(value);
    }

    public void Gauge(string name, string help, double value)
    {
        Begin(name, "gauge", help);
        Sample(value);
    }

    public void Histogram(string name, string help, Histogram histogram)
    {
        Begin(name, "histogram", help);
        Sample(histogram);
    }

    /// <summary>What follows belongs to this family.</summary>
    public void Begin(string name, string type, string help)
    {
        _family = name;
        _text.Append("# HELP ").Append(name).Append(' ').Append(help).Append('\n');
        _text.Append("# TYPE ").Append(name).Append(' ').Append(type).Append('\n');
    }

    public void Sample(double value, params ReadOnlySpan<(string Name, string Value)> labels) => Line("", value, labels, null);

    public void Sample(Histogram histogram, params ReadOnlySpan<(string Name, string Value)> labels)
    {
        var (cumulative, sum) = histogram.Read();
        for (var i = 0; i < cumulative.Length; i++)
        {
            Line("_bucket", cumulative[i], labels, i < histogram.UpperBounds.Count ? Text(histogram.UpperBounds[i]) : "+Inf");
        }

        Line("_sum", sum, labels, null);
        Line("_count", cumulative[^1], labels, null);
    }

    public override string ToString() => _text.ToString();

    private void Line(string suffix, double value, ReadOnlySpan<(string Name, string Value)> labels, string? bound)
    {
        _text.Append(_family).Append(suffix);
        if (labels.Length > 0 || bound is not null)
        {
            _text.Append('{');
            foreach (var (name, text) in labels)
            {
                Label(name, text);
            }

            if (bound is not null)
            {
                Label("le", bound);
            }

            _text[^1] = '}';
        }

        _text.Append(' ').Append(Text(value)).Append('\n');
    }

    private void Label(string name, string value)
        => _text.Append(name).Append("=\"")
            .Append(value.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal).Replace("\n", "\\n", StringComparison.Ordinal))
            .Append("\",");

    private static string Text(double value)
        => double.IsPositiveInfinity(value) ? "+Inf"
            : double.IsNegativeInfinity(value) ? "-Inf"
            : value.ToString("R", CultureInfo.InvariantCulture);
}
