using RaftKv.Protocol.Etcd;
using RaftKv.Raft;
using RaftKv.Rpc;
using RaftKv.Rpc.Server;
using RaftKv.Server.Replica;
using RaftKv.Storage.State;
using StateMember = RaftKv.Storage.State.Member;

namespace RaftKv.Server.Api;

/// <summary>etcdserverpb.Cluster: who belongs to the cluster.</summary>
/// <remarks>Headers have no revision here: the key space is not concerned.</remarks>
internal sealed class ClusterService
{
    private readonly IMember _member;
    private readonly ApiOptions _options;
    private readonly TimeProvider _time;
    private readonly Proposals _proposals;

    public ClusterService(IMember member, ApiOptions options, TimeProvider time, Proposals proposals)
    {
        _member = member;
        _options = options;
        _time = time;
        _proposals = proposals;
        Service = new RpcService(RpcReflection.Descriptor.Services.Single(service => service.Name == "Cluster"))
            .Unary("MemberAdd", Refusals.Told<MemberAddRequest, MemberAddResponse>(AddAsync))
            .Unary("MemberRemove", Refusals.Told<MemberRemoveRequest, MemberRemoveResponse>(RemoveAsync))
            .Unary("MemberUpdate", Refusals.Told<MemberUpdateRequest, MemberUpdateResponse>(UpdateAsync))
            .Unary("MemberList", Refusals.Told<MemberListRequest, MemberListResponse>(ListAsync))
            .Unary("MemberPromote", Refusals.Told<MemberPromoteRequest, MemberPromoteResponse>(PromoteAsync));
    }

    public RpcService Service { get; }

    private async ValueTask<MemberAddResponse> AddAsync(MemberAddRequest request, RpcServerCall call)
    {
        if (!PeerUrls.TryParse(request.PeerURLs, out var urls))
        {
            throw new RpcException(ApiErrors.BadMemberUrls);
        }

        var id = ClusterIdentity.OfAddedMember(urls, _time.GetUtcNow().ToUnixTimeSeconds());
        var newcomer = new StateMember(id, "", urls, [], request.IsLearner);
        var members = await ChangeAsync(MemberChange.Add(newcomer, _options.MaxLearners), call).ConfigureAwait(false);
        return new MemberAddResponse
        {
            Header = ResponseHeaders.Of(_member, revision: 0),
            Member = ToMessage(newcomer),
            Members = { members.Select(ToMessage) },
        };
    }

    private async ValueTask<MemberRemoveResponse> RemoveAsync(MemberRemoveRequest request, RpcServerCall call)
    {
        var members = await ChangeAsync(MemberChange.Remove(new NodeId(request.ID)), call).ConfigureAwait(false);
        return new MemberRemoveResponse
        {
            Header = ResponseHeaders.Of(_member, revision: 0),
            Members = { members.Select(ToMessage) },
        };
    }

    private async ValueTask<MemberUpdateResponse> UpdateAsync(MemberUpdateRequest request, RpcServerCall call)
    {
        // etcd does not look at these URLs, and neither may we.
        var members = await ChangeAsync(MemberChange.Update(new NodeId(request.ID), [.. request.PeerURLs]), call).ConfigureAwait(false);
        return new MemberUpdateResponse
        {
            Header = ResponseHeaders.Of(_member, revision: 0),
            Members = { members.Select(ToMessage) },
        };
    }

    private async ValueTask<MemberPromoteResponse> PromoteAsync(MemberPromoteRequest request, RpcServerCall call)
    {
        var members = await ChangeAsync(MemberChange.Promote(new NodeId(request.ID)), call).ConfigureAwait(false);
        return new MemberPromoteResponse
        {
            Header = ResponseHeaders.Of(_member, revision: 0),
            Members = { members.Select(ToMessage) },
        };
    }

    private async ValueTask<MemberListResponse> ListAsync(MemberListRequest request, RpcServerCall call)
    {
        await _proposals.AnybodyAsync(call).ConfigureAwait(false);
        if (request.Linearizable)
        {
            await _member.WaitUntilCurrentAsync(call.CancellationToken).ConfigureAwait(false);
        }

        return new MemberListResponse
        {
            Header = ResponseHeaders.Of(_member, revision: 0),
            Members = { _member.Members.Select(ToMessage) },
        };
    }

    private async ValueTask<IReadOnlyList<StateMember>> ChangeAsync(MemberChange change, RpcServerCall call)
    {
        await _proposals.RootAsync(call).ConfigureAwait(false);
        var (error, members) = await _member.ChangeMembersAsync(change, call.CancellationToken).ConfigureAwait(false);
        Proposals.Require(error);
        return members;
    }

    private static Protocol.Etcd.Member ToMessage(StateMember member)
        => new()
        {
            ID = member.Id.Value,
            Name = member.Name,
            PeerURLs = { member.PeerUrls },
            ClientURLs = { member.ClientUrls },
            IsLearner = member.IsLearner,
        };
}
