namespace RaftKv.Storage.Leases;

/// <summary>What became of a request to keep a lease alive.</summary>
public enum LeaseRenewal
{
    /// <summary>It has its full TTL again.</summary>
    Renewed,

    /// <summary>It has its full TTL again on this clock. But what is left of it was replicated before, and a new leader
    /// would begin from that: a checkpoint of 0 has to be applied before the client is told.</summary>
    RenewedPastCheckpoint,

    /// <summary>Its time is over and it will be revoked. Nothing brings it back; the client is answered once it is gone.</summary>
    Expired,

    /// <summary>Somebody has asked for its end, and another member may have said already that it is gone. The client is
    /// answered when that is applied here.</summary>
    Revoking,

    /// <summary>There is no such lease.</summary>
    Unknown,

    /// <summary>Only the leader's clock counts, and this is not it.</summary>
    NotLeading,
}
