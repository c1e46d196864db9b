using System.Globalization;
using RaftKv.Faults.Histories;

namespace RaftKv.Faults.Checking;

/// <summary>
/// <b>When a majority is gone for good and one member was made a cluster of its own, nothing is lost that was acknowledged up to
/// where that member had come, nor anything that was acknowledged afterwards; it is another cluster; and whoever watches from
/// before is told that this was compacted.</b> That revisions go on behind all that there were, <see cref="RevisionOrder"/> says.
/// </summary>
internal sealed class Recovered : IChecker
{
    /// <summary>A member was made a cluster of its own. AtRevision: how far it had come; elements: the old cluster's id and the new.</summary>
    public const string Call = "recovered";

    public string Name => "recovery";

    public Verdict Check(History history)
    {
        if (history.Operations.FirstOrDefault(operation => operation.Call == Call) is not { IsOk: true } recovered)
        {
            return Verdict.UnknownOf(Name, "No member was made a cluster of its own.");
        }

        var findings = new List<Finding>();
        if (recovered.Elements is not [var before, var after] || before == after)
        {
            findings.Add(new Finding("same-cluster", $"The cluster's id is what it was: {string.Join(", ", recovered.Elements ?? [])}.", recovered));
        }

        var lost = CheckWrites(history, recovered, findings);
        var ended = CheckWatches(history, recovered, findings);
        return findings.Count == 0 && ended == 0
            ? Verdict.UnknownOf(Name, "Nobody watched from before.")
            : Verdict.Of(Name, findings, string.Create(
                CultureInfo.InvariantCulture, $"up to revision {recovered.AtRevision}, {lost} acknowledged later are lost with the others, {ended} watches ended"));
    }

    // No key is deleted, and no value is written twice.
    private static int CheckWrites(History history, Invocation recovered, List<Finding> findings)
    {
        if (history.Operations.LastOrDefault(operation => operation is { Call: "range", IsOk: true, Entries: not null }) is not { } end)
        {
            findings.Add(new Finding("no-end", "Nobody could read what is there in the end.", recovered));
            return 0;
        }

        var there = end.Entries!.Select(entry => entry.Key!).ToHashSet(StringComparer.Ordinal);
        var values = end.Entries!.Select(entry => entry.Value).ToHashSet();
        var lost = 0;
        foreach (var write in history.Operations.Where(operation => operation.Call == "write" && operation.End < end.Begin))
        {
            if (write.IsOk && !there.Contains(write.Key!))
            {
                var mayBeLost = write.Begin < recovered.End && write.Revision > recovered.AtRevision;
                lost++;
                if (!mayBeLost)
                {
                    findings.Add(new Finding(
                        "lost",
                        $"'{write.Key}' was acknowledged at revision {write.Revision}, the member that was left had come to {recovered.AtRevision}, and it is not there.",
                        write,
                        recovered,
                        end));
                }
            }
            else if (write.Outcome == Outcome.Fail && values.Contains(write.Value))
            {
                findings.Add(new Finding("G1a", $"'{write.Key}' failed for certain, and is there.", write, end));
            }
        }

        return lost;
    }

    private static int CheckWatches(History history, Invocation recovered, List<Finding> findings)
    {
        var ended = 0;
        var old = history.Operations.Where(operation => operation is { Watch: not null, AtRevision: > 0 } && operation.AtRevision < recovered.Revision && operation.End > recovered.Begin);
        foreach (var watch in old)
        {
            // The first thing that it is told by the new cluster; that it was created says nothing.
            switch (watch.Watch!.FirstOrDefault(part => part.Kind != WatchPartKind.Created && Math.Max(part.Revision, part.CompactRevision) >= recovered.Revision))
            {
                case { Kind: WatchPartKind.Canceled }:
                    ended++;
                    break;
                case { } part:
                    findings.Add(new Finding(
                        "watch-went-on",
                        $"A watch from revision {watch.AtRevision} of the old cluster was not ended, but told of {part.Kind} at {part.Revision}.",
                        watch,
                        recovered));
                    break;
            }
        }

        return ended;
    }
}
