using System.Globalization;
using System.Text;
using RaftKv.Simulation.Disks;
using RaftKv.Simulation.Members;

namespace RaftKv.Simulation;

/// <summary>One kind of trouble that is made at a time, as opposed to what happens by itself all along.</summary>
internal enum Trouble
{
    Crash,
    CrashLeader,
    CrashAll,
    CrashAtFailpoint,
    CrashInDiskOperation,
    Split,
    IsolateLeader,
    IsolateSome,
    CutOneWay,
    Ring,
    Clog,
    DiskStall,
    DiskFailsSync,
    DiskFailsWrite,
    DiskFull,
    Wipe,
    Pause,
    PauseLeader,
    Transfer,
    AddLearner,
    Promote,
    Remove,
    Demote,
    Replace,
    AddVoter,
    WallClock,
    RotLog,
    RotState,
    CutLog,
    CutState,

    /// <summary>A stored bit of any file of a member rots.</summary>
    RotAny,

    /// <summary>The end of any file of a member is gone.</summary>
    CutAny,

    /// <summary>Any file of a member is gone.</summary>
    DeleteAny,

    /// <summary>Any file of a member but the newest of its log is after a while what it was before.</summary>
    AgeAny,

    /// <summary>A write lands elsewhere in its file, and the process ends a while later.</summary>
    Astray,

    /// <summary>The disk of a member is replaced by an empty one, and the member started again as it was the first
    /// time.</summary>
    Forget,

    /// <summary>A member is cut off, removed, and replaced by a new one; only then it hears of it.</summary>
    Supplant,

    /// <summary>The state of a member is not what it should be, and it does not know.</summary>
    Harm,
}

/// <summary>One piece of trouble.</summary>
/// <param name="At">When.</param>
/// <param name="Kind">What.</param>
/// <param name="Lasts">For how long, where it lasts.</param>
/// <param name="Lot">Decides what is left to be decided once it is known who is there: which member, which way.</param>
internal readonly record struct PlannedTrouble(long At, Trouble Kind, long Lasts, ulong Lot);

/// <summary>
/// Everything a run is made of, drawn from the seed before it starts. Each seed draws its own mix: some faults not at all,
/// others often, so that rare combinations are not drowned by the common ones.
/// </summary>
internal sealed record FaultPlan
{
    public required ulong Seed { get; init; }

    public required string Scenario { get; init; }

    public required int Voters { get; init; }

    public int Learners { get; init; }

    /// <summary>How long trouble is made. Then everything is healed, and the cluster has to come to its senses.</summary>
    public required long Nanos { get; init; }

    public required Workload Workload { get; init; }

    public required MemberSettings Member { get; init; }

    public NetworkFaults Network { get; init; } = new();

    public DiskLatency DiskLatency { get; init; } = DiskLatency.None;

    public DiskFaults DiskFaults { get; init; } = DiskFaults.None;

    /// <summary>For clusters of whole members; null for those of registers on the core and the log alone.</summary>
    public Whole.WholeSettings? Whole { get; init; }

    /// <summary>Whether as many members as can be spared are switched off when trouble is over, and the others have to do
    /// without.</summary>
    public bool SparesMinority { get; init; }

    /// <summary>How much faster or slower than ten milliseconds a member's clock ticks, at most, in percent.</summary>
    public int ClockSkewPercent { get; init; }

    /// <summary>Whether a machine comes back with whatever a power cut has left, or never loses more than its process.</summary>
    public bool LosesPower { get; init; } = true;

    public required IReadOnlyList<PlannedTrouble> Troubles { get; init; }

    public override string ToString()
    {
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"{Scenario} seed {Seed}: {Voters} voters, {Learners} learners, ");
        text.Append(CultureInfo.InvariantCulture, $"{Nanos / Simulator.Millisecond} ms of trouble\n");
        text.Append(CultureInfo.InvariantCulture, $"  workload {Workload}\n  network {Network}\n  disk {DiskLatency}\n");
        text.Append(CultureInfo.InvariantCulture, $"  disk faults {DiskFaults}\n  clocks +-{ClockSkewPercent} %\n");
        text.Append(CultureInfo.InvariantCulture, $"  member {Member}\n");
        for (var i = 0; i < Troubles.Count; i++)
        {
            var trouble = Troubles[i];
            text.Append(CultureInfo.InvariantCulture, $"  #{i,-3} {trouble.At / Simulator.Millisecond,6} ms {trouble.Kind}");
            text.Append(CultureInfo.InvariantCulture, $" for {trouble.Lasts / Simulator.Millisecond} ms\n");
        }

        return text.ToString();
    }
}
