namespace RaftKv.Storage.Records;

/// <summary>The sizes of a <see cref="LogRecordStore"/>.</summary>
public sealed record LogRecordStoreOptions
{
    internal const int SegmentBytesMin = 256;
    internal const int SegmentBytesMax = 1 << 30;

    /// <summary>Size at which a segment is closed and the next one begun, in bytes. A record that is larger gets a segment
    /// of its own size.</summary>
    public int SegmentBytes { get; init; } = 16 * 1024 * 1024;

    /// <summary>How many bytes may wait in memory before they are written without a checkpoint asking for it.</summary>
    public int BufferBytes { get; init; } = 1024 * 1024;

    /// <summary>For tests of the tests.</summary>
    internal RecordFaults Faults { get; init; } = RecordFaults.None;

    /// <summary>Everything wrong with these options, in words an operator can act on.</summary>
    public IEnumerable<string> Problems()
    {
        if (SegmentBytes is < SegmentBytesMin or > SegmentBytesMax)
        {
            yield return $"{nameof(SegmentBytes)} must be from {SegmentBytesMin} to {SegmentBytesMax}, but is {SegmentBytes}.";
        }

        if (BufferBytes < 0)
        {
            yield return $"{nameof(BufferBytes)} must not be negative, but is {BufferBytes}.";
        }
    }
}
