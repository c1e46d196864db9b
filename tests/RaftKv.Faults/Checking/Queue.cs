using RaftKv.Faults.Histories;

namespace RaftKv.Faults.Checking;

/// <summary>
/// <b>What was put into a queue comes out of it once, in the order in which it went in.</b> The last operations of a run empty
/// the queue. Which went in before which is told by revisions.
/// </summary>
internal sealed class Queue : IChecker
{
    public const string Enqueue = "enqueue";
    public const string Dequeue = "dequeue";

    public string Name => "queue";

    public Verdict Check(History history)
    {
        var findings = new List<Finding>();
        var enqueued = history.Operations.Where(operation => operation.Call == Enqueue).ToDictionary(operation => operation.Value!, StringComparer.Ordinal);
        var taken = history.Operations.Where(operation => operation is { Call: Dequeue, IsOk: true, Value: not null }).ToList();
        var maybeTaken = history.Operations.Where(operation => operation is { Call: Dequeue, Outcome: Outcome.Info, Value: not null }).Select(operation => operation.Value).ToHashSet();
        foreach (var element in taken.GroupBy(operation => operation.Value!))
        {
            if (element.Count() > 1)
            {
                findings.Add(new Finding("duplicates", $"{element.Key} came out {element.Count()} times.", [.. element]));
            }

            if (!enqueued.TryGetValue(element.Key, out var enqueue))
            {
                findings.Add(new Finding("garbage", $"{element.Key} came out, and nobody had put it in.", element.First()));
            }
            else if (enqueue.Outcome == Outcome.Fail)
            {
                findings.Add(new Finding("G1a", $"{element.Key} came out, and putting it in failed for certain.", enqueue, element.First()));
            }
            else if (element.Any(dequeue => dequeue.End < enqueue.Begin))
            {
                findings.Add(new Finding("garbage", $"{element.Key} came out before it was put in.", enqueue, element.First()));
            }
        }

        CheckLost(history, enqueued, taken, maybeTaken, findings);
        CheckOrder(enqueued, taken, findings);
        return Verdict.Of(Name, findings, $"{enqueued.Count} put in, {taken.Count} taken out");
    }

    private static void CheckLost(
        History history, Dictionary<string, Invocation> enqueued, List<Invocation> taken, HashSet<string?> maybeTaken, List<Finding> findings)
    {
        // Only a queue that was found empty in the end has lost what is missing.
        if (!history.Operations.Any(operation => operation is { Call: Dequeue, IsOk: true, Value: null } && operation.Begin > enqueued.Values.Max(enqueue => enqueue.End)))
        {
            findings.Add(new Finding("never-emptied", "The queue was not emptied after the last was put in, so what is missing may be in it."));
            return;
        }

        var out_ = taken.Select(operation => operation.Value!).ToHashSet(StringComparer.Ordinal);
        foreach (var (element, enqueue) in enqueued.Where(one => one.Value.IsOk && !out_.Contains(one.Key) && !maybeTaken.Contains(one.Key)))
        {
            findings.Add(new Finding("lost-element", $"{element} was put in, and never came out.", enqueue));
        }
    }

    private static void CheckOrder(Dictionary<string, Invocation> enqueued, List<Invocation> taken, List<Finding> findings)
    {
        Invocation? newest = null;
        foreach (var dequeue in taken.Where(operation => operation.Revision is not null).OrderBy(operation => operation.Revision))
        {
            if (!enqueued.TryGetValue(dequeue.Value!, out var enqueue) || enqueue is not { IsOk: true, Revision: not null })
            {
                continue;
            }

            if (newest is not null && enqueue.Revision < newest.Revision)
            {
                findings.Add(new Finding("out-of-order", $"{enqueue.Value} went in before {newest.Value}, and came out after it.", enqueue, newest, dequeue));
            }
            else
            {
                newest = enqueue;
            }
        }
    }
}
