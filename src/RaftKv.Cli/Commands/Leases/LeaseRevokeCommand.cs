using RaftKv.Cli.Commands.Connection;
using RaftKv.Cli.Commands.Flags;
using RaftKv.Protocol.Etcd;

namespace RaftKv.Cli.Commands.Leases;

/// <summary><c>raftkv lease revoke</c></summary>
internal sealed class LeaseRevokeCommand() : ClientCommand("lease revoke", "ID", "End a lease now, and delete its keys")
{
    public override void Check(ParsedArguments arguments, ClientSession session)
    {
        if (arguments.Count != 1)
        {
            throw CommandFailure.BadArguments("lease revoke command needs 1 argument");
        }

        LeaseId.Parse(arguments[0]);
    }

    public override async Task<int> RunAsync(ParsedArguments arguments, ClientSession session, CancellationToken stop)
    {
        var id = LeaseId.Parse(arguments[0]);
        try
        {
            session.Printer.LeaseRevoke(id, await session.Cluster.CallAsync(EtcdMethods.LeaseRevoke, new LeaseRevokeRequest { ID = id }, stop));
            return ExitCode.Success;
        }
        catch (ConnectionFailure failure)
        {
            throw new CommandFailure(ExitCode.Error, $"failed to revoke lease ({failure.Message})", failure);
        }
    }
}
