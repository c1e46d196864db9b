using RaftKv.Cli.Commands.Connection;
using RaftKv.Cli.Commands.Flags;
using RaftKv.Cli.Commands.Text;
using RaftKv.Protocol.Etcd;

namespace RaftKv.Cli.Commands.Leases;

/// <summary><c>raftkv lease grant</c></summary>
internal sealed class LeaseGrantCommand() : ClientCommand("lease grant", "TTL", "Create a lease that lasts so many seconds")
{
    public override void Check(ParsedArguments arguments, ClientSession session) => TimeToLive(arguments);

    public override async Task<int> RunAsync(ParsedArguments arguments, ClientSession session, CancellationToken stop)
    {
        var request = new LeaseGrantRequest { TTL = TimeToLive(arguments) };
        try
        {
            session.Printer.LeaseGrant(await session.Cluster.CallAsync(EtcdMethods.LeaseGrant, request, stop));
            return ExitCode.Success;
        }
        catch (ConnectionFailure failure)
        {
            throw new CommandFailure(ExitCode.Error, $"failed to grant lease ({failure.Message})", failure);
        }
    }

    private static long TimeToLive(ParsedArguments arguments)
    {
        if (arguments.Count != 1)
        {
            throw CommandFailure.BadArguments("lease grant command needs TTL argument");
        }

        try
        {
            return GoNumber.Int64(arguments[0]);
        }
        catch (FormatException wrong)
        {
            throw new CommandFailure(ExitCode.BadArguments, $"bad TTL ({wrong.Message})", wrong);
        }
    }
}
