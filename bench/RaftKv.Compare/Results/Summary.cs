using RaftKv.Load;

namespace RaftKv.Compare.Results;

/// <summary>All rounds of a comparison: medians of figures, and latencies of all rounds together.</summary>
internal sealed class Summary(IReadOnlyList<Outcome> outcomes)
{
    public IReadOnlyList<Outcome> Outcomes { get; } = outcomes;

    public IReadOnlyList<string> Works => [.. Outcomes.Select(outcome => outcome.Work).Distinct()];

    public IReadOnlyList<string> Contenders => [.. Outcomes.Select(outcome => outcome.Contender).Distinct().Order(StringComparer.Ordinal)];

    /// <summary>Of a work, for all contenders, in order.</summary>
    public IReadOnlyList<string> FiguresOf(string work)
        => [.. Outcomes.Where(outcome => outcome.Work == work).SelectMany(outcome => outcome.Figures.Keys).Distinct()];

    /// <summary>Null where it was not measured. With an even number of rounds it is the mean of the two in the middle.</summary>
    public double? Median(string work, string contender, string figure)
    {
        var values = Of(work, contender)
            .Where(outcome => outcome.Figures.ContainsKey(figure)).Select(outcome => outcome.Figures[figure]).Order().ToList();
        return values.Count == 0 ? null : (values[(values.Count - 1) / 2] + values[values.Count / 2]) / 2;
    }

    public Latencies? LatenciesOf(string work, string contender)
    {
        var all = new Latencies();
        foreach (var outcome in Of(work, contender))
        {
            if (outcome.Latencies is { } some)
            {
                all.Add(some);
            }
        }

        return all.Count == 0 ? null : all;
    }

    private IEnumerable<Outcome> Of(string work, string contender)
        => Outcomes.Where(outcome => outcome.Work == work && outcome.Contender == contender);
}
