using RaftKv.Raft;
using RaftKv.Simulation.Members;
using RaftKv.Storage.Wal;

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
        new("trusts-failed-sync", "disks", 100, new MemberFaults { Wal = new WalFaults { RepeatsFailedSync = true } }),
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

    private static Mutation Core(string name, string scenario, int seedsMax, RaftFaults faults)
        => new(name, scenario, seedsMax, new MemberFaults { Core = faults });
}
