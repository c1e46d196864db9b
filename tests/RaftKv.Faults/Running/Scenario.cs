namespace RaftKv.Faults.Running;

/// <summary>One of the project's list of faults, and the runs that make it happen to real processes.</summary>
/// <param name="Id">As in the list.</param>
/// <param name="Story">What happens.</param>
/// <param name="Members">How large the clusters are.</param>
/// <param name="Runs">Which workload meets which nemesis.</param>
internal sealed record Scenario(string Id, string Story, int[] Members, params (string Workload, string Nemesis)[] Runs)
{
    /// <summary>How many clients there are.</summary>
    public int Clients { get; init; } = RunSettings.UsualClients;

    /// <summary>How long faults have to go on to show something.</summary>
    public int LeastSeconds { get; init; }

    private static readonly int[] One = [1];
    private static readonly int[] ThreeAndFive = [3, 5];

    /// <summary>All that real processes can show. The others are the simulator's (docs/testing.md).</summary>
    public static readonly IReadOnlyList<Scenario> All =
    [
        new("F01", "kill -9 of the leader", ThreeAndFive, ("register", "kill-leader"), ("list-append", "kill-leader")),
        new("F02", "kill -9 of all at once", ThreeAndFive, ("list-append", "kill-all"), ("set", "kill-all")) { LeastSeconds = 30 },
        new("F03", "kill -9 of a lone member", One, ("register", "kill-one")),
        new("F04", "loss of all that was not synced", ThreeAndFive, ("list-append", "power-cut"), ("set", "power-cut"), ("lease", "power-cut")),
        new("F07", "failed syncs", ThreeAndFive, ("register", "sync-fails")),
        new("F08", "slow syncs", ThreeAndFive, ("register", "slow-sync"), ("lease", "slow-sync")),
        new("F09", "full disks", ThreeAndFive, ("watch", "disk-full"), ("register", "disk-full")),
        new("F10", "bits of a minority's log", ThreeAndFive, ("list-append", "damage")),
        new("F11", "bits of a minority's records", ThreeAndFive, ("range", "damage"), ("watch", "damage")),
        new("F12", "cut, lost and older files", ThreeAndFive, ("soak", "damage")),
        new("F14", "an empty disk under the same name", ThreeAndFive, ("soak", "wipe")),
        new("F15", "a leader that stands still", ThreeAndFive, ("register", "pause-leader")),
        new("F16", "a majority that stands still", ThreeAndFive, ("watch", "pause"), ("lease", "pause")),
        new("F17", "a leader that only clients reach", ThreeAndFive, ("register", "isolated"), ("watch", "isolated")),
        new("F18", "rings, bridges, halves, flapping", ThreeAndFive, ("register", "ring"), ("list-append", "bridge"), ("register", "flapping"), ("list-append", "halves")),
        new("F19", "ways that lead one way", ThreeAndFive, ("register", "one-way")),
        new("F21", "links that hardly move", ThreeAndFive, ("list-append", "links")),
        new("F22", "links that change bytes and reset", ThreeAndFive, ("soak", "links")),
        new("F23", "a follower that needs a snapshot, watched", ThreeAndFive, ("watch", "behind")),
        new("F24", "kills in the midst of snapshots", ThreeAndFive, ("soak", "snapshot-kills")),
        new("F26", "compaction storms", ThreeAndFive, ("watch", "compactions"), ("range", "compactions")),
        new("F28", "compaction, tidying, kills", ThreeAndFive, ("soak", "compactions")),
        new("F29", "members come and go, with kills", ThreeAndFive, ("register", "membership-kills"), ("list-append", "membership-kills")),
        new("F30", "learners", ThreeAndFive, ("soak", "learners")),
        new("F31", "members are replaced", ThreeAndFive, ("soak", "membership")),
        new("F32", "the majority is lost for good", ThreeAndFive, ("recovery", "none")),
        new("F33", "a backup under load, and a new cluster from it", ThreeAndFive, ("backup", "none")),
        new("F34", "clocks that jump, and that run too fast", ThreeAndFive, ("lease", "clocks"), ("register", "clocks"), ("lock-fenced", "clocks"), ("lease", "clocks-kills"), ("lease", "drift"), ("register", "drift")),
        new("F35", "leaders that change all the time", ThreeAndFive, ("lease", "leader-churn")),
        new("F37", "holders of a lock that are late", ThreeAndFive, ("lock-fenced", "pause"), ("lock-unsafe", "none")),
        new("F38", "one watcher that hardly reads", ThreeAndFive, ("watch", "slow-watcher")) { LeastSeconds = 20 },
        new("F39", "all clients come back at once", ThreeAndFive, ("watch", "reconnects"), ("lease", "reconnects")) { Clients = 1000, LeastSeconds = 30 },
        new("F40", "answers that are lost", ThreeAndFive, ("list-append", "lost-answers"), ("cas", "lost-answers"), ("lease", "lost-answers")),
        new("F41", "users, roles and tokens that change", ThreeAndFive, ("accounts", "kill-one"), ("accounts", "none"), ("accounts", "snapshot-kills")) { LeastSeconds = 20 },
        new("F42", "overload", ThreeAndFive, ("soak", "overload")),
        new("F44", "little memory, few files, busy threads", ThreeAndFive, ("soak", "memory"), ("soak", "runtime")),
        new("F45", "informers of the registry", ThreeAndFive, ("informers", "kill-leader"), ("informers", "isolated"), ("informers", "behind"), ("informers", "compactions")),
    ];
}
