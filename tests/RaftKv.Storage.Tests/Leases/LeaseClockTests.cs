using RaftKv.Raft;
using RaftKv.Storage.Leases;
using RaftKv.Storage.State;
using RaftKv.Storage.State.Commands;

namespace RaftKv.Storage.Tests.Leases;

public sealed class LeaseClockTests
{
    private const long Now = 1_700_000_000_000;

    public static TheoryData<ulong> Seeds => [.. Enumerable.Range(1, 60).Select(seed => (ulong)seed)];

    [Fact]
    public void A_lease_runs_out_after_its_TTL()
    {
        var clock = Leading();
        clock.Granted(7, 2, Now);
        Assert.Empty(clock.TakeExpired(Now + 1_999));
        Assert.Equal([7], clock.TakeExpired(Now + 2_000));
    }

    [Fact]
    public void A_renewed_lease_has_its_full_TTL_again()
    {
        var clock = Leading();
        clock.Granted(7, 2, Now);
        Assert.Equal(LeaseRenewal.Renewed, clock.Renew(7, Now + 1_999));
        Assert.True(clock.TryGetRemaining(7, Now + 2_000, out var remaining));
        Assert.Equal(1_999, remaining);
        Assert.Empty(clock.TakeExpired(Now + 3_998));
        Assert.Equal([7], clock.TakeExpired(Now + 3_999));
    }

    [Fact]
    public void Nothing_brings_back_a_lease_whose_time_is_over()
    {
        var clock = Leading();
        clock.Granted(7, 2, Now);

        // Nobody has looked yet, but somebody may have counted on its end.
        Assert.Equal(LeaseRenewal.Expired, clock.Renew(7, Now + 2_000));
        Assert.Equal([7], clock.TakeExpired(Now + 2_000));
        Assert.Equal(LeaseRenewal.Expired, clock.Renew(7, Now + 2_001));
        Assert.True(clock.TryGetRemaining(7, Now + 3_000, out var remaining));
        Assert.Equal(-1_000, remaining);
        clock.Revoked(7);
        Assert.Equal(LeaseRenewal.Unknown, clock.Renew(7, Now + 2_002));
        Assert.False(clock.TryGetRemaining(7, Now, out _));
    }

    [Fact]
    public void A_revocation_that_was_lost_is_asked_for_again()
    {
        var clock = Leading();
        clock.Granted(7, 2, Now);
        Assert.Equal([7], clock.TakeExpired(Now + 2_000));
        Assert.Empty(clock.TakeExpired(Now + 8_999));
        Assert.Equal([7], clock.TakeExpired(Now + 9_000));
        clock.Revoked(7);
        Assert.Empty(clock.TakeExpired(Now + 16_000));
    }

    [Fact]
    public void Passes_are_paced_and_those_that_ran_out_first_come_first()
    {
        var clock = Leading();
        for (var id = 1; id <= 1_200; id++)
        {
            clock.Granted(id, 3 + (id % 2), Now);
        }

        var first = clock.TakeExpired(Now + 5_000);
        Assert.Equal(500, first.Count);
        Assert.All(first, id => Assert.Equal(0, id % 2));
        Assert.Empty(clock.TakeExpired(Now + 5_499));
        var second = clock.TakeExpired(Now + 5_500);
        Assert.Equal(500, second.Count);
        Assert.All(second.Take(100), id => Assert.Equal(0, id % 2));
        Assert.All(second.Skip(100), id => Assert.Equal(1, id % 2));
        Assert.Equal(200, clock.TakeExpired(Now + 6_000).Count);
        Assert.Empty(clock.TakeExpired(Now + 6_500));
    }

    [Fact]
    public void A_new_leader_begins_with_what_is_known_and_the_election_timeout()
    {
        var table = new LeaseTable();
        table.Grant(1, 10);
        table.Grant(2, 10);
        table.Checkpoint(2, 4);
        var clock = new LeaseClock();
        clock.BecomeLeader(Now, table.Sorted(), extendMs: 1_000);
        Assert.Equal([2, 1], clock.IdsByExpiry());
        Assert.Empty(clock.TakeExpired(Now + 4_999));
        Assert.Equal([2], clock.TakeExpired(Now + 5_000));
        Assert.Empty(clock.TakeExpired(Now + 10_999));
        Assert.Equal([1], clock.TakeExpired(Now + 11_000));
    }

    [Theory]
    [InlineData(999, false)]
    [InlineData(1_000, true)]
    [InlineData(20_000, true)]
    public void Many_leases_are_spread_so_that_no_second_sees_too_many_fall_due(int count, bool isSpread)
    {
        var chance = new Chance((ulong)count);
        var table = new LeaseTable();
        for (var id = 1; id <= count; id++)
        {
            table.Grant(id, chance.Pick<long>([5, 6, 6, 6, 6, 6, 6, 6, 6, 60]));
        }

        var clock = new LeaseClock();
        clock.BecomeLeader(Now, table.Sorted(), extendMs: 1_000);
        var ends = clock.IdsByExpiry().Select(id =>
        {
            clock.TryGetRemaining(id, Now, out var remaining);
            table.TryGet(id, out var lease);
            Assert.True(remaining >= (lease!.Ttl * 1_000) + 1_000);
            return remaining;
        }).ToArray();
        var isCrowded = Enumerable.Range(750, Math.Max(0, ends.Length - 750)).Any(i => ends[i] - ends[i - 750] < 1_000);
        Assert.Equal(!isSpread, isCrowded);
        if (isSpread)
        {
            // Not later than that needs.
            Assert.True(ends[^1] <= 61_000 + (count / 750 * 1_000) + 1_000);
        }
    }

    [Fact]
    public void A_clock_that_does_not_lead_knows_nothing()
    {
        var clock = Leading();
        clock.Granted(7, 2, Now);
        clock.StepDown();
        clock.Granted(8, 2, Now);
        Assert.Equal(0, clock.Count);
        Assert.Equal(LeaseRenewal.NotLeading, clock.Renew(7, Now));
        Assert.Empty(clock.TakeExpired(Now + 100_000));
        Assert.Empty(clock.TakeCheckpoints(Now + 1_000_000));
        Assert.False(clock.TryGetRemaining(7, Now, out _));
        clock.Revoked(7);
        clock.Checkpointed(7, 1);
    }

    [Fact]
    public void Long_leases_are_checkpointed_and_a_renewal_asks_to_clear_that()
    {
        var clock = Leading(new LeaseClockOptions { IsCheckpointing = true });
        clock.Granted(1, 300, Now);
        clock.Granted(2, 1_000, Now);
        Assert.Empty(clock.TakeCheckpoints(Now + 299_999));
        Assert.Equal([new LeaseRemaining(2, 700)], clock.TakeCheckpoints(Now + 300_001));
        Assert.Equal([new LeaseRemaining(2, 400)], clock.TakeCheckpoints(Now + 600_001));

        // 100 s after the next one: not worth another.
        Assert.Equal([new LeaseRemaining(2, 100)], clock.TakeCheckpoints(Now + 900_001));
        Assert.Empty(clock.TakeCheckpoints(Now + 999_999));

        Assert.Equal(LeaseRenewal.RenewedPastCheckpoint, clock.Renew(2, Now + 999_999));
        Assert.Equal(LeaseRenewal.RenewedPastCheckpoint, clock.Renew(2, Now + 999_999));
        clock.Checkpointed(2, 0);
        Assert.Equal(LeaseRenewal.Renewed, clock.Renew(2, Now + 999_999));
    }

    [Fact]
    public void Checkpoints_come_in_batches()
    {
        var clock = Leading(new LeaseClockOptions { IsCheckpointing = true });
        for (var id = 1; id <= 2_500; id++)
        {
            clock.Granted(id, 1_000, Now);
        }

        Assert.Equal([1_000, 1_000, 500, 0], Enumerable.Range(0, 4).Select(_ => clock.TakeCheckpoints(Now + 300_000).Count));
    }

    [Fact]
    public void A_checkpointed_lease_still_asks_for_clearing_under_a_new_leader()
    {
        var table = new LeaseTable();
        table.Grant(1, 1_000);
        table.Checkpoint(1, 500);
        var clock = new LeaseClock();
        clock.BecomeLeader(Now, table.Sorted(), extendMs: 1_000);
        Assert.Equal(LeaseRenewal.RenewedPastCheckpoint, clock.Renew(1, Now));
    }

    [Fact]
    public void The_longest_lease_there_is_fits()
    {
        var clock = Leading(new LeaseClockOptions { IsCheckpointing = true });
        clock.Granted(1, LeaseTable.MaxTtl, Now);
        Assert.Empty(clock.TakeExpired(Now + (LeaseTable.MaxTtl * 1_000) - 1));
        Assert.Equal([1], clock.TakeExpired(Now + (LeaseTable.MaxTtl * 1_000)));
    }

    [Theory]
    [MemberData(nameof(Seeds))]
    public void Behaves_as_the_model_does(ulong seed) => Play(seed, beginsAgain: false);

    /// <summary>M16. Tests the test above.</summary>
    [Fact]
    public void A_new_leader_that_begins_with_the_full_TTL_is_noticed_within_20_seeds()
        => Assert.Contains(Enumerable.Range(1, 20), seed =>
        {
            try
            {
                Play((ulong)seed, beginsAgain: true);
                return false;
            }
            catch (Exception noticed) when (noticed is Xunit.Sdk.XunitException or InvariantBrokenException)
            {
                return true;
            }
        });

    private static void Play(ulong seed, bool beginsAgain)
    {
        var chance = new Chance(seed);
        var options = new LeaseClockOptions
        {
            RevocationsPerPass = chance.Between(1, 8),
            PassMs = chance.Between(0, 700),
            RetryMs = chance.Between(1, 9_000),
            SpreadFromCount = chance.Between(5, 30),
            SpreadPerSecond = chance.Between(1, 5),
            IsCheckpointing = chance.CoinToss(),
            CheckpointMs = chance.Between(1, 20_000),
            CheckpointBatch = chance.Between(1, 6),
        };
        var clock = new LeaseClock(options);
        var model = new NaiveLeaseClock(options);
        var table = new LeaseTable();
        var now = chance.Below(1L << 40);
        for (var step = 0; step < 2_000; step++)
        {
            var id = chance.Between(1L, 50);
            var words = $"seed {seed} step {step}";
            switch (chance.Below(12))
            {
                case 0 or 1 or 2:
                    var ttl = chance.Pick<long>([1, 2, 30, 600]);
                    if (table.Grant(id, ttl) == StateError.None)
                    {
                        clock.Granted(id, ttl, now);
                        model.Granted(id, ttl, now);
                    }

                    break;
                case 3 or 4 or 5:
                    var expected = model.Renew(id, now);
                    Assert.True(expected == clock.Renew(id, now), words);
                    if (expected == LeaseRenewal.RenewedPastCheckpoint && chance.CoinToss())
                    {
                        Checkpoint(new LeaseRemaining(id, 0));
                    }

                    break;
                case 6 when chance.Happens(1, 2):
                    table.Revoke(id, out _);
                    clock.Revoked(id);
                    model.Revoked(id);
                    break;
                case 7 or 8:
                    now += chance.Pick<long>([0, 1, 70, 400, 1_000, 5_000, 40_000]);
                    break;
                case 9:
                    var expired = clock.TakeExpired(now);
                    model.AssertTaken(expired, now, words);
                    foreach (var gone in expired)
                    {
                        // Some proposals are lost.
                        if (chance.CoinToss())
                        {
                            table.Revoke(gone, out _);
                            clock.Revoked(gone);
                            model.Revoked(gone);
                        }
                    }

                    break;
                case 10:
                    var batch = clock.TakeCheckpoints(now);
                    model.AssertCheckpoints(batch, now, words);
                    foreach (var remaining in batch)
                    {
                        if (chance.CoinToss())
                        {
                            Checkpoint(remaining);
                        }
                    }

                    break;
                case 11 when chance.Happens(1, 20):
                    if (chance.CoinToss())
                    {
                        clock.StepDown();
                        model.StepDown();
                    }
                    else
                    {
                        clock.BecomeLeader(now, table.Sorted(), 1_000, beginsAgain);
                        model.BecomeLeader(now, table.Sorted(), 1_000);
                    }

                    break;
            }

            Assert.Equal(model.Count, clock.Count);
            Assert.Equal(model.Remaining(id, now), clock.TryGetRemaining(id, now, out var left) ? left : null);
        }

        Assert.Equal(model.IdsByExpiry(), clock.IdsByExpiry());

        void Checkpoint(LeaseRemaining remaining)
        {
            table.Checkpoint(remaining.Id, remaining.RemainingTtl);
            clock.Checkpointed(remaining.Id, remaining.RemainingTtl);
            model.Checkpointed(remaining.Id, remaining.RemainingTtl);
        }
    }

    private static LeaseClock Leading(LeaseClockOptions? options = null)
    {
        var clock = new LeaseClock(options);
        clock.BecomeLeader(Now, [], extendMs: 1_000);
        return clock;
    }
}
