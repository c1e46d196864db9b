using Google.Protobuf;
using RaftKv.Protocol.Etcd;
using RaftKv.Storage.Backups;

namespace RaftKv.Cli.Commands.Printing;

/// <summary>The forms that --write-out names.</summary>
[Flags]
internal enum AnswerForms
{
    Simple = 1,
    Fields = 2,
    Json = 4,
    Protobuf = 8,
    Table = 16,

    /// <summary>Of an answer that is one message.</summary>
    Message = Simple | Fields | Json | Protobuf,

    /// <summary>Of what several members have answered.</summary>
    Members = Simple | Fields | Json | Table,

    Any = Message | Table,
}

/// <summary>Shows answers in one of the forms. A command names the forms that its answer has; it calls no others.</summary>
internal abstract class AnswerPrinter(AnswerWriter output)
{
    protected AnswerWriter Output { get; } = output;

    /// <exception cref="CommandFailure">There is no form of that name, or the answer has no such form.</exception>
    public static AnswerPrinter Of(string format, AnswerForms forms, bool isHex, AnswerWriter output)
    {
        var form = format switch
        {
            "simple" => AnswerForms.Simple,
            "fields" => AnswerForms.Fields,
            "json" => AnswerForms.Json,
            "protobuf" => AnswerForms.Protobuf,
            "table" => AnswerForms.Table,
            _ => throw new CommandFailure(
                ExitCode.BadFeature, $"unsupported output format: --write-out takes simple, fields, json, protobuf or table, not '{format}'"),
        };
        if (!forms.HasFlag(form))
        {
            throw new CommandFailure(ExitCode.BadFeature, $"{format} not supported as output format");
        }

        return form switch
        {
            AnswerForms.Fields => new FieldsPrinter(output),
            AnswerForms.Json => new JsonPrinter(output),
            AnswerForms.Protobuf => new ProtobufPrinter(output),
            AnswerForms.Table => new TablePrinter(output),
            _ => new SimplePrinter(output, isHex),
        };
    }

    public virtual void Get(RangeResponse response, bool isValueOnly) => throw NoSuchForm();

    public virtual void Put(PutResponse response) => throw NoSuchForm();

    public virtual void Delete(DeleteRangeResponse response) => throw NoSuchForm();

    public virtual void Txn(TxnResponse response) => throw NoSuchForm();

    public virtual void Watch(WatchResponse response) => throw NoSuchForm();

    public virtual void LeaseGrant(LeaseGrantResponse response) => throw NoSuchForm();

    public virtual void LeaseRevoke(long id, LeaseRevokeResponse response) => throw NoSuchForm();

    public virtual void LeaseKeepAlive(LeaseKeepAliveResponse response) => throw NoSuchForm();

    public virtual void LeaseTimeToLive(LeaseTimeToLiveResponse response, bool hasKeys) => throw NoSuchForm();

    public virtual void Leases(LeaseLeasesResponse response) => throw NoSuchForm();

    public virtual void MemberList(MemberListResponse response) => throw NoSuchForm();

    public virtual void MemberAdd(MemberAddResponse response) => throw NoSuchForm();

    public virtual void MemberRemove(ulong id, MemberRemoveResponse response) => throw NoSuchForm();

    public virtual void MemberUpdate(ulong id, MemberUpdateResponse response) => throw NoSuchForm();

    public virtual void MemberPromote(ulong id, MemberPromoteResponse response) => throw NoSuchForm();

    public virtual void Status(IReadOnlyList<EndpointAnswer<StatusResponse>> answers) => throw NoSuchForm();

    public virtual void Health(IReadOnlyList<EndpointHealth> answers) => throw NoSuchForm();

    public virtual void HashKv(IReadOnlyList<EndpointAnswer<HashKVResponse>> answers) => throw NoSuchForm();

    public virtual void Alarms(AlarmResponse response) => throw NoSuchForm();

    public virtual void MoveLeader(ulong from, ulong to, MoveLeaderResponse response) => throw NoSuchForm();

    /// <summary>Something about users or roles was changed.</summary>
    /// <param name="response">The answer, whose header is all there is in it.</param>
    /// <param name="header">Its header.</param>
    /// <param name="words">What was done.</param>
    public virtual void Changed(IMessage response, ResponseHeader header, string words) => throw NoSuchForm();

    public virtual void AuthStatus(AuthStatusResponse response) => throw NoSuchForm();

    public virtual void UserGet(string name, AuthUserGetResponse response) => throw NoSuchForm();

    public virtual void UserList(AuthUserListResponse response) => throw NoSuchForm();

    public virtual void RoleGet(string name, AuthRoleGetResponse response) => throw NoSuchForm();

    public virtual void RoleList(AuthRoleListResponse response) => throw NoSuchForm();

    public virtual void Snapshot(SnapshotFacts facts) => throw NoSuchForm();

    /// <summary>The answer of one operation of a transaction, as if it had been asked for by itself.</summary>
    protected void Operation(ResponseOp answer)
    {
        switch (answer.ResponseCase)
        {
            case ResponseOp.ResponseOneofCase.ResponseRange:
                Get(answer.ResponseRange, isValueOnly: false);
                break;
            case ResponseOp.ResponseOneofCase.ResponsePut:
                Put(answer.ResponsePut);
                break;
            case ResponseOp.ResponseOneofCase.ResponseDeleteRange:
                Delete(answer.ResponseDeleteRange);
                break;
            case ResponseOp.ResponseOneofCase.ResponseTxn:
                Txn(answer.ResponseTxn);
                break;
        }
    }

    private NotSupportedException NoSuchForm() => new($"{GetType().Name} has no form for this answer.");
}
