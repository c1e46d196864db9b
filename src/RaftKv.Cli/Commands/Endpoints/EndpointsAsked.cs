using RaftKv.Cli.Commands.Connection;
using RaftKv.Cli.Commands.Flags;
using RaftKv.Protocol.Etcd;

namespace RaftKv.Cli.Commands.Endpoints;

/// <summary>Which endpoints a command asks one by one: those of --endpoints, or with --cluster those of all members.</summary>
internal sealed class EndpointsAsked(FlagSet flags)
{
    private readonly Flag<bool> _cluster = flags.Switch("cluster", "Ask all members of the cluster, and not only --endpoints");

    public async Task<IReadOnlyList<Endpoint>> ListAsync(ClientSession session, CancellationToken stop)
    {
        if (!_cluster.Value)
        {
            return session.Cluster.Endpoints;
        }

        var request = new MemberListRequest { Linearizable = true };
        var members = await session.Cluster.CallAsync(EtcdMethods.MemberList, request, stop, isSafeToRepeat: true);
        return [.. members.Members.SelectMany(member => member.ClientURLs).Distinct().Select(session.Endpoint)];
    }
}
