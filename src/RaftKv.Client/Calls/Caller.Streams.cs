using RaftKv.Protocol.Etcd;
using RaftKv.Rpc;
using RaftKv.Rpc.Client;

namespace RaftKv.Client.Calls;

internal sealed partial class Caller
{
    /// <summary>Keeps a lease alive once. It may be done any number of times, so it is repeated like a read.</summary>
    public async ValueTask<TimeSpan> RenewLeaseAsync(long id, TimeSpan? timeout, CancellationToken cancellation)
    {
        var call = new Call<LeaseKeepAliveRequest, LeaseKeepAliveResponse>(Methods.LeaseKeepAlive, RepeatRule.Freely);
        var response = await RunAsync(call, new LeaseKeepAliveRequest { ID = id }, timeout, cancellation).ConfigureAwait(false);
        return response.TTL > 0
            ? TimeSpan.FromSeconds(response.TTL)
            : throw new LeaseNotFoundException("etcdserver: requested lease not found") { Code = RpcStatusCode.NotFound };
    }

    /// <summary>What calls to this member carry.</summary>
    public async ValueTask<RpcMetadata?> MetadataAsync(bool needsLeader, CancellationToken cancellation)
    {
        var metadata = needsLeader ? NeedsLeader : null;
        return credentials is null
            ? metadata
            : Credentials.With(metadata, await credentials.TokenAsync(cancellation).ConfigureAwait(false));
    }

    public bool HasCredentials => credentials is not null;

    public Task RenewTokenAsync(CancellationToken cancellation) => credentials!.RenewAsync(cancellation).AsTask();

    // A stream for one question: how the API offers keep-alives.
    private static async ValueTask<TResponse> AskStreamAsync<TRequest, TResponse>(
        RpcChannel channel, RpcMethod<TRequest, TResponse> method, TRequest request, RpcCallOptions attempt)
    {
        var stream = channel.Duplex(method, attempt);
        await using (stream.ConfigureAwait(false))
        {
            await stream.Requests.WriteAsync(request).ConfigureAwait(false);
            await foreach (var response in stream.Responses.WithCancellation(default).ConfigureAwait(false))
            {
                return response;
            }
        }

        throw new RpcException(RpcStatusCode.Unavailable, "the stream ended without an answer");
    }
}
