namespace KubeStore.Queues;

/// <summary>How long failed work waits.</summary>
public sealed record RetryOptions
{
    /// <summary>The pause after an item's first failure. It doubles with every further one.</summary>
    public TimeSpan Shortest { get; init; } = TimeSpan.FromMilliseconds(5);

    public TimeSpan Longest { get; init; } = TimeSpan.FromSeconds(1000);

    /// <summary>Of all items together, so many repetitions a second once <see cref="Burst"/> of them are used up.</summary>
    public double PerSecond { get; init; } = 10;

    public int Burst { get; init; } = 100;
}

/// <summary>A work queue whose items may come later, and come later and later while they fail.</summary>
/// <example><code>
/// queue.AddAfter(key, TimeSpan.FromMinutes(1));   // have a look at it then
/// queue.AddFailed(key);                           // again, but not at once
/// queue.Forget(key);                              // it went well: the next failure is its first
/// </code></example>
public sealed class RetryQueue<T> : WorkQueue<T>, IDisposable
    where T : notnull
{
    private readonly Lock _gate = new();
    private readonly TimeProvider _time;
    private readonly RetryOptions _options;
    private readonly ITimer _timer;

    // Under the gate. An item that is due at another time than its entry says has an earlier entry, or has had one.
    private readonly PriorityQueue<(T Item, long Due), long> _later = new();
    private readonly Dictionary<T, long> _due = [];
    private readonly Dictionary<T, int> _failures = [];
    private double _tokens;
    private long _counted;

    public RetryQueue(TimeProvider? time = null, RetryOptions? options = null)
    {
        _time = time ?? TimeProvider.System;
        _options = options ?? new();
        _tokens = _options.Burst;
        _counted = _time.GetTimestamp();
        _timer = _time.CreateTimer(static queue => ((RetryQueue<T>)queue!).AddDue(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    /// <summary>Puts an item into line after a while. Of several times that were named the earliest counts.</summary>
    public void AddAfter(T item, TimeSpan after)
    {
        if (after <= TimeSpan.Zero)
        {
            Add(item);
            return;
        }

        lock (_gate)
        {
            var due = _time.GetTimestamp() + (long)(after.TotalSeconds * _time.TimestampFrequency);
            if (_due.TryGetValue(item, out var earlier) && earlier <= due)
            {
                return;
            }

            _due[item] = due;
            _later.Enqueue((item, due), due);
            SetTimer();
        }
    }

    /// <summary>Puts an item into line that has failed: later each time.</summary>
    public void AddFailed(T item)
    {
        TimeSpan pause;
        lock (_gate)
        {
            var failures = _failures.GetValueOrDefault(item);
            _failures[item] = failures + 1;
            var own = _options.Shortest.TotalSeconds * Math.Pow(2, Math.Min(failures, 60));
            pause = TimeSpan.FromSeconds(Math.Max(Math.Min(own, _options.Longest.TotalSeconds), Reserve()));
        }

        AddAfter(item, pause);
    }

    /// <summary>How often an item has failed since it was forgotten.</summary>
    public int Failures(T item)
    {
        lock (_gate)
        {
            return _failures.GetValueOrDefault(item);
        }
    }

    /// <summary>An item's failures do not count any more.</summary>
    public void Forget(T item)
    {
        lock (_gate)
        {
            _failures.Remove(item);
        }
    }

    public void Dispose() => _timer.Dispose();

    // The bucket of all: how many seconds until this one's turn.
    private double Reserve()
    {
        var now = _time.GetTimestamp();
        _tokens = Math.Min(_options.Burst, _tokens + (_time.GetElapsedTime(_counted, now).TotalSeconds * _options.PerSecond));
        _counted = now;
        _tokens--;
        return _tokens >= 0 ? 0 : -_tokens / _options.PerSecond;
    }

    private void AddDue()
    {
        var due = new List<T>();
        lock (_gate)
        {
            var now = _time.GetTimestamp();
            while (_later.TryPeek(out var entry, out var at) && at <= now)
            {
                _later.Dequeue();
                if (_due.TryGetValue(entry.Item, out var meant) && meant == entry.Due)
                {
                    _due.Remove(entry.Item);
                    due.Add(entry.Item);
                }
            }

            SetTimer();
        }

        due.ForEach(Add);
    }

    private void SetTimer()
    {
        if (_later.TryPeek(out _, out var at))
        {
            // Rounded up, or a timer that is a little early would find nothing due and come again at once, and again.
            var wait = Math.Ceiling((at - _time.GetTimestamp()) * 1000.0 / _time.TimestampFrequency);
            _timer.Change(TimeSpan.FromMilliseconds(Math.Clamp(wait, 0, int.MaxValue)), Timeout.InfiniteTimeSpan);
        }
    }
}
