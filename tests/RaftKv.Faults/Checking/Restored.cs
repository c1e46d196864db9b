using RaftKv.Faults.Histories;

namespace RaftKv.Faults.Checking;

/// <summary>
/// <b>What is restored from a snapshot is the store at the snapshot's revision, in another cluster, and whoever comes with a
/// revision of the old one is told that it was compacted.</b>
/// </summary>
internal sealed class Restored : IChecker
{
    /// <summary>What the cluster that was saved has at the snapshot's revision, which is AtRevision.</summary>
    public const string Saved = "saved";

    /// <summary>What a cluster that was restored from it has, at its own revision, which is Token. Elements: the old cluster's id,
    /// the new one's.</summary>
    public const string Call = "restored";

    /// <summary>A client with a revision of the old cluster (AtRevision) asks the new one. Done: it was told that it is compacted.</summary>
    public const string Old = "old-client";

    /// <summary>A snapshot is opened with its history, and read at one of its revisions, which is AtRevision.</summary>
    public const string Point = "point-in-time";

    public string Name => "restored";

    public Verdict Check(History history)
    {
        var findings = new List<Finding>();
        var saved = history.Operations.Where(operation => operation is { Call: Saved, IsOk: true }).DistinctBy(operation => operation.AtRevision).ToDictionary(operation => operation.AtRevision!.Value);
        var restored = history.Operations.Where(operation => operation.Call == Call).ToList();
        foreach (var one in restored)
        {
            if (!one.IsOk)
            {
                findings.Add(new Finding("not-restored", $"What was saved could not be restored: {one.Error}", one));
                continue;
            }

            if (saved.TryGetValue(one.AtRevision!.Value, out var state) && !state.Entries!.SequenceEqual(one.Entries!))
            {
                var wrong = state.Entries!.Except(one.Entries!).Concat(one.Entries!.Except(state.Entries!)).First();
                findings.Add(new Finding(
                    "other-state",
                    $"At revision {one.AtRevision} there were {state.Entries!.Count} keys, and {one.Entries!.Count} were restored; '{wrong.Key}' differs, for one: {wrong}.",
                    state,
                    one));
            }

            if (one.Elements is not [var before, var after] || before == after)
            {
                findings.Add(new Finding("same-cluster", "What was restored has the id of the cluster that was saved.", one));
            }

            if (one.Token <= one.AtRevision)
            {
                findings.Add(new Finding("revision-went-back", $"What was restored from revision {one.AtRevision} is at {one.Token}, which the old cluster may have handed out.", one));
            }
        }

        findings.AddRange(history.Operations.Where(operation => operation.Call == Old && operation.Done != true)
            .Select(old => new Finding(
                "old-revision-served", $"Revision {old.AtRevision} of the old cluster was asked for with a '{old.Value}', and answered: {old.Error ?? "as if it were known"}.", old)));
        var points = history.Operations.Where(operation => operation.Call == Point).ToList();
        foreach (var point in points)
        {
            if (!point.IsOk)
            {
                findings.Add(new Finding("not-restored", $"What was saved could not be read at revision {point.AtRevision}: {point.Error}", point));
            }
            else if (saved.TryGetValue(point.AtRevision!.Value, out var then) && !then.Entries!.SequenceEqual(point.Entries!))
            {
                findings.Add(new Finding("other-state", $"At revision {point.AtRevision} there was another state than the snapshot has at it.", then, point));
            }
        }

        var compared = restored.Count(one => one.IsOk && saved.ContainsKey(one.AtRevision!.Value));
        return findings.Count == 0 && compared == 0
            ? Verdict.UnknownOf(Name, "Nothing was restored that could be compared.")
            : Verdict.Of(Name, findings, $"{restored.Count} restored, {compared} compared; {points.Count(one => one.IsOk && saved.ContainsKey(one.AtRevision!.Value))} points in time");
    }
}
