using RaftKv.Faults.Checking;
using RaftKv.Faults.Histories;

namespace RaftKv.Faults.Tests;

internal static class Expect
{
    public static void Passes(this IChecker checker, params Invocation[] operations) => checker.Passes(Op.History(operations));

    public static void Passes(this IChecker checker, History history)
    {
        var verdict = checker.Check(history);
        Assert.True(verdict.Judgement == Judgement.Pass, string.Join('\n', verdict.Findings.Select(finding => finding.Text)));
    }

    /// <summary>It fails, and for this reason among others.</summary>
    public static void Finds(this IChecker checker, string anomaly, params Invocation[] operations) => checker.Finds(anomaly, Op.History(operations));

    public static void Finds(this IChecker checker, string anomaly, History history)
    {
        var verdict = checker.Check(history);
        Assert.Equal(Judgement.Fail, verdict.Judgement);
        Assert.Contains(anomaly, verdict.Findings.Select(finding => finding.Anomaly));
    }

    public static void CannotTell(this IChecker checker, History history) => Assert.Equal(Judgement.Unknown, checker.Check(history).Judgement);
}
