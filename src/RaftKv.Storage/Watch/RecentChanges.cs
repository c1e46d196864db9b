using RaftKv.Raft;

namespace RaftKv.Storage.Watch;

/// <summary>The newest changes, as many as fit. Each has a position, counted from the first there ever was.</summary>
/// <remarks>
/// <code>
///   position      17    18    19    20    21
///               +-----+-----+-----+-----+-----+
///   revision    | 8.1 | 8.2 | 9.0 | 11.0| 11.1|   FirstRevision is 9: of 8, something is gone
///               +-----+-----+-----+-----+-----+
/// </code>
/// </remarks>
internal sealed class RecentChanges
{
    private readonly int _maxChanges;
    private readonly long _maxBytes;
    private WatchEvent[] _ring = new WatchEvent[64];
    private long _bytes;

    public RecentChanges(WatchOptions options, long firstRevision)
    {
        Invariant.Holds(options.RecentChanges > 0);
        _maxChanges = options.RecentChanges;
        _maxBytes = options.RecentBytes;
        FirstRevision = firstRevision;
    }

    /// <summary>From this main revision on, everything is here.</summary>
    public long FirstRevision { get; private set; }

    /// <summary>Of the oldest change.</summary>
    public long FirstPosition { get; private set; }

    /// <summary>Of the next change.</summary>
    public long NextPosition { get; private set; }

    public WatchEvent this[long position]
    {
        get
        {
            Invariant.Holds(position >= FirstPosition && position < NextPosition);
            return _ring[position & (_ring.Length - 1)];
        }
    }

    /// <summary>Adds a change and gives its position.</summary>
    public long Add(WatchEvent change)
    {
        var count = (int)(NextPosition - FirstPosition);
        if (count == _maxChanges)
        {
            Drop();
        }
        else if (count == _ring.Length)
        {
            Grow();
        }

        _ring[NextPosition & (_ring.Length - 1)] = change;
        _bytes += change.Record.Length;
        NextPosition++;
        Shrink();
        return NextPosition - 1;
    }

    /// <summary>What was before a change is known now, and counts if the change is still here.</summary>
    public void CountBefore(WatchEvent change)
    {
        if (change.IsBeforeCounted)
        {
            return;
        }

        var position = PositionOf(change.Revision.Main);
        while (position < NextPosition && this[position].Revision.CompareTo(change.Revision) < 0)
        {
            position++;
        }

        if (position < NextPosition && ReferenceEquals(this[position], change))
        {
            change.IsBeforeCounted = true;
            _bytes += change.Before?.Length ?? 0;
            Shrink();
        }
        else
        {
            change.Forget();
        }
    }

    /// <summary>The position of the first change of a main revision or of what comes after it.</summary>
    public long PositionOf(long main)
    {
        var low = FirstPosition;
        var high = NextPosition;
        while (low < high)
        {
            var middle = (low + high) >>> 1;
            if (this[middle].Revision.Main < main)
            {
                low = middle + 1;
            }
            else
            {
                high = middle;
            }
        }

        return low;
    }

    /// <summary>Forgets everything.</summary>
    /// <param name="firstRevision">What comes next.</param>
    public void Clear(long firstRevision)
    {
        Array.Clear(_ring);
        FirstPosition = NextPosition;
        FirstRevision = firstRevision;
        _bytes = 0;
    }

    // The newest stays, however big it is.
    private void Shrink()
    {
        while (_bytes > _maxBytes && NextPosition - FirstPosition > 1)
        {
            Drop();
        }
    }

    private void Drop()
    {
        ref var oldest = ref _ring[FirstPosition & (_ring.Length - 1)];
        _bytes -= oldest.Record.Length + (oldest.IsBeforeCounted ? oldest.Before?.Length ?? 0 : 0);
        FirstRevision = oldest.Revision.Main + 1;
        oldest = null!;
        FirstPosition++;
    }

    private void Grow()
    {
        var larger = new WatchEvent[2 * _ring.Length];
        for (var position = FirstPosition; position < NextPosition; position++)
        {
            larger[position & (larger.Length - 1)] = this[position];
        }

        _ring = larger;
    }
}
