using RaftKv.Server.Replica;
using RaftKv.Storage.State;

namespace RaftKv.Server.Hosting;

/// <summary>
/// What only the leader can do, asked of it by a follower on a client's behalf. Every method answers null (or false) if the
/// one that was asked does not lead or cannot be reached.
/// </summary>
internal interface ILeaderCalls
{
    ValueTask<long?> RenewLeaseAsync(Uri leader, long id, CancellationToken cancellation);

    ValueTask<(bool IsAnswered, LeaseTime? Time)> GetLeaseTimeAsync(Uri leader, long id, bool wantsKeys, CancellationToken cancellation);

    ValueTask<StateError?> ChangeMembersAsync(Uri leader, MemberChange change, CancellationToken cancellation);
}
