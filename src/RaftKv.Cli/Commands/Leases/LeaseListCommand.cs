using RaftKv.Cli.Commands.Flags;
using RaftKv.Protocol.Etcd;

namespace RaftKv.Cli.Commands.Leases;

/// <summary><c>raftkv lease list</c></summary>
internal sealed class LeaseListCommand() : ClientCommand("lease list", "", "Name all leases")
{
    public override async Task<int> RunAsync(ParsedArguments arguments, ClientSession session, CancellationToken stop)
    {
        session.Printer.Leases(await session.Cluster.CallAsync(EtcdMethods.LeaseLeases, new LeaseLeasesRequest(), stop, isSafeToRepeat: true));
        return ExitCode.Success;
    }
}
