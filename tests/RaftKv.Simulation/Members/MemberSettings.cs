using RaftKv.Raft;

namespace RaftKv.Simulation.Members;

/// <summary>How a member is set up, the same on all.</summary>
internal sealed record MemberSettings
{
    public RaftConfig Raft { get; init; } = RaftConfig.Default;

    public int SegmentBytes { get; init; } = 8 * 1024;

    public int TailBytes { get; init; } = 4 * 1024;

    /// <summary>A checkpoint is made after so many entries.</summary>
    public int CheckpointEntries { get; init; } = 60;

    /// <summary>So many entries before a checkpoint stay in the log, for members that are a little behind.</summary>
    public int KeptEntries { get; init; } = 20;

    /// <summary>Up to so many bytes are added to each command.</summary>
    public int PaddingBytes { get; init; }

    /// <summary>How long applying a batch takes.</summary>
    public long ApplyNanos { get; init; }

    public MemberFaults Faults { get; init; } = MemberFaults.None;
}
