using RaftKv.FaultyMember;

namespace RaftKv.Faults.Tests.Members;

public sealed class FaultyClockTests
{
    [Fact]
    public void A_jump_is_seen_on_the_wall_and_not_in_what_is_counted()
    {
        var clock = new FaultyClock();
        var (counted, wall) = (clock.GetTimestamp(), clock.GetUtcNow());

        clock.Jump(TimeSpan.FromHours(-5));

        Assert.True(clock.GetUtcNow() < wall - TimeSpan.FromHours(4));
        Assert.True(clock.GetElapsedTime(counted) < TimeSpan.FromHours(1));
    }

    [Fact]
    public void A_clock_that_runs_fast_counts_more_and_takes_the_wall_along()
    {
        var clock = new FaultyClock();
        // Both are read while it keeps time: later an hour would pass between them.
        var (counted, wall) = (clock.GetTimestamp(), clock.GetUtcNow());
        var real = System.Diagnostics.Stopwatch.StartNew();
        clock.RunAt(1_000_000);

        // So fast a clock is ahead of a real one whatever this machine does meanwhile.
        SpinWait.SpinUntil(() => clock.GetElapsedTime(counted) > TimeSpan.FromHours(1));

        Assert.True(clock.GetUtcNow() - wall > TimeSpan.FromMinutes(59));
        Assert.True(real.Elapsed < TimeSpan.FromMinutes(59));
        clock.RunAt(1);
        Assert.True(clock.GetElapsedTime(counted) > TimeSpan.FromHours(1));
    }

    [Fact]
    public async Task Timers_follow_the_clock_also_those_that_wait_already()
    {
        var clock = new FaultyClock();
        var waiting = Task.Delay(TimeSpan.FromHours(10), clock, TestContext.Current.CancellationToken);
        var ticks = new TaskCompletionSource();
        var count = 0;
        await using var timer = clock.CreateTimer(_ => { if (Interlocked.Increment(ref count) == 5) { ticks.SetResult(); } }, null, TimeSpan.FromHours(1), TimeSpan.FromHours(1));

        clock.RunAt(1_000_000);

        await waiting;
        await ticks.Task;
    }

    [Fact]
    public async Task A_timer_that_was_stopped_stays_so_whatever_the_clock_does()
    {
        var clock = new FaultyClock();
        var rang = false;
        await using var timer = clock.CreateTimer(_ => rang = true, null, TimeSpan.FromHours(1), Timeout.InfiniteTimeSpan);
        timer.Change(Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);

        clock.RunAt(1_000_000);
        await Task.Delay(TimeSpan.FromHours(5), clock, TestContext.Current.CancellationToken);

        Assert.False(rang);
    }
}
