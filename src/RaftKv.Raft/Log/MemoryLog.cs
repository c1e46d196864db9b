namespace RaftKv.Raft.Log;

/// <summary>
/// The simplest host's log: what <see cref="ILogReader"/> promises, in one list. For tests, simulations and examples;
/// it also says precisely what a real log must do with a Ready.
/// </summary>
public sealed class MemoryLog : ILogReader
{
    private readonly List<Entry> _entries = [];

    private Snapshot? _snapshot;

    public LogPosition Start { get; private set; }

    public LogPosition Last => _entries.Count > 0 ? _entries[^1].Position : Start;

    public IReadOnlyList<Entry> Entries => _entries;

    /// <summary>Writes a batch. A batch that starts at or before the last entry replaces everything from there on.</summary>
    public void Append(ReadOnlySpan<Entry> entries)
    {
        if (entries.IsEmpty)
        {
            return;
        }

        Invariant.Holds(entries[0].Index > Start.Index);
        Invariant.Holds(entries[0].Index <= Last.Index + 1);
        var kept = (int)(entries[0].Index - Start.Index - 1);
        _entries.RemoveRange(kept, _entries.Count - kept);
        foreach (ref readonly var entry in entries)
        {
            _entries.Add(entry);
        }
    }

    /// <summary>A snapshot from the leader replaces the whole log.</summary>
    public void Install(Snapshot snapshot)
    {
        _entries.Clear();
        Start = snapshot.Position;
        _snapshot = snapshot;
    }

    /// <summary>Offers the state at <paramref name="snapshot"/> to members that are too far behind.</summary>
    public void Offer(Snapshot snapshot) => _snapshot = snapshot;

    /// <summary>Drops the entries up to <paramref name="index"/>; the snapshot on offer must cover them.</summary>
    public void Compact(ulong index)
    {
        if (index <= Start.Index)
        {
            return;
        }

        Invariant.Holds(index <= Last.Index);
        var dropped = (int)(index - Start.Index);
        Start = _entries[dropped - 1].Position;
        _entries.RemoveRange(0, dropped);
    }

    public bool TryGetTerm(ulong index, out ulong term)
    {
        term = 0;
        if (index < Start.Index || index > Last.Index)
        {
            return false;
        }

        term = index == Start.Index ? Start.Term : _entries[(int)(index - Start.Index - 1)].Term;
        return true;
    }

    public LogRead Read(ulong first, ulong last, long maxBytes, out ReadOnlyMemory<Entry> entries)
    {
        entries = default;
        if (first <= Start.Index)
        {
            return LogRead.Compacted;
        }

        if (first > Last.Index)
        {
            return LogRead.Unavailable;
        }

        var from = (int)(first - Start.Index - 1);
        var end = (int)(Math.Min(last, Last.Index) - Start.Index);
        var bytes = 0L;
        var count = 0;
        while (from + count < end)
        {
            bytes += _entries[from + count].CountedBytes;
            if (bytes > maxBytes && count > 0)
            {
                break;
            }

            count++;
        }

        entries = _entries.GetRange(from, count).ToArray();
        return LogRead.Found;
    }

    public Snapshot? LatestSnapshot() => _snapshot;
}
