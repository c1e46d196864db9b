using Google.Protobuf;
using RaftKv.Protocol.Etcd;

namespace RaftKv.Cli.Commands.Printing;

/// <summary>--write-out protobuf: the message's bytes and nothing else.</summary>
internal sealed class ProtobufPrinter(AnswerWriter output) : AnswerPrinter(output)
{
    public override void Get(RangeResponse response, bool isValueOnly) => Print(response);

    public override void Put(PutResponse response) => Print(response);

    public override void Delete(DeleteRangeResponse response) => Print(response);

    public override void Txn(TxnResponse response) => Print(response);

    // What belongs to the stream alone stays out.
    public override void Watch(WatchResponse response) => Print(new WatchResponse
    {
        Header = response.Header,
        Created = response.Created,
        Canceled = response.Canceled,
        CompactRevision = response.CompactRevision,
        Events = { response.Events },
    });

    // Of these three etcdctl writes the header alone, without the message around it; a reader of ours wants the answer.
    public override void LeaseGrant(LeaseGrantResponse response) => Print(response);

    public override void LeaseKeepAlive(LeaseKeepAliveResponse response) => Print(response);

    public override void LeaseTimeToLive(LeaseTimeToLiveResponse response, bool hasKeys) => Print(response);

    public override void LeaseRevoke(long id, LeaseRevokeResponse response) => Print(response);

    public override void Leases(LeaseLeasesResponse response) => Print(response);

    public override void MemberList(MemberListResponse response) => Print(response);

    public override void MemberAdd(MemberAddResponse response) => Print(response);

    public override void MemberRemove(ulong id, MemberRemoveResponse response) => Print(response);

    public override void MemberUpdate(ulong id, MemberUpdateResponse response) => Print(response);

    public override void MemberPromote(ulong id, MemberPromoteResponse response) => Print(response);

    public override void Alarms(AlarmResponse response) => Print(response);

    public override void Changed(IMessage response, ResponseHeader header, string words) => Print(response);

    public override void AuthStatus(AuthStatusResponse response) => Print(response);

    public override void UserGet(string name, AuthUserGetResponse response) => Print(response);

    public override void UserList(AuthUserListResponse response) => Print(response);

    public override void RoleGet(string name, AuthRoleGetResponse response) => Print(response);

    public override void RoleList(AuthRoleListResponse response) => Print(response);

    private void Print(IMessage message) => Output.Bytes(message.ToByteArray());
}
