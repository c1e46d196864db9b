using RaftKv.Raft;
using RaftKv.Simulation.Disks;
using RaftKv.Simulation.Whole;

namespace RaftKv.Simulation;

// Those of whole members.
internal static partial class Scenarios
{
    private const long SoakNanos = 60 * Simulator.Second;
    private const int SoakOperations = 6000;

    // All at once: half of the seeds watch, a third has leases.
    private static FaultPlan MemberSwarm(ulong seed)
    {
        var plan = Swarm(seed) with { Scenario = "member-swarm" };
        var chance = new Chance(seed).Stream("member-swarm");
        plan = chance.CoinToss() ? Watched(plan) : Whole(plan);
        return chance.Happens(1, 3) ? Leased(plan) : plan;
    }

    private static FaultPlan Leased(FaultPlan plan)
    {
        var chance = new Chance(plan.Seed).Stream("leased");
        return plan with
        {
            Nanos = 2 * plan.Nanos,
            Member = plan.Member with
            {
                // A new leader must be able to rely on the old one having noticed.
                Raft = plan.Member.Raft with { PreVote = true },
            },
            Workload = plan.Workload with { Operations = 2 * plan.Workload.Operations },
            Whole = plan.Whole! with
            {
                Leases = new Storage.Leases.LeaseClockOptions
                {
                    IsCheckpointing = chance.CoinToss(),
                    CheckpointMs = 400,
                    PassMs = 50,
                    RetryMs = 300,
                    SpreadFromCount = chance.Pick<int>([2, 1000]),
                    SpreadPerSecond = chance.Pick<int>([2, 750]),
                },
                Workload = plan.Whole.Workload with { Grant = 6, Renew = 25, Revoke = 2 },
            },
        };
    }

    // Whoever leads may be the last one to hear that it does no more, and the last one to apply what all others have.
    private static FaultPlan MemberRevocations(ulong seed)
    {
        var plan = Leased(Whole(Draw(
            "member-revocations",
            seed,
            [Trouble.Transfer, Trouble.Transfer, Trouble.Transfer, Trouble.CutOneWay, Trouble.CutOneWay, Trouble.IsolateLeader, Trouble.DiskStall])));
        var chance = new Chance(seed).Stream("revocations");
        return plan with
        {
            Voters = chance.Pick<int>([3, 3, 5]),
            Learners = 0,
            Troubles = Repeat(plan, times: 3, lastsMax: 300, chance),
            Whole = plan.Whole! with
            {
                Workload = plan.Whole.Workload with { Grant = 20, Renew = 60, Revoke = 20, RenewsGivenUp = new Ratio(2, 3) },
            },
        };
    }

    // Leaders that change every three seconds, under leases that live for eight and that nobody keeps alive.
    private static FaultPlan MemberLongLeases(ulong seed)
    {
        var plan = Leased(Whole(Draw("member-long-leases", seed, [], rough: false)));
        var chance = new Chance(seed).Stream("long leases");
        var troubles = new List<PlannedTrouble>();
        for (var second = 3; second < 27; second += 3)
        {
            var kind = chance.Pick<Trouble>([Trouble.CrashLeader, Trouble.IsolateLeader, Trouble.PauseLeader]);
            troubles.Add(new PlannedTrouble(second * Simulator.Second, kind, 400 * Simulator.Millisecond, chance.Next()));
        }

        return plan with
        {
            Voters = 3,
            Learners = 0,
            Nanos = 27 * Simulator.Second,
            Troubles = troubles,
            Workload = plan.Workload with { Operations = 60 },
            Whole = plan.Whole! with
            {
                LeasesEndWithin = 20 * Simulator.Second,
                Leases = new Storage.Leases.LeaseClockOptions { IsCheckpointing = true, CheckpointMs = 200, PassMs = 50, RetryMs = 300 },
                Workload = plan.Whole.Workload with { Grant = 10, Renew = 0, Revoke = 0, TtlMin = 8, TtlMax = 8 },
            },
        };
    }

    // The same troubles for members as they are in life. What the core may be told to do and no member does is as it is
    // there.
    private static FaultPlan Whole(FaultPlan plan)
    {
        var chance = new Chance(plan.Seed).Stream("whole");
        var kept = chance.Pick<ulong>([0, 5, 20]);
        return plan with
        {
            Troubles = [.. plan.Troubles.Where(trouble => trouble.Kind is not (Trouble.Demote or Trouble.Replace))],
            Member = plan.Member with
            {
                Raft = plan.Member.Raft with { ForwardProposals = true, CheckQuorum = true, HeartbeatTicks = 1 },
            },
            Whole = new WholeSettings
            {
                Applier = new Server.Replica.ApplierOptions
                {
                    CheckpointEntries = chance.Pick<ulong>([10, 30, 100]),
                    KeptEntries = kept,
                    CompactionKeys = chance.Between(1, 4),
                    IdleReclaimBytes = chance.Pick<long>([256, 2048]),
                    BusyReclaimBytes = 256,
                    SlackBytes = chance.Pick<long>([0, 2048, 1 << 20]),
                },
                Records = new Storage.Records.LogRecordStoreOptions
                {
                    SegmentBytes = chance.Pick<int>([256, 1024, 16 * 1024]),
                    BufferBytes = chance.Pick<int>([0, 300, 4096]),
                },
                StageDelayNanosMax = chance.Pick<long>([5, 50, 2000]) * Simulator.Microsecond,
            },
        };
    }

    // A new leader hears of what it must tell only when it has written an entry of its own, which takes a while here.
    private static FaultPlan MemberReads(ulong seed)
    {
        var plan = Whole(Draw(
            "member-reads",
            seed,
            [Trouble.Transfer, Trouble.Transfer, Trouble.Transfer, Trouble.CrashLeader, Trouble.IsolateLeader, Trouble.PauseLeader]));
        var chance = new Chance(seed).Stream("reads");
        return plan with
        {
            Voters = chance.Pick<int>([3, 3, 5]),
            Learners = 0,
            Troubles = Repeat(plan, times: 3, lastsMax: 200, chance),
            DiskLatency = DiskLatency.SolidState with { SyncNanosMin = 2 * Simulator.Millisecond, SyncNanosMax = 12 * Simulator.Millisecond },
            Network = new NetworkFaults { DelayNanosMin = 100 * Simulator.Microsecond, DelayNanosMax = 2 * Simulator.Millisecond },
            Workload = plan.Workload with
            {
                Clients = 6,
                Keys = 2,
                Operations = 600,
                ThinkNanosMax = 3 * Simulator.Millisecond,
                TimeoutNanos = 100 * Simulator.Millisecond,
                Loss = Ratio.Never,
                Wandering = Ratio.Always,
            },
            Whole = plan.Whole! with { Workload = new KvWorkload { Put = 20, Get = 60, Range = 0, Local = 0, Old = 0, Delete = 0, DeleteRange = 0, Swap = 0, Txn = 0, Compact = 0 } },
        };
    }

    // Logs end in entries of earlier leaders, and the next one goes before more than one or two of its own are anywhere.
    private static FaultPlan MemberTakeovers(ulong seed)
    {
        var plan = Whole(Elections(seed) with { Scenario = "member-takeovers" });
        var chance = new Chance(seed).Stream("takeovers");
        return plan with
        {
            Voters = chance.Pick<int>([3, 5, 5]),
            Learners = 0,
            Troubles = Repeat(plan, times: 3, lastsMax: 120, chance),
            Member = plan.Member with { Raft = plan.Member.Raft with { MaxAppendBytes = 1, MaxInflightAppends = 1 } },
        };
    }

    // Records are written one by one and are much alike, so that one may take the place of another; and they are read from
    // the disk, not from memory.
    private static FaultPlan MemberStrays(ulong seed)
    {
        var plan = Watched(Draw("member-strays", seed, [Trouble.Astray, Trouble.Astray, Trouble.Astray, Trouble.Crash, Trouble.IsolateSome]));
        var whole = plan.Whole!;
        var chance = new Chance(seed).Stream("strays");
        return plan with
        {
            Voters = chance.Pick<int>([3, 3, 5]),
            Learners = 0,
            Workload = plan.Workload with { Clients = 4, ThinkNanosMax = 5 * Simulator.Millisecond, Operations = 300 },
            Whole = whole with
            {
                Records = new Storage.Records.LogRecordStoreOptions { SegmentBytes = chance.Pick<int>([1024, 16 * 1024]), BufferBytes = 0 },
                Watch = whole.Watch with { RecentChanges = 1 },
                Workload = whole.Workload with { Watchers = 4, Put = 40, Local = 20, Old = 40, Compact = 0, PaddingBytes = 0 },
            },
        };
    }

    private static FaultPlan MemberCompactions(ulong seed)
    {
        var plan = Watched(Draw("member-compactions", seed, [Trouble.Crash, Trouble.CrashLeader, Trouble.IsolateSome, Trouble.CrashAll]));
        var whole = plan.Whole!;
        return plan with
        {
            Workload = plan.Workload with { ThinkNanosMax = 5 * Simulator.Millisecond, Operations = 300 },
            Whole = whole with
            {
                Watch = whole.Watch with { RecentChanges = 1 },
                Workload = whole.Workload with
                {
                    Watchers = 8,
                    Delete = 25,
                    Compact = 12,
                    CompactsToDeletes = new Ratio(2, 3),
                    WatchesFromCompacted = new Ratio(1, 2),
                },
            },
        };
    }

    private static FaultPlan MemberSoak(ulong seed)
    {
        var plan = Leased(Watched(Draw("member-soak", seed, [])));
        var chance = new Chance(seed).Stream("soak");
        Trouble[] mix =
        [
            .. Crashes, .. Crashes, .. Partitions, .. Pauses, .. Disks, Trouble.Transfer, Trouble.WallClock, Trouble.AddLearner, Trouble.AddVoter,
            Trouble.Promote, Trouble.Remove, Trouble.Supplant, Trouble.Forget, Trouble.RotAny, Trouble.CutAny, Trouble.DeleteAny,
        ];
        var troubles = new List<PlannedTrouble>();
        for (var at = Simulator.Second; at < SoakNanos; at += chance.Between(200, 1500) * Simulator.Millisecond)
        {
            troubles.Add(new PlannedTrouble(at, chance.Pick<Trouble>(mix), chance.Between(20, 800) * Simulator.Millisecond, chance.Next()));
        }

        return plan with
        {
            Voters = chance.Pick<int>([3, 5, 5, 7]),
            Nanos = SoakNanos,
            Troubles = troubles,
            SparesMinority = true,
            Workload = plan.Workload with { Operations = SoakOperations, ThinkNanosMax = 60 * Simulator.Millisecond },
        };
    }

    // Most commands are sent again under their name, and again, while members end, fall behind and come back.
    private static FaultPlan MemberRepeats(ulong seed)
    {
        var plan = Whole(Draw("member-repeats", seed, [Trouble.Crash, Trouble.CrashLeader, Trouble.IsolateSome, Trouble.IsolateLeader, Trouble.CrashAll]));
        var whole = plan.Whole!;
        return plan with
        {
            Workload = plan.Workload with
            {
                ThinkNanosMax = 5 * Simulator.Millisecond,
                TimeoutNanos = 150 * Simulator.Millisecond,
                Operations = 300,
                Loss = new Ratio(1, 4),
            },
            Whole = whole with
            {
                Applier = whole.Applier with { CheckpointEntries = 10, KeptEntries = 1 },
                Workload = whole.Workload with { Named = new Ratio(4, 5) },
            },
        };
    }

    private static FaultPlan MemberSnapshots(ulong seed)
    {
        var plan = Watched(Draw(
            "member-snapshots",
            seed,
            [Trouble.IsolateSome, Trouble.IsolateSome, Trouble.Crash, Trouble.CrashLeader, Trouble.DiskStall, Trouble.CrashInDiskOperation]));
        var whole = plan.Whole!;
        return plan with
        {
            Workload = plan.Workload with { ThinkNanosMax = 3 * Simulator.Millisecond, Operations = 300 },
            Whole = whole with
            {
                Applier = whole.Applier with { CheckpointEntries = 10, KeptEntries = 1 },
                Workload = whole.Workload with { Compact = 8 },
            },
        };
    }

    // No member ends, or its harm would be taken for what it had durably come to; and nobody falls so far behind that a
    // harmed leader would hand its state on.
    private static FaultPlan MemberHarm(ulong seed)
    {
        var plan = Watched(Draw(
            "member-harm",
            seed,
            [Trouble.Harm, Trouble.Harm, Trouble.Harm, Trouble.IsolateLeader, Trouble.IsolateSome, Trouble.Split, Trouble.Transfer, Trouble.Pause]));
        var whole = plan.Whole!;
        var chance = new Chance(seed).Stream("harm");
        return plan with
        {
            Voters = chance.Pick<int>([3, 3, 5]),
            Learners = chance.Pick<int>([0, 1]),
            Whole = whole with
            {
                ComparisonTicks = chance.Pick<int>([10, 30, 60]),
                Applier = whole.Applier with { KeptEntries = 100_000 },
            },
        };
    }

    private static FaultPlan Watched(FaultPlan plan)
    {
        plan = Whole(plan);
        var chance = new Chance(plan.Seed).Stream("watched");
        return plan with
        {
            Whole = plan.Whole! with
            {
                Workload = plan.Whole.Workload with { Watchers = chance.Between(2, 8), Compact = chance.Pick<int>([0, 2, 8]) },
                Watch = new Storage.Watch.WatchOptions
                {
                    RecentChanges = chance.Pick<int>([1, 4, 32, 64 * 1024]),
                    RememberedMatches = chance.Pick<int>([16, 1024]),
                    ResponseRevisions = chance.Pick<int>([1, 3, 1000]),
                    StreamBytes = chance.Pick<int>([100, 64 * 1024]),
                    HistoryRevisions = chance.Pick<int>([2, 1024]),
                },
            },
        };
    }
}
