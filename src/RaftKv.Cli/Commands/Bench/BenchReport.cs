using System.Globalization;
using System.Text.Json;
using RaftKv.Load;

namespace RaftKv.Cli.Commands.Bench;

/// <summary>What a load came to, for people and for programs.</summary>
internal sealed record BenchReport(string Work, string Sizes, LoadFigures Figures, double? Rate)
{
    private static readonly (string Name, double Share)[] Quantiles = [("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("p99.9", 0.999)];

    /// <summary>How many there were, where not each of them has a latency.</summary>
    public long Operations { get; init; } = Figures.Latencies.Count;

    public string Unit { get; init; } = "operations";

    private double PerSecond => Operations / Figures.Seconds;

    // Of this process alone: what it measures with.
    private double CpuUs => Figures.CpuSeconds * 1e6 / Math.Max(1, Operations);

    public void WriteTo(AnswerWriter output, bool isJson)
    {
        if (isJson)
        {
            output.Bytes(Json()).Line();
            return;
        }

        var latencies = Figures.Latencies;
        var quantiles = string.Join(", ", Quantiles.Select(quantile => Text($"{quantile.Name} {latencies.QuantileMs(quantile.Share):F2}")));
        output.Line(Text($"{Work}: {Sizes}{(Rate is { } rate ? $", {rate} a second" : "")}"))
            .Line(Text($"{Unit}: {Operations} in {Figures.Seconds:F2} s, {PerSecond:F0} a second, {Figures.Refused} refused"))
            .Line(Text($"latency in ms{(Rate is null ? "" : ", from when each should have begun")}: mean {latencies.MeanMs:F2}, {quantiles}, most {latencies.MaxMs:F2}"))
            .Line(Text($"processor time of the load itself: {CpuUs:F2} us each"));
    }

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);

    private byte[] Json()
    {
        using var stream = new MemoryStream();
        using (var json = new Utf8JsonWriter(stream))
        {
            json.WriteStartObject();
            json.WriteString("work", Work);
            json.WriteString("sizes", Sizes);
            json.WriteString("unit", Unit);
            json.WriteNumber("operations", Operations);
            json.WriteNumber("seconds", Figures.Seconds);
            json.WriteNumber("perSecond", PerSecond);
            json.WriteNumber("refused", Figures.Refused);
            json.WriteStartObject("latencyMs");
            json.WriteNumber("mean", Figures.Latencies.MeanMs);
            foreach (var (name, share) in Quantiles)
            {
                json.WriteNumber(name, Figures.Latencies.QuantileMs(share));
            }

            json.WriteNumber("max", Figures.Latencies.MaxMs);
            json.WriteEndObject();
            json.WriteNumber("loadCpuUs", CpuUs);
            json.WriteEndObject();
        }

        return stream.ToArray();
    }
}
