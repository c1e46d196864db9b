using RaftKv.Faults.Checking;
using RaftKv.Faults.Checking.Rights;
using RaftKv.Faults.Histories;
using RaftKv.Faults.Running;
using RaftKv.Protocol.Etcd;
using RaftKv.Stores;

namespace RaftKv.Faults.Workloads.Accounts;

/// <summary>Asks each member what users and roles it has. To be done when authentication is off, and nobody changes them.</summary>
internal static class TablesRead
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    public static async Task TakeAsync(FaultCluster cluster, Recorder recorder)
    {
        foreach (var member in cluster.Members)
        {
            var until = DateTime.UtcNow + Patience;
            while (!(await AskAsync(member, recorder, isLast: DateTime.UtcNow > until)))
            {
                await Task.Delay(100);
            }
        }
    }

    /// <returns>Whether that was written down.</returns>
    private static async Task<bool> AskAsync(StoreMember member, Recorder recorder, bool isLast)
    {
        var asked = Recorder.Asked(WatchLag.FirstOfNemeses, EqualTables.Call) with { Member = member.Name, Begin = recorder.Now };
        try
        {
            await using var client = new StoreClient(member.Client) { Patience = TimeSpan.FromSeconds(5) };
            var lines = new List<string>();
            foreach (var user in (await client.CallAsync<AuthUserListResponse>("user-list", new AuthUserListRequest())).Users.Order(StringComparer.Ordinal))
            {
                var found = await client.CallAsync<AuthUserGetResponse>("user-get", new AuthUserGetRequest { Name = user });
                lines.Add($"user {user}: {string.Join(' ', found.Roles)}");
            }

            foreach (var role in (await client.CallAsync<AuthRoleListResponse>("role-list", new AuthRoleListRequest())).Roles.Order(StringComparer.Ordinal))
            {
                var found = await client.CallAsync<AuthRoleGetResponse>("role-get", new AuthRoleGetRequest { Role = role });
                lines.Add($"role {role}: {string.Join(", ", found.Perm.Select(right => $"{right.PermType} {right.Key.ToStringUtf8()} to {right.RangeEnd.ToStringUtf8()}"))}");
            }

            recorder.Add(asked with { End = recorder.Now, Elements = lines });
            return true;
        }
        catch (StoreException silent)
        {
            if (isLast)
            {
                recorder.Add(asked with { End = recorder.Now, Outcome = Outcome.Fail, Error = silent.Message });
            }

            return isLast;
        }
    }
}
