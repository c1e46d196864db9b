using RaftKv.Load;

namespace RaftKv.Compare.Results;

/// <summary>What one run of a work came to.</summary>
internal sealed record Outcome(string Work, string Contender)
{
    /// <summary>By the names in <see cref="Figure"/>, in the order in which they are told.</summary>
    public OrderedDictionary<string, double> Figures { get; } = [];

    /// <summary>Of the work's operations; null where it has none.</summary>
    public Latencies? Latencies { get; private set; }

    public Outcome With(string figure, double value)
    {
        Figures[figure] = value;
        return this;
    }

    public Outcome With(Latencies latencies)
    {
        Latencies = latencies;
        return With(Figure.Mean, latencies.MeanMs)
            .With(Figure.P50, latencies.QuantileMs(0.5))
            .With(Figure.P90, latencies.QuantileMs(0.9))
            .With(Figure.P99, latencies.QuantileMs(0.99))
            .With(Figure.P999, latencies.QuantileMs(0.999))
            .With(Figure.Max, latencies.MaxMs);
    }
}
