using RaftKv.Cli.Commands.Flags;
using RaftKv.Protocol.Etcd;

namespace RaftKv.Cli.Commands.Members;

/// <summary><c>raftkv member remove</c></summary>
internal sealed class MemberRemoveCommand() : ClientCommand("member remove", "ID", "Take a member out of the cluster for good")
{
    public override void Check(ParsedArguments arguments, ClientSession session) => MemberId.Only(arguments);

    public override async Task<int> RunAsync(ParsedArguments arguments, ClientSession session, CancellationToken stop)
    {
        var id = MemberId.Only(arguments);
        session.Printer.MemberRemove(id, await session.Cluster.CallAsync(EtcdMethods.MemberRemove, new MemberRemoveRequest { ID = id }, stop));
        return ExitCode.Success;
    }
}
