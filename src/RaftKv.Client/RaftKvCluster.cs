using RaftKv.Client.Calls;
using Wire = RaftKv.Protocol.Etcd;

namespace RaftKv.Client;

/// <summary>A member as the cluster knows it.</summary>
/// <param name="Id">Its identity.</param>
/// <param name="Name">Empty until it has started once, like <paramref name="ClientUrls"/>.</param>
/// <param name="PeerUrls">Where the other members reach it.</param>
/// <param name="ClientUrls">Where clients reach it.</param>
/// <param name="IsLearner">Whether it learns only, without a vote.</param>
public sealed record ClusterMember(ulong Id, string Name, IReadOnlyList<string> PeerUrls, IReadOnlyList<string> ClientUrls, bool IsLearner)
{
    internal static ClusterMember Of(Wire.Member wire) => new(wire.ID, wire.Name, [.. wire.PeerURLs], [.. wire.ClientURLs], wire.IsLearner);

    internal static IReadOnlyList<ClusterMember> Of(IEnumerable<Wire.Member> wire) => [.. wire.Select(Of)];
}

/// <summary>The members of a cluster, and changes to them.</summary>
/// <example><code>foreach (var member in await client.Cluster.ListMembersAsync()) { ... }</code></example>
public sealed class RaftKvCluster
{
    private readonly Caller _caller;

    internal RaftKvCluster(Caller caller) => _caller = caller;

    /// <summary>The members that were agreed on when this was asked.</summary>
    public async ValueTask<IReadOnlyList<ClusterMember>> ListMembersAsync(CallOptions? options = null, CancellationToken cancellation = default)
        => ClusterMember.Of((await _caller.RunAsync(
            Methods.MemberList, new Wire.MemberListRequest { Linearizable = true }, options?.Timeout, cancellation).ConfigureAwait(false)).Members);

    /// <summary>Adds a member, which then has to be started. Asked again after a lost answer, it finds the member by its peer URLs.</summary>
    /// <exception cref="OutcomeUnknownException">It may have been added.</exception>
    public async ValueTask<ClusterMember> AddMemberAsync(
        IReadOnlyList<string> peerUrls, bool isLearner = false, CallOptions? options = null, CancellationToken cancellation = default)
    {
        var request = new Wire.MemberAddRequest { PeerURLs = { peerUrls }, IsLearner = isLearner };
        var response = await _caller.RunAsync(Methods.MemberAdd, request, options?.Timeout, cancellation).ConfigureAwait(false);
        if (response.Member is not null)
        {
            return ClusterMember.Of(response.Member);
        }

        var members = await ListMembersAsync(options, cancellation).ConfigureAwait(false);
        return members.FirstOrDefault(member => member.PeerUrls.ToHashSet().SetEquals(peerUrls))
            ?? throw new MemberNotFoundException("The member was added, and is not there any more.");
    }

    /// <summary>Removes a member for ever.</summary>
    /// <returns>Those that stay.</returns>
    public async ValueTask<IReadOnlyList<ClusterMember>> RemoveMemberAsync(
        ulong id, CallOptions? options = null, CancellationToken cancellation = default)
        => ClusterMember.Of((await _caller.RunAsync(
            Methods.MemberRemove, new Wire.MemberRemoveRequest { ID = id }, options?.Timeout, cancellation).ConfigureAwait(false)).Members);

    /// <summary>Changes where the others reach a member.</summary>
    public async ValueTask<IReadOnlyList<ClusterMember>> UpdateMemberAsync(
        ulong id, IReadOnlyList<string> peerUrls, CallOptions? options = null, CancellationToken cancellation = default)
        => ClusterMember.Of((await _caller.RunAsync(
            Methods.MemberUpdate, new Wire.MemberUpdateRequest { ID = id, PeerURLs = { peerUrls } }, options?.Timeout, cancellation)
            .ConfigureAwait(false)).Members);

    /// <summary>Gives a learner that has caught up a vote.</summary>
    public async ValueTask<IReadOnlyList<ClusterMember>> PromoteMemberAsync(
        ulong id, CallOptions? options = null, CancellationToken cancellation = default)
        => ClusterMember.Of((await _caller.RunAsync(
            Methods.MemberPromote, new Wire.MemberPromoteRequest { ID = id }, options?.Timeout, cancellation).ConfigureAwait(false)).Members);
}
