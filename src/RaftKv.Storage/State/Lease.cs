namespace RaftKv.Storage.State;

/// <summary>
/// What is agreed upon about a lease. When it runs out is not: only the leader's clock knows.
/// </summary>
public sealed class Lease
{
    private SortedKeys _keys;

    internal Lease(long id, long ttl, long remainingTtl)
    {
        Id = id;
        Ttl = ttl;
        RemainingTtl = remainingTtl;
    }

    public long Id { get; }

    /// <summary>As granted, in seconds.</summary>
    public long Ttl { get; }

    /// <summary>What was left of it, in seconds, when the leader last said so; 0 if it did not since the last renewal.</summary>
    public long RemainingTtl { get; internal set; }

    /// <summary>How long it lives on under a new leader, in seconds.</summary>
    public long TtlForNewLeader => RemainingTtl > 0 ? RemainingTtl : Ttl;

    /// <summary>The keys that go with it, in order. To be looked through before the next command is applied.</summary>
    public SortedKeys Keys => _keys;

    internal bool Attach(ReadOnlySpan<byte> key) => _keys.Add(key);

    internal bool Detach(ReadOnlySpan<byte> key) => _keys.Remove(key);
}
