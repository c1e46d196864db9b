using System.Globalization;
using RaftKv.Faults.Histories;

namespace RaftKv.Faults.Checking;

/// <summary>
/// <b>Whoever watches hears of a change soon after it was acknowledged</b>, whatever other clients do: of a hundred events not one
/// more than a second later. Not judged is what happens while something is done to members, and soon after; and where those who
/// wrote waited long as well, nobody can tell whether it was the store that was slow, or the machine.
/// </summary>
internal sealed class WatchLag : IChecker
{
    /// <summary>From this number on processes are those of nemeses, who may be as slow as they like.</summary>
    public const int FirstOfNemeses = 900;

    private const long Late = 1_000_000;
    private const long SlowWrite = 100_000;
    private const long UnrestAfterFault = 10_000_000;

    public string Name => "watch lag";

    public Verdict Check(History history)
    {
        var writes = history.Operations.Where(operation => operation is { Call: "write", IsOk: true, Value: not null })
            .DistinctBy(operation => operation.Value!)
            .ToDictionary(operation => operation.Value!);
        var lags = new List<(long Lag, Invocation Watch, WatchedEvent Told)>();
        foreach (var watch in history.Operations.Where(operation => operation is { Watch: not null, Process: < FirstOfNemeses }))
        {
            // What had happened before is not told of late, but again.
            var begin = watch.Watch!.FirstOrDefault(part => part.Kind == WatchPartKind.Created)?.At ?? long.MaxValue;
            lags.AddRange(
                from part in watch.Watch!
                where part.Events is not null
                from told in part.Events!
                where told.Value is not null && writes.ContainsKey(told.Value)
                let write = writes[told.Value!]
                where write.Key == told.Key && write.Begin >= begin && !IsUnrest(history, write.Begin, part.At)
                select (Math.Max(0, part.At - write.End), watch, told));
        }

        lags.Sort((one, other) => one.Lag.CompareTo(other.Lag));
        var hundredth = lags.Count == 0 ? default : lags[(lags.Count - 1) * 99 / 100];
        var findings = hundredth.Lag <= Late ? [] : new List<Finding>
        {
            new("late", $"One event in a hundred came more than {hundredth.Lag} us after its change was acknowledged: process {hundredth.Watch.Process} was told {hundredth.Told}.", hundredth.Watch),
        };
        var slow = SlowestOfHundred([.. writes.Values.Where(write => !IsUnrest(history, write.Begin, write.End))]);
        if (findings.Count > 0 && slow >= SlowWrite)
        {
            return new(Name, Judgement.Unknown, findings) { Note = string.Create(CultureInfo.InvariantCulture, $"one write in a hundred took more than {slow / 1000.0:F1} ms, too: the machine was busy") };
        }

        return Verdict.Of(Name, findings, string.Create(
            CultureInfo.InvariantCulture, $"{lags.Count} events, 99 of 100 within {hundredth.Lag / 1000.0:F1} ms, all within {(lags.Count == 0 ? 0 : lags[^1].Lag) / 1000.0:F1} ms"));
    }

    private static long SlowestOfHundred(List<Invocation> operations)
    {
        var took = operations.Select(operation => operation.End - operation.Begin).Order().ToList();
        return took.Count == 0 ? 0 : took[(took.Count - 1) * 99 / 100];
    }

    private static bool IsUnrest(History history, long from, long to)
        => history.Faults.Any(fault => fault.Kind != FaultKinds.Client && fault.Begin <= to && from <= fault.End + UnrestAfterFault);
}
