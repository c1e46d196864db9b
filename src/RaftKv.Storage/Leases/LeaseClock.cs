using System.Runtime.InteropServices;
using RaftKv.Storage.State;
using RaftKv.Storage.State.Commands;

namespace RaftKv.Storage.Leases;

/// <summary>
/// The leader's knowledge of when leases run out. It only proposes: a lease is gone when the revocation that it asks for
/// has been applied, on all members alike. Followers know nothing of time.
/// </summary>
/// <remarks>
/// <para>It reads no clock. The time is handed in, in milliseconds of a clock that never goes back; the same calls give
/// the same answers.</para>
/// <para>A lease never runs out early: a new leader cannot know how often it was renewed, so it begins again from the full
/// TTL, or from what was last replicated of it, and adds the election timeout, during which nobody could renew it. And
/// it never comes back: once its time is over, a renewal is refused, because its revocation may be on the way.</para>
/// <para>Used by one thread: whoever applies commands tells it of them here, in their order.</para>
/// </remarks>
public sealed class LeaseClock
{
    private readonly LeaseClockOptions _options;
    private readonly Dictionary<long, int> _numbers = [];
    private readonly List<Timing> _timings = [];

    // Numbers in _timings that belong to no lease.
    private readonly Stack<int> _free = [];

    // By number: when a lease runs out, or when its revocation is asked for again.
    private TimingWheel _due = new();

    // By number: when a lease is worth a checkpoint.
    private TimingWheel _checkpoints = new();

    private long _nextPass;

    public LeaseClock(LeaseClockOptions? options = null) => _options = options ?? LeaseClockOptions.Default;

    public bool IsLeading { get; private set; }

    /// <summary>How many leases it knows; none while it does not lead.</summary>
    public int Count => _numbers.Count;

    /// <summary>Starts all leases again.</summary>
    /// <param name="now">The time.</param>
    /// <param name="leases">All that have been applied. Of those in entries that are applied later, <see cref="Granted"/>
    /// tells.</param>
    /// <param name="extendMs">The election timeout.</param>
    /// <param name="beginsAgain">A mistake, for tests of the tests: what was agreed to be left of a lease is not looked
    /// at.</param>
    public void BecomeLeader(long now, IEnumerable<Lease> leases, long extendMs, bool beginsAgain = false)
    {
        StepDown();
        IsLeading = true;
        _nextPass = now;
        foreach (var lease in leases)
        {
            _numbers.Add(lease.Id, _timings.Count);
            _timings.Add(new Timing
            {
                Id = lease.Id,
                TtlMs = lease.Ttl * 1_000,
                Expiry = now + ((beginsAgain ? lease.Ttl : lease.TtlForNewLeader) * 1_000) + extendMs,
                IsCheckpointed = lease.RemainingTtl > 0,
            });
        }

        if (_timings.Count >= _options.SpreadFromCount)
        {
            Spread();
        }

        for (var number = 0; number < _timings.Count; number++)
        {
            _due.Set(number, _timings[number].Expiry);
            ScheduleCheckpoint(number, now);
        }
    }

    /// <summary>Forgets everything.</summary>
    public void StepDown()
    {
        IsLeading = false;
        _numbers.Clear();
        _timings.Clear();
        _free.Clear();
        _due = new TimingWheel();
        _checkpoints = new TimingWheel();
    }

    /// <summary>A grant was applied.</summary>
    /// <param name="id">Which lease.</param>
    /// <param name="ttl">In seconds.</param>
    /// <param name="now">The time.</param>
    public void Granted(long id, long ttl, long now)
    {
        if (!IsLeading)
        {
            return;
        }

        if (!_free.TryPop(out var number))
        {
            number = _timings.Count;
            _timings.Add(default);
        }

        _numbers.Add(id, number);
        At(number) = new Timing { Id = id, TtlMs = ttl * 1_000, Expiry = now + (ttl * 1_000) };
        _due.Set(number, At(number).Expiry);
        ScheduleCheckpoint(number, now);
    }

    /// <summary>A client keeps its lease alive.</summary>
    public LeaseRenewal Renew(long id, long now) => Renew(id, now, out _);

    /// <inheritdoc cref="Renew(long, long)"/>
    /// <param name="id">Which lease.</param>
    /// <param name="now">The time.</param>
    /// <param name="ttl">What it has again, in seconds; 0 if it was not renewed.</param>
    public LeaseRenewal Renew(long id, long now, out long ttl)
    {
        ttl = 0;
        if (!IsLeading)
        {
            return LeaseRenewal.NotLeading;
        }

        if (!_numbers.TryGetValue(id, out var number))
        {
            return LeaseRenewal.Unknown;
        }

        ref var timing = ref At(number);
        if (timing.IsRevocationProposed || timing.Expiry <= now)
        {
            return LeaseRenewal.Expired;
        }

        timing.Expiry = now + timing.TtlMs;
        ttl = timing.TtlMs / 1_000;
        _due.Set(number, timing.Expiry);
        ScheduleCheckpoint(number, now);
        return timing.IsCheckpointed ? LeaseRenewal.RenewedPastCheckpoint : LeaseRenewal.Renewed;
    }

    /// <summary>A revocation was applied, whoever asked for it.</summary>
    public void Revoked(long id)
    {
        if (_numbers.Remove(id, out var number))
        {
            _due.Cancel(number);
            _checkpoints.Cancel(number);
            _free.Push(number);
        }
    }

    /// <summary>A checkpoint was applied.</summary>
    public void Checkpointed(long id, long remainingTtl)
    {
        if (_numbers.TryGetValue(id, out var number))
        {
            At(number).IsCheckpointed = remainingTtl > 0;
        }
    }

    /// <summary>
    /// The leases whose revocation is to be proposed now, those that ran out first before the others. Each is named
    /// again after a while if it is still there then: the proposal may have been lost.
    /// </summary>
    public IReadOnlyList<long> TakeExpired(long now)
    {
        if (!IsLeading || now < _nextPass)
        {
            return [];
        }

        var expired = new List<long>();
        while (expired.Count < _options.RevocationsPerPass && _due.TryTakeDue(now, out var number))
        {
            ref var timing = ref At(number);
            timing.IsRevocationProposed = true;
            expired.Add(timing.Id);
            _due.Set(number, now + _options.RetryMs);
            _checkpoints.Cancel(number);
        }

        if (expired.Count > 0)
        {
            _nextPass = now + _options.PassMs;
        }

        return expired;
    }

    /// <summary>What is left of some leases, to be proposed as one checkpoint. Fewer than the most there may be in one
    /// means that the others are not due yet.</summary>
    public IReadOnlyList<LeaseRemaining> TakeCheckpoints(long now)
    {
        var batch = new List<LeaseRemaining>();
        while (IsLeading && batch.Count < _options.CheckpointBatch && _checkpoints.TryTakeDue(now, out var number))
        {
            ref var timing = ref At(number);
            var remainingMs = timing.Expiry - now;
            if (remainingMs <= 0)
            {
                continue;
            }

            // Rounded up, so that it does not run out early under a new leader.
            batch.Add(new LeaseRemaining(timing.Id, (remainingMs + 999) / 1_000));

            // From here on, since the proposal may be applied at any time.
            timing.IsCheckpointed = true;
            ScheduleCheckpoint(number, now);
        }

        return batch;
    }

    /// <summary>What is left of a lease; 0 or less if its revocation is being waited for.</summary>
    /// <returns>False if it is unknown here.</returns>
    public bool TryGetRemaining(long id, long now, out long remainingMs)
    {
        var isKnown = _numbers.TryGetValue(id, out var number);
        remainingMs = isKnown ? At(number).Expiry - now : 0;
        return isKnown;
    }

    /// <summary>All leases, those that run out first before the others.</summary>
    public long[] IdsByExpiry()
    {
        var known = _numbers.Values.Select(number => _timings[number]).ToArray();
        Array.Sort(known, ByExpiry);
        return [.. known.Select(timing => timing.Id)];
    }

    private static int ByExpiry(Timing left, Timing right)
        => left.Expiry != right.Expiry ? left.Expiry.CompareTo(right.Expiry) : left.Id.CompareTo(right.Id);

    private ref Timing At(int number) => ref CollectionsMarshal.AsSpan(_timings)[number];

    /// <summary>Moves leases back until no second, wherever it begins, sees more of them fall due than it may: each comes
    /// a second or more after the one that many places before it.</summary>
    private void Spread()
    {
        _timings.Sort(ByExpiry);
        var timings = CollectionsMarshal.AsSpan(_timings);
        for (var number = 0; number < timings.Length; number++)
        {
            if (number >= _options.SpreadPerSecond)
            {
                timings[number].Expiry = Math.Max(timings[number].Expiry, timings[number - _options.SpreadPerSecond].Expiry + 1_000);
            }

            _numbers[timings[number].Id] = number;
        }
    }

    private void ScheduleCheckpoint(int number, long now)
    {
        if (!_options.IsCheckpointing)
        {
            return;
        }

        ref var timing = ref At(number);
        if (timing.Expiry - now > _options.CheckpointMs)
        {
            // With a leader's extension there may be more left than the TTL, and then the TTL says it better.
            _checkpoints.Set(number, Math.Max(now + _options.CheckpointMs, timing.Expiry - timing.TtlMs + 1));
        }
        else
        {
            _checkpoints.Cancel(number);
        }
    }

    private struct Timing
    {
        public long Id;
        public long TtlMs;

        /// <summary>When it runs out, or ran out.</summary>
        public long Expiry;

        /// <summary>Its time is over, and somebody was told.</summary>
        public bool IsRevocationProposed;

        /// <summary>A new leader would begin with less than the full TTL, or may soon.</summary>
        public bool IsCheckpointed;
    }
}
