using RaftKv.Protocol.Etcd;
using RaftKv.Rpc;
using RaftKv.Rpc.Client;

namespace RaftKv.Client.Calls;

internal sealed partial class Caller
{
    /// <summary>Keeps a lease alive once. It may be done any number of times, so it is repeated like a read.</summary>
    public async ValueTask<TimeSpan> RenewLeaseAsync(long id, TimeSpan? timeout, CancellationToken cancellation)
    {
        var call = new Call<LeaseKeepAliveRequest, LeaseKeepAliveResponse>(EtcdMethods.LeaseKeepAlive, RepeatRule.Freely);
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

    private async ValueTask<bool> IsRecognisedAsync(KnownMember member, CancellationToken cancellation)
    {
        if (member.RecognisesRequests is { } known)
        {
            return known;
        }

        try
        {
            var attempt = new RpcCallOptions
            {
                Address = member.Address,
                Timeout = options.ElectionTimeout,
                Metadata = await MetadataAsync(needsLeader: false, cancellation).ConfigureAwait(false),
                CancellationToken = cancellation,
            };
            var status = await channels.Prompt.UnaryWithMetadataAsync(Methods.Status.Method, new StatusRequest(), attempt).ConfigureAwait(false);
            var recognises = status.Headers.Text(RequestNames.FeaturesKey)?.Split(',').Contains(RequestNames.Feature) ?? false;
            _names.Saw(status.Message.Header.Revision);
            member.RecognisesRequests = recognises;
            return recognises;
        }
        catch (RpcException e)
        {
            // A write is better made at a member that says something.
            if (e.Code is RpcStatusCode.Unavailable or RpcStatusCode.DeadlineExceeded && members.Count > 1)
            {
                member.Leave(e.Status.Detail);
            }

            return false;
        }
    }

    private async ValueTask LookAtRevisionAsync(TimeSpan timeout, CancellationToken cancellation)
    {
        var request = new RangeRequest { Key = Google.Protobuf.ByteString.CopyFromUtf8("\0"), CountOnly = true };
        var range = await RunAsync(Methods.Range, request, timeout, cancellation).ConfigureAwait(false);
        _names.Saw(range.Header.Revision);
    }

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
