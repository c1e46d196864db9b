using RaftKv.Raft.Log;
using RaftKv.Storage.Wal;

namespace RaftKv.Storage;

/// <summary>
/// What the host lends to the consensus core: the durable entries of the write-ahead log, and the newest snapshot there
/// is to stream. May be read on any thread.
/// </summary>
public sealed class DurableLog(WriteAheadLog log) : ILogReader
{
    // Replaced as a whole by whoever makes snapshots.
    private Snapshot? _latestSnapshot;

    public LogPosition Start => log.Start;

    public LogPosition Last => log.Last;

    public bool TryGetTerm(ulong index, out ulong term) => log.TryGetTerm(index, out term);

    public LogRead Read(ulong first, ulong last, long maxBytes, out ReadOnlyMemory<Entry> entries)
        => log.Read(first, last, maxBytes, out entries) switch
        {
            WalRead.Found => LogRead.Found,
            WalRead.Compacted => LogRead.Compacted,

            // Overwritten by a shorter suffix since the core looked. It will see that soon, and ask for something else.
            _ => LogRead.Unavailable,
        };

    public Snapshot? LatestSnapshot() => Volatile.Read(ref _latestSnapshot);

    /// <summary>From now on this is what a member that is too far behind gets. It must be durable, and not before
    /// <see cref="Start"/>; the log is compacted behind it afterwards, not before.</summary>
    public void Offer(Snapshot snapshot) => Volatile.Write(ref _latestSnapshot, snapshot);
}
