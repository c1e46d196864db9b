using RaftKv.Raft;
using RaftKv.Simulation.Members;
using RaftKv.Storage.Wal;
using RaftKv.Storage.Watch;

namespace RaftKv.Simulation;

/// <summary>A mistake put in on purpose.</summary>
/// <param name="Name">As on the command line; those with a number are in the project's list of mutations.</param>
/// <param name="Scenario">Where it is looked for.</param>
/// <param name="SeedsMax">It must be noticed within so many seeds of that scenario, from seed 1 on.</param>
/// <param name="Faults">The mistake.</param>
internal sealed record Mutation(string Name, string Scenario, int SeedsMax, MemberFaults Faults);

/// <summary>
/// The test of the simulator: each of these must be noticed. One that survives is a hole in what is drawn, or in what is
/// checked.
/// </summary>
internal static class Mutations
{
    public static readonly IReadOnlyList<Mutation> All =
    [
        Core("M1-answers-before-durable", "crashes", 20, new RaftFaults { AnswersBeforeDurable = true }),
        new("M2-claims-before-data", "crashes", 200, new MemberFaults { ClaimsBeforeData = true }),
        Core("M3-forgets-vote", "elections", 500, new RaftFaults { ForgetsVote = true }),
        Core("M4-reads-without-round", "partitions", 500, new RaftFaults { ReadsWithoutRound = true }),
        Core("M5-reads-before-own-commit", "elections", 500, new RaftFaults { ReadsBeforeOwnCommit = true }),
        Core("M6-counts-learners", "membership", 200, new RaftFaults { CountsLearners = true }),
        Core("M7-truncates-always", "partitions", 200, new RaftFaults { TruncatesAlways = true }),
        Core("M8-commits-old-terms", "elections", 1000, new RaftFaults { CommitsOldTerms = true }),
        Core("M9-repeats-config-changes", "membership", 200, new RaftFaults { RepeatsConfigChanges = true }),
        new("M18-skips-directory-sync", "crashes", 200, new MemberFaults { SkipsDirectorySync = true }),
        new("M20-forgets-sessions", "slow-follower", 100, new MemberFaults { ForgetsSessions = true }),
        Core("trusts-overwritten-writes", "elections", 1000, new RaftFaults { TrustsOverwrittenWrites = true }),
        Core("ignores-candidate-log", "elections", 200, new RaftFaults { IgnoresCandidateLog = true }),
        Core("allows-concurrent-changes", "membership", 500, new RaftFaults { AllowsConcurrentChanges = true }),
        Core("keeps-lease-over-transfer", "leases", 1000, new RaftFaults { KeepsLeaseOverTransfer = true }),
        Core("breaks-promises-to-the-gone", "leases", 1000, new RaftFaults { BreaksPromisesToTheGone = true }),
        new("trusts-failed-sync", "disks", 100, new MemberFaults { Wal = new WalFaults { RepeatsFailedSync = true } }),
        Core("member-M1-answers-before-durable", "member-crashes", 20, new RaftFaults { AnswersBeforeDurable = true }),
        new("member-M2-claims-before-data", "member-crashes", 200, new MemberFaults { Checkpoints = new() { ClaimsBeforeRecords = true } }),
        Core("member-M3-forgets-vote", "member-elections", 500, new RaftFaults { ForgetsVote = true }),
        Core("member-M4-reads-without-round", "member-partitions", 500, new RaftFaults { ReadsWithoutRound = true }),
        Core("member-M5-reads-before-own-commit", "member-reads", 200, new RaftFaults { ReadsBeforeOwnCommit = true }),
        Core("member-M6-counts-learners", "member-membership", 200, new RaftFaults { CountsLearners = true }),
        Core("member-M7-truncates-always", "member-partitions", 200, new RaftFaults { TruncatesAlways = true }),
        Core("member-M8-commits-old-terms", "member-takeovers", 1000, new RaftFaults { CommitsOldTerms = true }),
        Core("member-M9-repeats-config-changes", "member-membership", 200, new RaftFaults { RepeatsConfigChanges = true }),
        Watch("member-M10-keeps-positions-over-snapshot", "member-snapshots", 200, new WatchFaults { KeepsPositionsOverSnapshot = true }),
        new("member-M11-drops-tombstones-at-horizon", "member-compactions", 200, new MemberFaults { Checkpoints = new() { Keys = new() { DropsTombstonesAtHorizon = true } } }),
        Watch("member-M11-loses-deletes-at-compacted", "member-compactions", 200, new WatchFaults { LosesDeletesAtCompacted = true }),
        Watch("member-M12-tells-progress-too-early", "member-watches", 200, new WatchFaults { TellsProgressTooEarly = true }),
        Watch("member-M13-splits-revisions", "member-watches", 200, new WatchFaults { SplitsRevisions = true }),
        new("member-M15-leases-by-wall-clock", "member-leases", 200, new MemberFaults { Stages = new() { LeasesByWallClock = true } }),
        new("member-M16-leases-begin-again", "member-long-leases", 20, new MemberFaults { Stages = new() { LeasesBeginAgain = true } }),
        new("member-overlooks-coming-revocations", "member-revocations", 200, new MemberFaults { Stages = new() { OverlooksComingRevocations = true } }),
        new("member-M17-sums-without-place", "member-strays", 500, new MemberFaults { Records = new() { SumsWithoutPlace = true } }),
        new("member-M18-skips-directory-sync", "member-crashes", 200, new MemberFaults { Checkpoints = new() { SkipsDirectorySync = true } }),
        new("member-M20-forgets-requests", "member-repeats", 50, new MemberFaults { Checkpoints = new() { ForgetsRequests = true } }),
        Watch("member-loses-events-at-join", "member-watches", 200, new WatchFaults { LosesEventsAtJoin = true }),
        Watch("member-repeats-events-at-join", "member-watches", 200, new WatchFaults { RepeatsEventsAtJoin = true }),
        Watch("member-forgets-future-start", "member-watches", 200, new WatchFaults { ForgetsFutureStart = true }),
        Watch("member-looks-up-before-too-late", "member-watches", 200, new WatchFaults { LooksUpBeforeTooLate = true }),
        Watch("member-skips-what-is-compacted", "member-snapshots", 200, new WatchFaults { SkipsWhatIsCompacted = true }),
        new("member-overlooks-damage", "member-harm", 20, new MemberFaults { Stages = new() { OverlooksDamage = true } }),
        new("reads-before-applied", "slow-follower", 200, new MemberFaults { ReadsBeforeApplied = true }),
    ];

    public static Mutation Find(string name)
    {
        foreach (var mutation in All)
        {
            // "M3" is enough.
            if (mutation.Name == name || mutation.Name.StartsWith($"{name}-", StringComparison.Ordinal))
            {
                return mutation;
            }
        }

        throw new ArgumentException($"There is no mutation {name}; there are {string.Join(", ", All.Select(one => one.Name))}.");
    }

    public static FaultPlan Apply(this Mutation? mutation, FaultPlan plan)
        => mutation is null ? plan : plan with { Member = plan.Member with { Faults = mutation.Faults } };

    private static Mutation Watch(string name, string scenario, int seedsMax, WatchFaults faults)
        => new(name, scenario, seedsMax, new MemberFaults { Stages = new() { Watch = faults } });

    private static Mutation Core(string name, string scenario, int seedsMax, RaftFaults faults)
        => new(name, scenario, seedsMax, new MemberFaults { Core = faults });
}
