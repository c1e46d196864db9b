using System.Runtime.InteropServices;
using RaftKv.Raft.Log;
using RaftKv.Storage.Leases;
using RaftKv.Storage.State;
using RaftKv.Storage.State.Commands;

namespace RaftKv.Server.Replica;

/// <summary>The leases' clock, shared by the applier, who tells of grants, by the services, who renew, and by the replica,
/// which asks what has run out and tells of revocations that are on their way.</summary>
public sealed class LeaseKeeper(TimeProvider time, TimeSpan electionTimeout, LeaseClockOptions options, MemberFaults faults)
{
    private readonly Lock _gate = new();
    private readonly LeaseClock _clock = new(options);
    private readonly ComingRevocations _coming = new();
    private readonly List<(ulong Index, long Lease)> _found = [];
    private bool _isAnyComing;
    private ulong _givenAwayIn;

    // When the last quorum was asked that said that this member leads. Long ago, at first.
    private long _ledAt = long.MinValue / 2;

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

    /// <summary>
    /// Whether a quorum has said that this member leads, shortly before a time or after it. A new leader gives every lease
    /// an election timeout more than it had, so one that was renewed so soon after the quorum's word cannot run out earlier
    /// than its client was told. And nobody can have led and revoked it, unless this member asked somebody to stand for
    /// election at once: then a quorum's word of before is worth nothing.
    /// </summary>
    /// <param name="at">A timestamp.</param>
    /// <param name="term">In which this member leads.</param>
    public bool HasLed(long at, ulong term)
    {
        // Half, because clocks do not run alike.
        return time.GetElapsedTime(Interlocked.Read(ref _ledAt), at) <= electionTimeout / 2
            && Volatile.Read(ref _givenAwayIn) < term;
    }

    /// <summary>A quorum says that this member leads.</summary>
    /// <param name="asked">When it was asked.</param>
    public void Led(long asked) => Interlocked.Exchange(ref _ledAt, asked);

    /// <summary>Leadership is offered to another member, who cannot have heard of it yet. By the replica.</summary>
    public void GivenAway(ulong term) => Volatile.Write(ref _givenAwayIn, term);

    /// <summary>Entries go into the log, before any other member can hear that they are agreed upon. By the replica.</summary>
    public void Appended(ReadOnlySpan<Entry> entries)
    {
        _found.Clear();
        ComingRevocations.Find(entries, _found);
        if (_found.Count == 0 && !Volatile.Read(ref _isAnyComing))
        {
            return;
        }

        lock (_gate)
        {
            _coming.Appended(entries[0].Index, CollectionsMarshal.AsSpan(_found));
            Volatile.Write(ref _isAnyComing, !_coming.IsEmpty);
        }
    }

    /// <summary>Everything up to an index is applied, and the clock was told. By the applier.</summary>
    public void Applied(ulong index)
    {
        if (Volatile.Read(ref _isAnyComing))
        {
            lock (_gate)
            {
                _coming.Applied(index);
                Volatile.Write(ref _isAnyComing, !_coming.IsEmpty);
            }
        }
    }

    public LeaseRenewal Renew(long id) => Renew(id, out _);

    /// <param name="id">Which lease.</param>
    /// <param name="ttl">What it has again, in seconds; 0 if it was not renewed.</param>
    public LeaseRenewal Renew(long id, out long ttl)
    {
        lock (_gate)
        {
            if (_clock.IsLeading && _coming.Contains(id) && !faults.OverlooksComingRevocations)
            {
                ttl = 0;
                return LeaseRenewal.Revoking;
            }

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
