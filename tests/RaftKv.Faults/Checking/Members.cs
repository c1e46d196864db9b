using RaftKv.Faults.Histories;

namespace RaftKv.Faults.Checking;

/// <summary><b>In the end all members hold the same.</b> They were asked for the hash of their keys, at one revision.</summary>
internal sealed class EqualHashes : IChecker
{
    public const string Call = "hash";

    public string Name => "equal hashes";

    public Verdict Check(History history)
    {
        var hashes = history.Operations.Where(operation => operation.Call == Call).ToList();
        var damaged = history.Faults.Where(fault => FaultKinds.Damages(fault.Kind)).SelectMany(fault => fault.Targets).ToHashSet();
        if (hashes.Count == 0)
        {
            return Verdict.UnknownOf(Name, "No member was asked.");
        }

        var findings = hashes.Where(hash => !hash.IsOk && !damaged.Contains(hash.Member!))
            .Select(hash => new Finding("member-missing", $"{hash.Member} could not be asked at the end: {hash.Error}", hash))
            .ToList();
        foreach (var same in hashes.Where(hash => hash.IsOk).GroupBy(hash => (hash.Revision, hash.CompactRevision)))
        {
            findings.AddRange(same.Where(hash => hash.Hash != same.First().Hash).Select(other => new Finding(
                "members-differ", $"{other.Member} and {same.First().Member} do not hold the same at revision {same.Key.Revision}.", same.First(), other)));
        }

        var states = hashes.Where(hash => hash.IsOk).Select(hash => (hash.Revision, hash.CompactRevision)).Distinct().Count();
        return findings.Count == 0 && states > 1
            ? Verdict.UnknownOf(Name, "The members were at different revisions, so their hashes cannot be compared.")
            : Verdict.Of(Name, findings, $"{hashes.Count} members");
    }
}

/// <summary>
/// <b>No member ends unless it is made to, none says what no member should have to say, and a member whose disk failed to sync,
/// or was emptied, ends.</b>
/// </summary>
internal sealed class MembersLive : IChecker
{
    public string Name => "members live";

    public Verdict Check(History history)
        => Verdict.Of(
            Name,
            [
                .. history.Faults.Where(fault => FaultKinds.Ends(fault.Kind) && fault.Hits > 0 && !HasEnded(history, fault))
                    .Select(fault => new Finding("went-on", $"{fault.Targets[0]} had '{fault.Kind}' done to it at {fault.Begin} us, and did not end.")),
                .. history.Exits.Where(exit => !exit.Expected).Select(exit => new Finding("unexpected-exit", $"{exit.Member} ended at {exit.At} us with code {exit.Code}: {exit.LastWords}")),
                .. history.Logs.Where(log => !IsLastWord(history, log)).Select(log => new Finding("bad-log", $"{log.Member}: {log.Text}")),
            ],
            $"{history.Exits.Count} ends");

    // Who may end may say why.
    private static bool IsLastWord(History history, LogLine log)
        => (log.Text.Contains("the member stops", StringComparison.Ordinal) || log.Text.Contains("it has no data", StringComparison.Ordinal))
            && history.Exits.Any(exit => exit.Member == log.Member && exit is { Expected: true, Code: not null });

    // Nobody knows what a failed sync has left on the disk, nor what one without a disk has promised: who goes on acknowledges
    // what may not be there. That he was killed in the end does not count.
    private static bool HasEnded(History history, FaultLine fault)
        => history.Exits.Any(exit => exit.Member == fault.Targets[0] && exit.Code is not null && exit.At >= fault.Begin && exit.At <= fault.End);
}

/// <summary>What is done to members, by name.</summary>
internal static class FaultKinds
{
    public const string Kill = "kill";
    public const string Pause = "pause";
    public const string Partition = "partition";
    public const string Link = "link";
    public const string Membership = "membership";
    public const string Compaction = "compaction";
    public const string Disk = "disk";
    public const string Damage = "damage";
    public const string Memory = "memory";
    public const string Client = "client";
    public const string Power = "power";
    public const string FailedSync = "failed-sync";
    public const string Wiped = "wiped";
    public const string SlowSync = "slow-sync";
    public const string Clock = "clock";
    public const string Runtime = "runtime";
    public const string Files = "files";
    public const string Recovery = "recovery";
    public const string Backup = "backup";

    /// <summary>Whether a member may be unable to go on after it, and right to refuse.</summary>
    public static bool Damages(string kind) => kind is Damage or Wiped;

    /// <summary>Whether a member must end after it.</summary>
    public static bool Ends(string kind) => kind is FailedSync or Wiped;
}
