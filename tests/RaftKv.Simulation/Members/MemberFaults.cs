using RaftKv.Raft;
using RaftKv.Storage.Checkpoints;
using RaftKv.Storage.Records;
using RaftKv.Storage.Wal;

namespace RaftKv.Simulation.Members;

/// <summary>Mistakes to be made, to see that the simulator notices: those of the core, of the log, and those that a host can make.</summary>
internal sealed record MemberFaults
{
    public static readonly MemberFaults None = new();

    public RaftFaults Core { get; init; } = RaftFaults.None;

    /// <summary>M2: a checkpoint claims a position before it contains what was applied up to there.</summary>
    public bool ClaimsBeforeData { get; init; }

    /// <summary>M18: a checkpoint's rename is not followed by a sync of the directory.</summary>
    public bool SkipsDirectorySync { get; init; }

    /// <summary>M20: what clients have had carried out is not part of the state that is handed on.</summary>
    public bool ForgetsSessions { get; init; }

    /// <summary>A read is answered when its index is known rather than when it is applied.</summary>
    public bool ReadsBeforeApplied { get; init; }

    /// <summary>Those of the stages of a whole member.</summary>
    public Server.Replica.MemberFaults Stages { get; init; } = Server.Replica.MemberFaults.None;

    /// <summary>Those of the checkpoints of a whole member.</summary>
    public StateFaults Checkpoints { get; init; } = StateFaults.None;

    /// <summary>Those of the records of a whole member.</summary>
    public RecordFaults Records { get; init; } = RecordFaults.None;

    /// <summary>Those of the log.</summary>
    public WalFaults Wal { get; init; } = WalFaults.None;
}
