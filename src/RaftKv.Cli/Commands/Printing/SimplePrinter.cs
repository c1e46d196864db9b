using Google.Protobuf;
using RaftKv.Protocol.Etcd;
using RaftKv.Protocol.Mvcc;
using RaftKv.Storage.Backups;

namespace RaftKv.Cli.Commands.Printing;

/// <summary>--write-out simple: for eyes and pipes. Keys and values come as they are.</summary>
internal sealed class SimplePrinter(AnswerWriter output, bool isHex) : AnswerPrinter(output)
{
    public override void Get(RangeResponse response, bool isValueOnly)
    {
        foreach (var pair in response.Kvs)
        {
            Print(pair, isValueOnly);
        }
    }

    public override void Put(PutResponse response)
    {
        Output.Line("OK");
        Print(response.PrevKv);
    }

    public override void Delete(DeleteRangeResponse response)
    {
        Output.Line($"{response.Deleted}");
        foreach (var pair in response.PrevKvs)
        {
            Print(pair);
        }
    }

    public override void Txn(TxnResponse response)
    {
        Output.Line(response.Succeeded ? "SUCCESS" : "FAILURE");
        foreach (var answer in response.Responses)
        {
            Output.Line();
            Operation(answer);
        }
    }

    public override void Watch(WatchResponse response)
    {
        foreach (var change in response.Events)
        {
            Output.Line(change.Type == Event.Types.EventType.Delete ? "DELETE" : "PUT");
            Print(change.PrevKv);
            Print(change.Kv);
        }
    }

    public override void LeaseGrant(LeaseGrantResponse response) => Output.Line($"lease {response.ID:x16} granted with TTL({response.TTL}s)");

    public override void LeaseRevoke(long id, LeaseRevokeResponse response) => Output.Line($"lease {id:x16} revoked");

    public override void LeaseKeepAlive(LeaseKeepAliveResponse response)
        => Output.Line($"lease {response.ID:x16} keepalived with TTL({response.TTL})");

    public override void LeaseTimeToLive(LeaseTimeToLiveResponse response, bool hasKeys)
    {
        if (response.GrantedTTL == 0 && response.TTL == -1)
        {
            Output.Line($"lease {response.ID:x16} already expired");
            return;
        }

        Output.Text($"lease {response.ID:x16} granted with TTL({response.GrantedTTL}s), remaining({response.TTL}s)");
        if (hasKeys)
        {
            Output.Text(", attached keys([");
            for (var i = 0; i < response.Keys.Count; i++)
            {
                Output.Text(i > 0 ? " " : "").Bytes(response.Keys[i].Span);
            }

            Output.Text("])");
        }

        Output.Line();
    }

    public override void Leases(LeaseLeasesResponse response)
    {
        Output.Line($"found {response.Leases.Count} leases");
        foreach (var lease in response.Leases)
        {
            Output.Line($"{lease.ID:x16}");
        }
    }

    public override void MemberList(MemberListResponse response) => Rows(Table.Of(response));

    public override void MemberAdd(MemberAddResponse response)
        => Output.Line($"Member {Id(response.Member.ID)} added to cluster {Id(response.Header.ClusterId)}");

    public override void MemberRemove(ulong id, MemberRemoveResponse response)
        => Output.Line($"Member {Id(id)} removed from cluster {Id(response.Header.ClusterId)}");

    public override void MemberUpdate(ulong id, MemberUpdateResponse response)
        => Output.Line($"Member {Id(id)} updated in cluster {Id(response.Header.ClusterId)}");

    public override void MemberPromote(ulong id, MemberPromoteResponse response)
        => Output.Line($"Member {Id(id)} promoted in cluster {Id(response.Header.ClusterId)}");

    public override void Status(IReadOnlyList<EndpointAnswer<StatusResponse>> answers) => Rows(Table.Of(answers));

    public override void Health(IReadOnlyList<EndpointHealth> answers)
    {
        foreach (var answer in answers.Where(answer => answer.IsHealthy))
        {
            Output.Line($"{answer.Endpoint} is healthy: successfully committed proposal: took = {Text.GoDuration.Format(answer.Took)}");
        }
    }

    public override void Snapshot(SnapshotFacts facts) => Rows(Table.Of(facts));

    public override void HashKv(IReadOnlyList<EndpointAnswer<HashKVResponse>> answers) => Rows(Table.Of(answers));

    public override void Alarms(AlarmResponse response)
    {
        foreach (var alarm in response.Alarms)
        {
            Output.Line($"memberID:{alarm.MemberID} alarm:{alarm.Alarm.ToString().ToUpperInvariant()} ");
        }
    }

    public override void MoveLeader(ulong from, ulong to, MoveLeaderResponse response)
        => Output.Line($"Leadership transferred from {from:x} to {to:x}");

    public override void Changed(IMessage response, ResponseHeader header, string words) => Output.Line(words);

    public override void AuthStatus(AuthStatusResponse response)
        => Output.Line($"Authentication Status: {(response.Enabled ? "true" : "false")}").Line($"AuthRevision: {response.AuthRevision}");

    public override void UserGet(string name, AuthUserGetResponse response)
        => Output.Line($"User: {name}").Line($"Roles:{string.Concat(response.Roles.Select(role => $" {role}"))}");

    public override void UserList(AuthUserListResponse response) => Lines(response.Users);

    public override void RoleGet(string name, AuthRoleGetResponse response) => RolePrinter.Print(name, response, Output);

    public override void RoleList(AuthRoleListResponse response) => Lines(response.Roles);

    private void Lines(IEnumerable<string> names)
    {
        foreach (var name in names)
        {
            Output.Line(name);
        }
    }

    // Sixteen places, with blanks in front and not zeros.
    private static string Id(ulong id) => $"{id,16:x}";

    private void Rows(Table table)
    {
        foreach (var row in table.Rows)
        {
            Output.Line(string.Join(", ", row));
        }
    }

    private void Print(KeyValue? pair, bool isValueOnly = false)
    {
        if (pair is null)
        {
            return;
        }

        if (!isValueOnly)
        {
            Print(pair.Key);
        }

        Print(pair.Value);
    }

    private void Print(ByteString bytes)
    {
        if (isHex)
        {
            foreach (var value in bytes.Span)
            {
                Output.Text($"\\x{value:x2}");
            }
        }
        else
        {
            Output.Bytes(bytes.Span);
        }

        Output.Line();
    }
}
