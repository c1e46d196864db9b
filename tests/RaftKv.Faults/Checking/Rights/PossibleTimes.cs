using RaftKv.Faults.Histories;

namespace RaftKv.Faults.Checking.Rights;

/// <summary>When something may have been true: spans of time, in order, that do not touch.</summary>
internal sealed class PossibleTimes
{
    /// <summary>
    /// For how long after its client gave up a change may still be made: members give up what they could not agree upon after
    /// seven seconds, and one that stood still does not do so earlier.
    /// </summary>
    public const long LongestUnderWay = 15_000_000;

    private readonly List<(long From, long To)> _spans;

    private PossibleTimes(List<(long From, long To)> spans) => _spans = spans;

    public static PossibleTimes Never { get; } = new([]);

    /// <summary>When a fact may have held.</summary>
    /// <param name="holdsAtFirst">Whether it does before anything was done.</param>
    /// <param name="changes">What was done to it, by one client.</param>
    public static PossibleTimes Of(bool holdsAtFirst, IEnumerable<Invocation> changes)
    {
        var spans = new List<(long From, long To)>();
        long? since = holdsAtFirst ? 0 : null;
        var lingers = 0L;
        foreach (var change in changes.Where(change => change.Outcome != Outcome.Fail).OrderBy(change => change.Begin))
        {
            if (change.Call == RightFacts.Allow)
            {
                since ??= change.Begin;
                lingers = change.Outcome == Outcome.Info ? change.End + LongestUnderWay : lingers;
            }
            else if (change.Outcome == Outcome.Ok && since is not null)
            {
                spans.Add((since.Value, Math.Max(change.End, lingers)));
                since = null;
            }
        }

        if (since is not null)
        {
            spans.Add((since.Value, long.MaxValue));
        }

        return Merged(spans);
    }

    /// <summary>When both may have been true.</summary>
    public PossibleTimes And(PossibleTimes other)
        => Merged([.. _spans.SelectMany(one => other._spans.Select(two => (From: Math.Max(one.From, two.From), To: Math.Min(one.To, two.To)))).Where(span => span.From <= span.To)]);

    /// <summary>When one of both may have been true.</summary>
    public PossibleTimes Or(PossibleTimes other) => Merged([.. _spans, .. other._spans]);

    /// <summary>Whether there is such a moment between these, or at them.</summary>
    public bool Meets(long begin, long end) => _spans.Exists(span => span.From <= end && begin <= span.To);

    private static PossibleTimes Merged(List<(long From, long To)> spans)
    {
        var merged = new List<(long From, long To)>();
        foreach (var span in spans.Order())
        {
            if (merged.Count > 0 && span.From <= merged[^1].To)
            {
                merged[^1] = (merged[^1].From, Math.Max(merged[^1].To, span.To));
            }
            else
            {
                merged.Add(span);
            }
        }

        return new(merged);
    }
}
