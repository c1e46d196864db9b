using RaftKv.Server.Housekeeping;

namespace RaftKv.Server.Tests.Housekeeping;

/// <summary>When history is dropped and how far, told by revisions alone: a look an interval.</summary>
public sealed class CompactionScheduleTests
{
    [Theory]
    [InlineData(1, 0.1)]
    [InlineData(30, 3)]
    [InlineData(60, 6)]
    [InlineData(90, 6)]
    [InlineData(24 * 60, 6)]
    public void By_age_it_looks_ten_times_in_a_period_or_an_hour(double periodMinutes, double intervalMinutes)
        => Assert.Equal(
            TimeSpan.FromMinutes(intervalMinutes),
            CompactionSchedule.Of(AutoCompaction.After(TimeSpan.FromMinutes(periodMinutes))).Interval);

    [Fact]
    public void By_age_it_is_due_after_a_period_and_then_once_an_hour_to_where_the_revision_stood_a_period_ago()
    {
        // Two hours: twenty looks after the first one. The revision is ten times the look.
        var schedule = CompactionSchedule.Of(AutoCompaction.After(TimeSpan.FromHours(2)));
        var done = new List<(int Look, long Target)>();
        for (var look = 0; look <= 50; look++)
        {
            if (schedule.Look((look + 1) * 10) is { } target)
            {
                done.Add((look, target));
                schedule.Done(target);
            }
        }

        Assert.Equal([(20, 10L), (30, 110L), (40, 210L), (50, 310L)], done);
    }

    [Fact]
    public void By_age_a_period_of_less_than_an_hour_is_its_own_rhythm()
    {
        var schedule = CompactionSchedule.Of(AutoCompaction.After(TimeSpan.FromMinutes(5)));
        var done = new List<(int Look, long Target)>();
        for (var look = 0; look <= 30; look++)
        {
            if (schedule.Look(100 + look) is { } target)
            {
                done.Add((look, target));
                schedule.Done(target);
            }
        }

        Assert.Equal([(10, 100L), (20, 110L), (30, 120L)], done);
    }

    [Fact]
    public void What_failed_is_due_again_at_the_next_look()
    {
        var schedule = CompactionSchedule.Of(AutoCompaction.After(TimeSpan.FromHours(1)));
        for (var look = 0; look < 10; look++)
        {
            Assert.Null(schedule.Look(10 + look));
        }

        Assert.Equal(10, schedule.Look(20));
        Assert.Equal(11, schedule.Look(21));
        schedule.Done(11);
        for (var look = 0; look < 9; look++)
        {
            Assert.Null(schedule.Look(22 + look));
        }

        Assert.Equal(21, schedule.Look(31));
    }

    [Fact]
    public void Nothing_is_dropped_twice()
    {
        var schedule = CompactionSchedule.Of(AutoCompaction.After(TimeSpan.FromHours(1)));
        long? last = null;
        for (var look = 0; look <= 10; look++)
        {
            last = schedule.Look(7);
        }

        Assert.Equal(7, last);
        schedule.Done(7);
        for (var look = 0; look < 20; look++)
        {
            Assert.Null(schedule.Look(7));
        }

        for (var look = 0; look < 10; look++)
        {
            Assert.Null(schedule.Look(8));
        }

        Assert.Equal(8, schedule.Look(8));
    }

    [Fact]
    public void By_revision_all_but_the_newest_go_every_five_minutes()
    {
        var schedule = CompactionSchedule.Of(AutoCompaction.Behind(100));
        Assert.Equal(TimeSpan.FromMinutes(5), schedule.Interval);
        Assert.Null(schedule.Look(100));
        Assert.Equal(1, schedule.Look(101));
        schedule.Done(1);
        Assert.Null(schedule.Look(101));
        Assert.Equal(150, schedule.Look(250));
        Assert.Equal(151, schedule.Look(251));
    }
}
