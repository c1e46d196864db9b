using RaftKv.Rpc;

namespace RaftKv.Client;

/// <summary>
/// A call that did not do what it was asked to. Everything the client throws for what happened at the cluster, or on the
/// way there, derives from this; cancellation by the caller's token is <see cref="OperationCanceledException"/>, and the
/// use of a disposed client <see cref="ObjectDisposedException"/>.
/// </summary>
/// <example><code>
/// catch (OutcomeUnknownException) { /* look at the store before doing it again */ }
/// catch (RaftKvException e) when (e.IsTransient) { /* the same call may succeed later */ }
/// </code></example>
public class RaftKvException : Exception
{
    public RaftKvException(string message, Exception? cause = null)
        : base(message, cause)
    {
    }

    /// <summary>Whether the same call may well succeed later, without anybody changing anything.</summary>
    public bool IsTransient { get; init; }

    /// <summary>Whether the call may have taken effect although it failed. Never true of calls that change nothing.</summary>
    public bool IsOutcomeUnknown { get; init; }

    /// <summary>The status the call ended with.</summary>
    public RpcStatusCode Code { get; init; } = RpcStatusCode.Unknown;

    /// <summary>The member that answered last; null if none was reached.</summary>
    public Uri? Member { get; init; }
}

/// <summary>
/// A call that changes something was sent, and nobody knows whether it took effect or yet will. It was not repeated.
/// </summary>
public sealed class OutcomeUnknownException(string message, Exception? cause = null) : RaftKvException(message, cause);

/// <summary>The call did not end in the time it was given. It changes nothing, or it had reached no member.</summary>
public sealed class CallTimeoutException(string message, Exception? cause = null) : RaftKvException(message, cause);

/// <summary>No member could be reached, or none that is able to serve.</summary>
public sealed class UnavailableException(string message, Exception? cause = null) : RaftKvException(message, cause);

/// <summary>The members have no leader at the moment.</summary>
public sealed class NoLeaderException(string message, Exception? cause = null) : RaftKvException(message, cause);

/// <summary>The revision asked for was compacted.</summary>
public sealed class CompactedException(string message, Exception? cause = null) : RaftKvException(message, cause)
{
    /// <summary>The oldest revision that can still be read, where the cluster says so; 0 where it does not.</summary>
    public long CompactRevision { get; init; }
}

/// <summary>The revision asked for has not happened yet.</summary>
public sealed class FutureRevisionException(string message, Exception? cause = null) : RaftKvException(message, cause);

/// <summary>The lease is not there: it has expired, was revoked, or never was.</summary>
public sealed class LeaseNotFoundException(string message, Exception? cause = null) : RaftKvException(message, cause);

/// <summary>A lease with the id asked for is there already.</summary>
public sealed class LeaseExistsException(string message, Exception? cause = null) : RaftKvException(message, cause);

/// <summary>The key whose value or lease was to be kept is not there.</summary>
public sealed class KeyNotFoundInStoreException(string message, Exception? cause = null) : RaftKvException(message, cause);

/// <summary>The cluster has no more room.</summary>
/// <remarks>
/// A member of etcd may say so of a write that it has applied, so its outcome is unknown there; one of RaftKv has not done it.
/// </remarks>
public sealed class NoSpaceException(string message, Exception? cause = null) : RaftKvException(message, cause);

/// <summary>The cluster is asked for more than it can do just now.</summary>
public sealed class OverloadedException(string message, Exception? cause = null) : RaftKvException(message, cause);

/// <summary>The user may not do this.</summary>
public sealed class PermissionDeniedException(string message, Exception? cause = null) : RaftKvException(message, cause);

/// <summary>The cluster does not know who is calling: no credentials, or wrong ones.</summary>
public sealed class AuthenticationException(string message, Exception? cause = null) : RaftKvException(message, cause);

/// <summary>The request makes no sense to the cluster, whatever its state.</summary>
public sealed class InvalidRequestException(string message, Exception? cause = null) : RaftKvException(message, cause);

/// <summary>The member that is named is not there.</summary>
public sealed class MemberNotFoundException(string message, Exception? cause = null) : RaftKvException(message, cause);

/// <summary>The cluster cannot do this in the state it is in.</summary>
public sealed class RefusedException(string message, Exception? cause = null) : RaftKvException(message, cause);
