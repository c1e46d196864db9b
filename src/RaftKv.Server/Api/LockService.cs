using RaftKv.Protocol.Etcd;
using RaftKv.Protocol.Lock;
using RaftKv.Rpc;
using RaftKv.Rpc.Server;
using RaftKv.Server.Replica;

namespace RaftKv.Server.Api;

/// <summary>v3lockpb.Lock: whoever is at the front of a line of keys has the lock.</summary>
internal sealed class LockService
{
    private readonly IMember _member;
    private readonly InnerClient _client;

    public LockService(IMember member, InnerClient client)
    {
        _member = member;
        _client = client;
        Service = new RpcService(V3LockReflection.Descriptor.Services.Single(service => service.Name == "Lock"))
            .Unary("Lock", Refusals.Told<LockRequest, LockResponse>(LockAsync), new RpcMethodLimits { EndsWithServer = true })
            .Unary("Unlock", Refusals.Told<UnlockRequest, UnlockResponse>(UnlockAsync));
    }

    public RpcService Service { get; }

    private async ValueTask<LockResponse> LockAsync(LockRequest request, RpcServerCall call)
    {
        var line = new WaitingLine(_member, _client, request.Name);
        var lease = await _client.LeaseOfAsync(request.Lease, call).ConfigureAwait(false);
        var place = await line.JoinAsync(line.KeyOf(lease), Google.Protobuf.ByteString.Empty, lease, call).ConfigureAwait(false);
        if (place.IsFront)
        {
            return new LockResponse { Header = place.Header, Key = place.Key };
        }

        var now = await line.WaitAsync(place, call).ConfigureAwait(false) ?? throw new RpcException(ApiErrors.SessionExpired);
        return new LockResponse { Header = now.Header, Key = place.Key };
    }

    private async ValueTask<UnlockResponse> UnlockAsync(UnlockRequest request, RpcServerCall call)
    {
        var deleted = await _client.DeleteAsync(new DeleteRangeRequest { Key = request.Key }, call).ConfigureAwait(false);
        return new UnlockResponse { Header = deleted.Header };
    }
}
