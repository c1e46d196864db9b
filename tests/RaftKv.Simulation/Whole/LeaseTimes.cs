namespace RaftKv.Simulation.Whole;

/// <summary>
/// <b>A lease lives for its time after whatever was acknowledged to keep it alive, by the slowest clock there is, and no
/// acknowledgement brings one back.</b> And it ends, some time after nobody keeps it alive any more.
/// <para>Times are true ones, from when a client began to ask: a member cannot have reckoned from earlier.</para>
/// </summary>
internal sealed class LeaseTimes(Replay replay, Cluster cluster)
{
    /// <summary>A grant was acknowledged that a client had asked for at a time.</summary>
    public void Kept(long id, long calledAt)
    {
        if (Find(id) is { } lease)
        {
            lease.KeptAt.Add(calledAt);
            CheckNotEarly(lease);
        }
    }

    /// <summary>A renewal was acknowledged.</summary>
    public void Renewed(long id, long calledAt, Floor floor)
    {
        if (Find(id) is not { } lease)
        {
            throw new Violation(nameof(LeaseTimes), $"lease {id:x} is kept alive, and was never granted");
        }

        if (lease.EndedAtIndex != 0 && lease.EndedAtIndex <= floor.Index)
        {
            throw new Violation(nameof(LeaseTimes), $"lease {id:x} is kept alive, and it was told before that it ended");
        }

        lease.KeptAt.Add(calledAt);
        CheckNotEarly(lease);
    }

    /// <summary>A client is told that there is no such lease.</summary>
    public void Unknown(long id, long calledAt)
    {
        if (Find(id) is { } lease && lease.EndedAt == long.MaxValue && replay.Leases.ContainsKey(id))
        {
            throw new Violation(nameof(LeaseTimes), $"lease {id:x} is there, and a client who asked at {calledAt / 1000} us is told that it is not");
        }
    }

    /// <summary>The time of a lease was over, says the leader that the cluster has agreed with.</summary>
    public void Ended(AgreedLease lease) => CheckNotEarly(lease);

    /// <summary>Leases that were kept alive for the last time before a moment are to be gone.</summary>
    public void CheckGone(long before)
    {
        foreach (var lease in replay.Leases.Values)
        {
            var last = Math.Max(lease.GrantedAt, lease.KeptAt.Count > 0 ? lease.KeptAt.Max() : 0);
            if (last < before)
            {
                throw new Violation(
                    nameof(LeaseTimes), $"lease {lease.Id:x} of {lease.Ttl} s was kept alive at {last / 1000} us for the last time, and is still there");
            }
        }
    }

    private AgreedLease? Find(long id)
    {
        foreach (var lease in replay.AllLeases)
        {
            if (lease.Id == id)
            {
                return lease;
            }
        }

        return null;
    }

    private void CheckNotEarly(AgreedLease lease)
    {
        if (!lease.HasExpired)
        {
            return;
        }

        // A fast clock's seconds are short.
        var shortest = lease.Ttl * Simulator.Second * (100 - cluster.Plan.ClockSkewPercent) / 100;
        foreach (var keptAt in lease.KeptAt)
        {
            if (lease.EndWrittenAt < keptAt + shortest - Simulator.Millisecond)
            {
                throw new Violation(
                    nameof(LeaseTimes),
                    $"lease {lease.Id:x} of {lease.Ttl} s was kept alive at {keptAt / 1000} us, and taken for run out at {lease.EndWrittenAt / 1000} us");
            }
        }
    }
}
