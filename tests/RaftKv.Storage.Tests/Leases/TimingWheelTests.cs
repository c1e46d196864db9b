using RaftKv.Raft;
using RaftKv.Storage.Leases;

namespace RaftKv.Storage.Tests.Leases;

public sealed class TimingWheelTests
{
    public static TheoryData<ulong> Seeds => [.. Enumerable.Range(1, 60).Select(seed => (ulong)seed)];

    [Fact]
    public void A_timer_is_due_at_its_millisecond_and_not_before()
    {
        foreach (var when in (long[])[0, 1, 63, 64, 65, 4095, 4096, 1_000_000, 1L << 36, TimingWheel.MaxTime - 1])
        {
            var wheel = new TimingWheel();
            wheel.Set(3, when);
            Assert.False(when > 0 && wheel.TryTakeDue(when - 1, out _));
            Assert.True(wheel.TryTakeDue(when, out var timer));
            Assert.Equal(3, timer);
            Assert.False(wheel.IsSet(3));
            Assert.False(wheel.TryTakeDue(when, out _));
        }
    }

    [Fact]
    public void What_lies_in_the_past_is_due_at_once()
    {
        var wheel = new TimingWheel();
        Assert.False(wheel.TryTakeDue(1_000, out _));
        wheel.Set(0, 7);
        Assert.True(wheel.TryTakeDue(1_000, out _));
    }

    [Theory]
    [MemberData(nameof(Seeds))]
    public void Hands_out_what_a_sorted_list_would(ulong seed)
    {
        var chance = new Chance(seed);
        var wheel = new TimingWheel();
        var model = new Dictionary<int, long>();
        var reach = chance.Pick<long>([50, 5_000, 500_000, 1L << 40]);
        var now = chance.Below(1L << 41);
        for (var step = 0; step < 3_000; step++)
        {
            var timer = chance.Below(200);
            switch (chance.Below(6))
            {
                case 0:
                    wheel.Cancel(timer);
                    model.Remove(timer);
                    break;
                case 1 or 2 or 3:
                    var when = now + chance.Below(reach) - (reach / 10);
                    wheel.Set(timer, when);
                    model[timer] = when;
                    break;
                default:
                    now += chance.Below((reach / 50) + 2);

                    // Now and then some are left for later.
                    for (var most = chance.Between(1, 30); most > 0 && wheel.TryTakeDue(now, out var due); most--)
                    {
                        Assert.True(model.Remove(due, out var dueAt), $"seed {seed} step {step}");
                        Assert.True(dueAt <= now, $"seed {seed} step {step}");
                        Assert.False(wheel.IsSet(due));
                        if (most == 1)
                        {
                            break;
                        }

                        Assert.Equal(model.Values.Any(other => other <= now), AnyDue(wheel, model, now));
                    }

                    break;
            }

            Assert.Equal(model.ContainsKey(timer), wheel.IsSet(timer));
        }

        now += reach + 1;
        var taken = new List<long>();
        while (wheel.TryTakeDue(now, out var due))
        {
            taken.Add(model[due]);
            model.Remove(due);
        }

        Assert.Empty(model);
        Assert.Equal(taken.Where(when => when > now - reach), taken.Where(when => when > now - reach).Order());
    }

    // Asks without disturbing: what is taken is put back.
    private static bool AnyDue(TimingWheel wheel, Dictionary<int, long> model, long now)
    {
        if (!wheel.TryTakeDue(now, out var due))
        {
            return false;
        }

        wheel.Set(due, model[due]);
        return true;
    }
}
