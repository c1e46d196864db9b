using RaftKv.Raft;
using RaftKv.Storage.Watch;

namespace RaftKv.Server.Replica;

/// <summary>
/// Mistakes a member can make beside those of its log and its state, each behind a switch that only a test can turn on by
/// handing in this object. They exist to test the tests. Numbers are those of the project's list of mutations.
/// </summary>
public sealed record MemberFaults
{
    public static readonly MemberFaults None = new();

    public RaftFaults Core { get; init; } = RaftFaults.None;

    public WatchFaults Watch { get; init; } = WatchFaults.None;

    /// <summary>M15: leases run by the wall clock.</summary>
    public bool LeasesByWallClock { get; init; }

    /// <summary>M16: a new leader gives every lease its full time, whatever was agreed to be left of it.</summary>
    public bool LeasesBeginAgain { get; init; }

    /// <summary>A leader keeps a lease alive until it has itself applied that it is revoked.</summary>
    public bool OverlooksComingRevocations { get; init; }

    /// <summary>A member whose state differs from that of the others goes on as if nothing were wrong.</summary>
    public bool OverlooksDamage { get; init; }
}
