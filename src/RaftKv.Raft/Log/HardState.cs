namespace RaftKv.Raft.Log;

/// <summary>
/// What a member must remember through a crash, besides its entries. Term and vote must be durable before any message
/// that depends on them leaves; the commit index is only a head start, and may lag.
/// </summary>
public readonly record struct HardState(ulong Term, NodeId Vote, ulong Commit)
{
    /// <summary>A member that has never taken part in anything.</summary>
    public static readonly HardState Empty;
}
