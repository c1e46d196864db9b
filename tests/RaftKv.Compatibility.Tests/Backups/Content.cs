using Google.Protobuf;
using RaftKv.Protocol.Auth;
using RaftKv.Protocol.Etcd;
using RaftKv.Stores;

namespace RaftKv.Compatibility.Tests.Backups;

/// <summary>Some of everything that a store can hold, and what it says of it.</summary>
internal static class Content
{
    private const long LongLease = 7777;
    private const long OtherLease = 0x0102030405060708;

    private static readonly RangeRequest Everything = new() { Key = Bytes("\0"), RangeEnd = Bytes("\0") };

    /// <summary>Fills an empty store.</summary>
    public static async Task FillAsync(StoreClient store)
    {
        await store.CallAsync<LeaseGrantResponse>("grant", new LeaseGrantRequest { ID = LongLease, TTL = 5000 });
        await store.CallAsync<LeaseGrantResponse>("grant", new LeaseGrantRequest { ID = OtherLease, TTL = 100_000 });
        for (var i = 0; i < 300; i++)
        {
            await PutAsync(store, $"key/{i % 100:d3}", $"value {i} {new string('x', i)}", lease: i % 10 == 7 ? LongLease : 0);
        }

        await PutAsync(store, "large", new string('L', 100_000));
        await PutAsync(store, "empty", "");
        await PutAsync(store, "\u0001 binary \u00ff", "\u0000\u0001", OtherLease);
        await store.CallAsync<DeleteRangeResponse>("delete", new DeleteRangeRequest { Key = Bytes("key/010"), RangeEnd = Bytes("key/020") });
        var compacted = await PutAsync(store, "at the horizon", "1");
        await store.CallAsync<TxnResponse>("txn", new TxnRequest
        {
            Success =
            {
                new RequestOp { RequestPut = new PutRequest { Key = Bytes("key/001"), Value = Bytes("in a transaction") } },
                new RequestOp { RequestDeleteRange = new DeleteRangeRequest { Key = Bytes("key/002") } },
                new RequestOp { RequestPut = new PutRequest { Key = Bytes("another"), Value = Bytes("too") } },
            },
        });
        await store.CallAsync<CompactionResponse>("compact", new CompactionRequest { Revision = compacted, Physical = true });
        await PutAsync(store, "key/010", "risen");
        await store.CallAsync<DeleteRangeResponse>("delete", new DeleteRangeRequest { Key = Bytes("key/011") });
        await store.CallAsync<DeleteRangeResponse>("delete", new DeleteRangeRequest { Key = Bytes("key/050") });
        await PutAsync(store, "key/060", "last", OtherLease);

        await store.CallAsync<AuthUserAddResponse>("user-add", new AuthUserAddRequest { Name = "root", Password = "secret" });
        await store.CallAsync<AuthUserAddResponse>("user-add", new AuthUserAddRequest { Name = "anna", Password = "pass" });
        await store.CallAsync<AuthUserAddResponse>(
            "user-add", new AuthUserAddRequest { Name = "bert", Options = new UserAddOptions { NoPassword = true } });
        await store.CallAsync<AuthRoleAddResponse>("role-add", new AuthRoleAddRequest { Name = "root" });
        await store.CallAsync<AuthRoleAddResponse>("role-add", new AuthRoleAddRequest { Name = "reader" });
        foreach (var (key, end, kind) in new[] { ("key/", "key0", Permission.Types.Type.Read), ("x", "", Permission.Types.Type.Readwrite), ("z", "\0", Permission.Types.Type.Write) })
        {
            await store.CallAsync<AuthRoleGrantPermissionResponse>("role-grant", new AuthRoleGrantPermissionRequest
            {
                Name = "reader",
                Perm = new Permission { Key = Bytes(key), RangeEnd = Bytes(end), PermType = kind },
            });
        }

        await store.CallAsync<AuthUserGrantRoleResponse>("user-grant-role", new AuthUserGrantRoleRequest { User = "root", Role = "root" });
        await store.CallAsync<AuthUserGrantRoleResponse>("user-grant-role", new AuthUserGrantRoleRequest { User = "anna", Role = "reader" });
    }

    /// <summary>Everything as of the newest revision, but for the revision itself.</summary>
    public static async Task<List<string>> NowAsync(StoreClient store)
    {
        var lines = await KeysAsync(store, 0);
        var leases = await store.CallAsync<LeaseLeasesResponse>("leases", new LeaseLeasesRequest());
        foreach (var id in leases.Leases.Select(lease => lease.ID).Order())
        {
            var lease = await store.CallAsync<LeaseTimeToLiveResponse>("timetolive", new LeaseTimeToLiveRequest { ID = id, Keys = true });
            lines.Add($"lease {id} {lease.GrantedTTL} {string.Join(' ', lease.Keys.Select(key => key.ToBase64()).Order(StringComparer.Ordinal))}");
        }

        foreach (var user in (await store.CallAsync<AuthUserListResponse>("user-list", new AuthUserListRequest())).Users.Order(StringComparer.Ordinal))
        {
            var roles = (await store.CallAsync<AuthUserGetResponse>("user-get", new AuthUserGetRequest { Name = user })).Roles;
            lines.Add($"user {user} {string.Join(' ', roles)}");
        }

        foreach (var role in (await store.CallAsync<AuthRoleListResponse>("role-list", new AuthRoleListRequest())).Roles.Order(StringComparer.Ordinal))
        {
            var permissions = (await store.CallAsync<AuthRoleGetResponse>("role-get", new AuthRoleGetRequest { Role = role })).Perm;

            // What root may do is not written down, and etcd 3.4 does not say it.
            lines.Add(role == "root" ? "role root" : $"role {role} {string.Join(' ', permissions)}");
        }

        return lines;
    }

    /// <summary>The keys at every revision that can be read, the newest first; each with its revisions, version and lease.</summary>
    public static async Task<List<string>> HistoryAsync(StoreClient store)
    {
        var lines = new List<string>();
        var newest = (await store.CallAsync<RangeResponse>("range", new RangeRequest(Everything) { CountOnly = true })).Header.Revision;
        for (var revision = newest; revision > 1; revision--)
        {
            var answer = await store.CallAsync("range", new RangeRequest(Everything) { Revision = revision });
            if (answer.Message is not RangeResponse range)
            {
                lines.Add($"at {revision}: {answer.Status}");
                break;
            }

            lines.Add($"at {revision}");
            lines.AddRange(range.Kvs.Select(pair => pair.ToString()));
        }

        return lines;
    }

    /// <summary>Whether a user is let in with a password, once that is asked for.</summary>
    public static async Task CheckPasswordsAsync(StoreClient store)
    {
        await store.CallAsync<AuthEnableResponse>("auth-enable", new AuthEnableRequest());
        Assert.NotEmpty((await store.CallAsync<AuthenticateResponse>(
            "authenticate", new AuthenticateRequest { Name = "anna", Password = "pass" })).Token);
        Assert.False((await store.CallAsync("authenticate", new AuthenticateRequest { Name = "anna", Password = "guessed" })).IsOk);
    }

    public static async Task<long> PutAsync(StoreClient store, string key, string value, long lease = 0)
        => (await store.CallAsync<PutResponse>("put", new PutRequest { Key = Bytes(key), Value = Bytes(value), Lease = lease })).Header.Revision;

    public static ByteString Bytes(string text) => ByteString.CopyFrom(text, System.Text.Encoding.Latin1);

    private static async Task<List<string>> KeysAsync(StoreClient store, long revision)
        => [.. (await store.CallAsync<RangeResponse>("range", new RangeRequest(Everything) { Revision = revision })).Kvs.Select(pair => pair.ToString())];
}
