using RaftKv.Faults.Histories;

namespace RaftKv.Faults.Checking.Transactions;

/// <summary>
/// <b>Transactions on lists are as if they had happened one after the other, in an order that follows time.</b> An element is
/// appended once only, so a list tells who wrote it and in which order: the dependencies are seen and not guessed.
/// </summary>
internal sealed class Lists : IChecker
{
    public string Name => "list transactions";

    public Verdict Check(History history)
    {
        var all = history.Operations.Where(operation => operation is { Call: "txn", Steps: not null }).ToList();
        var findings = new List<Finding>();
        var writers = Writers(all, findings);
        var graph = new Dependencies([.. all.Where(operation => operation.Outcome != Outcome.Fail)]);

        foreach (var transaction in graph.Transactions.Where(transaction => transaction.IsOk))
        {
            CheckInside(transaction, writers, findings);
        }

        foreach (var (key, reads) in Reads(graph.Transactions))
        {
            var longest = reads.MaxBy(read => read.List.Count).List;
            CheckPrefixes(key, reads, longest, findings);
            AddEdges(graph, key, reads, longest, writers);
        }

        graph.AddTime();
        findings.AddRange(Cycles.Find(graph));
        return Verdict.Of(Name, findings, $"{graph.Count} transactions");
    }

    private static Dictionary<(string, string), Invocation> Writers(List<Invocation> all, List<Finding> findings)
    {
        var writers = new Dictionary<(string, string), Invocation>();
        foreach (var transaction in all)
        {
            foreach (var step in transaction.Steps!.Where(step => step.Kind == StepKind.Append))
            {
                if (!writers.TryAdd((step.Key, step.Value!), transaction))
                {
                    findings.Add(new Finding("bad-history", $"{step.Value} is appended to {step.Key} twice; such a history cannot be judged.", transaction));
                }
            }
        }

        return writers;
    }

    /// <summary>What can be seen in one transaction alone.</summary>
    private static void CheckInside(Invocation transaction, Dictionary<(string, string), Invocation> writers, List<Finding> findings)
    {
        var known = new Dictionary<string, List<string>>(StringComparer.Ordinal);
        var own = new Dictionary<string, List<string>>(StringComparer.Ordinal);
        foreach (var step in transaction.Steps!)
        {
            if (step.Kind == StepKind.Append)
            {
                known.GetValueOrDefault(step.Key)?.Add(step.Value!);
                (own.TryGetValue(step.Key, out var appended) ? appended : own[step.Key] = []).Add(step.Value!);
                continue;
            }

            var list = step.List ?? [];
            var mine = own.GetValueOrDefault(step.Key) ?? [];
            var isSame = known.TryGetValue(step.Key, out var expected) ? expected.SequenceEqual(list) : list.TakeLast(mine.Count).SequenceEqual(mine);
            if (!isSame)
            {
                findings.Add(new Finding("internal", $"A transaction reads [{string.Join(' ', list)}] in {step.Key}, and its own steps before say otherwise.", transaction));
            }

            known[step.Key] = [.. list];
            CheckElements(transaction, step, list, writers, findings);
        }
    }

    private static void CheckElements(
        Invocation reader, TransactionStep read, IReadOnlyList<string> list, Dictionary<(string, string), Invocation> writers, List<Finding> findings)
    {
        if (list.Distinct().Count() != list.Count)
        {
            findings.Add(new Finding("duplicates", $"{read.Key} holds an element twice: [{string.Join(' ', list)}].", reader));
        }

        foreach (var element in list)
        {
            if (!writers.TryGetValue((read.Key, element), out var writer))
            {
                findings.Add(new Finding("garbage", $"{read.Key} holds {element}, which nobody appended.", reader));
            }
            else if (writer.Outcome == Outcome.Fail)
            {
                findings.Add(new Finding("G1a", $"{element} is read in {read.Key}, and its transaction failed for certain.", writer, reader));
            }
        }

        if (list.Count > 0 && writers.TryGetValue((read.Key, list[^1]), out var last) && last != reader
            && last.Steps!.Last(step => step.Kind == StepKind.Append && step.Key == read.Key).Value != list[^1])
        {
            findings.Add(new Finding("G1b", $"{read.Key} is read as it was in the middle of a transaction: it ends with {list[^1]}.", last, reader));
        }
    }

    /// <summary>What each transaction found that others had left, by key.</summary>
    private static IEnumerable<(string Key, List<(Invocation Reader, IReadOnlyList<string> List)> Reads)> Reads(IReadOnlyList<Invocation> transactions)
    {
        var reads = new Dictionary<string, List<(Invocation, IReadOnlyList<string>)>>(StringComparer.Ordinal);
        foreach (var transaction in transactions)
        {
            foreach (var steps in transaction.Steps!.GroupBy(step => step.Key, StringComparer.Ordinal))
            {
                var all = reads.TryGetValue(steps.Key, out var known) ? known : reads[steps.Key] = [];
                var appended = 0;
                foreach (var step in steps.TakeWhile(step => step.Kind == StepKind.Append || (transaction.IsOk && step.List is not null)))
                {
                    if (step.Kind == StepKind.Append)
                    {
                        appended++;
                        continue;
                    }

                    // What it appended itself before it read, it did not find.
                    all.Add((transaction, [.. step.List!.SkipLast(appended)]));
                    break;
                }
            }
        }

        return reads.Where(key => key.Value.Count > 0).Select(key => (key.Key, key.Value));
    }

    private static void CheckPrefixes(string key, List<(Invocation Reader, IReadOnlyList<string> List)> reads, IReadOnlyList<string> longest, List<Finding> findings)
    {
        var whole = reads.First(read => ReferenceEquals(read.List, longest)).Reader;
        foreach (var (reader, list) in reads)
        {
            if (!longest.Take(list.Count).SequenceEqual(list))
            {
                findings.Add(new Finding(
                    "incompatible-order", $"{key} is read as [{string.Join(' ', list)}] and as [{string.Join(' ', longest)}]: neither became the other.", reader, whole));
            }
        }
    }

    private static void AddEdges(
        Dependencies graph,
        string key,
        List<(Invocation Reader, IReadOnlyList<string> List)> reads,
        IReadOnlyList<string> longest,
        Dictionary<(string, string), Invocation> writers)
    {
        int? WriterOf(string element)
            => writers.TryGetValue((key, element), out var writer) && writer.Outcome != Outcome.Fail ? graph.NumberOf(writer) : null;

        for (var i = 1; i < longest.Count; i++)
        {
            if (WriterOf(longest[i - 1]) is { } one && WriterOf(longest[i]) is { } next)
            {
                graph.Add(one, next, Reason.WriteWrite);
            }
        }

        // Acknowledged, and never seen: it stands behind all that was seen.
        var seen = longest.ToHashSet();
        var unseen = writers.Where(writer => writer.Key.Item1 == key && writer.Value.IsOk && !seen.Contains(writer.Key.Item2)).Select(writer => graph.NumberOf(writer.Value)).ToList();
        foreach (var late in unseen)
        {
            if (longest.Count > 0 && WriterOf(longest[^1]) is { } last)
            {
                graph.Add(last, late, Reason.WriteWrite);
            }
        }

        foreach (var (reader, list) in reads.Where(read => longest.Take(read.List.Count).SequenceEqual(read.List)))
        {
            if (list.Count > 0 && WriterOf(list[^1]) is { } writer)
            {
                graph.Add(writer, graph.NumberOf(reader), Reason.WriteRead);
            }

            if (list.Count < longest.Count && WriterOf(longest[list.Count]) is { } overwriter)
            {
                graph.Add(graph.NumberOf(reader), overwriter, Reason.ReadWrite);
            }
            else if (list.Count == longest.Count)
            {
                unseen.ForEach(late => graph.Add(graph.NumberOf(reader), late, Reason.ReadWrite));
            }
        }
    }
}
