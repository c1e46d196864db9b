using RaftKv.Storage.Leases;
using RaftKv.Storage.State;
using RaftKv.Storage.State.Commands;

namespace RaftKv.Server.Replica;

/// <summary>The leases' clock, shared by the applier, who tells of grants, by the services, who renew, and by the replica's
/// ticks, which ask what has run out.</summary>
public sealed class LeaseKeeper(TimeProvider time, TimeSpan electionTimeout, LeaseClockOptions options, MemberFaults faults)
{
    private readonly Lock _gate = new();
    private readonly LeaseClock _clock = new(options);

    private long Now => faults.LeasesByWallClock
        ? time.GetUtcNow().ToUnixTimeMilliseconds()
        : (long)time.GetElapsedTime(0).TotalMilliseconds;

    public bool IsLeading
    {
        get
        {
            lock (_gate)
            {
                return _clock.IsLeading;
            }
        }
    }

    public void BecomeLeader(IEnumerable<Lease> leases)
    {
        lock (_gate)
        {
            var extension = (long)electionTimeout.TotalMilliseconds;
            _clock.BecomeLeader(Now, leases, extension, beginsAgain: faults.LeasesBeginAgain);
        }
    }

    public void StepDown()
    {
        lock (_gate)
        {
            _clock.StepDown();
        }
    }

    public void Granted(long id, long ttl)
    {
        lock (_gate)
        {
            _clock.Granted(id, ttl, Now);
        }
    }

    public void Revoked(long id)
    {
        lock (_gate)
        {
            _clock.Revoked(id);
        }
    }

    public void Checkpointed(long id, long remainingTtl)
    {
        lock (_gate)
        {
            _clock.Checkpointed(id, remainingTtl);
        }
    }

    /// <summary>What is left of leases that live long, to be agreed upon.</summary>
    public IReadOnlyList<LeaseRemaining> TakeCheckpoints()
    {
        lock (_gate)
        {
            return _clock.TakeCheckpoints(Now);
        }
    }

    public LeaseRenewal Renew(long id) => Renew(id, out _);

    /// <param name="id">Which lease.</param>
    /// <param name="ttl">What it has again, in seconds; 0 if it was not renewed.</param>
    public LeaseRenewal Renew(long id, out long ttl)
    {
        lock (_gate)
        {
            return _clock.Renew(id, Now, out ttl);
        }
    }

    /// <summary>What is left, in milliseconds.</summary>
    public bool TryGetRemaining(long id, out long remainingMs)
    {
        lock (_gate)
        {
            return _clock.TryGetRemaining(id, Now, out remainingMs);
        }
    }

    public long[] IdsByExpiry()
    {
        lock (_gate)
        {
            return _clock.IdsByExpiry();
        }
    }

    /// <summary>Leases that have run out on this clock, counting those that were proposed again.</summary>
    public long ExpiredCount { get; private set; }

    public IReadOnlyList<long> TakeExpired()
    {
        lock (_gate)
        {
            var expired = _clock.TakeExpired(Now);
            ExpiredCount += expired.Count;
            return expired;
        }
    }
}
