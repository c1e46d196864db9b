using RaftKv.Rpc;
using RaftKv.Server.Replica;
using RaftKv.Storage.State;
using RaftKv.Storage.State.Requests;

namespace RaftKv.Server.Api;

/// <summary>
/// What clients are told when something is refused: the one table of codes and words. Clients compare the words, so they
/// are etcd's to the letter.
/// </summary>
public static class ApiErrors
{
    // Said by the services themselves, before anything is proposed.
    public static readonly RpcStatus EmptyKey = Invalid("etcdserver: key is not provided");
    public static readonly RpcStatus NoOperation = Invalid("etcdserver: key not found");
    public static readonly RpcStatus ValueProvided = Invalid("etcdserver: value is provided");
    public static readonly RpcStatus LeaseProvided = Invalid("etcdserver: lease is provided");
    public static readonly RpcStatus TooManyOperations = Invalid("etcdserver: too many operations in txn request");
    public static readonly RpcStatus DuplicateKey = Invalid("etcdserver: duplicate key given in txn request");
    public static readonly RpcStatus InvalidClientVersion = Invalid("etcdserver: invalid client api version");
    public static readonly RpcStatus InvalidSortOption = Invalid("etcdserver: invalid sort option");
    public static readonly RpcStatus BadMemberUrls = Invalid("etcdserver: given member URLs are invalid");
    public static readonly RpcStatus NotSupportedForLearner =
        new(RpcStatusCode.FailedPrecondition, "etcdserver: rpc not supported for learner");

    public static readonly RpcStatus InvalidAuthToken = new(RpcStatusCode.Unauthenticated, "etcdserver: invalid auth token");
    public static readonly RpcStatus WrongDowngradeFormat = Invalid("etcdserver: wrong downgrade target version format");
    public static readonly RpcStatus InvalidDowngradeTarget = Invalid("etcdserver: invalid downgrade target version");
    public static readonly RpcStatus NotCapable = new(RpcStatusCode.FailedPrecondition, "etcdserver: not capable");
    public static readonly RpcStatus WatchCanceled = new(RpcStatusCode.Cancelled, "etcdserver: watch canceled");
    public static readonly RpcStatus UnknownMethod = Plain("etcdserver: unknown method");
    public static readonly RpcStatus StreamOrder =
        new(RpcStatusCode.Unimplemented, "RangeStream does not support custom sort orders");

    public static readonly RpcStatus StreamFilters =
        new(RpcStatusCode.Unimplemented, "RangeStream does not support revision filters");

    public static readonly RpcStatus PasswordTooLong = Plain("bcrypt: password length exceeds 72 bytes");

    public static readonly RpcStatus InvalidToken = new(RpcStatusCode.Unauthenticated, "etcdserver: invalid auth token");

    public static readonly RpcStatus VerifyOnly = Plain("token signing attempted with verify-only key");

    // Ours alone, where services are put together without tokens.
    public static readonly RpcStatus NoTokens = new(
        RpcStatusCode.Unimplemented, "raftkv: authentication cannot be enabled: nobody would be given a token here");

    // Said by the services that are clients of the others. Whatever goes wrong below them loses its code.
    public static readonly RpcStatus SessionExpired = Plain("mutex: session is expired");
    public static readonly RpcStatus ElectionNoLeader = Plain("election: no leader");
    public static readonly RpcStatus ElectionNotLeader = Plain("election: not leader");
    public static readonly RpcStatus LeaderFieldMissing = Plain("\"leader\" field must be provided");

    public static readonly RpcStatus NoLeader = Of(RequestRefusal.NoLeader);
    public static readonly RpcStatus NotLeader = Of(RequestRefusal.NotLeader);
    public static readonly RpcStatus TooLarge = Of(RequestRefusal.TooLarge);
    public static readonly RpcStatus TooManyRequests = Of(RequestRefusal.TooManyRequests);
    public static readonly RpcStatus OutOfService = Of(RequestRefusal.OutOfService);
    public static readonly RpcStatus Unreadable = new(RpcStatusCode.DataLoss, "raftkv: a record on this member's disk cannot be read; its log names the place");
    public static readonly RpcStatus NoSpace = Of(StateError.NoSpace);

    /// <summary>What a command was refused for when it was applied.</summary>
    public static RpcStatus Of(StateError error)
        => error switch
        {
            StateError.None => RpcStatus.Ok,
            StateError.KeyNotFound => Invalid("etcdserver: key not found"),
            StateError.Compacted => new(RpcStatusCode.OutOfRange, "etcdserver: mvcc: required revision has been compacted"),
            StateError.FutureRevision => new(RpcStatusCode.OutOfRange, "etcdserver: mvcc: required revision is a future revision"),
            StateError.NoSpace => new(RpcStatusCode.ResourceExhausted, "etcdserver: mvcc: database space exceeded"),
            StateError.Corrupt => new(RpcStatusCode.DataLoss, "etcdserver: corrupt cluster"),
            StateError.LeaseNotFound => new(RpcStatusCode.NotFound, "etcdserver: requested lease not found"),
            StateError.LeaseExists => Failed("etcdserver: lease already exists"),
            StateError.LeaseTtlTooLarge => new(RpcStatusCode.OutOfRange, "etcdserver: too large lease TTL"),
            StateError.MemberExists => Failed("etcdserver: member ID already exist"),
            StateError.PeerUrlExists => Failed("etcdserver: Peer URLs already exists"),
            StateError.MemberNotFound => new(RpcStatusCode.NotFound, "etcdserver: member not found"),
            StateError.MemberNotLearner => Failed("etcdserver: can only promote a learner member"),
            StateError.TooManyLearners => Failed("etcdserver: too many learner members in cluster"),
            StateError.RootUserNotFound => Failed("etcdserver: root user does not exist"),
            StateError.RootRoleNotGranted => Failed("etcdserver: root user does not have root role"),
            StateError.UserExists => Failed("etcdserver: user name already exists"),
            StateError.UserEmpty => Invalid("etcdserver: user name is empty"),
            StateError.UserNotFound => Failed("etcdserver: user name not found"),
            StateError.RoleExists => Failed("etcdserver: role name already exists"),
            StateError.RoleEmpty => Invalid("etcdserver: role name is empty"),
            StateError.RoleNotFound => Failed("etcdserver: role name not found"),
            StateError.AuthFailed => Invalid("etcdserver: authentication failed, invalid user ID or password"),
            StateError.NoPasswordUser => Plain("auth: authentication failed, password was given for no password user"),
            StateError.PermissionNotGiven => Invalid("etcdserver: permission not given"),
            StateError.PermissionDenied => new(RpcStatusCode.PermissionDenied, "etcdserver: permission denied"),
            StateError.RoleNotGranted => Failed("etcdserver: role is not granted to the user"),
            StateError.PermissionNotGranted => Failed("etcdserver: permission is not granted to the role"),
            StateError.AuthNotEnabled => Failed("etcdserver: authentication is not enabled"),
            StateError.InvalidAuthManagement => Invalid("etcdserver: invalid auth management"),
            StateError.RequestTooOld => Failed("raftkv: the request is older than what is remembered of requests"),
            StateError.AuthOldRevision => Invalid("etcdserver: revision of auth store is old"),
            _ => throw new ArgumentOutOfRangeException(nameof(error), error, "There are no words for it."),
        };

    /// <summary>Why a request was given up before it was applied.</summary>
    /// <remarks>Some of etcd's own refusals reach its clients without their code, and so do ours.</remarks>
    public static RpcStatus Of(RequestRefusal refusal)
        => refusal switch
        {
            RequestRefusal.TimedOut => Unavailable("etcdserver: request timed out"),
            RequestRefusal.TimedOutAfterLeaderFailure =>
                Unavailable("etcdserver: request timed out, possibly due to previous leader failure"),
            RequestRefusal.TimedOutAfterConnectionLoss =>
                Unavailable("etcdserver: request timed out, possibly due to connection lost"),
            RequestRefusal.LeaderChanged => Unavailable("etcdserver: leader changed"),
            RequestRefusal.NoLeader => Unavailable("etcdserver: no leader"),
            RequestRefusal.NotLeader => Failed("etcdserver: not leader"),
            RequestRefusal.TooManyRequests => Plain("etcdserver: too many requests"),
            RequestRefusal.TooLarge => Invalid("etcdserver: request is too large"),
            RequestRefusal.Dropped => Plain("raft proposal dropped"),
            RequestRefusal.Stopped => Unavailable("etcdserver: server stopped"),
            RequestRefusal.BadTransferTarget => Failed("etcdserver: bad leader transferee"),
            RequestRefusal.TransferTimedOut => Plain("etcdserver: request timed out, leader transfer took too long"),
            RequestRefusal.NotEnoughStarted =>
                Plain("etcdserver: re-configuration failed due to not enough started members"),
            RequestRefusal.Unhealthy => Unavailable("etcdserver: unhealthy cluster"),
            RequestRefusal.LearnerNotReady =>
                Failed("etcdserver: can only promote a learner member which is in sync with leader"),
            RequestRefusal.OutOfService => Unavailable("raftkv: this member's data differs from the cluster's, and is being mended"),
            RequestRefusal.AppliedTooLate =>
                Unavailable("etcdserver: request timed out, waiting for the applied index took too long"),
            _ => throw new ArgumentOutOfRangeException(nameof(refusal), refusal, "There are no words for it."),
        };

    /// <summary>The bytes of a request are not a message: what a generated reader would have said.</summary>
    public static RpcStatus Of(WireFormatException garbage)
        => new(RpcStatusCode.Internal, $"grpc: error unmarshalling request: {garbage.Message}");

    /// <summary>The status of an exception that is an answer to a client; null for all others.</summary>
    internal static RpcStatus? OfException(Exception trouble)
        => trouble switch
        {
            RequestRefusedException refused => Of(refused.Reason),
            WireFormatException garbage => Of(garbage),
            RpcException chosen => chosen.Status,
            _ => null,
        };

    private static RpcStatus Invalid(string text) => new(RpcStatusCode.InvalidArgument, text);

    private static RpcStatus Failed(string text) => new(RpcStatusCode.FailedPrecondition, text);

    private static RpcStatus Unavailable(string text) => new(RpcStatusCode.Unavailable, text);

    private static RpcStatus Plain(string text) => new(RpcStatusCode.Unknown, text);
}
