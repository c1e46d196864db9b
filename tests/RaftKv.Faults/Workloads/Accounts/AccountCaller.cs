using Google.Protobuf;
using RaftKv.Faults.Histories;
using RaftKv.Protocol.Etcd;
using RaftKv.Rpc;
using RaftKv.Stores;

namespace RaftKv.Faults.Workloads.Accounts;

/// <summary>Makes calls in the name of a user, at any member, and signs in where it is asked to.</summary>
internal sealed class AccountCaller(string user, string password)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(3);

    private readonly Dictionary<Uri, StoreClient> _clients = [];
    private string? _token;

    /// <summary>A client of a member; there is one for each.</summary>
    public StoreClient At(StoreMember member)
    {
        if (!_clients.TryGetValue(member.Client, out var client))
        {
            _clients[member.Client] = client = new StoreClient(member.Client) { Patience = Patience };
        }

        return client;
    }

    /// <summary>A call by whoever has this token; null for nobody.</summary>
    /// <exception cref="StoreException">There was no answer in time, or nobody to ask.</exception>
    public Task<Answer> CallAsync(StoreMember member, string verb, IMessage request, string? token)
        => At(member).CallAsync(verb, request, MetadataOf(token));

    /// <summary>A call by the user, who signs in again if the token is no good.</summary>
    /// <exception cref="StoreException">There was no answer in time, or nobody to ask.</exception>
    public async Task<Answer> CallAsync(StoreMember member, string verb, IMessage request)
    {
        var answer = await CallAsync(member, verb, request, _token);
        if (IsAboutCredentials(answer.Status))
        {
            _token = await SignInAsync(member, password);
            answer = await CallAsync(member, verb, request, _token);
        }

        return answer;
    }

    /// <returns>A token; null if there is none to be had, as while authentication is off.</returns>
    /// <exception cref="StoreException">There was no answer in time, or nobody to ask.</exception>
    public async Task<string?> SignInAsync(StoreMember member, string with)
        => ((await At(member).CallAsync("authenticate", new AuthenticateRequest { Name = user, Password = with })).Message as AuthenticateResponse)?.Token;

    public static RpcMetadata? MetadataOf(string? token) => token is null ? null : new RpcMetadata { { "token", token } };

    /// <summary>What came of a change.</summary>
    public static Outcome OutcomeOf(Answer answer) => answer.IsOk ? Outcome.Ok : IsRefusal(answer.Status.Code) ? Outcome.Fail : Outcome.Info;

    /// <summary>Whether nothing was done, for certain.</summary>
    public static bool IsRefusal(RpcStatusCode code) => code is RpcStatusCode.InvalidArgument or RpcStatusCode.PermissionDenied
        or RpcStatusCode.FailedPrecondition or RpcStatusCode.Unauthenticated or RpcStatusCode.NotFound or RpcStatusCode.AlreadyExists or RpcStatusCode.OutOfRange;

    /// <summary>Ends all connections.</summary>
    public async Task CloseAsync()
    {
        foreach (var client in _clients.Values)
        {
            await client.DisposeAsync();
        }
    }

    private static bool IsAboutCredentials(RpcStatus status)
        => status.Code == RpcStatusCode.Unauthenticated
            || status.Detail is "etcdserver: user name is empty" or "etcdserver: revision of auth store is old" or "etcdserver: invalid auth token";
}
