using KubeStore.Objects;

namespace KubeStore.Cache;

/// <summary>A change of an object: there before, there now, or both.</summary>
internal sealed record CacheEvent(KubeObject? Object, KubeObject? Previous, long Revision, long At);

/// <summary>
/// The newest changes of a resource. Who watches is a place in it: there is one path for what was and what comes, and a
/// watcher that sleeps costs nothing.
/// </summary>
/// <remarks>It holds at least what happened in the last 75 seconds, if that is not more than it may ever hold.</remarks>
internal sealed class EventRing
{
    private const int Smallest = 128;
    private const int Largest = 128 * 1024;
    private static readonly long Fresh = (long)TimeSpan.FromSeconds(75).TotalMilliseconds;

    private CacheEvent[] _ring = new CacheEvent[Smallest];
    private long _first;
    private long _end;

    /// <summary>The number of the event that comes next. Numbers go on for ever.</summary>
    public long End => _end;

    /// <summary>Whether anything was let go since the beginning.</summary>
    public bool HasForgotten => _first > 0;

    public CacheEvent? Oldest => _first < _end ? this[_first] : null;

    private CacheEvent this[long number] => _ring[number & (_ring.Length - 1)];

    public void Add(CacheEvent happened)
    {
        if (_end - _first == _ring.Length)
        {
            Resize(happened.At);
        }

        if (_end - _first == _ring.Length)
        {
            _first++;
        }

        _ring[_end & (_ring.Length - 1)] = happened;
        _end++;
    }

    /// <summary>The number of the first event after a revision.</summary>
    public long NumberAfter(long revision)
    {
        long low = _first, high = _end;
        while (low < high)
        {
            var middle = low + ((high - low) / 2);
            if (this[middle].Revision > revision)
            {
                high = middle;
            }
            else
            {
                low = middle + 1;
            }
        }

        return low;
    }

    /// <summary>Some events from a number on; null if they are gone.</summary>
    public CacheEvent[]? Take(long number, int limit)
    {
        if (number < _first)
        {
            return null;
        }

        var taken = new CacheEvent[Math.Min(limit, _end - number)];
        for (var i = 0; i < taken.Length; i++)
        {
            taken[i] = this[number + i];
        }

        return taken;
    }

    // Full: twice as large if even the oldest is fresh, half as large if the newest quarter alone is old enough.
    private void Resize(long now)
    {
        var length = _ring.Length < Largest && now - this[_first].At < Fresh ? _ring.Length * 2
            : _ring.Length > Smallest && now - this[_end - (_ring.Length / 4)].At > Fresh ? _ring.Length / 2
            : _ring.Length;
        if (length == _ring.Length)
        {
            return;
        }

        _first = Math.Max(_first, _end - length);
        var ring = new CacheEvent[length];
        for (var number = _first; number < _end; number++)
        {
            ring[number & (length - 1)] = this[number];
        }

        _ring = ring;
    }
}
