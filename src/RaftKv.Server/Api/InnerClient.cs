using System.Buffers;
using Google.Protobuf;
using RaftKv.Protocol.Etcd;
using RaftKv.Rpc;
using RaftKv.Rpc.Server;

namespace RaftKv.Server.Api;

/// <summary>
/// The store for services that use it as a client would, in the name of whoever called them. What goes wrong below them
/// loses its code on the way and keeps its words, as it does with etcd.
/// </summary>
/// <exception cref="RpcException">From every method: it was refused.</exception>
internal sealed class InnerClient(KvService kv, LeaseService leases)
{
    // Of a session that nobody keeps alive.
    private const long SessionTtl = 60;

    private delegate ValueTask<RpcStatus> Method(
        ReadOnlyMemory<byte> request, IBufferWriter<byte> response, RpcServerCall call, CancellationToken cancellation);

    public ValueTask<RangeResponse> RangeAsync(RangeRequest request, RpcServerCall call)
        => CallAsync<RangeResponse>(kv.RangeAsync, request, call, call.CancellationToken);

    public ValueTask<DeleteRangeResponse> DeleteAsync(DeleteRangeRequest request, RpcServerCall call)
        => CallAsync<DeleteRangeResponse>(kv.DeleteRangeAsync, request, call, call.CancellationToken);

    /// <param name="request">What it asks for.</param>
    /// <param name="call">In whose name.</param>
    /// <param name="cancellation">None, where it must be known what became of it.</param>
    public ValueTask<TxnResponse> TxnAsync(TxnRequest request, RpcServerCall call, CancellationToken cancellation)
        => CallAsync<TxnResponse>(kv.TxnAsync, request, call, cancellation);

    /// <summary>The lease that a call brings along; if it brings none, one that lives for a minute.</summary>
    public async ValueTask<long> LeaseOfAsync(long lease, RpcServerCall call)
    {
        if (lease != 0)
        {
            return lease;
        }

        try
        {
            var request = new LeaseGrantRequest { TTL = SessionTtl };
            return (await leases.GrantAsync(request, call, call.CancellationToken).ConfigureAwait(false)).ID;
        }
        catch (Exception trouble) when (ApiErrors.OfException(trouble) is { } status)
        {
            throw Refused(status);
        }
    }

    private static async ValueTask<T> CallAsync<T>(Method method, IMessage request, RpcServerCall call, CancellationToken cancellation)
        where T : IMessage<T>, new()
    {
        var bytes = new ArrayBufferWriter<byte>();
        try
        {
            var status = await method(request.ToByteArray(), bytes, call, cancellation).ConfigureAwait(false);
            if (!status.IsOk)
            {
                throw Refused(status);
            }
        }
        catch (Exception trouble) when (ApiErrors.OfException(trouble) is { } status)
        {
            throw Refused(status);
        }

        var response = new T();
        response.MergeFrom(bytes.WrittenSpan);
        return response;
    }

    private static RpcException Refused(RpcStatus status) => new(new RpcStatus(RpcStatusCode.Unknown, status.Detail));
}
