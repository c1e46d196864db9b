using RaftKv.Faults.Histories;

namespace RaftKv.Faults.Checking;

/// <summary>
/// <b>The run was able to show something.</b> A store that answers nobody breaks no promise, and a fault that did not hit
/// anybody tests nothing: such a run is not passed.
/// </summary>
internal sealed class Meaningful(int leastAnswers = 5) : IChecker
{
    // Of one kind of operation: so often asked, it should have been answered once.
    private const int ManyTries = 20;

    public string Name => "meaningful";

    public Verdict Check(History history)
    {
        var reasons = new List<Finding>();
        var answered = history.Operations.Where(operation => operation.IsOk && operation.Call != EqualHashes.Call).ToList();
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

        reasons.AddRange(history.Faults.Where(fault => fault.Hits == 0).GroupBy(fault => fault.Kind).Select(
            faults => new Finding("fault-missed", $"{faults.Count()} times '{faults.Key}' hit nothing: {faults.First().Detail}")));
        return new Verdict(Name, reasons.Count == 0 ? Judgement.Pass : Judgement.Unknown, reasons)
        {
            Note = $"{history.Operations.Count} operations, {answered.Count} answered, {history.Faults.Count} faults, {LongestSilence(answered) / 1e6:F1} s without any answer at most",
        };
    }

    private static long LongestSilence(List<Invocation> answered)
    {
        var ends = answered.Select(operation => operation.End).Order().ToList();
        return ends.Zip(ends.Skip(1), (one, next) => next - one).DefaultIfEmpty().Max();
    }

    /// <summary>The nemesis that does nothing.</summary>
    public const string NoNemesis = "none";
}
