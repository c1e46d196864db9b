using RaftKv.Faults.Histories;

namespace RaftKv.Faults.Checking;

/// <summary>
/// <b>A read shows the store as it was at one revision: its own, or the one it was asked for.</b> All that was acknowledged up
/// to there is in it, nothing that came later is, and two reads of one revision show the same: reads of one member too, which
/// may be old but not wrong, and reads page by page.
/// </summary>
internal sealed class SnapshotReads : IChecker
{
    public string Name => "snapshot reads";

    public Verdict Check(History history)
    {
        var facts = Facts.Of(history.Operations);
        var findings = new List<Finding>(facts.Contradictions);
        var reads = history.Operations.Where(operation => operation.IsOk && operation.Revision is not null
            && (operation.Entries is not null || (operation.Call == KeyModel.Read && operation.Found is not null))).ToList();
        var deletes = history.Operations.Where(operation => operation is { Call: KeyModel.Delete, Outcome: Outcome.Info }).ToLookup(operation => operation.Key);
        foreach (var read in reads)
        {
            CheckOne(read, facts, deletes, findings);
        }

        CheckSame(reads, findings);
        return Verdict.Of(Name, findings, $"{reads.Count} reads");
    }

    private static long At(Invocation read) => read.AtRevision ?? read.Revision!.Value;

    private static void CheckOne(Invocation read, Facts facts, ILookup<string?, Invocation> deletes, List<Finding> findings)
    {
        var at = At(read);
        if (read.AtRevision > read.Revision)
        {
            findings.Add(new Finding("read-of-the-future", $"Revision {read.AtRevision} is read when there are {read.Revision}.", read));
        }

        var isSingle = read.Entries is null;
        var shown = isSingle
            ? read.Found!.Exists ? new Dictionary<string, KeyState> { [read.Key!] = read.Found } : []
            : read.Entries!.ToDictionary(entry => entry.Key!, StringComparer.Ordinal);
        foreach (var (key, state) in shown)
        {
            if (state.Modified > at)
            {
                findings.Add(new Finding("read-of-the-future", $"A read at revision {at} shows '{key}' of {state.Modified}.", read));
            }
        }

        foreach (var key in isSingle ? [read.Key!] : facts.Keys.Where(key => key.StartsWith(read.Key ?? "", StringComparison.Ordinal)))
        {
            var last = facts.LastChange(key, at);
            var state = shown.GetValueOrDefault(key);
            if (last is null || last.Revision == state?.Modified)
            {
                continue;
            }

            if (state is not null)
            {
                findings.Add(new Finding("missed-change", $"A read at revision {at} shows '{key}' of {state.Modified}, and it was changed at {last.Revision}.", last.Told, read));
            }
            else if (!last.IsDelete && !deletes[key].Any(delete => delete.Begin < read.End))
            {
                findings.Add(new Finding("lost-key", $"A read at revision {at} does not show '{key}' of {last.Revision}, and nobody has deleted it.", last.Told, read));
            }
        }
    }

    private static void CheckSame(List<Invocation> reads, List<Finding> findings)
    {
        foreach (var same in reads.Where(read => read.Entries is not null).GroupBy(read => (read.Key, At(read))))
        {
            var first = same.First();
            foreach (var other in same.Skip(1))
            {
                if (!other.Entries!.SequenceEqual(first.Entries!))
                {
                    findings.Add(new Finding("two-states", $"Two reads of '{same.Key.Key}' at revision {same.Key.Item2} do not show the same.", first, other));
                }
            }
        }
    }
}
