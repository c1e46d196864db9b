using RaftKv.Raft;
using RaftKv.Simulation.Disks;
using RaftKv.Simulation.Members;

namespace RaftKv.Simulation;

/// <summary>A mix of troubles by name.</summary>
/// <param name="Name">As on the command line.</param>
/// <param name="Story">What it is about.</param>
/// <param name="Draw">Draws the plan of a seed.</param>
internal sealed record Scenario(string Name, string Story, Func<ulong, FaultPlan> Draw);

/// <summary>The scenarios. Swarm is all of them at once, each seed with its own selection.</summary>
internal static partial class Scenarios
{
    private static readonly Trouble[] Crashes =
        [Trouble.Crash, Trouble.CrashLeader, Trouble.CrashAll, Trouble.CrashAtFailpoint, Trouble.CrashInDiskOperation];

    private static readonly Trouble[] Partitions =
        [Trouble.Split, Trouble.IsolateLeader, Trouble.IsolateSome, Trouble.CutOneWay, Trouble.Ring, Trouble.Clog];

    private static readonly Trouble[] Disks =
        [Trouble.DiskStall, Trouble.DiskFailsSync, Trouble.DiskFailsWrite, Trouble.DiskFull, Trouble.CrashInDiskOperation];

    private static readonly Trouble[] Membership =
        [Trouble.AddLearner, Trouble.AddLearner, Trouble.Promote, Trouble.Promote, Trouble.Remove, Trouble.Demote, Trouble.Replace];

    private static readonly Trouble[] Pauses = [Trouble.Pause, Trouble.PauseLeader];

    private static readonly Trouble[] Damage = [Trouble.RotLog, Trouble.RotState, Trouble.CutLog, Trouble.CutState];

    private static readonly Trouble[] Harm = [Trouble.RotAny, Trouble.CutAny, Trouble.DeleteAny, Trouble.AgeAny, Trouble.Astray];

    private static readonly Trouble[] Loss = [Trouble.Wipe];

    public static readonly IReadOnlyList<Scenario> All =
    [
        new("swarm", "everything, each seed with a selection of its own", Swarm),
        new("calm", "no trouble at all: the same workload on a working cluster", seed => Draw("calm", seed, [], rough: false)),
        new("crashes", "processes and machines end, one, several, all, anywhere", seed => Draw("crashes", seed, Crashes)),
        new("partitions", "the network splits, one way and both, in rings and around leaders", seed => Draw("partitions", seed, Partitions)),
        new("disks", "disks stall, fail, fill up and lose what was not synced", seed => Draw("disks", seed, Disks)),
        new("membership", "members come, are promoted, demoted, replaced and go", seed => Draw("membership", seed, [.. Membership, Trouble.CrashLeader, Trouble.IsolateLeader, Trouble.Crash])),
        new("transfers", "leadership is handed over, again and again", seed => Draw("transfers", seed, [Trouble.Transfer, Trouble.Transfer, Trouble.Transfer, Trouble.CrashLeader, Trouble.CutOneWay])),
        new("pauses", "processes stand still and go on as if nothing had been", seed => Draw("pauses", seed, [Trouble.Pause, Trouble.PauseLeader, Trouble.PauseLeader])),
        new("elections", "leaders come and go so fast that terms pile up in the logs", Elections),
        new("slow-follower", "members fall so far behind that only a snapshot helps", SlowFollower),
        new("wipes", "disks are destroyed, of fewer than half of the members", seed => Draw("wipes", seed, [Trouble.Wipe, Trouble.Crash, Trouble.IsolateSome])),
        new("member-swarm", "whole members: everything, each seed with a selection of its own", MemberSwarm),
        new("member-calm", "whole members, no trouble at all", seed => Whole(Draw("member-calm", seed, [], rough: false))),
        new("member-crashes", "whole members end, one, several, all, anywhere", seed => Whole(Draw("member-crashes", seed, Crashes))),
        new("member-elections", "whole members whose leaders come and go", seed => Whole(Elections(seed) with { Scenario = "member-elections" })),
        new("member-takeovers", "whole members whose leaders are gone before they have told anybody much", MemberTakeovers),
        new("member-partitions", "whole members, and a network that splits", seed => Watched(Draw("member-partitions", seed, [.. Partitions, .. Pauses]))),
        new("member-disks", "whole members on disks that stall, fail, fill up, rot and lose the ends of files", seed => Whole(Draw("member-disks", seed, [.. Disks, .. Damage, Trouble.Crash]))),
        new("member-damage", "any file of a whole member rots, is cut, gone, or what it was, and writes go astray", seed => Whole(Draw("member-damage", seed, [.. Harm, .. Harm, Trouble.Crash, Trouble.IsolateLeader]))),
        new("member-strays", "writes of whole members go astray, and history is read meanwhile", MemberStrays),
        new("member-wipes", "disks of whole members are replaced by empty ones, and the members started again as they were the first time", seed => Whole(Draw("member-wipes", seed, [Trouble.Forget, Trouble.Forget, Trouble.Wipe, Trouble.Crash, Trouble.CrashLeader, Trouble.CrashAll, Trouble.CrashAll, Trouble.IsolateSome, Trouble.IsolateLeader, Trouble.CutOneWay]))),
        new("member-replacements", "whole members are replaced, and hear of it late", seed => Whole(Draw("member-replacements", seed, [Trouble.Supplant, Trouble.Supplant, Trouble.Supplant, Trouble.CrashLeader, Trouble.CrashAll, Trouble.CutOneWay, Trouble.Pause]))),
        new("member-reads", "whole members are read from while leadership is handed over, on slow disks", MemberReads),
        new("member-compactions", "history of whole members is compacted to where keys were deleted, and watched from there", MemberCompactions),
        new("member-soak", "whole members for a long time, a little of everything; in the end without as many as can be spared", MemberSoak),
        new("member-membership", "whole members come, are promoted and go, while others fail", seed => Watched(Draw("member-membership", seed, [Trouble.AddLearner, Trouble.AddVoter, Trouble.Promote, Trouble.Promote, Trouble.Remove, Trouble.CrashLeader, Trouble.IsolateLeader, Trouble.Crash, Trouble.CrashAll, Trouble.Transfer]))),
        new("member-leases", "leases of whole members, through leaders that end, stand still and are cut off, and clocks that are set", seed => Leased(Whole(Draw("member-leases", seed, [Trouble.CrashLeader, Trouble.IsolateLeader, Trouble.PauseLeader, Trouble.Transfer, Trouble.DiskStall, Trouble.WallClock, Trouble.Split])))),
        new("member-revocations", "leases that are given up through one member and kept alive through another, while leadership is handed over", MemberRevocations),
        new("member-long-leases", "leases that outlive their leaders, and must still end", MemberLongLeases),
        new("member-watches", "clients that watch whole members through crashes, partitions and snapshots", seed => Watched(Draw("member-watches", seed, [.. Crashes, .. Partitions]))),
        new("member-repeats", "clients of whole members send commands again under their name, and each is carried out once", MemberRepeats),
        new("member-snapshots", "whole members fall so far behind that only a snapshot helps, while history is compacted and watched", MemberSnapshots),
        new("member-harm", "the state of one whole member after the other is harmed, and must be noticed and mended, through splits and changes of leaders", MemberHarm),
        new("leases", "reads by lease, with clocks that differ as much as the lease's margin allows", Leases),
    ];

    public static Scenario Find(string name)
    {
        foreach (var scenario in All)
        {
            if (scenario.Name == name)
            {
                return scenario;
            }
        }

        throw new ArgumentException($"There is no scenario {name}; there are {string.Join(", ", All.Select(one => one.Name))}.");
    }

    private static FaultPlan Swarm(ulong seed)
    {
        var chance = new Chance(seed).Stream("swarm");
        var mix = new List<Trouble>();
        ReadOnlySpan<Trouble[]> groups = [Crashes, Partitions, Disks, Membership, Pauses, [Trouble.Transfer], Loss];
        foreach (var group in groups)
        {
            if (chance.Happens(3, 5))
            {
                // Not all of a group either.
                foreach (var trouble in group)
                {
                    if (chance.Happens(2, 3))
                    {
                        mix.Add(trouble);
                    }
                }
            }
        }

        return Draw("swarm", seed, [.. mix]);
    }

    // Short isolations and crashes of whoever leads, no pre-vote, few messages in flight: logs end in entries of many terms
    // that were never committed, which is where Raft's finer rules matter.
    private static FaultPlan Elections(ulong seed)
    {
        var plan = Draw(
            "elections",
            seed,
            [Trouble.IsolateLeader, Trouble.IsolateLeader, Trouble.CrashLeader, Trouble.CutOneWay, Trouble.Split, Trouble.Crash]);
        var chance = new Chance(seed).Stream("elections");
        var troubles = Repeat(plan, times: 3, lastsMax: 250, chance);
        var isOneByOne = chance.CoinToss();
        var raft = plan.Member.Raft;
        return plan with
        {
            Voters = chance.Pick<int>([3, 5, 5, 5, 7]),
            Troubles = troubles,
            Member = plan.Member with
            {
                Raft = raft with
                {
                    PreVote = false,
                    CheckQuorum = chance.CoinToss(),
                    ElectionTicks = 4,
                    MaxAppendBytes = isOneByOne ? 1 : raft.MaxAppendBytes,
                    MaxInflightAppends = isOneByOne ? 1 : raft.MaxInflightAppends,
                },
            },
            Network = plan.Network with { DelayNanosMin = Simulator.Millisecond, DelayNanosMax = 6 * Simulator.Millisecond },
            Workload = plan.Workload with
            {
                ThinkNanosMax = 5 * Simulator.Millisecond,
                Operations = 200,
                TimeoutNanos = 50 * Simulator.Millisecond,
                Reads = new Ratio(1, 5),
            },
        };
    }

    // The same kinds of trouble, more of them and shorter.
    private static PlannedTrouble[] Repeat(FaultPlan plan, int times, int lastsMax, Chance chance)
    {
        var troubles = new PlannedTrouble[plan.Troubles.Count * times];
        for (var i = 0; i < troubles.Length; i++)
        {
            troubles[i] = new PlannedTrouble(
                chance.Between(100 * Simulator.Millisecond, plan.Nanos),
                plan.Troubles[i / times].Kind,
                chance.Between(10, lastsMax) * Simulator.Millisecond,
                chance.Next());
        }

        Array.Sort(troubles, static (one, other) => one.At.CompareTo(other.At));
        return troubles;
    }

    private static FaultPlan SlowFollower(ulong seed)
    {
        var plan = Draw("slow-follower", seed, [Trouble.IsolateSome, Trouble.Crash, Trouble.DiskStall, Trouble.CrashAtFailpoint]);
        return plan with
        {
            Member = plan.Member with { CheckpointEntries = 10, KeptEntries = 2 },
            Workload = plan.Workload with { ThinkNanosMax = 3 * Simulator.Millisecond, Operations = 250 },
        };
    }

    // Leaders that are cut off, and clients that go on reading from them while others write elsewhere.
    private static FaultPlan Leases(ulong seed)
    {
        var plan = Draw(
            "leases",
            seed,
            [
                Trouble.IsolateLeader, Trouble.IsolateLeader, Trouble.Split, Trouble.CutOneWay, Trouble.CutOneWay,
                Trouble.Transfer, Trouble.Transfer, Trouble.Transfer, Trouble.Crash, Trouble.Crash,
            ]);
        var chance = new Chance(seed).Stream("leases");
        var troubles = Repeat(plan, times: 2, lastsMax: 300, chance);
        var skew = chance.Pick<int>([0, 5, 10, 20]);
        var raft = plan.Member.Raft;
        return plan with
        {
            Voters = chance.Pick<int>([3, 3, 5]),
            Troubles = troubles,
            ClockSkewPercent = skew,
            Network = new NetworkFaults { DelayNanosMin = 100 * Simulator.Microsecond, DelayNanosMax = 3 * Simulator.Millisecond },
            Workload = plan.Workload with
            {
                Clients = 6,
                Keys = 2,
                Operations = 600,
                ThinkNanosMax = 15 * Simulator.Millisecond,
                TimeoutNanos = 30 * Simulator.Millisecond,
                AttemptsMax = 1,
                Loss = Ratio.Never,
                Reads = new Ratio(4, 5),
                Wandering = new Ratio(2, 3),
            },
            Member = plan.Member with
            {
                Raft = raft with
                {
                    Reads = ReadMode.Lease,
                    PreVote = chance.CoinToss(),
                    CheckQuorum = true,
                    LeaseMarginTicks = LeaseMarginFor(skew, raft.ElectionTicks),
                },
            },
        };
    }

    // The least that RaftConfig.LeaseMarginTicks says suffices: the slowest clock's lease ends before the fastest one votes.
    private static int LeaseMarginFor(int skewPercent, int electionTicks)
    {
        var margin = 0;
        while ((electionTicks - margin) * (100 + skewPercent) > (electionTicks - 1) * (100 - skewPercent))
        {
            margin++;
        }

        return margin;
    }

    private static FaultPlan Draw(string name, ulong seed, Trouble[] mix, bool rough = true)
    {
        var chance = new Chance(seed).Stream("plan");
        var nanos = chance.Between(1200, 2400) * Simulator.Millisecond;
        return new FaultPlan
        {
            Seed = seed,
            Scenario = name,
            Voters = chance.Pick<int>([1, 2, 3, 3, 3, 3, 4, 5, 5, 5, 7]),
            Learners = chance.Happens(1, 5) ? chance.Between(1, 2) : 0,
            Nanos = nanos,
            Workload = DrawWorkload(chance.Stream("workload"), rough),
            Member = DrawMember(chance.Stream("member")),
            Network = rough ? DrawNetwork(chance.Stream("network")) : new NetworkFaults(),
            DiskLatency = DrawLatency(chance.Stream("latency"), rough),
            ClockSkewPercent = rough ? chance.Pick<int>([0, 0, 5, 20]) : 0,
            Troubles = DrawTroubles(chance.Stream("troubles"), mix, nanos),
        };
    }

    private static Workload DrawWorkload(Chance chance, bool rough) => new()
    {
        Clients = chance.Between(1, 6),
        Keys = chance.Between(1, 4),
        Operations = chance.Between(60, 200),
        ThinkNanosMax = chance.Pick<long>([5, 20, 40]) * Simulator.Millisecond,
        TimeoutNanos = chance.Pick<long>([50, 200, 400]) * Simulator.Millisecond,
        AttemptsMax = chance.Between(1, 4),
        Reads = chance.Pick<Ratio>([new(1, 3), new(1, 10), new(2, 3)]),
        Swaps = chance.Pick<Ratio>([Ratio.Never, new(1, 3), new(2, 3)]),
        Wandering = chance.Pick<Ratio>([new(1, 20), new(1, 5), Ratio.Always]),
        Loss = rough ? chance.Pick<Ratio>([Ratio.Never, Ratio.Never, new(1, 20)]) : Ratio.Never,
    };

    private static MemberSettings DrawMember(Chance chance) => new()
    {
        SegmentBytes = chance.Pick<int>([8, 16, 64]) * 1024,
        TailBytes = chance.Pick<int>([0, 256, 16 * 1024]),
        CheckpointEntries = chance.Pick<int>([10, 30, 100, 100_000]),
        KeptEntries = chance.Pick<int>([0, 5, 20]),
        PaddingBytes = chance.Pick<int>([0, 0, 64, 600]),
        ApplyNanos = chance.Pick<long>([0, 0, 0, 300, 5000]) * Simulator.Microsecond,
        Raft = DrawRaft(chance.Stream("raft")),
    };

    private static RaftConfig DrawRaft(Chance chance)
    {
        var isTiny = chance.Happens(1, 3);
        return new RaftConfig
        {
            HeartbeatTicks = chance.Between(1, 3),
            PreVote = chance.Happens(3, 4),
            CheckQuorum = chance.Happens(3, 4),
            ForwardProposals = chance.Happens(2, 3),
            MaxAppendBytes = isTiny ? chance.Pick<long>([1, 64, 200]) : 4096,
            MaxInflightAppends = isTiny ? chance.Between(1, 3) : 16,
            MaxInflightBytes = isTiny ? 400 : 16 * 4096,
            MaxUncommittedBytes = chance.Happens(1, 5) ? 200 : 64 * 1024,
            MaxCommittedBytesPerReady = isTiny ? chance.Pick<long>([1, 100]) : 4096,
            MaxApplyingBytes = isTiny ? 100 : 16 * 1024,
            RecentEntries = chance.Pick<int>([0, 4, 64, 8192]),
        };
    }

    private static NetworkFaults DrawNetwork(Chance chance)
    {
        var isFar = chance.Happens(1, 4);
        return new NetworkFaults
        {
            DelayNanosMin = (isFar ? 2000 : 100) * Simulator.Microsecond,
            DelayNanosMax = (isFar ? 8000 : 800) * Simulator.Microsecond,
            Slow = chance.Pick<Ratio>([Ratio.Never, Ratio.Never, new(1, 200), new(1, 20)]),
            Loss = chance.Pick<Ratio>([Ratio.Never, Ratio.Never, new(1, 100), new(1, 10), new(3, 10)]),
            Duplication = chance.Pick<Ratio>([Ratio.Never, Ratio.Never, new(1, 50), new(1, 4)]),
            Reordering = chance.Pick<Ratio>([Ratio.Never, Ratio.Never, new(1, 10), Ratio.Always]),
            QueueLimit = chance.Pick<int>([4, 64, 1024, 1024]),
            ToldOfLoss = chance.Pick<Ratio>([Ratio.Never, new(1, 2), Ratio.Always]),
        };
    }

    private static DiskLatency DrawLatency(Chance chance, bool rough)
    {
        var slow = rough ? chance.Pick<int>([0, 1, 1, 1, 8]) : 1;
        return slow == 0
            ? DiskLatency.None
            : DiskLatency.SolidState with
            {
                SyncNanosMin = slow * DiskLatency.SolidState.SyncNanosMin,
                SyncNanosMax = slow * DiskLatency.SolidState.SyncNanosMax,
                Stall = rough ? chance.Pick<Ratio>([Ratio.Never, Ratio.Never, new(1, 500)]) : Ratio.Never,
                StallNanosMin = 20 * Simulator.Millisecond,
                StallNanosMax = 400 * Simulator.Millisecond,
            };
    }

    private static PlannedTrouble[] DrawTroubles(Chance chance, Trouble[] mix, long nanos)
    {
        if (mix.Length == 0)
        {
            return [];
        }

        var troubles = new PlannedTrouble[chance.Between(3, 16)];
        for (var i = 0; i < troubles.Length; i++)
        {
            troubles[i] = new PlannedTrouble(
                chance.Between(100 * Simulator.Millisecond, nanos),
                chance.Pick<Trouble>(mix),
                chance.Pick<long>([20, 100, 300, 600]) * chance.Between(1, 100) * Simulator.Millisecond / 100,
                chance.Next());
        }

        Array.Sort(troubles, static (one, other) => one.At.CompareTo(other.At));
        return troubles;
    }
}
