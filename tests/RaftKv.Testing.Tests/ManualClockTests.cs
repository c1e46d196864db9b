namespace RaftKv.Testing.Tests;

public sealed class ManualClockTests
{
    private readonly ManualClock _clock = new(DateTimeOffset.UnixEpoch);

    [Fact]
    public void Time_stands_still_until_it_is_told_to_go_on()
    {
        Assert.Equal(DateTimeOffset.UnixEpoch, _clock.GetUtcNow());
        Assert.False(_clock.GoOn(TimeSpan.FromSeconds(3).Ticks));
        Assert.Equal(DateTimeOffset.UnixEpoch.AddSeconds(3), _clock.GetUtcNow());
    }

    [Fact]
    public void It_stops_at_each_moment_at_which_timers_are_due()
    {
        var fired = new List<string>();
        using var late = _clock.CreateTimer(_ => fired.Add($"late {_clock.GetTimestamp()}"), null, TimeSpan.FromTicks(5), Timeout.InfiniteTimeSpan);
        using var again = _clock.CreateTimer(_ => fired.Add($"again {_clock.GetTimestamp()}"), null, TimeSpan.FromTicks(2), TimeSpan.FromTicks(3));
        Assert.True(_clock.GoOn(7));
        Assert.Equal(["again 2"], fired);
        Assert.True(_clock.GoOn(7));
        Assert.Equal(["again 2", "late 5", "again 5"], fired);
        Assert.False(_clock.GoOn(7));
        Assert.Equal(7, _clock.GetTimestamp());
    }

    [Fact]
    public void A_timer_that_another_one_has_disposed_of_at_the_same_moment_does_not_fire()
    {
        ITimer? other = null;
        var hasFired = false;
        using var first = _clock.CreateTimer(_ => other!.Dispose(), null, TimeSpan.FromTicks(1), Timeout.InfiniteTimeSpan);
        other = _clock.CreateTimer(_ => hasFired = true, null, TimeSpan.FromTicks(1), Timeout.InfiniteTimeSpan);
        Assert.True(_clock.GoOn(1));
        Assert.False(hasFired);
    }

    [Fact]
    public void Delays_and_time_limits_follow_it()
    {
        var delay = Task.Delay(TimeSpan.FromHours(1), _clock, TestContext.Current.CancellationToken);
        using var limit = new CancellationTokenSource(TimeSpan.FromHours(2), _clock);
        while (_clock.GoOn(TimeSpan.FromMinutes(61).Ticks))
        {
        }

        Assert.True(delay.IsCompletedSuccessfully);
        Assert.False(limit.IsCancellationRequested);
        Assert.True(_clock.GoOn(TimeSpan.FromHours(3).Ticks));
        Assert.True(limit.IsCancellationRequested);
    }
}
