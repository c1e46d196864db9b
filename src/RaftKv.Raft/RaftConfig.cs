namespace RaftKv.Raft;

/// <summary>How the leader makes sure it still leads before it answers a read.</summary>
public enum ReadMode
{
    /// <summary>By a round of heartbeats. Safe whatever clocks do.</summary>
    Quorum,

    /// <summary>Without a round, while a quorum has answered recently enough that nobody else can have been elected.
    /// Needs clocks that run at about the same rate; falls back to a round otherwise.</summary>
    Lease,
}

/// <summary>Numbers in ticks and bytes. A tick is as long as the host makes it; 100 ms fits the defaults.</summary>
public sealed record RaftConfig
{
    public static readonly RaftConfig Default = new();

    /// <summary>
    /// The shortest silence after which a follower campaigns; each draws its own from here to just below twice as
    /// much. At least several heartbeats, so that one lost message elects nobody.
    /// </summary>
    public int ElectionTicks { get; init; } = 10;

    public int HeartbeatTicks { get; init; } = 1;

    /// <summary>Ask before campaigning, so that a member that was cut off does not depose a working leader.</summary>
    public bool PreVote { get; init; } = true;

    /// <summary>A leader that has not heard of a quorum for <see cref="ElectionTicks"/> steps down, and followers that
    /// hear a leader ignore candidates. The two belong together: either alone leaves the cluster stuck.</summary>
    public bool CheckQuorum { get; init; } = true;

    /// <summary>Followers pass proposals on to the leader. If not, they refuse them.</summary>
    public bool ForwardProposals { get; init; } = true;

    public ReadMode Reads { get; init; } = ReadMode.Quorum;

    /// <summary>With <see cref="ReadMode.Lease"/>: how much shorter than <see cref="ElectionTicks"/> a lease is, to make
    /// up for clocks that run at different rates. With ticks that last from (1 - d) to (1 + d) of what they should,
    /// (ElectionTicks - LeaseMarginTicks) (1 + d) must not exceed (ElectionTicks - 1) (1 - d).</summary>
    /// <remarks>2 of 10 allows for d of 5 percent. Nothing makes up for a process that stands still and goes on: that is why
    /// leases are not the default.</remarks>
    public int LeaseMarginTicks { get; init; } = 2;

    /// <summary>One append carries at most this much, but at least one entry.</summary>
    public long MaxAppendBytes { get; init; } = 1 << 20;

    /// <summary>Appends on their way to one follower. Bounds what a slow follower ties up in queues.</summary>
    public int MaxInflightAppends { get; init; } = 256;

    public long MaxInflightBytes { get; init; } = 16L << 20;

    /// <summary>What a leader accepts without being able to commit it. Beyond it proposals are refused, so that a
    /// leader without a quorum does not fill its memory and disk.</summary>
    public long MaxUncommittedBytes { get; init; } = 64L << 20;

    /// <summary>One Ready carries at most this much to apply, but at least one entry.</summary>
    public long MaxCommittedBytesPerReady { get; init; } = 1 << 20;

    /// <summary>What has been handed out to be applied and not been reported as applied. Beyond it the application is
    /// given nothing more, so that a slow one is not buried.</summary>
    public long MaxApplyingBytes { get; init; } = 16L << 20;

    /// <summary>How many durable entries stay in memory for followers and for the application.</summary>
    public int RecentEntries { get; init; } = 8192;

    public long RecentBytes { get; init; } = 32L << 20;

    /// <summary>What is wrong with these numbers, in sentences; empty if nothing is.</summary>
    public IReadOnlyList<string> Problems()
    {
        var problems = new List<string>();
        Require(HeartbeatTicks >= 1, $"HeartbeatTicks is {HeartbeatTicks}; it must be at least 1.");
        Require(
            ElectionTicks > HeartbeatTicks,
            $"ElectionTicks is {ElectionTicks}; it must be more than HeartbeatTicks ({HeartbeatTicks}).");
        Require(ElectionTicks <= 1_000_000, $"ElectionTicks is {ElectionTicks}; it must be at most 1000000.");
        Require(
            Reads != ReadMode.Lease || CheckQuorum,
            $"Reads by lease need CheckQuorum: it is what keeps others from being elected while the lease lasts.");
        Require(
            LeaseMarginTicks >= 0 && LeaseMarginTicks < ElectionTicks,
            $"LeaseMarginTicks is {LeaseMarginTicks}; it must be from 0 to ElectionTicks - 1.");
        Require(MaxAppendBytes >= 1, $"MaxAppendBytes is {MaxAppendBytes}; it must be at least 1.");
        Require(MaxInflightAppends >= 1, $"MaxInflightAppends is {MaxInflightAppends}; it must be at least 1.");
        Require(
            MaxInflightBytes >= MaxAppendBytes,
            $"MaxInflightBytes is {MaxInflightBytes}; it must hold at least one append of MaxAppendBytes ({MaxAppendBytes}).");
        Require(MaxUncommittedBytes >= 1, $"MaxUncommittedBytes is {MaxUncommittedBytes}; it must be at least 1.");
        Require(
            MaxCommittedBytesPerReady >= 1,
            $"MaxCommittedBytesPerReady is {MaxCommittedBytesPerReady}; it must be at least 1.");
        Require(MaxApplyingBytes >= 1, $"MaxApplyingBytes is {MaxApplyingBytes}; it must be at least 1.");
        Require(RecentEntries >= 0, $"RecentEntries is {RecentEntries}; it must not be negative.");
        Require(RecentBytes >= 0, $"RecentBytes is {RecentBytes}; it must not be negative.");
        return problems;

        void Require(bool claim, FormattableString problem)
        {
            if (!claim)
            {
                problems.Add(FormattableString.Invariant(problem));
            }
        }
    }
}
