using RaftKv.Raft;
using RaftKv.Storage.Mvcc;

namespace RaftKv.Storage.Watch;

/// <summary>
/// A key or a range with all who watch it, and which of the recent changes matched. A thousand watchers of one key are
/// matched once. Guarded by the hub's lock.
/// </summary>
/// <remarks>
/// <code>
///     nothing known  | KnownFrom                      now
///   -----------------+--------*-----*--*--------------*--|
///                             the matches remembered
/// </code>
/// A watcher whose cursor lies at <see cref="KnownFrom"/> or later is told of the remembered matches; one that lies before
/// it has to look for itself.
/// </remarks>
internal sealed class WatchTarget(KeyRange range, long knownFrom)
{
    private Match[] _matches = [];
    private int _first;
    private Watcher[] _watchers = [];

    public KeyRange Range { get; } = range;

    /// <summary>From this main revision on, all matches are remembered.</summary>
    public long KnownFrom { get; private set; } = knownFrom;

    public int MatchCount { get; private set; }

    public int WatcherCount { get; private set; }

    public ReadOnlySpan<Watcher> Watchers => _watchers.AsSpan(0, WatcherCount);

    /// <summary>The first and the last main revision that matched in the batch being announced; 0 if none did.</summary>
    public (long First, long Last) Batch { get; private set; }

    public bool BatchHasPuts { get; private set; }

    public bool BatchHasDeletes { get; private set; }

    public void Add(Watcher watcher)
    {
        if (WatcherCount == _watchers.Length)
        {
            Array.Resize(ref _watchers, Math.Max(1, 2 * WatcherCount));
        }

        watcher.Target = this;
        watcher.Place = WatcherCount;
        _watchers[WatcherCount++] = watcher;
    }

    public void Remove(Watcher watcher)
    {
        Invariant.Holds(_watchers[watcher.Place] == watcher);
        var last = _watchers[--WatcherCount];
        _watchers[watcher.Place] = last;
        last.Place = watcher.Place;
        _watchers[WatcherCount] = null!;
        watcher.Target = null;
    }

    /// <summary>Remembers a match.</summary>
    /// <param name="position">Among the recent changes.</param>
    /// <param name="change">What stands there.</param>
    /// <param name="max">How many to remember.</param>
    /// <returns>Whether it is the first of the batch.</returns>
    public bool AddMatch(long position, WatchEvent change, int max)
    {
        while (MatchCount >= max)
        {
            ForgetFirst();
        }

        if (MatchCount == _matches.Length)
        {
            var larger = new Match[Math.Max(2, 2 * MatchCount)];
            for (var i = 0; i < MatchCount; i++)
            {
                larger[i] = At(i);
            }

            _matches = larger;
            _first = 0;
        }

        _matches[(_first + MatchCount++) & (_matches.Length - 1)] = new Match(position, change.Revision.Main);
        var isFirst = Batch.Last == 0;
        Batch = (isFirst ? change.Revision.Main : Batch.First, change.Revision.Main);
        BatchHasPuts |= !change.IsDelete;
        BatchHasDeletes |= change.IsDelete;
        return isFirst;
    }

    public void EndBatch()
    {
        Batch = default;
        BatchHasPuts = false;
        BatchHasDeletes = false;
    }

    /// <summary>Forgets the matches among changes that are not recent any more.</summary>
    public void ForgetBefore(long position)
    {
        while (MatchCount > 0 && At(0).Position < position)
        {
            ForgetFirst();
        }
    }

    /// <summary>Forgets all: history may have changed behind its back.</summary>
    public void Clear(long knownFrom)
    {
        Invariant.Holds(knownFrom >= KnownFrom);
        _matches = [];
        _first = 0;
        MatchCount = 0;
        KnownFrom = knownFrom;
    }

    public Match At(int index) => _matches[(_first + index) & (_matches.Length - 1)];

    /// <summary>The index of the first match from a main revision on.</summary>
    public int IndexOf(long main)
    {
        Invariant.Holds(main >= KnownFrom);
        var low = 0;
        var high = MatchCount;
        while (low < high)
        {
            var middle = (low + high) >>> 1;
            if (At(middle).Main < main)
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

    private void ForgetFirst()
    {
        KnownFrom = Math.Max(KnownFrom, At(0).Main + 1);
        _first = (_first + 1) & (_matches.Length - 1);
        MatchCount--;
    }

    public readonly record struct Match(long Position, long Main);
}
