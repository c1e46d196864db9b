using RaftKv.Storage.Files;

namespace RaftKv.Storage.Wal;

/// <summary>A segment of an open log. It stays open for reading back until it is released and its last reader is
/// done.</summary>
internal sealed class WalSegment(ulong number, string path, long capacityBytes, IFile file)
{
    public ulong Number { get; } = number;

    public string Path { get; } = path;

    public long CapacityBytes { get; } = capacityBytes;

    public IFile File { get; } = file;

    // Under the log's view lock.
    public int ReaderCount { get; set; }

    public bool IsReleased { get; set; }
}
