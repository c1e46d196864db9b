using System.Diagnostics;
using RaftKv.Raft.Log;
using RaftKv.Storage.Wal;

namespace RaftKv.Simulation.Members;

/// <summary>The write-ahead log in the shape in which the core borrows it.</summary>
internal sealed class WalReader(WriteAheadLog wal) : ILogReader
{
    /// <summary>The newest checkpoint that is durable, to be streamed to members that are too far behind.</summary>
    public MemberState? Offered { get; set; }

    public LogPosition Start => wal.Start;

    public LogPosition Last => wal.Last;

    public bool TryGetTerm(ulong index, out ulong term) => wal.TryGetTerm(index, out term);

    public LogRead Read(ulong first, ulong last, long maxBytes, out ReadOnlyMemory<Entry> entries)
    {
        switch (wal.Read(first, last, maxBytes, out entries))
        {
            case WalRead.Found:
                entries = Cut(entries, maxBytes);
                return LogRead.Found;
            case WalRead.Compacted:
                return LogRead.Compacted;
            case WalRead.BeyondLast:
                return LogRead.Unavailable;
            default:
                throw new UnreachableException();
        }
    }

    public Snapshot? LatestSnapshot()
        => Offered is { } state && state.Position.Index >= Start.Index ? new Snapshot(state.Position, state.Config) : null;

    // The log counts payloads, the core headers as well.
    private static ReadOnlyMemory<Entry> Cut(ReadOnlyMemory<Entry> entries, long maxBytes)
    {
        var bytes = 0L;
        for (var i = 0; i < entries.Length; i++)
        {
            bytes += entries.Span[i].CountedBytes;
            if (bytes > maxBytes && i > 0)
            {
                return entries[..i];
            }
        }

        return entries;
    }
}
