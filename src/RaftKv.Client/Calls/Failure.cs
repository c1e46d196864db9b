using RaftKv.Rpc;

namespace RaftKv.Client.Calls;

/// <summary>What a failed attempt leaves open.</summary>
internal enum Aftermath
{
    /// <summary>It was refused for good: another attempt would be refused as well. It had no effect.</summary>
    Refused,

    /// <summary>It had no effect, and may have one elsewhere or later.</summary>
    NotDone,

    /// <summary>Whether it had an effect, or yet will, is not known.</summary>
    Unknown,
}

/// <summary>Reads what a status of a member, or of the way there, means for the call and for the member.</summary>
internal readonly record struct Failure(RpcException Cause, Aftermath Aftermath, bool IsMemberAtFault)
{
    private const string NoLeaderText = "etcdserver: no leader";

    /// <param name="e">What the attempt ended with.</param>
    /// <param name="isOfRaftKv">Whether the member is known to be one of RaftKv's, which refuse for want of room before they do anything.</param>
    public static Failure Of(RpcException e, bool isOfRaftKv = false)
    {
        if (e.IsUnseen)
        {
            // Of a member that was not reached before the deadline nothing is known: a caller may give it as little time as it likes.
            return new(e, Aftermath.NotDone, e.Code is RpcStatusCode.Unavailable);
        }

        return e.Code switch
        {
            // The rule around all calls says so, before anything is done.
            RpcStatusCode.Unavailable when e.Status.Detail == NoLeaderText => new(e, Aftermath.NotDone, true),
            RpcStatusCode.Unavailable when e.Status.Detail == "etcdserver: unhealthy cluster" => new(e, Aftermath.NotDone, false),

            // Only reads are told so.
            RpcStatusCode.Unavailable when e.Status.Detail == "etcdserver: leader changed" => new(e, Aftermath.NotDone, false),
            RpcStatusCode.Unavailable => new(e, Aftermath.Unknown, !IsOfServer(e) || e.Status.Detail is "etcdserver: server stopped"
                or "raftkv: this member's data differs from the cluster's, and is being mended"),
            RpcStatusCode.Unknown when e.Status.Detail is "etcdserver: too many requests" or "raft proposal dropped" => new(e, Aftermath.NotDone, false),
            RpcStatusCode.Unknown when e.Status.Detail is "etcdserver: re-configuration failed due to not enough started members"
                => new(e, Aftermath.Refused, false),
            RpcStatusCode.FailedPrecondition when e.Status.Detail == "etcdserver: rpc not supported for learner" => new(e, Aftermath.NotDone, true),
            RpcStatusCode.Unauthenticated => new(e, Aftermath.Refused, false),
            RpcStatusCode.ResourceExhausted when e.Status.Detail.StartsWith("etcdserver: mvcc: database space", StringComparison.Ordinal)
                => new(e, isOfRaftKv ? Aftermath.Refused : Aftermath.Unknown, false),
            RpcStatusCode.Cancelled or RpcStatusCode.DeadlineExceeded or RpcStatusCode.Unknown or RpcStatusCode.Internal
                or RpcStatusCode.Aborted or RpcStatusCode.ResourceExhausted
                => new(e, Aftermath.Unknown, e.Code == RpcStatusCode.Internal),
            _ => new(e, Aftermath.Refused, false),
        };
    }

    /// <summary>What the caller is told of a call that is not repeated.</summary>
    /// <param name="isWrite">Whether the call changes something.</param>
    /// <param name="mayBeDone">Whether an earlier attempt may have had an effect.</param>
    /// <param name="member">Where the last attempt went.</param>
    public RaftKvException ToException(bool isWrite, bool mayBeDone, Uri? member)
    {
        var text = Cause.Status.Detail is { Length: > 0 } detail ? detail : Cause.Status.ToString();
        var isUnknown = isWrite && (mayBeDone || Aftermath == Aftermath.Unknown);
        if (isUnknown && !IsNoSpace)
        {
            return new OutcomeUnknownException($"Whether it took effect is not known: {text}", Cause)
            {
                Code = Cause.Code,
                Member = member,
                IsOutcomeUnknown = true,
            };
        }

        return Named(text, Cause, member, isUnknown);
    }

    private bool IsNoSpace => Cause.Code == RpcStatusCode.ResourceExhausted && IsOfServer(Cause);

    // What members say themselves begins with their name.
    private static bool IsOfServer(RpcException e)
        => e.Status.Detail.StartsWith("etcdserver:", StringComparison.Ordinal) || e.Status.Detail.StartsWith("raftkv:", StringComparison.Ordinal);

    private static RaftKvException Named(string text, RpcException cause, Uri? member, bool isUnknown) => (cause.Code, text) switch
    {
        (RpcStatusCode.DeadlineExceeded, _) => new CallTimeoutException($"There was no answer in time: {text}", cause)
        {
            Code = cause.Code,
            Member = member,
            IsTransient = true,
        },
        (RpcStatusCode.Unavailable, NoLeaderText) => new NoLeaderException(text, cause) { Code = cause.Code, Member = member, IsTransient = true },
        (RpcStatusCode.Unavailable, _) => new UnavailableException(text, cause) { Code = cause.Code, Member = member, IsTransient = true },
        (RpcStatusCode.OutOfRange, "etcdserver: mvcc: required revision has been compacted")
            => new CompactedException(text, cause) { Code = cause.Code, Member = member },
        (RpcStatusCode.OutOfRange, "etcdserver: mvcc: required revision is a future revision")
            => new FutureRevisionException(text, cause) { Code = cause.Code, Member = member },
        (_, "etcdserver: requested lease not found") => new LeaseNotFoundException(text, cause) { Code = cause.Code, Member = member },
        (_, "etcdserver: lease already exists") => new LeaseExistsException(text, cause) { Code = cause.Code, Member = member },
        (_, "etcdserver: key not found") => new KeyNotFoundInStoreException(text, cause) { Code = cause.Code, Member = member },
        (_, "etcdserver: member not found") => new MemberNotFoundException(text, cause) { Code = cause.Code, Member = member },
        (_, "etcdserver: too many requests" or "raft proposal dropped")
            => new OverloadedException(text, cause) { Code = cause.Code, Member = member, IsTransient = true },
        (RpcStatusCode.ResourceExhausted, _) when IsOfServer(cause)
            => new NoSpaceException(text, cause) { Code = cause.Code, Member = member, IsOutcomeUnknown = isUnknown },
        (RpcStatusCode.ResourceExhausted, _) => new OverloadedException(text, cause) { Code = cause.Code, Member = member, IsTransient = true },
        (RpcStatusCode.PermissionDenied, _) => new PermissionDeniedException(text, cause) { Code = cause.Code, Member = member },
        (RpcStatusCode.Unauthenticated, _) => Unauthenticated(text, cause, member),
        (_, "etcdserver: user name is empty" or "etcdserver: authentication failed, invalid user ID or password" or "etcdserver: revision of auth store is old")
            => Unauthenticated(text, cause, member),
        (RpcStatusCode.InvalidArgument, _) => new InvalidRequestException(text, cause) { Code = cause.Code, Member = member },
        (RpcStatusCode.FailedPrecondition or RpcStatusCode.NotFound or RpcStatusCode.Unimplemented, _)
            => new RefusedException(text, cause) { Code = cause.Code, Member = member },
        _ => new RaftKvException(text, cause) { Code = cause.Code, Member = member },
    };

    private static AuthenticationException Unauthenticated(string text, RpcException cause, Uri? member)
        => new(text, cause) { Code = cause.Code, Member = member };
}
