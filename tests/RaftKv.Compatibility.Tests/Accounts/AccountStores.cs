using RaftKv.Compatibility.Tests.Stores;
using RaftKv.Differential.Sequences;
using RaftKv.Protocol.Etcd;
using RaftKv.Rpc;
using RaftKv.Stores;

namespace RaftKv.Compatibility.Tests.Accounts;

/// <summary>
/// A store of each kind with authentication on. Alice may read and write what begins with "a", read "r" and write "w"; there
/// are leases 1 to 4 with the keys "a1", "w", "secret", and none.
/// </summary>
public sealed class AccountStores : IAsyncLifetime
{
    private static readonly string[] Setup =
    [
        "put key=\"a1\" value=\"v\"", "put key=\"secret\" value=\"v\"",
        "grant ID=1 TTL=9000", "grant ID=2 TTL=9000", "grant ID=3 TTL=9000", "grant ID=4 TTL=9000",
        "put key=\"a1\" lease=1", "put key=\"w\" lease=2", "put key=\"secret\" lease=3",
        "user-add name=\"root\" password=\"secret\"", "user-grant-role user=\"root\" role=\"root\"",
        "user-add name=\"alice\" password=\"a\"", "user-add name=\"idle\" password=\"i\"", "user-add name=\"cn\" options={no_password=true}",
        "role-add name=\"r\"", "role-add name=\"other\"",
        "role-grant name=\"r\" perm={permType=READWRITE key=\"a\" range_end=\"b\"}",
        "role-grant name=\"r\" perm={permType=READ key=\"r\"}",
        "role-grant name=\"r\" perm={permType=WRITE key=\"w\"}",
        "user-grant-role user=\"alice\" role=\"r\"",
        "auth-enable",
    ];

    private readonly Dictionary<StoreKind, Task<Ready>> _stores = [];

    /// <summary>A client at the store, and the tokens by their users.</summary>
    public Task<Ready> OrSkipAsync(StoreKind kind)
    {
        lock (_stores)
        {
            if (!_stores.TryGetValue(kind, out var starting))
            {
                _stores.Add(kind, starting = StartAsync(kind));
            }

            return starting;
        }
    }

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public async ValueTask DisposeAsync()
    {
        foreach (var starting in _stores.Values.Where(store => store.IsCompletedSuccessfully))
        {
            var store = await starting;
            await store.Client.DisposeAsync();
            await store.Store.DisposeAsync();
        }
    }

    private static async Task<Ready> StartAsync(StoreKind kind)
    {
        var store = await Target.StartOrSkipAsync(kind, 1, "--bcrypt-cost", "4", "--auth-token-ttl", "3600");
        var client = new StoreClient(store.Members[0].Client);
        foreach (var call in Setup)
        {
            var operation = Operation.Parse(call);
            var answer = await client.CallAsync(operation.Verb, operation.Request);
            Assert.True(answer.IsOk, $"{call}: {answer.Status}");
        }

        var tokens = new Dictionary<string, string> { ["made up"] = "AAAAAAAAAAAAAAAA.1" };
        foreach (var (user, password) in new[] { ("root", "secret"), ("alice", "a"), ("idle", "i") })
        {
            tokens[user] = (await client.CallAsync<AuthenticateResponse>("authenticate", new AuthenticateRequest { Name = user, Password = password })).Token;
        }

        return new Ready(store, client, tokens);
    }

    public sealed record Ready(StoreProcess Store, StoreClient Client, IReadOnlyDictionary<string, string> Tokens)
    {
        /// <summary>How a call ends that somebody makes; nobody, if the name is empty.</summary>
        public async Task<Answer> CallAsync(string user, string call)
        {
            var metadata = new RpcMetadata();
            if (user.Length > 0)
            {
                metadata.Add("token", Tokens[user]);
            }

            var operation = Operation.Parse(call);
            return await Client.CallAsync(operation.Verb, operation.Request, metadata);
        }
    }
}
