using RaftKv.Rpc;
using RaftKv.Server.Api;
using RaftKv.Server.Replica;
using RaftKv.Storage.State;
using RaftKv.Storage.State.Requests;

namespace RaftKv.Server.Tests.Api;

/// <summary>Every refusal has its code and its words. Clients compare both, so the table stands here a second time.</summary>
public sealed class ApiErrorsTests
{
    [Theory]
    [InlineData(StateError.KeyNotFound, 3, "etcdserver: key not found")]
    [InlineData(StateError.Compacted, 11, "etcdserver: mvcc: required revision has been compacted")]
    [InlineData(StateError.FutureRevision, 11, "etcdserver: mvcc: required revision is a future revision")]
    [InlineData(StateError.NoSpace, 8, "etcdserver: mvcc: database space exceeded")]
    [InlineData(StateError.Corrupt, 15, "etcdserver: corrupt cluster")]
    [InlineData(StateError.LeaseNotFound, 5, "etcdserver: requested lease not found")]
    [InlineData(StateError.LeaseExists, 9, "etcdserver: lease already exists")]
    [InlineData(StateError.LeaseTtlTooLarge, 11, "etcdserver: too large lease TTL")]
    [InlineData(StateError.MemberExists, 9, "etcdserver: member ID already exist")]
    [InlineData(StateError.PeerUrlExists, 9, "etcdserver: Peer URLs already exists")]
    [InlineData(StateError.MemberNotFound, 5, "etcdserver: member not found")]
    [InlineData(StateError.MemberNotLearner, 9, "etcdserver: can only promote a learner member")]
    [InlineData(StateError.TooManyLearners, 9, "etcdserver: too many learner members in cluster")]
    [InlineData(StateError.RootUserNotFound, 9, "etcdserver: root user does not exist")]
    [InlineData(StateError.RootRoleNotGranted, 9, "etcdserver: root user does not have root role")]
    [InlineData(StateError.UserExists, 9, "etcdserver: user name already exists")]
    [InlineData(StateError.UserEmpty, 3, "etcdserver: user name is empty")]
    [InlineData(StateError.UserNotFound, 9, "etcdserver: user name not found")]
    [InlineData(StateError.RoleExists, 9, "etcdserver: role name already exists")]
    [InlineData(StateError.RoleEmpty, 3, "etcdserver: role name is empty")]
    [InlineData(StateError.RoleNotFound, 9, "etcdserver: role name not found")]
    [InlineData(StateError.AuthFailed, 3, "etcdserver: authentication failed, invalid user ID or password")]
    [InlineData(StateError.NoPasswordUser, 2, "auth: authentication failed, password was given for no password user")]
    [InlineData(StateError.PermissionNotGiven, 3, "etcdserver: permission not given")]
    [InlineData(StateError.PermissionDenied, 7, "etcdserver: permission denied")]
    [InlineData(StateError.RoleNotGranted, 9, "etcdserver: role is not granted to the user")]
    [InlineData(StateError.PermissionNotGranted, 9, "etcdserver: permission is not granted to the role")]
    [InlineData(StateError.AuthNotEnabled, 9, "etcdserver: authentication is not enabled")]
    [InlineData(StateError.InvalidAuthManagement, 3, "etcdserver: invalid auth management")]
    [InlineData(StateError.AuthOldRevision, 3, "etcdserver: revision of auth store is old")]
    public void What_the_state_refuses(StateError error, int code, string text)
        => Assert.Equal(new RpcStatus((RpcStatusCode)code, text), ApiErrors.Of(error));

    [Theory]
    [InlineData(RequestRefusal.TimedOut, 14, "etcdserver: request timed out")]
    [InlineData(RequestRefusal.TimedOutAfterLeaderFailure, 14, "etcdserver: request timed out, possibly due to previous leader failure")]
    [InlineData(RequestRefusal.TimedOutAfterConnectionLoss, 14, "etcdserver: request timed out, possibly due to connection lost")]
    [InlineData(RequestRefusal.LeaderChanged, 14, "etcdserver: leader changed")]
    [InlineData(RequestRefusal.NoLeader, 14, "etcdserver: no leader")]
    [InlineData(RequestRefusal.NotLeader, 9, "etcdserver: not leader")]
    [InlineData(RequestRefusal.TooManyRequests, 2, "etcdserver: too many requests")]
    [InlineData(RequestRefusal.TooLarge, 3, "etcdserver: request is too large")]
    [InlineData(RequestRefusal.Dropped, 2, "raft proposal dropped")]
    [InlineData(RequestRefusal.Stopped, 14, "etcdserver: server stopped")]
    [InlineData(RequestRefusal.BadTransferTarget, 9, "etcdserver: bad leader transferee")]
    [InlineData(RequestRefusal.TransferTimedOut, 2, "etcdserver: request timed out, leader transfer took too long")]
    [InlineData(RequestRefusal.NotEnoughStarted, 2, "etcdserver: re-configuration failed due to not enough started members")]
    [InlineData(RequestRefusal.Unhealthy, 14, "etcdserver: unhealthy cluster")]
    [InlineData(RequestRefusal.LearnerNotReady, 9, "etcdserver: can only promote a learner member which is in sync with leader")]
    [InlineData(RequestRefusal.AppliedTooLate, 14, "etcdserver: request timed out, waiting for the applied index took too long")]
    public void What_the_member_refuses(RequestRefusal refusal, int code, string text)
        => Assert.Equal(new RpcStatus((RpcStatusCode)code, text), ApiErrors.Of(refusal));

    [Fact]
    public void What_the_services_refuse()
        => Assert.Equal(
            [
                (ApiErrors.EmptyKey, 3, "etcdserver: key is not provided"),
                (ApiErrors.NoOperation, 3, "etcdserver: key not found"),
                (ApiErrors.ValueProvided, 3, "etcdserver: value is provided"),
                (ApiErrors.LeaseProvided, 3, "etcdserver: lease is provided"),
                (ApiErrors.TooManyOperations, 3, "etcdserver: too many operations in txn request"),
                (ApiErrors.DuplicateKey, 3, "etcdserver: duplicate key given in txn request"),
                (ApiErrors.InvalidClientVersion, 3, "etcdserver: invalid client api version"),
                (ApiErrors.InvalidSortOption, 3, "etcdserver: invalid sort option"),
                (ApiErrors.BadMemberUrls, 3, "etcdserver: given member URLs are invalid"),
                (ApiErrors.NotSupportedForLearner, 9, "etcdserver: rpc not supported for learner"),
                (ApiErrors.InvalidAuthToken, 16, "etcdserver: invalid auth token"),
                (ApiErrors.WrongDowngradeFormat, 3, "etcdserver: wrong downgrade target version format"),
                (ApiErrors.InvalidDowngradeTarget, 3, "etcdserver: invalid downgrade target version"),
                (ApiErrors.NotCapable, 9, "etcdserver: not capable"),
                (ApiErrors.UnknownMethod, 2, "etcdserver: unknown method"),
                (ApiErrors.WatchCanceled, 1, "etcdserver: watch canceled"),
                (ApiErrors.SessionExpired, 2, "mutex: session is expired"),
                (ApiErrors.ElectionNoLeader, 2, "election: no leader"),
                (ApiErrors.ElectionNotLeader, 2, "election: not leader"),
                (ApiErrors.LeaderFieldMissing, 2, "\"leader\" field must be provided"),
            ],
            new[]
            {
                ApiErrors.EmptyKey, ApiErrors.NoOperation, ApiErrors.ValueProvided, ApiErrors.LeaseProvided,
                ApiErrors.TooManyOperations, ApiErrors.DuplicateKey, ApiErrors.InvalidClientVersion,
                ApiErrors.InvalidSortOption, ApiErrors.BadMemberUrls, ApiErrors.NotSupportedForLearner,
                ApiErrors.InvalidAuthToken, ApiErrors.WrongDowngradeFormat,
                ApiErrors.InvalidDowngradeTarget, ApiErrors.NotCapable, ApiErrors.UnknownMethod,
                ApiErrors.WatchCanceled,
                ApiErrors.SessionExpired, ApiErrors.ElectionNoLeader, ApiErrors.ElectionNotLeader,
                ApiErrors.LeaderFieldMissing,
            }.Select(status => (status, (int)status.Code, status.Detail)));

    [Fact]
    public void Nothing_that_can_be_refused_is_without_words()
    {
        Assert.Equal(RpcStatus.Ok, ApiErrors.Of(StateError.None));
        Assert.All(Enum.GetValues<StateError>().Except([StateError.None]), error => Assert.NotEmpty(ApiErrors.Of(error).Detail));
        Assert.All(Enum.GetValues<RequestRefusal>(), refusal => Assert.NotEmpty(ApiErrors.Of(refusal).Detail));
    }

    [Fact]
    public void Bytes_that_are_no_message()
        => Assert.Equal(
            new RpcStatus(RpcStatusCode.Internal, "grpc: error unmarshalling request: A number at 3 has no end."),
            ApiErrors.Of(new WireFormatException("A number at 3 has no end.")));
}
