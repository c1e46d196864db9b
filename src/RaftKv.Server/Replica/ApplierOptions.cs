namespace RaftKv.Server.Replica;

/// <summary>How the applier paces what it does beside applying.</summary>
public sealed record ApplierOptions
{
    /// <summary>After so many entries a checkpoint is begun.</summary>
    /// <remarks>etcd's --snapshot-count.</remarks>
    public ulong CheckpointEntries { get; init; } = 10_000;

    /// <summary>So many entries before a checkpoint stay in the log, for members that are a little behind.</summary>
    /// <remarks>etcd's --snapshot-catchup-entries.</remarks>
    public ulong KeptEntries { get; init; } = 5_000;

    /// <summary>Keys that a step of compaction looks at; a revision that it removes counts as one.</summary>
    public int CompactionKeys { get; init; } = 250;

    /// <summary>And so many for every entry that was applied since the step before: history must not grow faster than it goes.</summary>
    public int CompactionKeysPerEntry { get; init; } = 4;

    /// <summary>How long compaction rests between two steps, also where nothing is to be applied at the moment: on a machine whose
    /// processors it takes, or whose disk is busy, nothing would be. What it leaves for the collector is spread over so many
    /// writes that hardly one of a hundred meets a collection.</summary>
    public TimeSpan CompactionRest { get; init; } = TimeSpan.FromMilliseconds(1);

    /// <summary>How much of the record store is looked through in one step when there is nothing to apply.</summary>
    public long IdleReclaimBytes { get; init; } = 256 * 1024;

    /// <summary>And between two batches: as much as is written meanwhile, at least, or space would never come back to a
    /// member that is never idle.</summary>
    public long BusyReclaimBytes { get; init; } = 32 * 1024;

    /// <summary>How large the data may grow; 0 or less for no limit. From nine tenths of it on, compaction does not rest, and
    /// space is given back sooner and in larger steps.</summary>
    public long QuotaBytes { get; init; }

    /// <summary>A batch that takes longer to apply is worth a line. etcd's --warning-apply-duration.</summary>
    public TimeSpan SlowApply { get; init; } = TimeSpan.FromMilliseconds(100);

    /// <summary>Space is given back by itself while the records take more than this beside twice what is needed.</summary>
    public long SlackBytes { get; init; } = 32 * 1024 * 1024;
}
