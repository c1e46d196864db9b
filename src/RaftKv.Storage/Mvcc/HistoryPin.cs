using RaftKv.Raft;

namespace RaftKv.Storage.Mvcc;

/// <summary>
/// Counts the views that were opened between two compactions. A record dies by a compaction alone, so that the keys as they
/// were just before the second one know everything that such a view may ask for. They are kept while one of them is
/// open.
/// </summary>
internal sealed class HistoryPin
{
    // Open views, and one for being the pin of new ones. Never grows again once it is zero.
    private long _holders = 1;
    private volatile KeySnapshot? _keys;

    /// <summary>Null before <see cref="Close"/>: everything that is in the index is needed anyway.</summary>
    public KeySnapshot? Keys => _keys;

    public bool IsHeld => Volatile.Read(ref _holders) > 0;

    public bool TryHold()
    {
        while (true)
        {
            var holders = Volatile.Read(ref _holders);
            if (holders == 0)
            {
                return false;
            }

            if (Interlocked.CompareExchange(ref _holders, holders + 1, holders) == holders)
            {
                return true;
            }
        }
    }

    public void Release()
    {
        var left = Interlocked.Decrement(ref _holders);
        Invariant.Holds(left >= 0);
        if (left == 0)
        {
            _keys = null;
        }
    }

    /// <summary>No new views: a compaction begins.</summary>
    public void Close(KeySnapshot keys)
    {
        _keys = keys;
        Release();
    }
}
