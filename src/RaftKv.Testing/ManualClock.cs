namespace RaftKv.Testing;

/// <summary>A clock that stands still until it is told to go on, and fires the timers it passes.</summary>
internal sealed class ManualClock(DateTimeOffset start) : TimeProvider
{
    private readonly Lock _gate = new();
    private readonly HashSet<ManualTimer> _set = [];
    private long _now;

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    /// <summary>Grows with every timer that is set.</summary>
    public long Activity { get; private set; }

    public override long GetTimestamp() => Interlocked.Read(ref _now);

    public override DateTimeOffset GetUtcNow() => start.AddTicks(GetTimestamp());

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        var timer = new ManualTimer(this, callback, state);
        timer.Change(dueTime, period);
        return timer;
    }

    /// <summary>Goes on to the next moment at which a timer is due, not beyond a time, and fires all that are due then.</summary>
    /// <returns>False if it got there and nothing is due.</returns>
    public bool GoOn(long until)
    {
        ManualTimer[] due;
        lock (_gate)
        {
            var next = _set.Count > 0 ? Math.Max(_set.Min(timer => timer.Due), _now) : long.MaxValue;
            if (next > until)
            {
                Interlocked.Exchange(ref _now, until);
                return false;
            }

            Interlocked.Exchange(ref _now, next);
            due = [.. _set.Where(timer => timer.Due <= next).OrderBy(timer => timer.Due).ThenBy(timer => timer.Number)];
            foreach (var timer in due)
            {
                timer.Rearm();
            }
        }

        foreach (var timer in due)
        {
            timer.Fire();
        }

        return true;
    }

    private sealed class ManualTimer(ManualClock clock, TimerCallback callback, object? state) : ITimer
    {
        // Under the clock's gate.
        private long _period;
        private bool _isDisposed;

        public long Due { get; private set; }

        /// <summary>The order of being set, in which those of one moment fire.</summary>
        public long Number { get; private set; }

        public void Rearm()
        {
            if (_period > 0)
            {
                Due = Math.Max(Due, clock._now) + _period;
            }
            else
            {
                clock._set.Remove(this);
            }
        }

        public void Fire()
        {
            // Only what is due at the same moment can have disposed of it since.
            lock (clock._gate)
            {
                if (_isDisposed)
                {
                    return;
                }
            }

            callback(state);
        }

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            lock (clock._gate)
            {
                if (_isDisposed)
                {
                    return false;
                }

                clock._set.Remove(this);
                _period = period == Timeout.InfiniteTimeSpan ? 0 : period.Ticks;
                if (dueTime != Timeout.InfiniteTimeSpan)
                {
                    Due = clock._now + dueTime.Ticks;
                    Number = ++clock.Activity;
                    clock._set.Add(this);
                }

                return true;
            }
        }

        public void Dispose()
        {
            lock (clock._gate)
            {
                _isDisposed = true;
                clock._set.Remove(this);
            }
        }

        public ValueTask DisposeAsync()
        {
            Dispose();
            return default;
        }
    }
}
