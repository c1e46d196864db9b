using RaftKv.Storage.Leases;
using RaftKv.Storage.State;
using RaftKv.Storage.State.Commands;

namespace RaftKv.Storage.Tests.Leases;

/// <summary>The lease clock's rules with a dictionary for a wheel.</summary>
internal sealed class NaiveLeaseClock(LeaseClockOptions options)
{
    private readonly Dictionary<long, Known> _leases = [];
    private bool _isLeading;
    private long _nextPass;

    public int Count => _leases.Count;

    public void StepDown()
    {
        _isLeading = false;
        _leases.Clear();
    }

    public void BecomeLeader(long now, Lease[] leases, long extendMs)
    {
        _leases.Clear();
        _isLeading = true;
        _nextPass = now;
        var given = new List<long>();
        foreach (var lease in leases.OrderBy(lease => lease.TtlForNewLeader).ThenBy(lease => lease.Id))
        {
            var end = now + (lease.TtlForNewLeader * 1_000) + extendMs;
            if (leases.Length >= options.SpreadFromCount && given.Count >= options.SpreadPerSecond)
            {
                end = Math.Max(end, given[^options.SpreadPerSecond] + 1_000);
            }

            given.Add(end);
            var known = new Known { TtlMs = lease.Ttl * 1_000, End = end, HasCheckpoint = lease.RemainingTtl > 0 };
            _leases.Add(lease.Id, known);
            Schedule(known, now);
        }
    }

    public void Granted(long id, long ttl, long now)
    {
        if (_isLeading)
        {
            var known = new Known { TtlMs = ttl * 1_000, End = now + (ttl * 1_000) };
            _leases.Add(id, known);
            Schedule(known, now);
        }
    }

    public LeaseRenewal Renew(long id, long now)
    {
        if (!_isLeading)
        {
            return LeaseRenewal.NotLeading;
        }

        if (!_leases.TryGetValue(id, out var known))
        {
            return LeaseRenewal.Unknown;
        }

        if (known.AskAgainAt is not null || known.End <= now)
        {
            return LeaseRenewal.Expired;
        }

        known.End = now + known.TtlMs;
        Schedule(known, now);
        return known.HasCheckpoint ? LeaseRenewal.RenewedPastCheckpoint : LeaseRenewal.Renewed;
    }

    public void Revoked(long id) => _leases.Remove(id);

    public void Checkpointed(long id, long remainingTtl)
    {
        if (_leases.TryGetValue(id, out var known))
        {
            known.HasCheckpoint = remainingTtl > 0;
        }
    }

    public long? Remaining(long id, long now) => _leases.TryGetValue(id, out var known) ? known.End - now : null;

    public long[] IdsByExpiry() => [.. _leases.OrderBy(pair => pair.Value.End).ThenBy(pair => pair.Key).Select(pair => pair.Key)];

    /// <summary>Which of several that are due at the same moment come first is the clock's choice; the rest is not.</summary>
    public void AssertTaken(IReadOnlyList<long> taken, long now, string words)
    {
        if (!_isLeading || now < _nextPass)
        {
            Assert.Empty(taken);
            return;
        }

        var due = _leases.Values.Select(known => known.AskAgainAt ?? known.End).Where(when => when <= now).Order();
        Assert.True(
            due.Take(options.RevocationsPerPass).SequenceEqual(taken.Select(id => _leases[id].AskAgainAt ?? _leases[id].End)), words);
        Assert.Equal(taken.Count, taken.Distinct().Count());
        foreach (var id in taken)
        {
            _leases[id].AskAgainAt = now + options.RetryMs;
            _leases[id].CheckpointAt = null;
        }

        if (taken.Count > 0)
        {
            _nextPass = now + options.PassMs;
        }
    }

    public void AssertCheckpoints(IReadOnlyList<LeaseRemaining> batch, long now, string words)
    {
        if (!_isLeading)
        {
            Assert.Empty(batch);
            return;
        }

        // Which of those that are due are left for the next batch is the clock's choice.
        var due = _leases.Where(pair => pair.Value.CheckpointAt <= now && pair.Value.End > now).ToDictionary();
        Assert.True(Math.Min(due.Count, options.CheckpointBatch) == batch.Count, words);
        Assert.Equal(batch.Count, batch.DistinctBy(remaining => remaining.Id).Count());
        foreach (var remaining in batch)
        {
            var known = due[remaining.Id];
            Assert.Equal((long)Math.Ceiling((known.End - now) / 1_000.0), remaining.RemainingTtl);
            Assert.InRange(remaining.RemainingTtl, 1, known.TtlMs / 1_000);
            known.HasCheckpoint = true;
            Schedule(known, now);
        }
    }

    private void Schedule(Known known, long now)
        => known.CheckpointAt = options.IsCheckpointing && known.End - now > options.CheckpointMs
            ? Math.Max(now + options.CheckpointMs, known.End - known.TtlMs + 1)
            : null;

    private sealed class Known
    {
        public required long TtlMs { get; init; }

        public required long End { get; set; }

        public bool HasCheckpoint { get; set; }

        public long? AskAgainAt { get; set; }

        public long? CheckpointAt { get; set; }
    }
}
