using RaftKv.Protocol.Etcd;
using RaftKv.Rpc;

namespace RaftKv.Client.Calls;

/// <summary>The token that calls carry. It is fetched when it is first needed, and anew when members no longer take it.</summary>
internal sealed class Credentials(RaftKvClientOptions options, Members members, Channels channels)
{
    private readonly Lock _gate = new();
    private Task<string>? _token;

    /// <summary>Whether another token would help.</summary>
    public static bool IsOutdated(RpcException failure)
        => failure.Code == RpcStatusCode.Unauthenticated || failure.Status.Detail
            is "etcdserver: revision of auth store is old"
            or "etcdserver: user name is empty"; // Authentication was off when the token was asked for.

    public static RpcMetadata? With(RpcMetadata? metadata, string value, string key = "token")
    {
        if (value.Length == 0)
        {
            return metadata;
        }

        var with = new RpcMetadata { { key, value } };
        if (metadata is not null)
        {
            foreach (var entry in metadata)
            {
                with.Add(entry.Key, entry.Text);
            }
        }

        return with;
    }

    /// <summary>The token; empty where the cluster asks for none.</summary>
    public async ValueTask<string> TokenAsync(CancellationToken cancellation)
    {
        Task<string> token;
        lock (_gate)
        {
            // One call fetches for all; who cancels, cancels its own waiting.
            if (_token is null or { IsCompleted: true, IsCompletedSuccessfully: false })
            {
                _token = FetchAsync();
            }

            token = _token;
        }

        return await token.WaitAsync(cancellation).ConfigureAwait(false);
    }

    public async ValueTask RenewAsync(CancellationToken cancellation)
    {
        lock (_gate)
        {
            if (_token is { IsCompleted: true })
            {
                _token = null;
            }
        }

        await TokenAsync(cancellation).ConfigureAwait(false);
    }

    private async Task<string> FetchAsync()
    {
        var request = new AuthenticateRequest { Name = options.UserName, Password = options.Password ?? "" };
        try
        {
            var caller = new Caller(options, members, channels, credentials: null);
            var response = await caller.RunAsync(Methods.Authenticate, request, null, default).ConfigureAwait(false);
            return response.Token;
        }
        catch (RefusedException refused) when (refused.Message == "etcdserver: authentication is not enabled")
        {
            return "";
        }
    }
}
