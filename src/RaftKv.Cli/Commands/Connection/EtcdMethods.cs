using Google.Protobuf;
using RaftKv.Protocol.Etcd;
using RaftKv.Rpc;

namespace RaftKv.Cli.Commands.Connection;

/// <summary>The methods of the API that commands call.</summary>
internal static class EtcdMethods
{
    public static readonly RpcMethod<RangeRequest, RangeResponse> Range = Of<RangeRequest, RangeResponse>("KV", "Range");

    public static readonly RpcMethod<PutRequest, PutResponse> Put = Of<PutRequest, PutResponse>("KV", "Put");

    public static readonly RpcMethod<DeleteRangeRequest, DeleteRangeResponse> DeleteRange =
        Of<DeleteRangeRequest, DeleteRangeResponse>("KV", "DeleteRange");

    public static readonly RpcMethod<TxnRequest, TxnResponse> Txn = Of<TxnRequest, TxnResponse>("KV", "Txn");

    public static readonly RpcMethod<CompactionRequest, CompactionResponse> Compact =
        Of<CompactionRequest, CompactionResponse>("KV", "Compact");

    public static readonly RpcMethod<WatchRequest, WatchResponse> Watch = Of<WatchRequest, WatchResponse>("Watch", "Watch");

    public static readonly RpcMethod<LeaseGrantRequest, LeaseGrantResponse> LeaseGrant =
        Of<LeaseGrantRequest, LeaseGrantResponse>("Lease", "LeaseGrant");

    public static readonly RpcMethod<LeaseRevokeRequest, LeaseRevokeResponse> LeaseRevoke =
        Of<LeaseRevokeRequest, LeaseRevokeResponse>("Lease", "LeaseRevoke");

    public static readonly RpcMethod<LeaseTimeToLiveRequest, LeaseTimeToLiveResponse> LeaseTimeToLive =
        Of<LeaseTimeToLiveRequest, LeaseTimeToLiveResponse>("Lease", "LeaseTimeToLive");

    public static readonly RpcMethod<LeaseLeasesRequest, LeaseLeasesResponse> LeaseLeases =
        Of<LeaseLeasesRequest, LeaseLeasesResponse>("Lease", "LeaseLeases");

    public static readonly RpcMethod<LeaseKeepAliveRequest, LeaseKeepAliveResponse> LeaseKeepAlive =
        Of<LeaseKeepAliveRequest, LeaseKeepAliveResponse>("Lease", "LeaseKeepAlive");

    public static readonly RpcMethod<MemberListRequest, MemberListResponse> MemberList =
        Of<MemberListRequest, MemberListResponse>("Cluster", "MemberList");

    public static readonly RpcMethod<MemberAddRequest, MemberAddResponse> MemberAdd =
        Of<MemberAddRequest, MemberAddResponse>("Cluster", "MemberAdd");

    public static readonly RpcMethod<MemberRemoveRequest, MemberRemoveResponse> MemberRemove =
        Of<MemberRemoveRequest, MemberRemoveResponse>("Cluster", "MemberRemove");

    public static readonly RpcMethod<MemberUpdateRequest, MemberUpdateResponse> MemberUpdate =
        Of<MemberUpdateRequest, MemberUpdateResponse>("Cluster", "MemberUpdate");

    public static readonly RpcMethod<MemberPromoteRequest, MemberPromoteResponse> MemberPromote =
        Of<MemberPromoteRequest, MemberPromoteResponse>("Cluster", "MemberPromote");

    public static readonly RpcMethod<StatusRequest, StatusResponse> Status = Of<StatusRequest, StatusResponse>("Maintenance", "Status");

    public static readonly RpcMethod<AlarmRequest, AlarmResponse> Alarm = Of<AlarmRequest, AlarmResponse>("Maintenance", "Alarm");

    public static readonly RpcMethod<DefragmentRequest, DefragmentResponse> Defragment =
        Of<DefragmentRequest, DefragmentResponse>("Maintenance", "Defragment");

    public static readonly RpcMethod<HashKVRequest, HashKVResponse> HashKv = Of<HashKVRequest, HashKVResponse>("Maintenance", "HashKV");

    public static readonly RpcMethod<SnapshotRequest, SnapshotResponse> Snapshot =
        Of<SnapshotRequest, SnapshotResponse>("Maintenance", "Snapshot");

    public static readonly RpcMethod<MoveLeaderRequest, MoveLeaderResponse> MoveLeader =
        Of<MoveLeaderRequest, MoveLeaderResponse>("Maintenance", "MoveLeader");

    public static readonly RpcMethod<AuthenticateRequest, AuthenticateResponse> Authenticate =
        Of<AuthenticateRequest, AuthenticateResponse>("Auth", "Authenticate");

    private static RpcMethod<TRequest, TResponse> Of<TRequest, TResponse>(string service, string name)
        where TRequest : IMessage<TRequest>, new()
        where TResponse : IMessage<TResponse>, new()
        => RpcMethod.Of<TRequest, TResponse>(
            RpcReflection.Descriptor.Services.Single(candidate => candidate.Name == service).FindMethodByName(name));
}
