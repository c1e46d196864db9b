using System.Collections.Immutable;
using RaftKv.Raft;
using RaftKv.Server.Peers;
using RaftKv.Server.Tls;
using RaftKv.Storage.Files;
using RaftKv.Storage.Mvcc;
using RaftKv.Storage.State;
using RaftKv.Storage.Watch;

namespace RaftKv.Server.Replica;

/// <summary>
/// A running member as its services see it. Everything may be called on any thread.
/// </summary>
/// <remarks>What cannot be done is thrown as <see cref="RequestRefusedException"/>, which says whether it is certain that
/// nothing happened; what a command was refused for when it was applied is in its <see cref="Answer"/>.</remarks>
public interface IMember
{
    NodeId Self { get; }

    ulong ClusterId { get; }

    /// <summary>Where it stands in the cluster at this moment.</summary>
    MemberStatus Status { get; }

    /// <summary>Who belongs to the cluster, as applied here; in order of their ids.</summary>
    IReadOnlyList<Member> Members { get; }

    ImmutableSortedSet<Alarm> Alarms { get; }

    /// <summary>Users and roles, as applied here.</summary>
    AuthView Auth { get; }

    /// <summary>Whether its data is known to be wrong, so that it must not answer clients until it is mended.</summary>
    bool IsOutOfService { get; }

    /// <summary>Told that something on its disk could not be read.</summary>
    /// <returns>Whether it can be mended from the others: the member goes out of service until it is.</returns>
    bool ReportUnreadable(StorageException problem) => false;

    WatchHub Watches { get; }

    /// <summary>The certificates that it uses, and until when they are valid.</summary>
    IReadOnlyList<CertificateExpiry> Certificates => [];

    /// <summary>The time after which a request is given up.</summary>
    TimeSpan RequestTimeout { get; }

    /// <summary>The key space as applied here. To be disposed soon.</summary>
    KeySpaceView OpenView();

    /// <summary>Bytes on the disk, and how many of them are needed.</summary>
    (long Taken, long Needed) Space { get; }

    /// <summary>Puts a command into the log and waits until it is applied here.</summary>
    /// <param name="payload">Encoded by <see cref="CommandEnvelope"/> with a request id of <see cref="NextRequestId"/>.</param>
    /// <param name="requestId">The same.</param>
    /// <param name="cancellation">Ends the waiting; the command may still be carried out.</param>
    ValueTask<Answer> ProposeAsync(ReadOnlyMemory<byte> payload, ulong requestId, CancellationToken cancellation);

    /// <summary>A request id that nobody else uses.</summary>
    ulong NextRequestId();

    /// <summary>Waits until what is applied here includes every write that was acknowledged anywhere before this call.</summary>
    ValueTask WaitUntilCurrentAsync(CancellationToken cancellation);

    /// <summary>Waits until the compaction that was applied last has left this member's index and store.</summary>
    ValueTask WaitUntilCompactedAsync(CancellationToken cancellation);

    /// <summary>Renews a lease on the leader's clock, wherever the leader is.</summary>
    /// <returns>The TTL in seconds; 0 if there is no such lease.</returns>
    ValueTask<long> RenewLeaseAsync(long id, CancellationToken cancellation);

    /// <summary>What the leader's clock says of a lease; null if there is no such lease.</summary>
    ValueTask<LeaseTime?> GetLeaseTimeAsync(long id, bool wantsKeys, CancellationToken cancellation);

    /// <summary>The leases, as applied here.</summary>
    ValueTask<IReadOnlyList<long>> GetLeasesAsync(CancellationToken cancellation);

    /// <summary>Changes the membership and waits until the change is applied here.</summary>
    /// <returns>The members afterwards.</returns>
    ValueTask<(StateError Error, IReadOnlyList<Member> Members)> ChangeMembersAsync(
        MemberChange change, CancellationToken cancellation);

    /// <summary>Hands leadership to a voter and waits until it has it; this member must be the leader.</summary>
    ValueTask TransferLeadershipAsync(NodeId target, CancellationToken cancellation);

    /// <summary>Asks for a round of giving space back.</summary>
    void RequestReclaim();

    /// <summary>The state as of this moment, to be restored from. To be disposed soon: until then nothing of it is given
    /// back.</summary>
    ValueTask<ISnapshotSource> OpenSnapshotAsync(CancellationToken cancellation);
}

/// <summary>Where a member stands.</summary>
/// <param name="Term">That it knows.</param>
/// <param name="Leader">None if it knows none.</param>
/// <param name="IsLearner">Whether it has no vote.</param>
/// <param name="CommitIndex">Up to which the log is agreed upon, as it knows.</param>
/// <param name="AppliedIndex">Up to which it has applied it.</param>
public readonly record struct MemberStatus(ulong Term, NodeId Leader, bool IsLearner, ulong CommitIndex, ulong AppliedIndex);

/// <summary>A lease by the leader's clock, in seconds.</summary>
public sealed record LeaseTime(long Remaining, long Granted, IReadOnlyList<ReadOnlyMemory<byte>> Keys);

/// <summary>Why a request did not get as far as being applied and answered.</summary>
public enum RequestRefusal
{
    /// <summary>No answer in time. It may still happen.</summary>
    TimedOut,

    /// <summary>No answer in time, and the leader changed while it was under way. It may still happen.</summary>
    TimedOutAfterLeaderFailure,

    /// <summary>No answer in time, and there was no connection to a quorum. It may still happen.</summary>
    TimedOutAfterConnectionLoss,

    /// <summary>The leader changed while a read was waiting.</summary>
    LeaderChanged,

    /// <summary>Nobody leads, as far as this member knows.</summary>
    NoLeader,

    /// <summary>Only the leader can do it, and this member is not.</summary>
    NotLeader,

    /// <summary>Too much is waiting to be applied.</summary>
    TooManyRequests,

    /// <summary>The command is larger than commands may be.</summary>
    TooLarge,

    /// <summary>The log takes nothing now: leadership is being handed over, or too much is not agreed upon yet.</summary>
    Dropped,

    /// <summary>The member is shutting down.</summary>
    Stopped,

    /// <summary>Leadership was to be handed to somebody who has no vote, or is not there.</summary>
    BadTransferTarget,

    /// <summary>The new leader did not take over in time.</summary>
    TransferTimedOut,

    /// <summary>After the change there would not be enough members that have ever started.</summary>
    NotEnoughStarted,

    /// <summary>Too few members are connected for the change to be safe.</summary>
    Unhealthy,

    /// <summary>The learner lags too far behind to be given a vote.</summary>
    LearnerNotReady,

    /// <summary>The leader has not caught up with applying.</summary>
    AppliedTooLate,

    /// <summary>This member's data is not what the cluster agreed upon, and is being mended. Of a write it is not certain
    /// that nothing happened.</summary>
    OutOfService,
}

/// <summary>A request was given up before it was applied here.</summary>
public sealed class RequestRefusedException(RequestRefusal reason) : Exception($"The request was refused: {reason}.")
{
    public RequestRefusal Reason { get; } = reason;
}
