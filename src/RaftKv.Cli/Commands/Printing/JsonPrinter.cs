using Google.Protobuf;
using RaftKv.Cli.Commands.Text;
using RaftKv.Protocol.Etcd;
using RaftKv.Storage.Backups;

namespace RaftKv.Cli.Commands.Printing;

/// <summary>--write-out json: for programs, in the shapes of etcd's Go client.</summary>
internal sealed class JsonPrinter(AnswerWriter output) : AnswerPrinter(output)
{
    public override void Get(RangeResponse response, bool isValueOnly) => Print(response);

    public override void Put(PutResponse response) => Print(response);

    public override void Delete(DeleteRangeResponse response) => Print(response);

    public override void Txn(TxnResponse response) => Print(response);

    public override void Watch(WatchResponse response)
    {
        var json = new GoJson().Begin('{')
            .Name("Header").Begin('{').Fields(response.Header).End('}')
            .Name("Events").Begin('[');
        foreach (var change in response.Events)
        {
            json.Next().Message(change);
        }

        Print(json.End(']')
            .Name("CompactRevision").Number(response.CompactRevision)
            .Name("Canceled").Raw(response.Canceled ? "true" : "false")
            .Name("Created").Raw(response.Created ? "true" : "false")
            .End('}'));
    }

    public override void LeaseGrant(LeaseGrantResponse response) => Print(WithHeader(response.Header)
        .Name("ID").Number(response.ID).Name("TTL").Number(response.TTL).Name("Error").String(response.Error).End('}'));

    public override void LeaseRevoke(long id, LeaseRevokeResponse response) => Print(response);

    public override void LeaseKeepAlive(LeaseKeepAliveResponse response) => Print(WithHeader(response.Header)
        .Name("ID").Number(response.ID).Name("TTL").Number(response.TTL).End('}'));

    public override void LeaseTimeToLive(LeaseTimeToLiveResponse response, bool hasKeys)
    {
        var json = WithHeader(response.Header)
            .Name("id").Number(response.ID).Name("ttl").Number(response.TTL).Name("granted-ttl").Number(response.GrantedTTL).Name("keys");
        if (response.Keys.Count == 0)
        {
            Print(json.Raw("null").End('}'));
            return;
        }

        json.Begin('[');
        foreach (var key in response.Keys)
        {
            json.Next().Bytes(key);
        }

        Print(json.End(']').End('}'));
    }

    public override void Leases(LeaseLeasesResponse response)
    {
        var json = WithHeader(response.Header).Name("leases").Begin('[');
        foreach (var lease in response.Leases)
        {
            json.Next().Begin('{').Name("id").Number(lease.ID).End('}');
        }

        Print(json.End(']').End('}'));
    }

    public override void MemberList(MemberListResponse response) => Print(response);

    public override void MemberAdd(MemberAddResponse response) => Print(response);

    public override void MemberRemove(ulong id, MemberRemoveResponse response) => Print(response);

    public override void MemberUpdate(ulong id, MemberUpdateResponse response) => Print(response);

    public override void MemberPromote(ulong id, MemberPromoteResponse response) => Print(response);

    public override void Status(IReadOnlyList<EndpointAnswer<StatusResponse>> answers) => Print("Status", answers);

    public override void Health(IReadOnlyList<EndpointHealth> answers)
    {
        var json = new GoJson().Begin('[');
        foreach (var answer in answers)
        {
            json.Next().Begin('{')
                .Name("endpoint").String(answer.Endpoint)
                .Name("health").Raw(answer.IsHealthy ? "true" : "false")
                .Name("took").String(GoDuration.Format(answer.Took));
            if (answer.Problem.Length > 0)
            {
                json.Name("error").String(answer.Problem);
            }

            json.End('}');
        }

        Print(json.End(']'));
    }

    public override void HashKv(IReadOnlyList<EndpointAnswer<HashKVResponse>> answers) => Print("HashKV", answers);

    public override void Alarms(AlarmResponse response) => Print(response);

    public override void Changed(IMessage response, ResponseHeader header, string words) => Print(response);

    public override void AuthStatus(AuthStatusResponse response) => Print(response);

    public override void UserGet(string name, AuthUserGetResponse response) => Print(response);

    public override void UserList(AuthUserListResponse response) => Print(response);

    public override void RoleGet(string name, AuthRoleGetResponse response) => Print(response);

    public override void RoleList(AuthRoleListResponse response) => Print(response);

    public override void MoveLeader(ulong from, ulong to, MoveLeaderResponse response) => Print(response);

    public override void Snapshot(SnapshotFacts facts) => Print(new GoJson().Begin('{')
        .Name("hash").Number(facts.Hash).Name("revision").Number(facts.Revision)
        .Name("totalKey").Number(facts.TotalKeys).Name("totalSize").Number(facts.TotalBytes)
        .Name("version").String(facts.Version).End('}'));

    private static GoJson WithHeader(ResponseHeader? header) => new GoJson().Begin('{').Fields(header);

    private void Print<T>(string name, IReadOnlyList<EndpointAnswer<T>> answers)
        where T : IMessage
    {
        var json = new GoJson().Begin('[');
        foreach (var answer in answers)
        {
            json.Next().Begin('{').Name("Endpoint").String(answer.Endpoint).Name(name).Message(answer.Answer).End('}');
        }

        Print(json.End(']'));
    }

    private void Print(IMessage message) => Print(new GoJson().Message(message));

    private void Print(GoJson json) => Output.Line(json.ToString());
}
