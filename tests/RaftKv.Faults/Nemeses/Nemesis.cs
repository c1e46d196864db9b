using RaftKv.Faults.Checking;

namespace RaftKv.Faults.Nemeses;

/// <summary>A way of making trouble: what is done, and which ground it needs.</summary>
/// <param name="Name">On the command line.</param>
/// <param name="Story">What happens.</param>
/// <param name="Lanes">Each lane does one of its faults after the other; lanes go on at the same time.</param>
internal sealed record Nemesis(string Name, string Story, params Fault[][] Lanes)
{
    /// <summary>Whether links must be able to be bad and not only cut.</summary>
    public bool NeedsQualities { get; init; }

    /// <summary>Whether clients must reach members through proxies, where answers can be lost and connections dropped.</summary>
    public bool NeedsClientWays { get; init; }

    /// <summary>Whether the memory of members must be limited.</summary>
    public bool NeedsMemoryLimits { get; init; }

    /// <summary>Whether members must be of the test program, whose disk, clocks and threads fail when they are told to.</summary>
    public bool NeedsFaultyMembers { get; init; }

    /// <summary>Whether a promise must be found broken: what is done no store can stand, and it shows that the checkers look.</summary>
    public bool MustFail { get; init; }

    /// <summary>How much too fast or too slowly members' clocks may run.</summary>
    public double Drift { get; init; } = 1;

    /// <summary>How large the disk of each member is; 0 for the one that there is.</summary>
    public int DiskMegabytes { get; init; }

    public static readonly IReadOnlyList<Nemesis> All =
    [
        new(Meaningful.NoNemesis, "nothing is done"),
        new("kill-leader", "kill -9 of the leader, and a start soon after", [ProcessFaults.KillLeader]),
        new("kill-one", "kill -9 of one, leader or not", [ProcessFaults.KillOne]),
        new("kill-majority", "kill -9 of a majority at once", [ProcessFaults.KillMajority]),
        new("kill-all", "kill -9 of all at once", [ProcessFaults.KillAll]),
        new("pause-leader", "the leader stands still for a while, and goes on", [ProcessFaults.PauseLeader]),
        new("pause", "one, a majority or all stand still, and go on", [ProcessFaults.PauseOne, ProcessFaults.PauseMajority, ProcessFaults.PauseAll, ProcessFaults.PauseLeader]),
        new("isolated", "the leader is cut from the others, not from clients", [NetworkFaults.Isolated]),
        new("halves", "a minority is cut from the others", [NetworkFaults.Halves]),
        new("bridge", "two sides that see only the one in the middle", [NetworkFaults.Bridge]),
        new("ring", "each sees a majority, no two the same one", [NetworkFaults.MajoritiesRing]),
        new("one-way", "the leader hears and is not heard, or the other way round", [NetworkFaults.OneWay]),
        new("flapping", "whoever leads is cut off, again and again", [NetworkFaults.Flapping]),
        new("partitions", "all of these partitions", [NetworkFaults.Isolated, NetworkFaults.Halves, NetworkFaults.Bridge, NetworkFaults.MajoritiesRing, NetworkFaults.OneWay]),
        new("links", "slow and narrow links, bytes changed on the way, connections reset", [NetworkFaults.Slow, NetworkFaults.Narrow, NetworkFaults.Damaged, NetworkFaults.Resetting]) { NeedsQualities = true },
        new("membership", "members come, go and are replaced", [AdminFaults.Grow, AdminFaults.Shrink, AdminFaults.Replace]),
        new("compactions", "compactions several a second, beside kills", [AdminFaults.Compactions], [ProcessFaults.KillOne]),
        new("transfers", "leaders hand over, again and again", [AdminFaults.Transfers]),
        new("disk-full", "small disks that fill up, on one member or on all", [DiskFaults.FullOne, DiskFaults.FullOne, DiskFaults.FullAll]) { DiskMegabytes = 256 },
        new("memory", "members that may have little more memory than they have", [MemoryFaults.Limit]) { NeedsMemoryLimits = true },
        new("damage", "bits, ends and whole files of a minority are lost while it is killed", [DiskFaults.FlipBits, DiskFaults.Truncate, DiskFaults.Remove, DiskFaults.PutBack]),
        new("wipe", "a member loses its disk, and is started as if it had not", [AdminFaults.Wipe]),
        new("power-cut", "one, a majority or all lose what they had not synced", [PowerFaults.CutLeader, PowerFaults.CutOne, PowerFaults.CutMajority, PowerFaults.CutAll]) { NeedsFaultyMembers = true },
        new("lying-disk", "syncs do nothing, and the power is cut for all: acknowledged writes are lost, and must be missed", [PowerFaults.Lie]) { NeedsFaultyMembers = true, MustFail = true },
        new("sync-fails", "a sync fails, and the member must end", [SyncFaults.FailsOfLeader, SyncFaults.FailsOfOne]) { NeedsFaultyMembers = true },
        new("slow-sync", "syncs take up to five seconds", [SyncFaults.SlowLeader, SyncFaults.SlowOne, SyncFaults.SlowAll]) { NeedsFaultyMembers = true },
        new("clocks", "clocks are set to another time, once or to and fro", [ClockFaults.Jump, ClockFaults.Strobe]) { NeedsFaultyMembers = true },
        new("clocks-kills", "clocks are set to another time while members are killed", [ClockFaults.Jump, ClockFaults.Strobe], [ProcessFaults.KillOne]) { NeedsFaultyMembers = true },
        new("drift", "clocks run up to twice as fast, or half as fast", [ClockFaults.Drift]) { NeedsFaultyMembers = true, Drift = ClockFaults.MostDrift },
        new("runtime", "busy thread pools, full collections, no more files", [RuntimeFaults.StarvePool, RuntimeFaults.Collect, RuntimeFaults.FewFiles]) { NeedsFaultyMembers = true },
        new("behind", "a member is cut off until it needs a snapshot", [SnapshotFaults.Behind], [AdminFaults.Compactions]),
        new("snapshot-kills", "who sends a snapshot is killed, or who receives it", [SnapshotFaults.KillReceiver, SnapshotFaults.KillSender, SnapshotFaults.KillBoth], [AdminFaults.Compactions]),
        new("learners", "learners come, are killed, promoted and removed", [AdminFaults.Learner], [AdminFaults.Transfers]),
        new("membership-kills", "members come, go and are replaced while others are killed", [AdminFaults.Grow, AdminFaults.Shrink, AdminFaults.Replace], [ProcessFaults.KillOne]),
        new("leader-churn", "leaders hand over, are killed and stand still", [AdminFaults.Transfers], [ProcessFaults.KillLeader, ProcessFaults.PauseLeader]),
        new("lost-answers", "clients' requests go through, and their connections end before the answer", [ClientFaults.LoseAnswers]) { NeedsClientWays = true },
        new("reconnects", "all clients lose their connections, again and again", [ClientFaults.DropConnections]) { NeedsClientWays = true },
        new("slow-watcher", "somebody watches much and reads a kilobyte a second", [SlowWatcher.Fault]),
        new("overload", "far more lists, large values and large transactions than can be served", [Overload.Fault]),
        new("mix", "kills, pauses, partitions and compactions together", [ProcessFaults.KillOne, ProcessFaults.KillAll, ProcessFaults.PauseOne], [NetworkFaults.Isolated, NetworkFaults.Halves, NetworkFaults.OneWay], [AdminFaults.Compactions]),
    ];
}
