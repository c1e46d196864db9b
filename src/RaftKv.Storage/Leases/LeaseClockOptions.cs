namespace RaftKv.Storage.Leases;

/// <summary>The numbers of the leader's lease clock, in milliseconds where nothing else is said.</summary>
public sealed record LeaseClockOptions
{
    public static readonly LeaseClockOptions Default = new();

    /// <summary>How many revocations one pass asks for at most.</summary>
    public int RevocationsPerPass { get; init; } = 500;

    /// <summary>How long the next pass waits after one that asked for something.</summary>
    public long PassMs { get; init; } = 500;

    /// <summary>After how long a revocation is asked for again if the lease is still there.</summary>
    public long RetryMs { get; init; } = 7_000;

    /// <summary>From how many leases on a new leader spreads them.</summary>
    public int SpreadFromCount { get; init; } = 1_000;

    /// <summary>How many leases fall due within a second then. Fewer than passes can revoke, so that those that run out
    /// in the ordinary way are not kept waiting by them.</summary>
    public int SpreadPerSecond { get; init; } = 750;

    /// <summary>Whether what is left of long leases is replicated, so that they do not begin anew with each leader.</summary>
    public bool IsCheckpointing { get; init; }

    /// <summary>How often; also, how much must be left of a lease to be worth it.</summary>
    public long CheckpointMs { get; init; } = 300_000;

    /// <summary>How many leases one checkpoint holds at most.</summary>
    public int CheckpointBatch { get; init; } = 1_000;
}
