using System.Collections.Concurrent;

namespace RaftKv.FaultyMember;

/// <summary>
/// A machine's two clocks. The one on the wall can be set to another time; the one that counts can run too fast or too slowly,
/// and takes the other along.
/// </summary>
internal sealed class FaultyClock : TimeProvider
{
    private readonly ConcurrentDictionary<PacedTimer, bool> _timers = [];
    private readonly Lock _gate = new();
    private long _realSince = System.GetTimestamp();
    private long _countedSince = System.GetTimestamp();
    private TimeSpan _jump;
    private double _rate = 1;

    public override long TimestampFrequency => System.TimestampFrequency;

    public override DateTimeOffset GetUtcNow()
    {
        lock (_gate)
        {
            return System.GetUtcNow() + _jump + System.GetElapsedTime(System.GetTimestamp(), Counted());
        }
    }

    public override long GetTimestamp()
    {
        lock (_gate)
        {
            return Counted();
        }
    }

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        => new PacedTimer(this, callback, state, dueTime, period);

    /// <summary>Sets the clock on the wall so far ahead, or back.</summary>
    public void Jump(TimeSpan by)
    {
        lock (_gate)
        {
            _jump += by;
        }
    }

    /// <summary>From now on so many seconds are counted in one.</summary>
    public void RunAt(double rate)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(rate);
        lock (_gate)
        {
            _countedSince = Counted();
            _realSince = System.GetTimestamp();
            _rate = rate;
        }

        foreach (var timer in _timers.Keys)
        {
            timer.Pace();
        }
    }

    private long Counted() => _countedSince + (long)((System.GetTimestamp() - _realSince) * _rate);

    // What a timer must be told to wait, so that it waits that long by this clock.
    private TimeSpan Real(TimeSpan counted)
    {
        lock (_gate)
        {
            // Less than a millisecond would be no time, and no period.
            return counted <= TimeSpan.Zero ? counted : TimeSpan.FromMilliseconds(Math.Max(1, counted.TotalMilliseconds / _rate));
        }
    }

    private sealed class PacedTimer : ITimer
    {
        private readonly FaultyClock _clock;
        private readonly Lock _gate = new();
        private readonly ITimer _real;
        private TimeSpan _due;
        private TimeSpan _period;
        private long _since;

        public PacedTimer(FaultyClock clock, TimerCallback callback, object? state, TimeSpan due, TimeSpan period)
        {
            _clock = clock;
            _real = System.CreateTimer(
                asked =>
                {
                    lock (_gate)
                    {
                        _due = _period;
                        _since = clock.GetTimestamp();
                    }

                    callback(asked);
                },
                state,
                Timeout.InfiniteTimeSpan,
                Timeout.InfiniteTimeSpan);
            clock._timers[this] = true;
            Change(due, period);
        }

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            lock (_gate)
            {
                (_due, _period, _since) = (dueTime, period, _clock.GetTimestamp());
                return _real.Change(_clock.Real(dueTime), _clock.Real(period));
            }
        }

        /// <summary>Waits what is left by the clock's new rate.</summary>
        public void Pace()
        {
            lock (_gate)
            {
                if (_due == Timeout.InfiniteTimeSpan)
                {
                    return;
                }

                var left = _due - _clock.GetElapsedTime(_since);
                _real.Change(left < TimeSpan.Zero ? TimeSpan.Zero : _clock.Real(left), _clock.Real(_period));
            }
        }

        public void Dispose()
        {
            _clock._timers.TryRemove(this, out _);
            _real.Dispose();
        }

        public ValueTask DisposeAsync()
        {
            _clock._timers.TryRemove(this, out _);
            return _real.DisposeAsync();
        }
    }
}
