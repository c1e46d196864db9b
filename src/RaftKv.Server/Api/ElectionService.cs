using Google.Protobuf;
using RaftKv.Protocol.Election;
using RaftKv.Protocol.Etcd;
using RaftKv.Protocol.Mvcc;
using RaftKv.Rpc;
using RaftKv.Rpc.Server;
using RaftKv.Server.Replica;
using RaftKv.Storage.Watch;

namespace RaftKv.Server.Api;

/// <summary>v3electionpb.Election: whoever is at the front of a line of keys leads, and its key's value is what it
/// proclaims.</summary>
internal sealed class ElectionService
{
    private readonly IMember _member;
    private readonly InnerClient _client;

    public ElectionService(IMember member, InnerClient client)
    {
        _member = member;
        _client = client;
        Service = new RpcService(V3ElectionReflection.Descriptor.Services.Single(service => service.Name == "Election"))
            .Unary("Campaign", Refusals.Told<CampaignRequest, CampaignResponse>(CampaignAsync), new RpcMethodLimits { EndsWithServer = true })
            .Unary("Proclaim", Refusals.Told<ProclaimRequest, ProclaimResponse>(ProclaimAsync))
            .Unary("Leader", Refusals.Told<LeaderRequest, LeaderResponse>(LeaderAsync))
            .ServerStreaming("Observe", Refusals.Told<LeaderRequest, LeaderResponse>(ObserveAsync))
            .Unary("Resign", Refusals.Told<ResignRequest, ResignResponse>(ResignAsync));
    }

    public RpcService Service { get; }

    private async ValueTask<CampaignResponse> CampaignAsync(CampaignRequest request, RpcServerCall call)
    {
        var line = new WaitingLine(_member, _client, request.Name);
        var lease = await _client.LeaseOfAsync(request.Lease, call).ConfigureAwait(false);
        var place = await line.JoinAsync(line.KeyOf(lease), request.Value, lease, call).ConfigureAwait(false);
        if (place.Before is { } before && before.Value != request.Value)
        {
            await ProclaimAsync(place.Key, place.Revision, request.Value, lease, call).ConfigureAwait(false);
        }

        // etcd does not look whether a candidate that had to wait is still one. Ours would be told that it leads when
        // somebody else may, so it is looked.
        if (!place.IsFront && await line.WaitAsync(place, call).ConfigureAwait(false) is null)
        {
            throw new RpcException(ApiErrors.ElectionNotLeader);
        }

        return new CampaignResponse
        {
            Header = place.Header,
            Leader = new LeaderKey { Name = request.Name, Key = place.Key, Rev = place.Revision, Lease = lease },
        };
    }

    private async ValueTask<ProclaimResponse> ProclaimAsync(ProclaimRequest request, RpcServerCall call)
    {
        var leader = request.Leader ?? throw new RpcException(ApiErrors.LeaderFieldMissing);
        var lease = await _client.LeaseOfAsync(leader.Lease, call).ConfigureAwait(false);
        return new ProclaimResponse
        {
            Header = await ProclaimAsync(leader.Key, leader.Rev, request.Value, lease, call).ConfigureAwait(false),
        };
    }

    private async ValueTask<ResponseHeader> ProclaimAsync(ByteString key, long revision, ByteString value, long lease, RpcServerCall call)
    {
        var request = new TxnRequest
        {
            Compare = { WaitingLine.CreatedAt(key, revision) },
            Success = { new RequestOp { RequestPut = new PutRequest { Key = key, Value = value, Lease = lease } } },
        };
        var told = await _client.TxnAsync(request, call, call.CancellationToken).ConfigureAwait(false);
        return told.Succeeded ? told.Header : throw new RpcException(ApiErrors.ElectionNotLeader);
    }

    private async ValueTask<LeaderResponse> LeaderAsync(LeaderRequest request, RpcServerCall call)
    {
        var line = new WaitingLine(_member, _client, request.Name);
        var front = await _client.RangeAsync(line.Front(), call).ConfigureAwait(false);
        return front.Kvs is [var leader]
            ? new LeaderResponse { Header = front.Header, Kv = leader }
            : throw new RpcException(ApiErrors.ElectionNoLeader);
    }

    // etcd makes a lease for whoever brings none here as well, and does nothing with it; we leave that out.
    private async ValueTask<ResignResponse> ResignAsync(ResignRequest request, RpcServerCall call)
    {
        var leader = request.Leader ?? throw new RpcException(ApiErrors.LeaderFieldMissing);
        var resignation = new TxnRequest
        {
            Compare = { WaitingLine.CreatedAt(leader.Key, leader.Rev) },
            Success = { new RequestOp { RequestDeleteRange = new DeleteRangeRequest { Key = leader.Key } } },
        };
        return new ResignResponse { Header = (await _client.TxnAsync(resignation, call, call.CancellationToken).ConfigureAwait(false)).Header };
    }

    private async ValueTask ObserveAsync(LeaderRequest request, RpcResponseStream<LeaderResponse> responses, RpcServerCall call)
    {
        var line = new WaitingLine(_member, _client, request.Name);
        var told = 0L;
        while (true)
        {
            var front = await _client.RangeAsync(line.Front(), call).ConfigureAwait(false);
            var (header, leader) = front.Kvs is [var found]
                ? (front.Header, found)
                : await FirstToComeAsync(line, front.Header.Revision, call.CancellationToken).ConfigureAwait(false);
            if (leader is null)
            {
                continue;
            }

            if (leader.ModRevision != told)
            {
                await responses.WriteAsync(new LeaderResponse { Header = header, Kv = leader }).ConfigureAwait(false);
                told = leader.ModRevision;
            }

            told = await TellAsync(leader.Key, header.Revision, told, responses, call).ConfigureAwait(false);
        }
    }

    private async ValueTask<(ResponseHeader Header, KeyValue? Leader)> FirstToComeAsync(
        WaitingLine line, long after, CancellationToken cancellation)
    {
        using var watch = new InnerWatch(_member, line.Newcomers(after));
        if (await watch.NextAsync(cancellation).ConfigureAwait(false) is not { } news)
        {
            return (new ResponseHeader(), null);
        }

        // There may be more of them in this response. What came after it is told when its key is watched.
        var leader = news.Events[0].Kv;
        news.Header.Revision = leader.ModRevision;
        return (news.Header, leader);
    }

    /// <summary>Tells what a leader proclaims until its key is deleted, or what happened to it cannot be told any more.</summary>
    /// <returns>The revision that was told last; 0 once the leader is gone.</returns>
    private async ValueTask<long> TellAsync(
        ByteString key, long after, long told, RpcResponseStream<LeaderResponse> responses, RpcServerCall call)
    {
        using var watch = new InnerWatch(_member, new WatchCreate(key.Memory, default) { StartRevision = after + 1 });
        while (await watch.NextAsync(call.CancellationToken).ConfigureAwait(false) is { } news)
        {
            foreach (var change in news.Events)
            {
                if (change.Type == Event.Types.EventType.Delete)
                {
                    return 0;
                }

                await responses.WriteAsync(new LeaderResponse { Header = news.Header, Kv = change.Kv }).ConfigureAwait(false);
                told = change.Kv.ModRevision;
            }
        }

        return told;
    }
}
