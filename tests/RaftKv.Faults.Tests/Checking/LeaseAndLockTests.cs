using RaftKv.Faults.Checking;
using RaftKv.Faults.Histories;

namespace RaftKv.Faults.Tests.Checking;

public sealed class LeaseAndLockTests
{
    private const long Second = 1_000_000;
    private static readonly LeaseTimes Leases = new();
    private static readonly MutualExclusion Exclusion = new();
    private static readonly Fencing Fencing = new();

    [Fact]
    public void A_lease_that_ends_after_its_time_passes() => Leases.Passes(
        Lease("grant", 0, 10, timeToLive: 2),
        Lease("keep", Second, Second + 10, timeToLive: 2),
        Lease("look", 2 * Second, (2 * Second) + 10, timeToLive: 1),
        Lease("look", (4 * Second) + 20, (4 * Second) + 30),
        Lease("keep", (5 * Second) + 20, (5 * Second) + 30));

    // A leader that was slow, and revoked what others had kept alive meanwhile.
    [Fact]
    public void A_lease_that_ends_before_its_time_is_found()
    {
        Leases.Finds("early-end", Lease("grant", 0, 10, timeToLive: 2), Lease("keep", Second, Second + 10, timeToLive: 2), Lease("look", 2 * Second, (2 * Second) + 10));
        Leases.Finds("early-end", Lease("grant", 0, 10, timeToLive: 2), Lease("look-at-key", Second, Second + 10) with { Found = new KeyState() });
    }

    [Fact]
    public void Where_clocks_run_twice_as_fast_a_lease_may_end_after_half_its_time_and_not_before()
    {
        Leases.Passes(Drifting(Lease("grant", 0, 10, timeToLive: 2), Lease("look", Second + 10, Second + 20)));
        Leases.Finds("early-end", Drifting(Lease("grant", 0, 10, timeToLive: 2), Lease("look", Second / 2, (Second / 2) + 10)));

        static History Drifting(params Invocation[] operations) => History.Of(Op.Run() with { Drift = 2 }, operations);
    }

    [Fact]
    public void A_lease_that_was_revoked_may_end_at_once()
    {
        Leases.Passes(Lease("grant", 0, 10, timeToLive: 2), Lease("revoke", 20, 30), Lease("look", 40, 50));
        Leases.Passes(Lease("grant", 0, 10, timeToLive: 2), Lease("revoke", 20, 30).Lost(), Lease("look", 40, 50));
    }

    // A renewal that raced with a revocation, and was acknowledged all the same.
    [Fact]
    public void A_lease_that_comes_back_is_found() => Leases.Finds(
        "resurrection", Lease("grant", 0, 10, timeToLive: 2), Lease("look", 3 * Second, (3 * Second) + 1), Lease("keep", 4 * Second, (4 * Second) + 1, timeToLive: 2));

    [Fact]
    public void A_key_that_outlives_its_lease_is_found() => Leases.Finds(
        "resurrection",
        Lease("grant", 0, 10, timeToLive: 2),
        Lease("look", 3 * Second, (3 * Second) + 1),
        Lease("look-at-key", 4 * Second, (4 * Second) + 1) with { Found = new KeyState { Value = "a", Version = 1 } });

    // Leases whose time begins anew at each change of leaders never end.
    [Fact]
    public void A_lease_that_does_not_end_is_found()
    {
        var operations = new[] { Lease("grant", 0, 10, timeToLive: 2), Lease("look", 60 * Second, (60 * Second) + 1, timeToLive: 1) };
        Leases.Finds("late-end", Op.History(operations).With(new PhaseLine { Name = PhaseLine.Final, Begin = 30 * Second, End = 90 * Second }));
        Leases.Passes(Op.History(operations).With(new PhaseLine { Name = PhaseLine.Final, Begin = 59 * Second, End = 90 * Second }));
    }

    [Fact]
    public void A_lease_that_nobody_is_sure_of_says_nothing() => Leases.Passes(
        Lease("grant", 0, 10, timeToLive: 2).Lost(), Lease("look", 20, 30));

    [Fact]
    public void Holders_one_after_the_other_pass()
    {
        Exclusion.Passes(Acquire(0, 0, 1, 5), Release(0, 10, 11, 5), Acquire(1, 2, 20, 7), Release(1, 30, 31, 7));
        Fencing.Passes(Acquire(0, 0, 1, 5), Guarded(0, 2, 3, 5, 6), Release(0, 10, 11, 5), Acquire(1, 2, 20, 7), Guarded(1, 22, 23, 7, 9));
    }

    // No lock that ends with a lease can do better: the first holder was paused.
    [Fact]
    public void Two_holders_at_a_time_are_found() => Exclusion.Finds(
        "two-holders", Acquire(0, 0, 1, 5), Acquire(1, 2, 20, 7), Release(0, 40, 41, 5), Release(1, 30, 31, 7));

    [Fact]
    public void A_holder_that_never_says_that_it_lets_go_is_not_one_for_ever() => Exclusion.Passes(Acquire(0, 0, 1, 5), Acquire(1, 2, 20, 7));

    [Fact]
    public void A_write_of_an_earlier_holder_after_a_later_ones_is_found() => Fencing.Finds(
        "fence-passed", Acquire(0, 0, 1, 5), Acquire(1, 2, 20, 7), Guarded(1, 22, 23, 7, 9), Guarded(0, 22, 25, 5, 10));

    [Fact]
    public void Tokens_are_never_shared_and_never_go_back()
    {
        Fencing.Finds("shared-token", Acquire(0, 0, 1, 5), Acquire(1, 2, 3, 5), Guarded(0, 4, 5, 5, 6));
        Fencing.Finds("token-went-back", Acquire(0, 0, 1, 5), Acquire(1, 2, 3, 4), Guarded(0, 4, 5, 5, 6));
    }

    [Fact]
    public void A_fence_that_nobody_tried_is_not_passed() => Fencing.CannotTell(Op.History(Acquire(0, 0, 1, 5)));

    private static Invocation Lease(string call, long begin, long end, long? timeToLive = null)
        => Op.Of(0, call, begin, end) with { Lease = 7, TimeToLive = timeToLive };

    private static Invocation Acquire(int process, long begin, long end, long token) => Op.Of(process, "acquire", begin, end) with { Token = token };

    private static Invocation Release(int process, long begin, long end, long token) => Op.Of(process, "release", begin, end) with { Token = token };

    private static Invocation Guarded(int process, long begin, long end, long token, long revision)
        => Op.Of(process, "guarded-write", begin, end) with { Token = token, Revision = revision };
}
