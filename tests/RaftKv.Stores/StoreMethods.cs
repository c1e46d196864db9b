using Google.Protobuf;
using Google.Protobuf.Reflection;
using RaftKv.Protocol.Election;
using RaftKv.Protocol.Etcd;
using RaftKv.Protocol.Lock;
using RaftKv.Rpc;
using RaftKv.Rpc.Client;

namespace RaftKv.Stores;

/// <summary>A unary method that takes and gives whatever message is its own.</summary>
public abstract class StoreMethod(string verb, MessageDescriptor request)
{
    /// <summary>What scripts call it.</summary>
    public string Verb { get; } = verb;

    public MessageDescriptor Request { get; } = request;

    public abstract Task<IMessage> CallAsync(RpcChannel channel, IMessage request, RpcCallOptions options);
}

/// <summary>The methods of the API by the short names that scripts use.</summary>
public static class StoreMethods
{
    public static readonly RpcMethod<StatusRequest, StatusResponse> Status = Method<StatusRequest, StatusResponse>("Maintenance", "Status");

    public static readonly RpcMethod<MemberListRequest, MemberListResponse> MemberList = Method<MemberListRequest, MemberListResponse>("Cluster", "MemberList");

    public static readonly RpcMethod<WatchRequest, WatchResponse> Watch = Method<WatchRequest, WatchResponse>("Watch", "Watch");

    public static readonly RpcMethod<LeaseKeepAliveRequest, LeaseKeepAliveResponse> KeepAlive =
        Method<LeaseKeepAliveRequest, LeaseKeepAliveResponse>("Lease", "LeaseKeepAlive");

    public static readonly RpcMethod<SnapshotRequest, SnapshotResponse> Snapshot =
        Method<SnapshotRequest, SnapshotResponse>("Maintenance", "Snapshot");

    public static readonly RpcMethod<RangeRequest, RangeStreamResponse> RangeStream =
        Method<RangeRequest, RangeStreamResponse>("KV", "RangeStream");

    public static readonly RpcMethod<LeaderRequest, LeaderResponse> Observe = RpcMethod.Of<LeaderRequest, LeaderResponse>(
        V3ElectionReflection.Descriptor.Services.Single().FindMethodByName("Observe"));

    private static readonly Dictionary<string, StoreMethod> Verbs = new StoreMethod[]
    {
        new Unary<RangeRequest, RangeResponse>("range", "KV", "Range"),
        new Unary<PutRequest, PutResponse>("put", "KV", "Put"),
        new Unary<DeleteRangeRequest, DeleteRangeResponse>("delete", "KV", "DeleteRange"),
        new Unary<TxnRequest, TxnResponse>("txn", "KV", "Txn"),
        new Unary<CompactionRequest, CompactionResponse>("compact", "KV", "Compact"),
        new Unary<LeaseGrantRequest, LeaseGrantResponse>("grant", "Lease", "LeaseGrant"),
        new Unary<LeaseRevokeRequest, LeaseRevokeResponse>("revoke", "Lease", "LeaseRevoke"),
        new Unary<LeaseTimeToLiveRequest, LeaseTimeToLiveResponse>("timetolive", "Lease", "LeaseTimeToLive"),
        new Unary<LeaseLeasesRequest, LeaseLeasesResponse>("leases", "Lease", "LeaseLeases"),
        new Unary<MemberAddRequest, MemberAddResponse>("member-add", "Cluster", "MemberAdd"),
        new Unary<MemberRemoveRequest, MemberRemoveResponse>("member-remove", "Cluster", "MemberRemove"),
        new Unary<MemberUpdateRequest, MemberUpdateResponse>("member-update", "Cluster", "MemberUpdate"),
        new Unary<MemberListRequest, MemberListResponse>("member-list", "Cluster", "MemberList"),
        new Unary<MemberPromoteRequest, MemberPromoteResponse>("member-promote", "Cluster", "MemberPromote"),
        new Unary<AlarmRequest, AlarmResponse>("alarm", "Maintenance", "Alarm"),
        new Unary<StatusRequest, StatusResponse>("status", "Maintenance", "Status"),
        new Unary<DefragmentRequest, DefragmentResponse>("defragment", "Maintenance", "Defragment"),
        new Unary<HashRequest, HashResponse>("hash", "Maintenance", "Hash"),
        new Unary<HashKVRequest, HashKVResponse>("hashkv", "Maintenance", "HashKV"),
        new Unary<MoveLeaderRequest, MoveLeaderResponse>("move-leader", "Maintenance", "MoveLeader"),
        new Unary<DowngradeRequest, DowngradeResponse>("downgrade", "Maintenance", "Downgrade"),
        new Unary<AuthenticateRequest, AuthenticateResponse>("authenticate", "Auth", "Authenticate"),
        new Unary<AuthEnableRequest, AuthEnableResponse>("auth-enable", "Auth", "AuthEnable"),
        new Unary<AuthDisableRequest, AuthDisableResponse>("auth-disable", "Auth", "AuthDisable"),
        new Unary<AuthStatusRequest, AuthStatusResponse>("auth-status", "Auth", "AuthStatus"),
        new Unary<AuthUserAddRequest, AuthUserAddResponse>("user-add", "Auth", "UserAdd"),
        new Unary<AuthUserGetRequest, AuthUserGetResponse>("user-get", "Auth", "UserGet"),
        new Unary<AuthUserListRequest, AuthUserListResponse>("user-list", "Auth", "UserList"),
        new Unary<AuthUserDeleteRequest, AuthUserDeleteResponse>("user-delete", "Auth", "UserDelete"),
        new Unary<AuthUserChangePasswordRequest, AuthUserChangePasswordResponse>("user-passwd", "Auth", "UserChangePassword"),
        new Unary<AuthUserGrantRoleRequest, AuthUserGrantRoleResponse>("user-grant-role", "Auth", "UserGrantRole"),
        new Unary<AuthUserRevokeRoleRequest, AuthUserRevokeRoleResponse>("user-revoke-role", "Auth", "UserRevokeRole"),
        new Unary<AuthRoleAddRequest, AuthRoleAddResponse>("role-add", "Auth", "RoleAdd"),
        new Unary<AuthRoleGetRequest, AuthRoleGetResponse>("role-get", "Auth", "RoleGet"),
        new Unary<AuthRoleListRequest, AuthRoleListResponse>("role-list", "Auth", "RoleList"),
        new Unary<AuthRoleDeleteRequest, AuthRoleDeleteResponse>("role-delete", "Auth", "RoleDelete"),
        new Unary<AuthRoleGrantPermissionRequest, AuthRoleGrantPermissionResponse>("role-grant", "Auth", "RoleGrantPermission"),
        new Unary<AuthRoleRevokePermissionRequest, AuthRoleRevokePermissionResponse>("role-revoke", "Auth", "RoleRevokePermission"),
        new Unary<LockRequest, LockResponse>("lock", V3LockReflection.Descriptor, "Lock"),
        new Unary<UnlockRequest, UnlockResponse>("unlock", V3LockReflection.Descriptor, "Unlock"),
        new Unary<CampaignRequest, CampaignResponse>("campaign", V3ElectionReflection.Descriptor, "Campaign"),
        new Unary<ProclaimRequest, ProclaimResponse>("proclaim", V3ElectionReflection.Descriptor, "Proclaim"),
        new Unary<LeaderRequest, LeaderResponse>("leader", V3ElectionReflection.Descriptor, "Leader"),
        new Unary<ResignRequest, ResignResponse>("resign", V3ElectionReflection.Descriptor, "Resign"),
    }.ToDictionary(method => method.Verb, StringComparer.Ordinal);

    /// <summary>The method of that verb.</summary>
    public static StoreMethod Of(string verb)
        => Find(verb) ?? throw new FormatException($"'{verb}' is no operation; there are {string.Join(", ", Verbs.Keys)}.");

    /// <summary>The method of that verb, or null.</summary>
    public static StoreMethod? Find(string verb) => Verbs.GetValueOrDefault(verb);

    private static RpcMethod<TRequest, TResponse> Method<TRequest, TResponse>(string service, string name)
        where TRequest : IMessage<TRequest>, new()
        where TResponse : IMessage<TResponse>, new()
        => RpcMethod.Of<TRequest, TResponse>(
            RpcReflection.Descriptor.Services.Single(candidate => candidate.Name == service).FindMethodByName(name));

    private sealed class Unary<TRequest, TResponse> : StoreMethod
        where TRequest : IMessage<TRequest>, new()
        where TResponse : IMessage<TResponse>, new()
    {
        private readonly RpcMethod<TRequest, TResponse> _method;

        public Unary(string verb, string service, string name)
            : this(verb, Method<TRequest, TResponse>(service, name))
        {
        }

        public Unary(string verb, FileDescriptor file, string name)
            : this(verb, RpcMethod.Of<TRequest, TResponse>(file.Services.Single().FindMethodByName(name)))
        {
        }

        private Unary(string verb, RpcMethod<TRequest, TResponse> method)
            : base(verb, new TRequest().Descriptor)
            => _method = method;

        public override async Task<IMessage> CallAsync(RpcChannel channel, IMessage request, RpcCallOptions options)
            => await channel.UnaryAsync(_method, (TRequest)request, options);
    }
}
