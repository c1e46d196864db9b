using System.Diagnostics;
using RaftKv.Storage.Wal;

namespace RaftKv.Server.Metrics;

/// <summary>What the stages of a member count and measure while they work.</summary>
public sealed class StageInstruments : IWalObserver
{
    // 0 while there is none.
    private long _compactionBegan;

    /// <summary>Each sync of the write-ahead log.</summary>
    public Histogram WalSyncs { get; } = Histogram.OfSeconds(0.001, 2, 14);

    /// <summary>Each write to the write-ahead log, before its sync.</summary>
    public Histogram WalWrites { get; } = Histogram.OfSeconds(0.001, 2, 14);

    public Counter WalBytes { get; } = new();

    /// <summary>Each batch of entries from the first step of applying it until readers can see it.</summary>
    public Histogram Commits { get; } = Histogram.OfSeconds(0.001, 2, 14);

    /// <summary>Of an entry, on the average of its batch.</summary>
    public Histogram Applies { get; } = Histogram.OfSeconds(0.0001, 2, 20);

    public Counter SlowApplies { get; } = new();

    /// <summary>Checkpoints, from their begin to their durability.</summary>
    public Histogram Checkpoints { get; } = Histogram.OfSeconds(0.01, 2, 17);

    public Counter LeasesGranted { get; } = new();

    public Counter LeasesRevoked { get; } = new();

    public Counter LeasesRenewed { get; } = new();

    public Histogram LeaseTtls { get; } = Histogram.OfNumbers(1, 2, 24);

    public Counter LeaderChanges { get; } = new();

    /// <summary>Milliseconds for which a step of compaction held applying up.</summary>
    public Histogram CompactionSteps { get; } = Histogram.OfNumbers(1, 2, 13);

    /// <summary>Milliseconds of a whole compaction, with the rests between its steps.</summary>
    public Histogram Compactions { get; } = Histogram.OfNumbers(100, 2, 14);

    /// <summary>When history was compacted last, in seconds since 1970; 0 for never.</summary>
    public long LastCompaction { get; private set; }

    /// <summary>Told of a batch that took long to apply.</summary>
    public Action<TimeSpan, int>? SlowApplied { get; set; }

    /// <summary>A batch was applied, and readers see it.</summary>
    public void Applied(long began, int entries, TimeSpan limit)
    {
        var took = Stopwatch.GetTimestamp() - began;
        Commits.Observe(took);
        Applies.Observe(took / Math.Max(1, entries));
        var time = Stopwatch.GetElapsedTime(began, began + took);
        if (time > limit)
        {
            SlowApplies.Add();
            SlowApplied?.Invoke(time, entries);
        }
    }

    /// <summary>A step of compaction was made.</summary>
    /// <param name="began">When.</param>
    /// <param name="isMore">Whether there are more to make.</param>
    public void CompactedStep(long began, bool isMore)
    {
        _compactionBegan = _compactionBegan == 0 ? began : _compactionBegan;
        CompactionSteps.Observe((long)Stopwatch.GetElapsedTime(began).TotalMilliseconds);
        if (!isMore)
        {
            Compactions.Observe((long)Stopwatch.GetElapsedTime(_compactionBegan).TotalMilliseconds);
            LastCompaction = DateTimeOffset.UtcNow.ToUnixTimeSeconds();
            _compactionBegan = 0;
        }
    }

    void IWalObserver.Written(int bytes, TimeSpan took)
    {
        WalBytes.Add(bytes);
        WalWrites.Observe(took);
    }

    void IWalObserver.Synced(TimeSpan took) => WalSyncs.Observe(took);
}
