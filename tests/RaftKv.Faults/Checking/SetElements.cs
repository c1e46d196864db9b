using RaftKv.Faults.Histories;

namespace RaftKv.Faults.Checking;

/// <summary>
/// <b>What was added to a set stays in it, and every read that begins later shows it.</b> An element counts as there from when
/// its addition was acknowledged, or from when a read that shows it has ended, whichever is first.
/// </summary>
internal sealed class SetElements : IChecker
{
    public string Name => "set";

    public Verdict Check(History history)
    {
        var findings = new List<Finding>();
        var counts = new Counts();
        foreach (var set in history.Operations.GroupBy(operation => operation.Key))
        {
            CheckOne([.. set], findings, counts);
        }

        return counts.Reads == 0
            ? Verdict.UnknownOf(Name, "No set was ever read.")
            : Verdict.Of(Name, findings, $"{counts.Adds} additions, {counts.Reads} reads, {counts.Lost} lost, {counts.Stale} stale, {counts.NeverRead} never read");
    }

    private static void CheckOne(List<Invocation> operations, List<Finding> findings, Counts counts)
    {
        var adds = new Dictionary<string, Invocation>(StringComparer.Ordinal);
        foreach (var add in operations.Where(operation => operation.Call == "add"))
        {
            adds[add.Value!] = add;
        }

        var reads = operations.Where(operation => operation is { Call: "elements", IsOk: true, Elements: not null })
            .OrderBy(read => read.Begin)
            .Select(read => (Read: read, Elements: read.Elements!.ToHashSet(StringComparer.Ordinal)))
            .ToList();
        foreach (var (read, elements) in reads)
        {
            CheckRead(read, elements, adds, findings);
        }

        counts.Adds += adds.Count;
        counts.Reads += reads.Count;
        foreach (var (element, add) in adds)
        {
            var seen = reads.Where(read => read.Elements.Contains(element)).ToList();
            if (add.Outcome == Outcome.Fail || (!add.IsOk && seen.Count == 0))
            {
                continue;
            }

            var knownAt = Math.Min(add.LatestEffect, seen.Count == 0 ? long.MaxValue : seen.Min(read => read.Read.End));
            var missing = reads.Where(read => read.Read.Begin > knownAt && !read.Elements.Contains(element)).ToList();
            if (missing.Count > 0)
            {
                var comesBack = seen.Any(read => read.Read.Begin > missing[^1].Read.Begin);
                counts.Lost += comesBack ? 0 : 1;
                counts.Stale += comesBack ? 1 : 0;
                findings.Add(new Finding(
                    comesBack ? "stale-read" : "lost-element",
                    $"{element} was there at {knownAt} us, and {missing.Count} reads that began later do not show it{(comesBack ? "; others do" : "")}.",
                    add,
                    missing[0].Read));
            }

            counts.NeverRead += seen.Count == 0 && reads.TrueForAll(read => read.Read.Begin <= knownAt) ? 1 : 0;
        }
    }

    private static void CheckRead(Invocation read, HashSet<string> elements, Dictionary<string, Invocation> adds, List<Finding> findings)
    {
        if (elements.Count != read.Elements!.Count)
        {
            findings.Add(new Finding("duplicates", "A read shows an element twice.", read));
        }

        foreach (var element in elements)
        {
            if (!adds.TryGetValue(element, out var add) || add.Begin > read.End)
            {
                findings.Add(new Finding("garbage", $"{element} is read, and nobody had added it.", read));
            }
            else if (add.Outcome == Outcome.Fail)
            {
                findings.Add(new Finding("G1a", $"{element} is read, and its addition failed for certain.", add, read));
            }
        }
    }

    private sealed class Counts
    {
        public int Adds { get; set; }

        public int Reads { get; set; }

        public int Lost { get; set; }

        public int Stale { get; set; }

        public int NeverRead { get; set; }
    }
}
