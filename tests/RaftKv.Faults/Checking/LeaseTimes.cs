using RaftKv.Faults.Histories;

namespace RaftKv.Faults.Checking;

/// <summary>
/// <b>A lease lives at least its time after anything acknowledged that kept it alive, not for ever after that, never comes
/// back, and its keys end with it.</b> Seen from outside: it was kept alive when the call began, at the earliest. Where
/// members' clocks run too fast, a lease of ten seconds has ten of theirs.
/// </summary>
internal sealed class LeaseTimes : IChecker
{
    public const string Grant = "grant";
    public const string Keep = "keep";
    public const string Revoke = "revoke";
    public const string Look = "look";

    /// <summary>Keys that are bound to a lease are read: <see cref="Invocation.Found"/> is such a key.</summary>
    public const string LookAtKey = "look-at-key";

    // Members and clients count time by themselves, on clocks of one machine.
    private static readonly TimeSpan Slack = TimeSpan.FromMilliseconds(5);

    // A leader that is new lets every lease begin anew; finding one, and carrying out what ends, takes its time.
    private static readonly TimeSpan Bound = TimeSpan.FromSeconds(15);

    public string Name => "lease times";

    public Verdict Check(History history)
    {
        var findings = new List<Finding>();
        var leases = history.Operations.Where(operation => operation.Lease is not null && operation.Call is Grant or Keep or Revoke or Look or LookAtKey)
            .GroupBy(operation => operation.Lease!.Value)
            .ToList();
        var settled = history.Phase(PhaseLine.Final)?.Begin ?? long.MaxValue;
        foreach (var lease in leases)
        {
            CheckOne(lease.Key, [.. lease.OrderBy(operation => operation.Begin)], settled, history.Run.Drift ?? 1, findings);
        }

        return Verdict.Of(Name, findings, $"{leases.Count} leases");
    }

    private static void CheckOne(long id, List<Invocation> operations, long settled, double drift, List<Finding> findings)
    {
        if (operations.Find(operation => operation is { Call: Grant, IsOk: true }) is not { } grant)
        {
            return;
        }

        var kept = operations.Where(operation => operation is { Call: Grant or Keep, IsOk: true, TimeToLive: not null }).ToList();
        var revoked = operations.Where(operation => operation.Call == Revoke && operation.Outcome != Outcome.Fail).ToList();
        var gone = operations.Where(operation => operation.IsOk && operation.Begin > grant.End && IsGone(operation)).ToList();
        foreach (var absence in gone.Where(absence => !revoked.Exists(revoke => revoke.Begin < absence.End)))
        {
            // Whatever kept it alive did so before it ended, for it does not come back; so not before its own call began.
            var early = kept.Find(keep => keep.Begin <= absence.End && absence.End < keep.Begin + Micros(keep.TimeToLive!.Value / drift) - (long)Slack.TotalMicroseconds);
            if (early is not null)
            {
                findings.Add(new Finding(
                    "early-end",
                    $"Lease {id:x} of {early.TimeToLive} s was kept alive by a call that began at {early.Begin} us, and was gone at {absence.End} us.",
                    early,
                    absence));
                break;
            }
        }

        if (gone.Count > 0)
        {
            var first = gone.MinBy(operation => operation.End)!;
            var back = operations.Find(operation => operation.IsOk && operation.Begin > first.End && !IsGone(operation) && operation.Call is Keep or Look or LookAtKey);
            if (back is not null)
            {
                findings.Add(new Finding("resurrection", $"Lease {id:x} was gone at {first.End} us, and a '{back.Call}' that began later finds it.", first, back));
            }
        }

        CheckLate(id, operations, settled, drift, findings);
    }

    private static void CheckLate(long id, List<Invocation> operations, long settled, double drift, List<Finding> findings)
    {
        // In the midst of faults there may be no leader to end it.
        var lastKept = operations.Where(operation => operation.Call is Grant or Keep && operation.Outcome != Outcome.Fail).MaxBy(operation => operation.End)!;
        var timeToLive = operations.Max(operation => operation.TimeToLive ?? 0);
        var latest = Math.Max(settled, lastKept.End) + Micros(timeToLive * drift) + (long)Bound.TotalMicroseconds;
        var late = settled == long.MaxValue ? null : operations.Find(operation => operation is { IsOk: true, Call: Look or LookAtKey } && !IsGone(operation) && operation.Begin > latest);
        if (late is not null)
        {
            findings.Add(new Finding("late-end", $"Lease {id:x} of {timeToLive} s was last kept alive at {lastKept.End} us, and is there at {late.Begin} us.", lastKept, late));
        }
    }

    private static bool IsGone(Invocation operation) => operation.Call switch
    {
        Look => operation.TimeToLive is null,
        Keep => operation.TimeToLive is null,
        LookAtKey => operation.Found is { Exists: false },
        _ => false,
    };

    private static long Micros(double seconds) => (long)(seconds * 1_000_000);
}
