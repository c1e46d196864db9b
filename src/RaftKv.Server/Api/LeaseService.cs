using System.Buffers;
using RaftKv.Protocol.Etcd;
using RaftKv.Rpc;
using RaftKv.Rpc.Server;
using RaftKv.Server.Replica;
using RaftKv.Storage.State;
using RaftKv.Storage.State.Commands;
using RaftKv.Storage.State.Requests;

namespace RaftKv.Server.Api;

/// <summary>etcdserverpb.Lease. Grants and revocations go through the log; time is the leader's alone.</summary>
internal sealed class LeaseService
{
    private readonly IMember _member;
    private readonly ApiOptions _options;
    private readonly Proposals _proposals;
    private readonly SpaceQuota _quota;
    private readonly LeaseIds _ids;

    public LeaseService(IMember member, ApiOptions options, TimeProvider time, Proposals proposals, SpaceQuota quota)
    {
        _member = member;
        _options = options;
        _proposals = proposals;
        _quota = quota;
        _ids = new LeaseIds(member.Self, time.GetUtcNow());
        Service = new RpcService(RpcReflection.Descriptor.Services.Single(service => service.Name == "Lease"))
            .Unary("LeaseGrant", Refusals.Told<LeaseGrantRequest, LeaseGrantResponse>(GrantAsync))
            .Unary("LeaseRevoke", Refusals.Told<LeaseRevokeRequest, LeaseRevokeResponse>(RevokeAsync))
            .DuplexBytes("LeaseKeepAlive", Refusals.Told<ReadOnlySequence<byte>, ReadOnlySequence<byte>>(KeepAliveAsync))
            .Unary("LeaseTimeToLive", Refusals.Told<LeaseTimeToLiveRequest, LeaseTimeToLiveResponse>(TimeToLiveAsync))
            .Unary("LeaseLeases", Refusals.Told<LeaseLeasesRequest, LeaseLeasesResponse>(LeasesAsync));
    }

    public RpcService Service { get; }

    public ValueTask<LeaseGrantResponse> GrantAsync(LeaseGrantRequest request, RpcServerCall call)
        => GrantAsync(request, call, call.CancellationToken);

    /// <exception cref="RpcException">It was refused.</exception>
    public async ValueTask<LeaseGrantResponse> GrantAsync(LeaseGrantRequest request, RpcServerCall call, CancellationToken cancellation)
    {
        if (!_quota.Fits(SpaceQuota.LeaseCost))
        {
            throw new RpcException(await _quota.RefuseAsync(cancellation).ConfigureAwait(false));
        }

        var id = request.ID != 0 ? request.ID : _ids.Next();
        var ttl = Math.Max(request.TTL, _options.MinLeaseTtl);
        var caller = await _proposals.AnybodyAsync(call).ConfigureAwait(false);
        var answer = await _proposals.ProposeAsync(new LeaseGrantCommand(id, ttl), caller, cancellation).ConfigureAwait(false);
        Proposals.Require(answer.Error);
        return new LeaseGrantResponse { Header = ResponseHeaders.Of(_member, answer.Revision), ID = id, TTL = ttl };
    }

    /// <exception cref="RpcException">It was refused.</exception>
    public async ValueTask<LeaseRevokeResponse> RevokeAsync(LeaseRevokeRequest request, RpcServerCall call)
    {
        var caller = await _proposals.AnybodyAsync(call).ConfigureAwait(false);
        var command = new LeaseRevokeCommand(caller, request.ID, IsExpired: false);
        var answer = await _proposals.ProposeAsync(command, caller, call.CancellationToken).ConfigureAwait(false);
        Proposals.Require(answer.Error);
        return new LeaseRevokeResponse { Header = ResponseHeaders.Of(_member, answer.Revision) };
    }

    /// <summary>Renews a lease as the stream does.</summary>
    /// <returns>Its TTL; 0 if there is no such lease.</returns>
    /// <exception cref="RpcException">It was refused.</exception>
    public async ValueTask<long> RenewAsync(long id, RpcServerCall call, CancellationToken cancellation)
    {
        if (_member.Auth.IsEnabled)
        {
            var caller = await _proposals.AnybodyAsync(call).ConfigureAwait(false);
            var lease = await _member.GetLeaseTimeAsync(id, wantsKeys: true, cancellation).ConfigureAwait(false);
            CheckKeys(KeyUse.Write, lease, caller);
        }

        return await _member.RenewLeaseAsync(id, cancellation).ConfigureAwait(false);
    }

    // There are many of these, each of a few bytes, so they are read and written as bytes. Each is answered before the
    // next is looked at: a client that wants them answered at once opens more streams.
    private async ValueTask KeepAliveAsync(
        RpcRequestStream<ReadOnlySequence<byte>> requests, RpcResponseStream<ReadOnlySequence<byte>> responses, RpcServerCall call)
    {
        var cancellation = call.CancellationToken;
        var body = new WireWriter();
        while (await requests.MoveNextAsync().ConfigureAwait(false))
        {
            var id = ReadId(Refusals.InOnePiece(requests.Current));
            var revision = ResponseHeaders.CurrentRevision(_member);
            var ttl = await RenewAsync(id, call, cancellation).ConfigureAwait(false);
            body.Clear();
            ResponseHeaders.Write(body, _member, revision);
            body.Number(2, id);
            body.Number(3, ttl);
            responses.BeginMessage().Write(body.Written);
            responses.EndMessage();
            await responses.FlushAsync().ConfigureAwait(false);
        }
    }

    private async ValueTask<LeaseTimeToLiveResponse> TimeToLiveAsync(LeaseTimeToLiveRequest request, RpcServerCall call)
    {
        var caller = await _proposals.AnybodyAsync(call).ConfigureAwait(false);
        var lease = await _member.GetLeaseTimeAsync(request.ID, request.Keys, call.CancellationToken).ConfigureAwait(false);
        if (request.Keys)
        {
            caller = await KnownCallerAsync(caller, call).ConfigureAwait(false);
            CheckKeys(KeyUse.Read, lease, caller);
        }

        var response = new LeaseTimeToLiveResponse
        {
            Header = ResponseHeaders.Of(_member),
            ID = request.ID,
            TTL = lease?.Remaining ?? -1,
            GrantedTTL = lease?.Granted ?? 0,
        };
        if (request.Keys && lease is not null)
        {
            response.Keys.AddRange(lease.Keys.Select(key => Google.Protobuf.UnsafeByteOperations.UnsafeWrap(key)));
        }

        return response;
    }

    private async ValueTask<LeaseLeasesResponse> LeasesAsync(LeaseLeasesRequest request, RpcServerCall call)
    {
        var caller = await _proposals.AnybodyAsync(call).ConfigureAwait(false);
        var ids = await _member.GetLeasesAsync(call.CancellationToken).ConfigureAwait(false);
        caller = await KnownCallerAsync(caller, call).ConfigureAwait(false);
        if (_member.Auth.IsEnabled && _member.Auth.CheckRoot(caller) != StateError.None)
        {
            foreach (var id in ids)
            {
                var lease = await _member.GetLeaseTimeAsync(id, wantsKeys: true, call.CancellationToken).ConfigureAwait(false);
                CheckKeys(KeyUse.Read, lease, caller);
            }
        }

        var response = new LeaseLeasesResponse { Header = ResponseHeaders.Of(_member) };
        response.Leases.AddRange(ids.Select(id => new LeaseStatus { ID = id }));
        return response;
    }

    private static long ReadId(ReadOnlyMemory<byte> message)
    {
        var id = 0L;
        var fields = new WireReader(message);
        while (fields.Next())
        {
            if (fields.Field == 1)
            {
                id = fields.Number();
            }
            else
            {
                fields.Skip();
            }
        }

        return id;
    }

    // The leader, who knows the keys, may know more of rights than this member does yet.
    private async ValueTask<Caller> KnownCallerAsync(Caller caller, RpcServerCall call)
    {
        if (!_member.Auth.IsEnabled)
        {
            return caller;
        }

        await _member.WaitUntilCurrentAsync(call.CancellationToken).ConfigureAwait(false);
        return await _proposals.AnybodyAsync(call).ConfigureAwait(false);
    }

    private void CheckKeys(KeyUse use, LeaseTime? lease, Caller caller)
        => Proposals.Require(AccessSet.OfLeaseKeys(use, lease?.Keys ?? []).Check(_member.Auth, caller));
}
