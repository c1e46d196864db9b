namespace RaftKv.Raft.Replication;

/// <summary>
/// What has been sent to one follower and not yet been answered, bounded in messages and in bytes. A ring of (last
/// index, bytes) per message; an acknowledgement frees every message up to its index, since the log has no holes.
/// </summary>
internal sealed class InflightWindow(int maxMessages, long maxBytes)
{
    private (ulong LastIndex, long Bytes)[] _ring = [];
    private int _oldest;

    public int Count { get; private set; }

    public long Bytes { get; private set; }

    // The bound in bytes may be overshot by one message: otherwise an entry larger than the bound could never leave.
    public bool IsFull => Count == maxMessages || Bytes >= maxBytes;

    public void Add(ulong lastIndex, long bytes)
    {
        Invariant.Holds(!IsFull);
        if (Count > 0)
        {
            Invariant.Holds(lastIndex > At(Count - 1).LastIndex);
        }

        if (Count == _ring.Length)
        {
            Grow();
        }

        _ring[(_oldest + Count) % _ring.Length] = (lastIndex, bytes);
        Count++;
        Bytes += bytes;
    }

    /// <summary>Frees all messages that end at or before <paramref name="index"/>.</summary>
    public void FreeThrough(ulong index)
    {
        while (Count > 0 && At(0).LastIndex <= index)
        {
            Bytes -= At(0).Bytes;
            _oldest = (_oldest + 1) % _ring.Length;
            Count--;
        }
    }

    public void Clear()
    {
        Count = 0;
        Bytes = 0;
        _oldest = 0;
    }

    private (ulong LastIndex, long Bytes) At(int number) => _ring[(_oldest + number) % _ring.Length];

    // Grows on demand: most windows never hold more than a few messages.
    private void Grow()
    {
        var larger = new (ulong, long)[Math.Min(maxMessages, Math.Max(8, _ring.Length * 2))];
        for (var i = 0; i < Count; i++)
        {
            larger[i] = At(i);
        }

        _ring = larger;
        _oldest = 0;
    }
}
