using System.Globalization;
using RaftKv.Faults.Histories;

namespace RaftKv.Faults.Checking;

/// <summary>
/// <b>An informer's copy is in the end what the store has; on the way there it sees each object's versions in order, none twice,
/// and none that nobody wrote; a controller on it deals with the last generation of everything, and with none that is over.</b>
/// And the store loses no update that was made with care.
/// </summary>
internal sealed class InformerCopies : IChecker
{
    /// <summary>An informer has told a handler of an object. Process: which informer. Done false: it is gone.</summary>
    public const string Told = "told";

    /// <summary>A controller deals with an object as it is in its informer. Found is left out: it is gone.</summary>
    public const string Reconcile = "reconcile";

    /// <summary>All that an informer has at the end. Done false: it was waited for in vain.</summary>
    public const string Copy = "copy";

    /// <summary>All that the store has at the end.</summary>
    public const string Objects = "objects";

    public string Name => "informers";

    public Verdict Check(History history)
    {
        if (history.Operations.LastOrDefault(operation => operation is { Call: Objects, IsOk: true }) is not { } objects)
        {
            return Verdict.UnknownOf(Name, "The store was not asked at the end.");
        }

        var there = objects.Entries!.ToDictionary(entry => entry.Key!);
        var writes = history.Operations.Where(operation => operation is { Call: "write", IsOk: true }).ToList();
        var told = history.Operations.Where(operation => operation.Call == Told).ToList();
        var reconciled = history.Operations.Where(operation => operation.Call == Reconcile).ToList();
        var findings = new List<Finding>();
        CheckUpdates(writes, findings);
        CheckOrder(told, findings);
        CheckContents(writes, told, findings);
        CheckCopies(history, objects, there, findings);
        CheckReconciled(reconciled, objects, there, findings);
        return Verdict.Of(Name, findings, string.Create(CultureInfo.InvariantCulture, $"{writes.Count} writes, {told.Count} times told, {reconciled.Count} reconciliations"));
    }

    // Made of a version, and put in its place.
    private static void CheckUpdates(List<Invocation> writes, List<Finding> findings)
    {
        foreach (var key in writes.GroupBy(write => write.Key))
        {
            var inOrder = key.OrderBy(write => write.Revision).ToList();
            foreach (var (before, write) in inOrder.Zip(inOrder.Skip(1)))
            {
                if (write.AtRevision > 0 && before.Revision > write.AtRevision)
                {
                    findings.Add(new Finding("lost-update", $"'{write.Key}' was updated at {write.Revision} as it was at {write.AtRevision}, and so lost what was written at {before.Revision}.", before, write));
                }
            }
        }
    }

    private static void CheckOrder(List<Invocation> told, List<Finding> findings)
    {
        foreach (var one in told.GroupBy(operation => (operation.Process, operation.Key)))
        {
            Invocation? last = null;
            foreach (var now in one.Where(operation => operation.Done != false))
            {
                if (last is not null && now.Found!.Modified <= last.Found!.Modified)
                {
                    findings.Add(new Finding(
                        now.Found.Modified == last.Found.Modified ? "told-twice" : "version-went-back",
                        $"Informer {now.Process} told of '{now.Key}' at {last.Found.Modified}, and then at {now.Found.Modified}.",
                        last,
                        now));
                }

                last = now;
            }
        }
    }

    private static void CheckContents(List<Invocation> writes, List<Invocation> told, List<Finding> findings)
    {
        var written = new Dictionary<(string, long), Invocation>();
        foreach (var write in writes)
        {
            written[(write.Key!, write.Revision!.Value)] = write;
        }

        findings.AddRange(told
            .Where(one => one.Done != false && written.TryGetValue((one.Key!, one.Found!.Modified), out var write) && write.Found!.Value != one.Found.Value)
            .Select(one => new Finding("wrong-content", $"Informer {one.Process} told of '{one.Key}' at {one.Found!.Modified} as {one.Found.Value}, which is not what was written.", one)));
    }

    private static void CheckCopies(History history, Invocation objects, Dictionary<string, KeyState> there, List<Finding> findings)
    {
        foreach (var copy in history.Operations.Where(operation => operation.Call == Copy))
        {
            if (copy.Done == false)
            {
                findings.Add(new Finding("copy-behind", $"Informer {copy.Process} never came to revision {objects.Revision}: {copy.Error}", copy, objects));
                continue;
            }

            var has = copy.Entries!.ToDictionary(entry => entry.Key!);
            var wrong = there.Keys.Union(has.Keys).Where(key => has.GetValueOrDefault(key) != there.GetValueOrDefault(key)).Order(StringComparer.Ordinal).ToList();
            if (wrong.Count > 0)
            {
                var (key, mine, theirs) = (wrong[0], has.GetValueOrDefault(wrong[0]), there.GetValueOrDefault(wrong[0]));
                findings.Add(new Finding("copy-differs", $"Informer {copy.Process} has '{key}' as {mine?.ToString() ?? "nothing"}, and the store as {theirs?.ToString() ?? "nothing"}; {wrong.Count} differ.", copy, objects));
            }
        }
    }

    private static void CheckReconciled(List<Invocation> reconciled, Invocation objects, Dictionary<string, KeyState> there, List<Finding> findings)
    {
        var byKey = reconciled.GroupBy(one => one.Key!).ToDictionary(key => key.Key, key => key.ToList());
        foreach (var (key, all) in byKey)
        {
            // Who came before, and which objects are over.
            Invocation? last = null;
            var over = new HashSet<string>(StringComparer.Ordinal);
            foreach (var one in all)
            {
                if (one.Found is { } now && last?.Found is { } before && now.Modified < before.Modified)
                {
                    findings.Add(new Finding("reconciled-backwards", $"'{key}' was dealt with as it was at {before.Modified}, and then as at {now.Modified}.", last, one));
                }

                if (one.Found is { } again && over.Contains(UidOf(again)))
                {
                    findings.Add(new Finding("reconciled-after-end", $"'{key}' was dealt with as {again} after it was gone.", one));
                }

                if (last?.Found is { } was && (one.Found is null || UidOf(one.Found) != UidOf(was)))
                {
                    over.Add(UidOf(was));
                }

                last = one;
            }

            if (last?.Found is { } left && !there.ContainsKey(key))
            {
                findings.Add(new Finding("end-lost", $"'{key}' is gone, and was dealt with last as {left}.", last, objects));
            }
        }

        findings.AddRange(there.Values
            .Where(now => byKey.GetValueOrDefault(now.Key!)?[^1].Found is not { } last || UidOf(last) != UidOf(now) || last.Version < now.Version)
            .Select(now => new Finding("generation-lost", $"Generation {now.Version} of '{now.Key}', of revision {now.Modified}, was never dealt with.", objects)));
    }

    // The value is the uid, a slash, and what was written.
    private static string UidOf(KeyState state) => state.Value!.Split('/')[0];
}
