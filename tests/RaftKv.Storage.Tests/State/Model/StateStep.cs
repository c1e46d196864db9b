namespace RaftKv.Storage.Tests.State.Model;

/// <summary>One thing that happens in a story. It means something whatever came before, so that stories can be made
/// smaller.</summary>
internal abstract record StateStep
{
    /// <summary>A command gets a place in the log.</summary>
    public sealed record Propose(StateRequest Request) : StateStep;

    /// <summary>A replica applies what it has not yet, up to so many entries, and shows it to readers.</summary>
    public sealed record Apply(int Replica, int AtMost) : StateStep;

    /// <summary>A part of the compaction's work.</summary>
    public sealed record CompactStep(int Replica, int MaxKeys) : StateStep;

    public sealed record BeginCheckpoint(int Replica) : StateStep;

    public sealed record WriteCheckpoint(int Replica) : StateStep;

    public sealed record FinishCheckpoint(int Replica) : StateStep;

    public sealed record Reclaim(int Replica, long MaxBytes) : StateStep;

    /// <summary>Everything that can go goes.</summary>
    public sealed record Tidy(int Replica) : StateStep;

    public sealed record OpenView(int Replica) : StateStep;

    /// <summary>Looks at an old view, and closes it or not.</summary>
    public sealed record LookAtView(int Replica, ulong Seed, bool IsLast) : StateStep;

    /// <summary>Looks at the newest state.</summary>
    public sealed record Look(int Replica, ulong Seed) : StateStep;

    /// <summary>A replica begins to write a snapshot, which the other one is to take in.</summary>
    public sealed record BeginSnapshot(int From) : StateStep;

    /// <summary>Some pieces of it are on their way.</summary>
    public sealed record SendSnapshot(int From, int Pieces) : StateStep;

    /// <summary>What has arrived as a whole takes the place of the state.</summary>
    public sealed record InstallSnapshot(int On) : StateStep;

    /// <summary>The power goes in the midst of what comes, after some more operations on the disk; or the process ends, and
    /// the machine goes on.</summary>
    public sealed record CrashLater(int Replica, int Operations, bool IsPowerCut) : StateStep;

    /// <summary>A sync fails, after some more that do not. Whoever meets that must stop, and starts anew.</summary>
    public sealed record FailSync(int Replica, int After) : StateStep;

    /// <summary>The power goes, or the process ends, now.</summary>
    public sealed record Crash(int Replica, bool IsPowerCut) : StateStep;
}
