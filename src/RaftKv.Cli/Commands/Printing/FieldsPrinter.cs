using Google.Protobuf;
using RaftKv.Cli.Commands.Text;
using RaftKv.Protocol.Etcd;
using RaftKv.Protocol.Mvcc;
using RaftKv.Storage.Backups;

namespace RaftKv.Cli.Commands.Printing;

/// <summary>--write-out fields: a line for each field, for line-wise tools.</summary>
internal sealed class FieldsPrinter(AnswerWriter output) : AnswerPrinter(output)
{
    public override void Get(RangeResponse response, bool isValueOnly)
    {
        Header(response.Header);
        foreach (var pair in response.Kvs)
        {
            Pair("", pair);
        }

        Field("More", Text(response.More));
        Field("Count", response.Count);
    }

    public override void Put(PutResponse response)
    {
        Header(response.Header);
        Pair("Prev", response.PrevKv);
    }

    public override void Delete(DeleteRangeResponse response)
    {
        Header(response.Header);
        Field("Deleted", response.Deleted);
        foreach (var pair in response.PrevKvs)
        {
            Pair("Prev", pair);
        }
    }

    public override void Txn(TxnResponse response)
    {
        Header(response.Header);
        Field("Succeeded", Text(response.Succeeded));
        foreach (var answer in response.Responses)
        {
            Operation(answer);
        }
    }

    public override void Watch(WatchResponse response)
    {
        Header(response.Header);
        foreach (var change in response.Events)
        {
            Field("Type", change.Type == Event.Types.EventType.Delete ? "DELETE" : "PUT");
            Pair("Prev", change.PrevKv);
            Pair("", change.Kv);
        }
    }

    public override void LeaseGrant(LeaseGrantResponse response)
    {
        Header(response.Header);
        Field("ID", response.ID);
        Field("TTL", response.TTL);
    }

    public override void LeaseRevoke(long id, LeaseRevokeResponse response) => Header(response.Header);

    public override void LeaseKeepAlive(LeaseKeepAliveResponse response)
    {
        Header(response.Header);
        Field("ID", response.ID);
        Field("TTL", response.TTL);
    }

    public override void LeaseTimeToLive(LeaseTimeToLiveResponse response, bool hasKeys)
    {
        Header(response.Header);
        Field("ID", response.ID);
        Field("TTL", response.TTL);
        Field("GrantedTTL", response.GrantedTTL);
        foreach (var key in response.Keys)
        {
            Field("Key", GoQuoted.Of(key.Span));
        }
    }

    public override void Leases(LeaseLeasesResponse response)
    {
        Header(response.Header);
        foreach (var lease in response.Leases)
        {
            Field("ID", lease.ID);
        }
    }

    public override void MemberList(MemberListResponse response)
    {
        Header(response.Header);
        foreach (var member in response.Members)
        {
            Field("ID", member.ID);
            Field("Name", GoQuoted.Of(member.Name));
            Fields("PeerURL", member.PeerURLs);
            Fields("ClientURL", member.ClientURLs);
            Field("IsLearner", Text(member.IsLearner));
            Output.Line();
        }
    }

    public override void MemberAdd(MemberAddResponse response)
    {
        Header(response.Header);
        Field("MemberID", response.Member.ID);
        Fields("PeerURL", response.Member.PeerURLs);
    }

    public override void MemberRemove(ulong id, MemberRemoveResponse response) => Header(response.Header);

    public override void MemberUpdate(ulong id, MemberUpdateResponse response) => Header(response.Header);

    public override void MemberPromote(ulong id, MemberPromoteResponse response) => Header(response.Header);

    public override void Status(IReadOnlyList<EndpointAnswer<StatusResponse>> answers)
    {
        foreach (var (endpoint, status) in answers)
        {
            Header(status.Header);
            Field("Version", GoQuoted.Of(status.Version));
            if (status.StorageVersion.Length > 0)
            {
                Field("StorageVersion", GoQuoted.Of(status.StorageVersion));
            }

            Field("DBSize", status.DbSize);
            if (status.StorageVersion.Length > 0)
            {
                Field("DBSizeInUse", status.DbSizeInUse);
                Field("DBSizeQuota", status.DbSizeQuota);
            }

            Field("Leader", status.Leader);
            Field("IsLearner", Text(status.IsLearner));
            Field("RaftIndex", status.RaftIndex);
            Field("RaftTerm", status.RaftTerm);
            Field("RaftAppliedIndex", status.RaftAppliedIndex);
            Field("Errors", $"[{string.Join(' ', status.Errors)}]");
            Field("Endpoint", GoQuoted.Of(endpoint));
            if (status.StorageVersion.Length > 0)
            {
                Field("DowngradeTargetVersion", GoQuoted.Of(status.DowngradeInfo?.TargetVersion ?? ""));
                Field("DowngradeEnabled", Text(status.DowngradeInfo?.Enabled ?? false));
            }

            Output.Line();
        }
    }

    public override void Health(IReadOnlyList<EndpointHealth> answers)
    {
        foreach (var answer in answers)
        {
            Field("Endpoint", GoQuoted.Of(answer.Endpoint));
            Field("Health", Text(answer.IsHealthy));
            Field("Took", GoDuration.Format(answer.Took));
            Field("Error", answer.Problem);
            Output.Line();
        }
    }

    public override void HashKv(IReadOnlyList<EndpointAnswer<HashKVResponse>> answers)
    {
        foreach (var (endpoint, answer) in answers)
        {
            Header(answer.Header);
            Field("Endpoint", GoQuoted.Of(endpoint));
            Field("Hash", answer.Hash);
            if (answer.HashRevision != 0)
            {
                Field("HashRevision", answer.HashRevision);
            }

            Output.Line();
        }
    }

    public override void Alarms(AlarmResponse response)
    {
        if (response.Header is not null)
        {
            Header(response.Header);
        }

        foreach (var alarm in response.Alarms)
        {
            Field("MemberID", alarm.MemberID);
            Field("AlarmType", alarm.Alarm.ToString().ToUpperInvariant());
            Output.Line();
        }
    }

    public override void Changed(IMessage response, ResponseHeader header, string words) => Header(header);

    public override void AuthStatus(AuthStatusResponse response)
    {
        Header(response.Header);
        Field("Enabled", Text(response.Enabled));
        Field("AuthRevision", response.AuthRevision);
    }

    public override void RoleGet(string name, AuthRoleGetResponse response)
    {
        Header(response.Header);
        foreach (var permission in response.Perm)
        {
            Field("PermType", $" {permission.PermType.ToString().ToUpperInvariant()}"); // With one blank more, as etcdctl has it.
            Field("Key", GoQuoted.Of(permission.Key.Span));
            Field("RangeEnd", GoQuoted.Of(permission.RangeEnd.Span));
        }
    }

    public override void RoleList(AuthRoleListResponse response)
    {
        Header(response.Header);
        Output.Line($"\"Roles\" :{string.Concat(response.Roles.Select(role => $" {GoQuoted.Of(role)}"))}");
    }

    public override void UserGet(string name, AuthUserGetResponse response)
    {
        Header(response.Header);
        Output.Line($"\"Roles\" :{string.Concat(response.Roles.Select(role => $" {GoQuoted.Of(role)}"))}");
    }

    public override void UserList(AuthUserListResponse response)
    {
        Header(response.Header);
        Output.Line($"\"Users\" :{string.Concat(response.Users.Select(user => $" {GoQuoted.Of(user)}"))}");
    }

    public override void Snapshot(SnapshotFacts facts)
    {
        Field("Hash", facts.Hash);
        Field("Revision", facts.Revision);
        Field("Keys", facts.TotalKeys);
        Field("Size", facts.TotalBytes);
        Field("Version", facts.Version);
    }

    private static string Text(bool value) => value ? "true" : "false";

    private void Header(ResponseHeader? header)
    {
        header ??= new ResponseHeader();
        Field("ClusterID", header.ClusterId);
        Field("MemberID", header.MemberId);
        Field("Revision", header.Revision);
        Field("RaftTerm", header.RaftTerm);
    }

    private void Pair(string prefix, KeyValue? pair)
    {
        if (pair is null)
        {
            return;
        }

        Field(prefix + "Key", GoQuoted.Of(pair.Key.Span));
        Field(prefix + "CreateRevision", pair.CreateRevision);
        Field(prefix + "ModRevision", pair.ModRevision);
        Field(prefix + "Version", pair.Version);
        Field(prefix + "Value", GoQuoted.Of(pair.Value.Span));
        Field(prefix + "Lease", pair.Lease);
    }

    private void Fields(string name, IEnumerable<string> values)
    {
        foreach (var value in values)
        {
            Field(name, GoQuoted.Of(value));
        }
    }

    private void Field<T>(string name, T value) => Output.Line($"\"{name}\" : {value}");
}
