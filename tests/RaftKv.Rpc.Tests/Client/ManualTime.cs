namespace RaftKv.Rpc.Tests.Client;

/// <summary>A clock that moves when it is told to, and fires the timers it passes.</summary>
internal sealed class ManualTime : TimeProvider
{
    private readonly Lock _lock = new();
    private readonly List<ManualTimer> _timers = [];
    private TaskCompletionSource _added = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private long _now;

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    /// <summary>Timers that wait for the clock.</summary>
    public int Waiting
    {
        get
        {
            lock (_lock)
            {
                return _timers.Count(timer => timer.DueAt is not null);
            }
        }
    }

    public override long GetTimestamp() => Volatile.Read(ref _now);

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        var timer = new ManualTimer(this, callback, state);
        lock (_lock)
        {
            _timers.Add(timer);
        }

        timer.Change(dueTime, period);
        return timer;
    }

    public void Advance(TimeSpan by)
    {
        List<ManualTimer> due;
        lock (_lock)
        {
            Volatile.Write(ref _now, _now + by.Ticks);
            due = _timers.Where(timer => timer.DueAt <= _now).OrderBy(timer => timer.DueAt).ToList();
            due.ForEach(timer => timer.DueAt = null);
        }

        due.ForEach(timer => timer.Fire());
    }

    /// <summary>Moves the clock while its timers are late, as timers may be.</summary>
    public void AdvanceAheadOfTimers(TimeSpan by)
    {
        lock (_lock)
        {
            Volatile.Write(ref _now, _now + by.Ticks);
        }
    }

    /// <summary>Waits until so many timers wait for the clock: whoever shall be woken by it has gone to sleep.</summary>
    public async Task UntilWaitingAsync(int timers)
    {
        while (true)
        {
            Task added;
            lock (_lock)
            {
                if (_timers.Count(timer => timer.DueAt is not null) >= timers)
                {
                    return;
                }

                added = _added.Task;
            }

            try
            {
                await added.WaitAsync(TimeSpan.FromSeconds(20));
            }
            catch (TimeoutException)
            {
                throw new TimeoutException($"{timers} timers should wait for the clock, but {Waiting} do.");
            }
        }
    }

    private sealed class ManualTimer(ManualTime time, TimerCallback callback, object? state) : ITimer
    {
        public long? DueAt { get; set; }

        public void Fire() => callback(state);

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            Assert.Equal(Timeout.InfiniteTimeSpan, period);
            TaskCompletionSource added;
            lock (time._lock)
            {
                DueAt = dueTime == Timeout.InfiniteTimeSpan ? null : time._now + dueTime.Ticks;
                added = time._added;
                time._added = new(TaskCreationOptions.RunContinuationsAsynchronously);
            }

            added.SetResult();
            return true;
        }

        public void Dispose()
        {
            lock (time._lock)
            {
                DueAt = null;
                time._timers.Remove(this);
            }
        }

        public ValueTask DisposeAsync()
        {
            Dispose();
            return default;
        }
    }
}
