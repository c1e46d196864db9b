using RaftKv.Faults.Histories;

namespace RaftKv.Faults.Checking;

/// <summary>
/// <b>The run was able to show something.</b> A store that answers nobody breaks no promise, and a fault that did not hit
/// anybody tests nothing: such a run is not passed.
/// </summary>
internal sealed class Meaningful(int leastAnswers = Meaningful.LeastAnswers) : IChecker
{
    /// <summary>So many operations must be answered while nothing is done yet, while something is, and when it is over.</summary>
    public const int LeastAnswers = 5;

    // Of one kind of operation: so often asked, it should have been answered once.
    private const int ManyTries = 20;

    public string Name => "meaningful";

    public Verdict Check(History history)
    {
        var reasons = new List<Finding>();
        var answered = history.Operations.Where(IsAnswer).ToList();
        foreach (var phase in history.Phases)
        {
            var count = answered.Count(operation => operation.Begin >= phase.Begin && operation.End <= phase.End);
            var least = phase.Name == PhaseLine.Final ? 1 : leastAnswers;
            if (count < least)
            {
                reasons.Add(new Finding("few-answers", $"In the phase '{phase.Name}' {count} operations were answered; {least} is the least."));
            }
        }

        foreach (var name in new[] { PhaseLine.Quiet, PhaseLine.Faults, PhaseLine.Recovery, PhaseLine.Final }.Where(name => history.Phase(name) is null))
        {
            reasons.Add(new Finding("cut-short", $"There was no phase '{name}'."));
        }

        foreach (var call in history.Operations.GroupBy(operation => operation.Call).Where(call => call.Count() >= ManyTries && !call.Any(operation => operation.IsOk)))
        {
            reasons.Add(new Finding("never-answered", $"'{call.Key}' was asked for {call.Count()} times and never answered: {call.Last().Error}", call.Last()));
        }

        if (history.Run.Nemesis != NoNemesis && history.Faults.Count == 0)
        {
            reasons.Add(new Finding("no-fault", $"Nothing was done to the members, though '{history.Run.Nemesis}' was asked for."));
        }

        // Among many faults one may find that another has left it nobody to hit.
        reasons.AddRange(history.Faults.GroupBy(fault => fault.Kind).Where(faults => faults.Count(fault => fault.Hits == 0) * 2 > faults.Count()).Select(
            faults => new Finding("fault-missed", $"{faults.Count(fault => fault.Hits == 0)} of {faults.Count()} times '{faults.Key}' hit nothing: {faults.First(fault => fault.Hits == 0).Detail}")));
        return new Verdict(Name, reasons.Count == 0 ? Judgement.Pass : Judgement.Unknown, reasons)
        {
            Note = $"{history.Operations.Count} operations, {answered.Count} answered, {history.Faults.Count} faults, {LongestSilence(answered) / 1e6:F1} s without any answer at most",
        };
    }

    /// <summary>Whether a client was told something.</summary>
    public static bool IsAnswer(Invocation operation) => operation.IsOk && operation.Call != EqualHashes.Call;

    private static long LongestSilence(List<Invocation> answered)
    {
        var ends = answered.Select(operation => operation.End).Order().ToList();
        return ends.Zip(ends.Skip(1), (one, next) => next - one).DefaultIfEmpty().Max();
    }

    /// <summary>The nemesis that does nothing.</summary>
    public const string NoNemesis = "none";
}
