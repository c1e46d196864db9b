using RaftKv.Faults.Histories;

namespace RaftKv.Faults.Checking.Transactions;

/// <summary>
/// <b>Transactions on registers are as if they had happened one after the other, in an order that follows time.</b> Each value
/// is written once only, so a value tells who wrote it. Which value came before which is known of those whose revisions were
/// shown, and of those that a transaction replaced after it had read them.
/// </summary>
internal sealed class Registers : IChecker
{
    public string Name => "register transactions";

    public Verdict Check(History history)
    {
        var all = history.Operations.Where(operation => operation is { Call: "txn", Steps: not null }).ToList();
        var findings = new List<Finding>();
        var graph = new Dependencies([.. all.Where(operation => operation.Outcome != Outcome.Fail)]);
        var writers = Writers(all, findings);
        foreach (var transaction in graph.Transactions.Where(transaction => transaction.IsOk))
        {
            CheckInside(transaction, writers, findings);
        }

        CheckLostUpdates(graph.Transactions, findings);
        foreach (var key in graph.Transactions.SelectMany(transaction => transaction.Steps!).Select(step => step.Key).Distinct().ToList())
        {
            new VersionsOfKey(key, graph, writers).AddEdges(findings);
        }

        graph.AddTime();
        findings.AddRange(Cycles.Find(graph));
        return Verdict.Of(Name, findings, $"{graph.Count} transactions");
    }

    /// <summary>What each transaction found of what others had left, and what it left, by key.</summary>
    public static IEnumerable<(string Key, TransactionStep? Found, TransactionStep? Left)> Outside(Invocation transaction)
    {
        foreach (var steps in transaction.Steps!.GroupBy(step => step.Key, StringComparer.Ordinal))
        {
            var first = steps.First();
            yield return (steps.Key, first.Kind == StepKind.Read && transaction.IsOk ? first : null, steps.LastOrDefault(step => step.Kind == StepKind.Write));
        }
    }

    private static Dictionary<(string, string), Invocation> Writers(List<Invocation> all, List<Finding> findings)
    {
        var writers = new Dictionary<(string, string), Invocation>();
        foreach (var transaction in all)
        {
            foreach (var step in transaction.Steps!.Where(step => step.Kind == StepKind.Write))
            {
                if (!writers.TryAdd((step.Key, step.Value!), transaction))
                {
                    findings.Add(new Finding("bad-history", $"{step.Value} is written to {step.Key} twice; such a history cannot be judged.", transaction));
                }
            }
        }

        return writers;
    }

    private static void CheckInside(Invocation transaction, Dictionary<(string, string), Invocation> writers, List<Finding> findings)
    {
        var known = new Dictionary<string, string?>(StringComparer.Ordinal);
        foreach (var step in transaction.Steps!)
        {
            if (step.Kind == StepKind.Read)
            {
                if (known.TryGetValue(step.Key, out var expected) && expected != step.Value)
                {
                    findings.Add(new Finding("internal", $"A transaction reads {step.Value} in {step.Key}, and its own steps before say {expected}.", transaction));
                }

                CheckValue(transaction, step, writers, findings);
            }

            known[step.Key] = step.Value;
        }
    }

    private static void CheckValue(Invocation reader, TransactionStep read, Dictionary<(string, string), Invocation> writers, List<Finding> findings)
    {
        if (read.Value is null)
        {
            return;
        }

        if (!writers.TryGetValue((read.Key, read.Value), out var writer))
        {
            findings.Add(new Finding("garbage", $"{read.Key} holds {read.Value}, which nobody wrote.", reader));
            return;
        }

        if (writer.Outcome == Outcome.Fail)
        {
            findings.Add(new Finding("G1a", $"{read.Value} is read in {read.Key}, and its transaction failed for certain.", writer, reader));
        }

        if (writer != reader && writer.Steps!.Last(step => step.Kind == StepKind.Write && step.Key == read.Key).Value != read.Value)
        {
            findings.Add(new Finding("G1b", $"{read.Key} is read as it was in the middle of a transaction: {read.Value}.", writer, reader));
        }

        if (writer != reader && writer is { IsOk: true, Revision: { } revision } && read.Revision is { } shown && shown != revision)
        {
            findings.Add(new Finding("wrong-revision", $"{read.Value} was written to {read.Key} at revision {revision}, and is shown as of {shown}.", writer, reader));
        }
    }

    /// <summary>Two transactions that read the same and both replaced it: one of them did not see the other.</summary>
    private static void CheckLostUpdates(IReadOnlyList<Invocation> transactions, List<Finding> findings)
    {
        var updates = transactions.Where(transaction => transaction.IsOk)
            .SelectMany(transaction => Outside(transaction).Where(key => key is { Found: not null, Left: not null })
                .Select(key => (key.Key, key.Found!.Value, transaction)))
            .GroupBy(update => (update.Key, update.Value));
        foreach (var update in updates.Where(update => update.Count() > 1))
        {
            findings.Add(new Finding(
                "lost-update",
                $"{update.Count()} transactions found {update.Key.Value ?? "nothing"} in {update.Key.Key} and replaced it.",
                [.. update.Select(one => one.transaction)]));
        }
    }

    /// <summary>The values of one key, and which came before which.</summary>
    private sealed class VersionsOfKey(string key, Dependencies graph, Dictionary<(string, string), Invocation> writers)
    {
        // By value; what nobody wrote is the empty one.
        private readonly Dictionary<string, List<Invocation>> _readers = new(StringComparer.Ordinal);
        private readonly Dictionary<string, long> _revisions = new(StringComparer.Ordinal);
        private readonly List<(string Before, string After)> _replaced = [];

        public void AddEdges(List<Finding> findings)
        {
            Collect();
            foreach (var (value, readers) in _readers)
            {
                if (WriterOf(value) is { } writer)
                {
                    readers.ForEach(reader => graph.Add(writer, graph.NumberOf(reader), Reason.WriteRead));
                }
            }

            var known = _revisions.OrderBy(value => value.Value).Select(value => value.Key).ToList();
            for (var i = 0; i < known.Count; i++)
            {
                Follows(i == 0 ? "" : known[i - 1], known[i]);
            }

            foreach (var (before, after) in _replaced)
            {
                if (_revisions.TryGetValue(before, out var one) && _revisions.TryGetValue(after, out var next) && one > next)
                {
                    findings.Add(new Finding("cyclic-versions", $"{after} replaced {before} in {key}, and its revision is the smaller one.", graph.Transactions[WriterOf(after)!.Value]));
                }

                Follows(before, after);
            }
        }

        private void Collect()
        {
            foreach (var transaction in graph.Transactions)
            {
                foreach (var (_, found, left) in Outside(transaction).Where(one => one.Key == key))
                {
                    if (found is not null)
                    {
                        var value = found.Value ?? "";
                        (_readers.TryGetValue(value, out var readers) ? readers : _readers[value] = []).Add(transaction);
                        if (found is { Value: not null, Revision: { } shown })
                        {
                            _revisions[found.Value] = shown;
                        }
                    }

                    if (left?.Value is not null && transaction is { IsOk: true, Revision: { } written })
                    {
                        _revisions[left.Value] = written;
                    }

                    if (left?.Value is not null && found is not null && transaction.IsOk)
                    {
                        _replaced.Add((found.Value ?? "", left.Value));
                    }
                }
            }

            // Nothing comes before everything.
            foreach (var value in _readers.Keys.Where(value => value.Length > 0).ToList())
            {
                _replaced.Add(("", value));
            }
        }

        private void Follows(string before, string after)
        {
            if (WriterOf(after) is not { } next)
            {
                return;
            }

            if (WriterOf(before) is { } one)
            {
                graph.Add(one, next, Reason.WriteWrite);
            }

            foreach (var reader in _readers.GetValueOrDefault(before) ?? [])
            {
                graph.Add(graph.NumberOf(reader), next, Reason.ReadWrite);
            }
        }

        private int? WriterOf(string value)
            => value.Length > 0 && writers.TryGetValue((key, value), out var writer) && writer.Outcome != Outcome.Fail ? graph.NumberOf(writer) : null;
    }
}
