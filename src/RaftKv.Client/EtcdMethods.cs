using Google.Protobuf;
using RaftKv.Protocol.Etcd;
using RaftKv.Rpc;

namespace RaftKv.Client;

/// <summary>The methods of etcd's v3 API, for those who call them on a channel of their own.</summary>
/// <example><code>
/// var answer = await channel.UnaryAsync(EtcdMethods.Range, new RangeRequest { Key = ByteString.CopyFromUtf8("k") });
/// </code></example>
public static class EtcdMethods
{
    /// <summary>etcdserverpb.KV/Range.</summary>
    public static readonly RpcMethod<RangeRequest, RangeResponse> Range =
        Of<RangeRequest, RangeResponse>("KV", "Range");

    /// <summary>etcdserverpb.KV/Put.</summary>
    public static readonly RpcMethod<PutRequest, PutResponse> Put =
        Of<PutRequest, PutResponse>("KV", "Put");

    /// <summary>etcdserverpb.KV/DeleteRange.</summary>
    public static readonly RpcMethod<DeleteRangeRequest, DeleteRangeResponse> DeleteRange =
        Of<DeleteRangeRequest, DeleteRangeResponse>("KV", "DeleteRange");

    /// <summary>etcdserverpb.KV/Txn.</summary>
    public static readonly RpcMethod<TxnRequest, TxnResponse> Txn =
        Of<TxnRequest, TxnResponse>("KV", "Txn");

    /// <summary>etcdserverpb.KV/Compact.</summary>
    public static readonly RpcMethod<CompactionRequest, CompactionResponse> Compact =
        Of<CompactionRequest, CompactionResponse>("KV", "Compact");

    /// <summary>etcdserverpb.Watch/Watch.</summary>
    public static readonly RpcMethod<WatchRequest, WatchResponse> Watch =
        Of<WatchRequest, WatchResponse>("Watch", "Watch", RpcShape.Duplex);

    /// <summary>etcdserverpb.Lease/LeaseGrant.</summary>
    public static readonly RpcMethod<LeaseGrantRequest, LeaseGrantResponse> LeaseGrant =
        Of<LeaseGrantRequest, LeaseGrantResponse>("Lease", "LeaseGrant");

    /// <summary>etcdserverpb.Lease/LeaseRevoke.</summary>
    public static readonly RpcMethod<LeaseRevokeRequest, LeaseRevokeResponse> LeaseRevoke =
        Of<LeaseRevokeRequest, LeaseRevokeResponse>("Lease", "LeaseRevoke");

    /// <summary>etcdserverpb.Lease/LeaseTimeToLive.</summary>
    public static readonly RpcMethod<LeaseTimeToLiveRequest, LeaseTimeToLiveResponse> LeaseTimeToLive =
        Of<LeaseTimeToLiveRequest, LeaseTimeToLiveResponse>("Lease", "LeaseTimeToLive");

    /// <summary>etcdserverpb.Lease/LeaseLeases.</summary>
    public static readonly RpcMethod<LeaseLeasesRequest, LeaseLeasesResponse> LeaseLeases =
        Of<LeaseLeasesRequest, LeaseLeasesResponse>("Lease", "LeaseLeases");

    /// <summary>etcdserverpb.Lease/LeaseKeepAlive.</summary>
    public static readonly RpcMethod<LeaseKeepAliveRequest, LeaseKeepAliveResponse> LeaseKeepAlive =
        Of<LeaseKeepAliveRequest, LeaseKeepAliveResponse>("Lease", "LeaseKeepAlive", RpcShape.Duplex);

    /// <summary>etcdserverpb.Cluster/MemberList.</summary>
    public static readonly RpcMethod<MemberListRequest, MemberListResponse> MemberList =
        Of<MemberListRequest, MemberListResponse>("Cluster", "MemberList");

    /// <summary>etcdserverpb.Cluster/MemberAdd.</summary>
    public static readonly RpcMethod<MemberAddRequest, MemberAddResponse> MemberAdd =
        Of<MemberAddRequest, MemberAddResponse>("Cluster", "MemberAdd");

    /// <summary>etcdserverpb.Cluster/MemberRemove.</summary>
    public static readonly RpcMethod<MemberRemoveRequest, MemberRemoveResponse> MemberRemove =
        Of<MemberRemoveRequest, MemberRemoveResponse>("Cluster", "MemberRemove");

    /// <summary>etcdserverpb.Cluster/MemberUpdate.</summary>
    public static readonly RpcMethod<MemberUpdateRequest, MemberUpdateResponse> MemberUpdate =
        Of<MemberUpdateRequest, MemberUpdateResponse>("Cluster", "MemberUpdate");

    /// <summary>etcdserverpb.Cluster/MemberPromote.</summary>
    public static readonly RpcMethod<MemberPromoteRequest, MemberPromoteResponse> MemberPromote =
        Of<MemberPromoteRequest, MemberPromoteResponse>("Cluster", "MemberPromote");

    /// <summary>etcdserverpb.Maintenance/Status.</summary>
    public static readonly RpcMethod<StatusRequest, StatusResponse> Status =
        Of<StatusRequest, StatusResponse>("Maintenance", "Status");

    /// <summary>etcdserverpb.Maintenance/Alarm.</summary>
    public static readonly RpcMethod<AlarmRequest, AlarmResponse> Alarm =
        Of<AlarmRequest, AlarmResponse>("Maintenance", "Alarm");

    /// <summary>etcdserverpb.Maintenance/Defragment.</summary>
    public static readonly RpcMethod<DefragmentRequest, DefragmentResponse> Defragment =
        Of<DefragmentRequest, DefragmentResponse>("Maintenance", "Defragment");

    /// <summary>etcdserverpb.Maintenance/HashKV.</summary>
    public static readonly RpcMethod<HashKVRequest, HashKVResponse> HashKv =
        Of<HashKVRequest, HashKVResponse>("Maintenance", "HashKV");

    /// <summary>etcdserverpb.Maintenance/Snapshot.</summary>
    public static readonly RpcMethod<SnapshotRequest, SnapshotResponse> Snapshot =
        Of<SnapshotRequest, SnapshotResponse>("Maintenance", "Snapshot", RpcShape.ServerStreaming);

    /// <summary>etcdserverpb.Maintenance/MoveLeader.</summary>
    public static readonly RpcMethod<MoveLeaderRequest, MoveLeaderResponse> MoveLeader =
        Of<MoveLeaderRequest, MoveLeaderResponse>("Maintenance", "MoveLeader");

    /// <summary>etcdserverpb.Maintenance/Downgrade.</summary>
    public static readonly RpcMethod<DowngradeRequest, DowngradeResponse> Downgrade =
        Of<DowngradeRequest, DowngradeResponse>("Maintenance", "Downgrade");

    /// <summary>etcdserverpb.Auth/Authenticate.</summary>
    public static readonly RpcMethod<AuthenticateRequest, AuthenticateResponse> Authenticate =
        Of<AuthenticateRequest, AuthenticateResponse>("Auth", "Authenticate");

    /// <summary>etcdserverpb.Auth/AuthEnable.</summary>
    public static readonly RpcMethod<AuthEnableRequest, AuthEnableResponse> AuthEnable =
        Of<AuthEnableRequest, AuthEnableResponse>("Auth", "AuthEnable");

    /// <summary>etcdserverpb.Auth/AuthDisable.</summary>
    public static readonly RpcMethod<AuthDisableRequest, AuthDisableResponse> AuthDisable =
        Of<AuthDisableRequest, AuthDisableResponse>("Auth", "AuthDisable");

    /// <summary>etcdserverpb.Auth/AuthStatus.</summary>
    public static readonly RpcMethod<AuthStatusRequest, AuthStatusResponse> AuthStatus =
        Of<AuthStatusRequest, AuthStatusResponse>("Auth", "AuthStatus");

    /// <summary>etcdserverpb.Auth/UserAdd.</summary>
    public static readonly RpcMethod<AuthUserAddRequest, AuthUserAddResponse> UserAdd =
        Of<AuthUserAddRequest, AuthUserAddResponse>("Auth", "UserAdd");

    /// <summary>etcdserverpb.Auth/UserGet.</summary>
    public static readonly RpcMethod<AuthUserGetRequest, AuthUserGetResponse> UserGet =
        Of<AuthUserGetRequest, AuthUserGetResponse>("Auth", "UserGet");

    /// <summary>etcdserverpb.Auth/UserList.</summary>
    public static readonly RpcMethod<AuthUserListRequest, AuthUserListResponse> UserList =
        Of<AuthUserListRequest, AuthUserListResponse>("Auth", "UserList");

    /// <summary>etcdserverpb.Auth/UserDelete.</summary>
    public static readonly RpcMethod<AuthUserDeleteRequest, AuthUserDeleteResponse> UserDelete =
        Of<AuthUserDeleteRequest, AuthUserDeleteResponse>("Auth", "UserDelete");

    /// <summary>etcdserverpb.Auth/UserChangePassword.</summary>
    public static readonly RpcMethod<AuthUserChangePasswordRequest, AuthUserChangePasswordResponse> UserChangePassword =
        Of<AuthUserChangePasswordRequest, AuthUserChangePasswordResponse>("Auth", "UserChangePassword");

    /// <summary>etcdserverpb.Auth/UserGrantRole.</summary>
    public static readonly RpcMethod<AuthUserGrantRoleRequest, AuthUserGrantRoleResponse> UserGrantRole =
        Of<AuthUserGrantRoleRequest, AuthUserGrantRoleResponse>("Auth", "UserGrantRole");

    /// <summary>etcdserverpb.Auth/UserRevokeRole.</summary>
    public static readonly RpcMethod<AuthUserRevokeRoleRequest, AuthUserRevokeRoleResponse> UserRevokeRole =
        Of<AuthUserRevokeRoleRequest, AuthUserRevokeRoleResponse>("Auth", "UserRevokeRole");

    /// <summary>etcdserverpb.Auth/RoleAdd.</summary>
    public static readonly RpcMethod<AuthRoleAddRequest, AuthRoleAddResponse> RoleAdd =
        Of<AuthRoleAddRequest, AuthRoleAddResponse>("Auth", "RoleAdd");

    /// <summary>etcdserverpb.Auth/RoleGet.</summary>
    public static readonly RpcMethod<AuthRoleGetRequest, AuthRoleGetResponse> RoleGet =
        Of<AuthRoleGetRequest, AuthRoleGetResponse>("Auth", "RoleGet");

    /// <summary>etcdserverpb.Auth/RoleList.</summary>
    public static readonly RpcMethod<AuthRoleListRequest, AuthRoleListResponse> RoleList =
        Of<AuthRoleListRequest, AuthRoleListResponse>("Auth", "RoleList");

    /// <summary>etcdserverpb.Auth/RoleDelete.</summary>
    public static readonly RpcMethod<AuthRoleDeleteRequest, AuthRoleDeleteResponse> RoleDelete =
        Of<AuthRoleDeleteRequest, AuthRoleDeleteResponse>("Auth", "RoleDelete");

    /// <summary>etcdserverpb.Auth/RoleGrantPermission.</summary>
    public static readonly RpcMethod<AuthRoleGrantPermissionRequest, AuthRoleGrantPermissionResponse> RoleGrantPermission =
        Of<AuthRoleGrantPermissionRequest, AuthRoleGrantPermissionResponse>("Auth", "RoleGrantPermission");

    /// <summary>etcdserverpb.Auth/RoleRevokePermission.</summary>
    public static readonly RpcMethod<AuthRoleRevokePermissionRequest, AuthRoleRevokePermissionResponse> RoleRevokePermission =
        Of<AuthRoleRevokePermissionRequest, AuthRoleRevokePermissionResponse>("Auth", "RoleRevokePermission");

    // By name and not by descriptor: descriptors hold all messages of the API, and a trimmed program needs a few.
    private static RpcMethod<TRequest, TResponse> Of<TRequest, TResponse>(string service, string name, RpcShape shape = RpcShape.Unary)
        where TRequest : IMessage<TRequest>, new()
        where TResponse : IMessage<TResponse>, new()
        => new("etcdserverpb." + service, name, shape, MessageCodec.Of<TRequest>(), MessageCodec.Of<TResponse>());
}
