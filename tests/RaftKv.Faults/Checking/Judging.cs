using RaftKv.Faults.Histories;
using RaftKv.Faults.Nemeses;
using RaftKv.Faults.Workloads;

namespace RaftKv.Faults.Checking;

/// <summary>What all checkers together say of a history.</summary>
/// <param name="Verdicts">One for each checker.</param>
/// <param name="MustFail">Whether the workload shows what cannot be had, so that a failure of its own checkers is what must be found.</param>
internal sealed record Judging(IReadOnlyList<Verdict> Verdicts, bool MustFail)
{
    private static readonly IReadOnlyList<IChecker> Always = [new EqualHashes(), new MembersLive(), new ObjectsGone(), new Meaningful()];

    /// <summary>How many of <see cref="Verdicts"/>, the first, are the workload's own.</summary>
    public int Own { get; init; }

    public Judgement Result
    {
        get
        {
            var own = Verdicts.Take(Own).Max(verdict => verdict.Judgement);
            var others = Verdicts.Skip(Own).Max(verdict => verdict.Judgement);
            var expected = !MustFail ? own : own == Judgement.Fail ? Judgement.Pass : Judgement.Unknown;
            return (Judgement)Math.Max((int)expected, (int)others);
        }
    }

    /// <exception cref="HistoryException">Nobody knows its workload.</exception>
    public static Judging Of(History history)
    {
        var workload = AllWorkloads.Find(history.Run.Workload)
            ?? throw new HistoryException($"There is no workload '{history.Run.Workload}', so nobody can judge what it did.");
        return new([.. workload.Checkers.Concat(Always).Select(checker => checker.Check(history))], workload.MustFail || Nemesis.All.Any(nemesis => nemesis.Name == history.Run.Nemesis && nemesis.MustFail)) { Own = workload.Checkers.Count };
    }

    public void Write(TextWriter text)
    {
        foreach (var (at, verdict) in Verdicts.Index())
        {
            // What must be found is no failure, and a log that is searched for failures should not stop at it.
            var isWanted = MustFail && at < Own && verdict.Judgement == Judgement.Fail;
            var judgement = isWanted ? "FOUND" : verdict.Judgement.ToString().ToUpperInvariant();
            text.WriteLine($"  {judgement,-8}{verdict.Checker,-24}{verdict.Note}");
            foreach (var finding in verdict.Findings.Take(isWanted ? 1 : 5))
            {
                text.WriteLine($"          {finding.Anomaly}: {finding.Text}");
            }
        }
    }
}
