using RaftKv.Faults.Histories;

namespace RaftKv.Faults.Checking;

/// <summary>
/// <b>The store's revision never goes back, each write has one of its own, and what begins after another operation was
/// answered stands behind it.</b> Over all keys: this is what one order of the whole store means, and what search key by key
/// does not see. For reads that one member answers by itself: a member's revision never goes back for one client, as long as
/// it runs. One that starts again may know less at first.
/// </summary>
internal sealed class RevisionOrder : IChecker
{
    public string Name => "revision order";

    public Verdict Check(History history)
    {
        var told = history.Operations.Where(operation => operation is { IsOk: true, Revision: not null, Local: false, Watch: null, Hash: null }).ToList();
        var findings = new List<Finding>();
        CheckUnique(told, findings);
        CheckTime(told, findings);
        CheckLocal(history, findings);
        return Verdict.Of(Name, findings, $"{told.Count} answers");
    }

    private static void CheckUnique(List<Invocation> told, List<Finding> findings)
    {
        var writers = new Dictionary<long, Invocation>();
        foreach (var write in told.Where(operation => operation.Wrote))
        {
            if (!writers.TryAdd(write.Revision!.Value, write))
            {
                findings.Add(new Finding("shared-revision", $"Two writes were both given revision {write.Revision}.", writers[write.Revision.Value], write));
            }
        }
    }

    private static void CheckTime(List<Invocation> told, List<Finding> findings)
    {
        var byEnd = told.OrderBy(operation => operation.End).ToList();
        var ended = 0;
        Invocation? newest = null;
        foreach (var operation in told.OrderBy(operation => operation.Begin))
        {
            for (; ended < byEnd.Count && byEnd[ended].End < operation.Begin; ended++)
            {
                newest = newest is null || byEnd[ended].Revision > newest.Revision ? byEnd[ended] : newest;
            }

            if (newest is not null && (operation.Revision < newest.Revision || (operation.Wrote && operation.Revision == newest.Revision)))
            {
                findings.Add(new Finding(
                    "revision-went-back",
                    $"Revision {newest.Revision} had been told of when a '{operation.Call}' of process {operation.Process} began, and was answered with {operation.Revision}.",
                    newest,
                    operation));
            }
        }
    }

    private static void CheckLocal(History history, List<Finding> findings)
    {
        var newest = new Dictionary<(int, string, int), Invocation>();
        foreach (var operation in history.Operations.Where(operation => operation is { IsOk: true, Revision: not null, Local: true, Member: not null }).OrderBy(operation => operation.Begin))
        {
            var life = history.Exits.Count(exit => exit.Member == operation.Member && exit.At <= operation.Begin);
            var who = (operation.Process, operation.Member!, life);
            if (newest.TryGetValue(who, out var before) && operation.Revision < before.Revision)
            {
                findings.Add(new Finding("member-went-back", $"{operation.Member} told process {operation.Process} of revision {before.Revision}, and then of {operation.Revision}.", before, operation));
            }

            newest[who] = operation;
        }
    }
}
