using RaftKv.Raft.Membership;

namespace RaftKv.Raft.Log;

/// <summary>
/// What the core needs to know of a snapshot: which entries it stands for, and who the members were there. The state
/// itself is the host's; it finds it by position.
/// </summary>
public sealed record Snapshot(LogPosition Position, ClusterConfig Config)
{
    public override string ToString() => $"{Position} {Config}";
}
