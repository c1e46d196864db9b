using RaftKv.Faults.Histories;

namespace RaftKv.Faults.Checking;

/// <summary>
/// <b>For each key there is an order of its operations that explains every answer, revisions included, and follows time.</b>
/// A history is linearizable exactly if it is for each key. Reads that one member answers by itself promise less and are not
/// looked at here.
/// </summary>
internal sealed class Linearizability(SearchBudget? budget = null) : IChecker
{
    public string Name => "linearizability";

    public Verdict Check(History history)
    {
        var findings = new List<Finding>();
        var undecided = new List<string>();
        var keys = history.Operations.SelectMany(OnKeys).Where(operation => operation.Outcome != Outcome.Fail && KeyModel.Knows(operation)).GroupBy(operation => operation.Key!).ToList();
        foreach (var key in keys)
        {
            var model = new KeyModel(key.Any(operation => operation is { Call: KeyModel.Delete, IsOk: false }));
            var search = new LinearSearch<KeyImage>(model, key.Where(operation => operation.IsOk || operation.Call != KeyModel.Read));
            switch (search.Run(budget ?? SearchBudget.Usual))
            {
                case Judgement.Fail:
                    findings.Add(Explain(key.Key, search));
                    break;
                case Judgement.Unknown:
                    undecided.Add(key.Key);
                    break;
            }
        }

        return findings.Count == 0 && undecided.Count > 0
            ? Verdict.UnknownOf(Name, $"The search of {string.Join(", ", undecided)} was given up; a run with fewer operations on a key may be decided.")
            : Verdict.Of(Name, findings, $"{keys.Count} keys, {keys.Sum(key => key.Count())} operations");
    }

    // A transaction that only writes is a write of each of its keys.
    private static IEnumerable<Invocation> OnKeys(Invocation operation)
        => operation is { Call: KeyModel.Transaction, Steps: { Count: > 0 } steps } && steps.All(step => step.Kind == StepKind.Write)
            ? steps.Select(step => operation with { Call = KeyModel.Write, Key = step.Key, Value = step.Value, Steps = [] })
            : [operation];

    private static Finding Explain(string key, LinearSearch<KeyImage> search)
    {
        var then = search.AfterLongest;
        var holds = then.Value is null ? "does not exist" : $"is '{then.Value}' in version {then.Version}";
        var last = search.Longest.Count > 0 ? search.Longest[^1] : null;
        var text = $"No order explains '{key}'. At best {search.Longest.Count} of {search.Operations.Count} operations can be placed; "
            + $"the key then {holds}, revision {then.Floor} at least was told of, and none of these can come next: "
            + string.Join("; ", search.Misfits.Take(5).Select(Describe));
        return new Finding("not-linearizable", text, [.. last is null ? [] : new[] { last }, .. search.Misfits.Take(5)]);
    }

    private static string Describe(Invocation operation)
    {
        var answer = operation.Found is { } found ? $", found {found}" : "";
        var done = operation.Done is { } isDone ? isDone ? ", done" : ", refused" : "";
        return $"process {operation.Process} {operation.Call} {operation.Expected} {operation.Value}{done}{answer} at revision {operation.Revision}";
    }
}
