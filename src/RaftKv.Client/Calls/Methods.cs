using RaftKv.Protocol.Etcd;
using RaftKv.Rpc;

namespace RaftKv.Client.Calls;

/// <summary>
/// The methods that are called, each with its rule for repetition. This is the whole table: there is no other place that
/// decides whether a call is made twice.
/// </summary>
internal static class Methods
{
    public static readonly Call<RangeRequest, RangeResponse> Range = new(EtcdMethods.Range, RepeatRule.Freely);

    /// <summary>A range that any member may answer, with a quorum or without one.</summary>
    public static readonly Call<RangeRequest, RangeResponse> LocalRange = Range with { NeedsLeader = false };

    public static readonly Call<PutRequest, PutResponse> Put = Write(EtcdMethods.Put);

    public static readonly Call<DeleteRangeRequest, DeleteRangeResponse> Delete = Write(EtcdMethods.DeleteRange);

    public static readonly Call<TxnRequest, TxnResponse> Txn = Write(EtcdMethods.Txn);

    /// <summary>A transaction that only reads, whichever branch it takes.</summary>
    public static readonly Call<TxnRequest, TxnResponse> ReadOnlyTxn = new(EtcdMethods.Txn, RepeatRule.Freely);

    // A repetition is refused because the first has compacted already: an error for something that has succeeded.
    public static readonly Call<CompactionRequest, CompactionResponse> Compact = new(EtcdMethods.Compact, RepeatRule.IfNotDone);

    // The id is drawn by the client for this one call, so a lease of that id is the call's own.
    public static readonly Call<LeaseGrantRequest, LeaseGrantResponse> LeaseGrant =
        new(EtcdMethods.LeaseGrant, RepeatRule.Freely) { IsWrite = true, DoneTexts = ["etcdserver: lease already exists"] };

    /// <summary>A lease of an id that the caller names, and others may name as well.</summary>
    public static readonly Call<LeaseGrantRequest, LeaseGrantResponse> LeaseGrantOfId = new(EtcdMethods.LeaseGrant, RepeatRule.IfNotDone);

    // A lease that is gone stays gone; ids are not given twice. That a repetition finds nothing is taken for success.
    public static readonly Call<LeaseRevokeRequest, LeaseRevokeResponse> LeaseRevoke =
        new(EtcdMethods.LeaseRevoke, RepeatRule.Freely) { IsWrite = true, DoneTexts = ["etcdserver: requested lease not found"] };

    public static readonly Call<LeaseTimeToLiveRequest, LeaseTimeToLiveResponse> LeaseTimeToLive =
        new(EtcdMethods.LeaseTimeToLive, RepeatRule.Freely);

    public static readonly Call<LeaseLeasesRequest, LeaseLeasesResponse> LeaseLeases = new(EtcdMethods.LeaseLeases, RepeatRule.Freely);

    public static readonly Call<MemberListRequest, MemberListResponse> MemberList = new(EtcdMethods.MemberList, RepeatRule.Freely);

    // No two members have a peer URL in common, so it is not added twice. Its number comes of those and of the second in which it
    // is added: which of the two is there already depends on how soon it is asked again.
    public static readonly Call<MemberAddRequest, MemberAddResponse> MemberAdd =
        new(EtcdMethods.MemberAdd, RepeatRule.Freely) { IsWrite = true, DoneTexts = ["etcdserver: Peer URLs already exists", "etcdserver: member ID already exist"] };

    public static readonly Call<MemberRemoveRequest, MemberRemoveResponse> MemberRemove =
        new(EtcdMethods.MemberRemove, RepeatRule.IfNotDone);

    public static readonly Call<MemberUpdateRequest, MemberUpdateResponse> MemberUpdate =
        new(EtcdMethods.MemberUpdate, RepeatRule.IfNotDone);

    public static readonly Call<MemberPromoteRequest, MemberPromoteResponse> MemberPromote =
        new(EtcdMethods.MemberPromote, RepeatRule.IfNotDone);

    public static readonly Call<StatusRequest, StatusResponse> Status = new(EtcdMethods.Status, RepeatRule.Freely) { NeedsLeader = false };

    public static readonly Call<AlarmRequest, AlarmResponse> Alarm = new(EtcdMethods.Alarm, RepeatRule.Freely);

    public static readonly Call<DefragmentRequest, DefragmentResponse> Defragment =
        new(EtcdMethods.Defragment, RepeatRule.Never) { NeedsLeader = false };

    public static readonly Call<HashKVRequest, HashKVResponse> HashKv = new(EtcdMethods.HashKv, RepeatRule.Freely) { NeedsLeader = false };

    public static readonly Call<MoveLeaderRequest, MoveLeaderResponse> MoveLeader = new(EtcdMethods.MoveLeader, RepeatRule.Never);

    public static readonly Call<AuthenticateRequest, AuthenticateResponse> Authenticate = new(EtcdMethods.Authenticate, RepeatRule.Freely);

    private static Call<TRequest, TResponse> Write<TRequest, TResponse>(RpcMethod<TRequest, TResponse> method)
        => new(method, RepeatRule.IfNotDone) { CanCarryRequestId = true };
}
