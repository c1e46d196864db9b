namespace RaftKv.Raft.Log;

/// <summary>One batch handed to the host's log and not yet reported durable.</summary>
internal struct WriteInFlight
{
    public ulong Number;

    /// <summary>What of the current log is durable once this write is: entries of this write and of earlier ones that
    /// have not been replaced since.</summary>
    public ulong Last;

    public Snapshot? Snapshot;
}

/// <summary>
/// The writes the host is busy with, oldest first; they become durable in this order. What a write will have made
/// durable shrinks when entries it carried are replaced, so that an entry which leaves the log and comes back at the
/// same position counts as durable only with the write that brought it back:
/// <code>
/// write 1 carries 5 6 7        durable with 1: through 7
/// 6 and 7 are replaced         durable with 1: through 5
/// write 2 carries 6'           durable with 2: through 6
/// </code>
/// </summary>
internal sealed class WritesInFlight
{
    private readonly Queue<WriteInFlight> _writes = [];

    // Rebuilt on truncation only, which is rare.
    private readonly List<WriteInFlight> _scratch = [];

    public void Add(ulong number, ulong last, Snapshot? snapshot)
        => _writes.Enqueue(new WriteInFlight { Number = number, Last = last, Snapshot = snapshot });

    public bool TryTake(ulong through, out WriteInFlight write)
    {
        if (!_writes.TryPeek(out write) || write.Number > through)
        {
            return false;
        }

        _writes.Dequeue();
        return true;
    }

    /// <summary>The first write after which <paramref name="index"/> is durable; zero if none under way is enough.</summary>
    public ulong NumberCovering(ulong index)
    {
        foreach (var write in _writes)
        {
            if (write.Last >= index)
            {
                return write.Number;
            }
        }

        return 0;
    }

    /// <summary>The entries after <paramref name="index"/> are no longer those that were handed out.</summary>
    public void Overwritten(ulong index)
    {
        _scratch.Clear();
        while (_writes.TryDequeue(out var write))
        {
            write.Last = Math.Min(write.Last, index);
            _scratch.Add(write);
        }

        foreach (var write in _scratch)
        {
            _writes.Enqueue(write);
        }
    }
}
