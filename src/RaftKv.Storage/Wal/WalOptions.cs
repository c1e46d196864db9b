namespace RaftKv.Storage.Wal;

/// <summary>The sizes of a log.</summary>
public sealed record WalOptions
{
    internal const int SegmentBytesMin = 8 * 1024;
    internal const int SegmentBytesMax = 1 << 30;

    /// <summary>Size at which a segment is closed and the next one begun. A batch larger than that gets a segment of its
    /// own size.</summary>
    /// <remarks>Space comes back a segment at a time, and each costs a few syncs to begin: large enough to make the
    /// second rare, small enough to make the first prompt.</remarks>
    public int SegmentBytes { get; init; } = 64 * 1024 * 1024;

    /// <summary>Bytes (<see cref="RaftKv.Raft.Log.Entry.CountedBytes"/>) of the newest entries that are kept in memory for followers. Older ones are read back from
    /// the segments.</summary>
    public long TailBytes { get; init; } = 16 * 1024 * 1024;

    /// <summary>Told of each write and sync; nobody if null.</summary>
    public IWalObserver? Observer { get; init; }

    /// <summary>For tests of the tests.</summary>
    internal WalFaults Faults { get; init; } = WalFaults.None;

    /// <summary>Everything wrong with these options, in words an operator can act on.</summary>
    public IEnumerable<string> Problems()
    {
        if (SegmentBytes is < SegmentBytesMin or > SegmentBytesMax || SegmentBytes % WalFormat.SectorBytes != 0)
        {
            yield return $"{nameof(SegmentBytes)} must be a multiple of {WalFormat.SectorBytes} from {SegmentBytesMin} "
                + $"to {SegmentBytesMax}, but is {SegmentBytes}.";
        }

        if (TailBytes < 0)
        {
            yield return $"{nameof(TailBytes)} must not be negative, but is {TailBytes}.";
        }
    }
}
