using System.Numerics;

namespace RaftKv.Storage.Records.Faster;

/// <summary>How much memory a <see cref="FasterRecordStore"/> may take, and how it lays out its files.</summary>
public sealed record FasterRecordStoreOptions
{
    internal const int PageBytesMin = 16 * 1024;
    internal const int PagesMin = 4;

    /// <summary>Bytes of the newest records that are kept in memory; older ones are read from the disk. A power of two of
    /// at least four pages (<see cref="PageBytes"/>). Pages are allocated as they are filled.</summary>
    public long MemoryBytes { get; init; } = 64L * 1024 * 1024;

    /// <summary>Bytes of the hash index that finds a record by its revision, a power of two. Eight bytes a record are
    /// enough for it to be found at once; with more records than that the search is longer and memory is added. Touched
    /// as it is filled.</summary>
    public long IndexBytes { get; init; } = 16L * 1024 * 1024;

    /// <summary>The largest record there can be, in bytes. It decides the size of a page, for a record lies in one
    /// page.</summary>
    public int LargestRecordBytes { get; init; } = (2 * 1024 * 1024) - 4096;

    /// <summary>Bytes of a file, a power of two of at least two pages. Space comes back a file at a time.</summary>
    public long SegmentBytes { get; init; } = 64L * 1024 * 1024;

    /// <summary>How far ahead of the records room is reserved on the disk, in pages. What is reserved cannot be refused
    /// later, when there is nobody to refuse it to.</summary>
    public int ReservedPages { get; init; } = 4;

    /// <summary>For tests of the tests.</summary>
    internal RecordFaults Faults { get; init; } = RecordFaults.None;

    /// <summary>Bytes of a page: the smallest power of two that holds the largest record.</summary>
    public int PageBytes
        => (int)BitOperations.RoundUpToPowerOf2((uint)Math.Max(PageBytesMin, LargestRecordBytes + RecordBlocks.RecordOverheadBytes));

    /// <summary>Everything wrong with these options, in words an operator can act on.</summary>
    public IEnumerable<string> Problems()
    {
        if (LargestRecordBytes is < 1 or > 256 * 1024 * 1024)
        {
            yield return $"{nameof(LargestRecordBytes)} must be from 1 to 268435456, but is {LargestRecordBytes}.";
            yield break;
        }

        if (!BitOperations.IsPow2(MemoryBytes) || MemoryBytes < (long)PagesMin * PageBytes)
        {
            yield return $"{nameof(MemoryBytes)} must be a power of two of at least {(long)PagesMin * PageBytes} "
                + $"(records of up to {LargestRecordBytes} bytes need pages of {PageBytes}), but is {MemoryBytes}.";
        }

        if (!BitOperations.IsPow2(IndexBytes) || IndexBytes < 4096)
        {
            yield return $"{nameof(IndexBytes)} must be a power of two of at least 4096, but is {IndexBytes}.";
        }

        if (!BitOperations.IsPow2(SegmentBytes) || SegmentBytes < 2L * PageBytes || SegmentBytes > 1L << 40)
        {
            yield return $"{nameof(SegmentBytes)} must be a power of two from {2L * PageBytes} to {1L << 40}, "
                + $"but is {SegmentBytes}.";
        }

        if (ReservedPages is < 1 or > 1024)
        {
            yield return $"{nameof(ReservedPages)} must be from 1 to 1024, but is {ReservedPages}.";
        }
    }
}
