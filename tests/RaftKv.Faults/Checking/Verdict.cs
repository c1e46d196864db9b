using RaftKv.Faults.Histories;

namespace RaftKv.Faults.Checking;

/// <summary>What a checker has to say.</summary>
internal enum Judgement
{
    /// <summary>Nothing speaks against it.</summary>
    Pass,

    /// <summary>It cannot be told: not a pass.</summary>
    Unknown,

    /// <summary>A promise was broken.</summary>
    Fail,
}

/// <summary>One thing that is wrong, and the operations that show it.</summary>
/// <param name="Anomaly">Its name, as in the literature where it has one.</param>
/// <param name="Text">What was seen, for people.</param>
/// <param name="Operations">The smallest part of the history that shows it.</param>
internal sealed record Finding(string Anomaly, string Text, IReadOnlyList<Invocation> Operations)
{
    public Finding(string anomaly, string text, params ReadOnlySpan<Invocation> operations)
        : this(anomaly, text, (IReadOnlyList<Invocation>)operations.ToArray())
    {
    }
}

/// <summary>What one checker found.</summary>
internal sealed record Verdict(string Checker, Judgement Judgement, IReadOnlyList<Finding> Findings)
{
    // Nobody reads more, and a history that is wrong in one place is often wrong in thousands.
    private const int MostFindings = 20;

    /// <summary>Figures for people: how much was looked at.</summary>
    public string Note { get; init; } = "";

    /// <summary>Passes exactly if nothing was found.</summary>
    public static Verdict Of(string checker, IReadOnlyList<Finding> findings, string note = "")
        => new(checker, findings.Count == 0 ? Judgement.Pass : Judgement.Fail, [.. findings.Take(MostFindings)])
        {
            Note = findings.Count > MostFindings ? $"{note}; {findings.Count} findings, of which {MostFindings} are told" : note,
        };

    public static Verdict UnknownOf(string checker, string reason)
        => new(checker, Judgement.Unknown, [new Finding("unknown", reason)]);
}
