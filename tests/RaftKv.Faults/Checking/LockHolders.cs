using RaftKv.Faults.Histories;

namespace RaftKv.Faults.Checking;

/// <summary>
/// <b>Nobody holds a lock while another one does.</b> Of a lock that ends with a lease this cannot be had: who is paused does
/// not know that it has ended. The workload "lock" shows it; this checker has to find it there.
/// </summary>
internal sealed class MutualExclusion : IChecker
{
    public const string Acquire = "acquire";
    public const string Release = "release";

    public string Name => "mutual exclusion";

    public Verdict Check(History history)
    {
        var findings = new List<Finding>();
        var locks = history.Operations.Where(operation => operation is { Call: Acquire, IsOk: true }).GroupBy(operation => operation.Key).ToList();
        foreach (var holders in locks)
        {
            // Surely held from the answer to the beginning of the release.
            var held = holders.Select(acquire => (
                Acquire: acquire,
                Until: history.Operations.FirstOrDefault(operation => operation.Call == Release && operation.Key == acquire.Key && operation.Process == acquire.Process && operation.Token == acquire.Token)?.Begin ?? acquire.End))
                .OrderBy(one => one.Acquire.End)
                .ToList();
            var last = held[0];
            foreach (var next in held.Skip(1))
            {
                if (next.Acquire.End < last.Until)
                {
                    findings.Add(new Finding(
                        "two-holders",
                        $"Process {last.Acquire.Process} took itself for the holder of '{holders.Key}' until {last.Until} us, and process {next.Acquire.Process} was given it at {next.Acquire.End} us.",
                        last.Acquire,
                        next.Acquire));
                }

                last = next.Until > last.Until ? next : last;
            }
        }

        return Verdict.Of(Name, findings, $"{locks.Sum(holders => holders.Count())} times held");
    }
}

/// <summary>
/// <b>What a holder does under a lock's token never takes effect after a later holder's token was used, and a later holder has
/// a greater token.</b>
/// </summary>
internal sealed class Fencing : IChecker
{
    /// <summary>A write that the store takes only with a token that is valid.</summary>
    public const string GuardedWrite = "guarded-write";

    public string Name => "fencing";

    public Verdict Check(History history)
    {
        var findings = new List<Finding>();
        var acquired = history.Operations.Where(operation => operation is { Call: MutualExclusion.Acquire, IsOk: true, Token: not null }).ToList();
        CheckTokens(acquired, findings);
        var writes = history.Operations.Where(operation => operation is { Call: GuardedWrite, IsOk: true, Token: not null, Revision: not null }).ToList();
        foreach (var guarded in writes.GroupBy(write => write.Key))
        {
            Invocation? newest = null;
            foreach (var write in guarded.OrderBy(write => write.Revision))
            {
                if (newest is not null && write.Token < newest.Token)
                {
                    findings.Add(new Finding(
                        "fence-passed", $"A write with token {write.Token} took effect at revision {write.Revision}, after one with {newest.Token} at {newest.Revision}.", newest, write));
                }

                newest = newest is null || write.Token > newest.Token ? write : newest;
            }
        }

        return writes.Count == 0 ? Verdict.UnknownOf(Name, "Nothing was written under the lock.") : Verdict.Of(Name, findings, $"{acquired.Count} times held, {writes.Count} writes");
    }

    private static void CheckTokens(List<Invocation> acquired, List<Finding> findings)
    {
        foreach (var holders in acquired.GroupBy(acquire => acquire.Key))
        {
            foreach (var same in holders.GroupBy(acquire => acquire.Token).Where(same => same.Count() > 1))
            {
                findings.Add(new Finding("shared-token", $"Token {same.Key} was given to {same.Count()} holders.", [.. same]));
            }

            var byEnd = holders.OrderBy(acquire => acquire.End).ToList();
            foreach (var (before, after) in byEnd.Zip(byEnd.Skip(1)))
            {
                if (after.Token < before.Token && after.Begin > before.End)
                {
                    findings.Add(new Finding("token-went-back", $"Token {after.Token} was given after {before.Token}.", before, after));
                }
            }
        }
    }
}
