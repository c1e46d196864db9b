using Google.Protobuf;
using RaftKv.Protocol.Etcd;
using RaftKv.Rpc;

namespace RaftKv.Client.Calls;

/// <summary>
/// The methods that are called, each with its rule for repetition. This is the whole table: there is no other place that
/// decides whether a call is made twice.
/// </summary>
internal static class Methods
{
    public static readonly Call<RangeRequest, RangeResponse> Range = Of<RangeRequest, RangeResponse>("KV", "Range", RepeatRule.Freely);

    /// <summary>A range that any member may answer, with a quorum or without one.</summary>
    public static readonly Call<RangeRequest, RangeResponse> LocalRange = Range with { NeedsLeader = false };

    public static readonly Call<PutRequest, PutResponse> Put = Write<PutRequest, PutResponse>("Put");

    public static readonly Call<DeleteRangeRequest, DeleteRangeResponse> Delete = Write<DeleteRangeRequest, DeleteRangeResponse>("DeleteRange");

    public static readonly Call<TxnRequest, TxnResponse> Txn = Write<TxnRequest, TxnResponse>("Txn");

    /// <summary>A transaction that only reads, whichever branch it takes.</summary>
    public static readonly Call<TxnRequest, TxnResponse> ReadOnlyTxn = Of<TxnRequest, TxnResponse>("KV", "Txn", RepeatRule.Freely);

    // A repetition is refused because the first has compacted already: an error for something that has succeeded.
    public static readonly Call<CompactionRequest, CompactionResponse> Compact =
        Of<CompactionRequest, CompactionResponse>("KV", "Compact", RepeatRule.IfNotDone);

    // An id that the server picks is lost with the answer, and the lease with it until it expires.
    public static readonly Call<LeaseGrantRequest, LeaseGrantResponse> LeaseGrant =
        Of<LeaseGrantRequest, LeaseGrantResponse>("Lease", "LeaseGrant", RepeatRule.IfNotDone);

    // A lease that is gone stays gone; ids are not given twice. That a repetition finds nothing is taken for success.
    public static readonly Call<LeaseRevokeRequest, LeaseRevokeResponse> LeaseRevoke =
        Of<LeaseRevokeRequest, LeaseRevokeResponse>("Lease", "LeaseRevoke", RepeatRule.Freely) with { DoneText = "etcdserver: requested lease not found" };

    public static readonly Call<LeaseTimeToLiveRequest, LeaseTimeToLiveResponse> LeaseTimeToLive =
        Of<LeaseTimeToLiveRequest, LeaseTimeToLiveResponse>("Lease", "LeaseTimeToLive", RepeatRule.Freely);

    public static readonly Call<LeaseLeasesRequest, LeaseLeasesResponse> LeaseLeases =
        Of<LeaseLeasesRequest, LeaseLeasesResponse>("Lease", "LeaseLeases", RepeatRule.Freely);

    public static readonly Call<MemberListRequest, MemberListResponse> MemberList =
        Of<MemberListRequest, MemberListResponse>("Cluster", "MemberList", RepeatRule.Freely);

    public static readonly Call<MemberAddRequest, MemberAddResponse> MemberAdd =
        Of<MemberAddRequest, MemberAddResponse>("Cluster", "MemberAdd", RepeatRule.IfNotDone);

    public static readonly Call<MemberRemoveRequest, MemberRemoveResponse> MemberRemove =
        Of<MemberRemoveRequest, MemberRemoveResponse>("Cluster", "MemberRemove", RepeatRule.IfNotDone);

    public static readonly Call<MemberUpdateRequest, MemberUpdateResponse> MemberUpdate =
        Of<MemberUpdateRequest, MemberUpdateResponse>("Cluster", "MemberUpdate", RepeatRule.IfNotDone);

    public static readonly Call<MemberPromoteRequest, MemberPromoteResponse> MemberPromote =
        Of<MemberPromoteRequest, MemberPromoteResponse>("Cluster", "MemberPromote", RepeatRule.IfNotDone);

    public static readonly Call<StatusRequest, StatusResponse> Status =
        Of<StatusRequest, StatusResponse>("Maintenance", "Status", RepeatRule.Freely, needsLeader: false);

    public static readonly Call<AlarmRequest, AlarmResponse> Alarm =
        Of<AlarmRequest, AlarmResponse>("Maintenance", "Alarm", RepeatRule.Freely);

    public static readonly Call<DefragmentRequest, DefragmentResponse> Defragment =
        Of<DefragmentRequest, DefragmentResponse>("Maintenance", "Defragment", RepeatRule.Never, needsLeader: false);

    public static readonly Call<HashKVRequest, HashKVResponse> HashKv =
        Of<HashKVRequest, HashKVResponse>("Maintenance", "HashKV", RepeatRule.Freely, needsLeader: false);

    public static readonly Call<MoveLeaderRequest, MoveLeaderResponse> MoveLeader =
        Of<MoveLeaderRequest, MoveLeaderResponse>("Maintenance", "MoveLeader", RepeatRule.Never);

    public static readonly Call<AuthenticateRequest, AuthenticateResponse> Authenticate =
        Of<AuthenticateRequest, AuthenticateResponse>("Auth", "Authenticate", RepeatRule.Freely);

    public static readonly RpcMethod<WatchRequest, WatchResponse> Watch =
        Method<WatchRequest, WatchResponse>("Watch", "Watch", RpcShape.Duplex);

    public static readonly RpcMethod<LeaseKeepAliveRequest, LeaseKeepAliveResponse> LeaseKeepAlive =
        Method<LeaseKeepAliveRequest, LeaseKeepAliveResponse>("Lease", "LeaseKeepAlive", RpcShape.Duplex);

    public static readonly RpcMethod<SnapshotRequest, SnapshotResponse> Snapshot =
        Method<SnapshotRequest, SnapshotResponse>("Maintenance", "Snapshot", RpcShape.ServerStreaming);

    private static Call<TRequest, TResponse> Write<TRequest, TResponse>(string name)
        where TRequest : IMessage<TRequest>, new()
        where TResponse : IMessage<TResponse>, new()
        => Of<TRequest, TResponse>("KV", name, RepeatRule.IfNotDone) with { CanCarryRequestId = true };

    private static Call<TRequest, TResponse> Of<TRequest, TResponse>(string service, string name, RepeatRule repeat, bool needsLeader = true)
        where TRequest : IMessage<TRequest>, new()
        where TResponse : IMessage<TResponse>, new()
        => new(Method<TRequest, TResponse>(service, name, RpcShape.Unary), repeat) { NeedsLeader = needsLeader };

    // By name and not by descriptor: descriptors hold all messages of the API, and a trimmed program needs a few.
    private static RpcMethod<TRequest, TResponse> Method<TRequest, TResponse>(string service, string name, RpcShape shape)
        where TRequest : IMessage<TRequest>, new()
        where TResponse : IMessage<TResponse>, new()
        => new("etcdserverpb." + service, name, shape, MessageCodec.Of<TRequest>(), MessageCodec.Of<TResponse>());
}
