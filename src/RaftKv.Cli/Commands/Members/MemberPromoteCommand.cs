using RaftKv.Cli.Commands.Flags;
using RaftKv.Protocol.Etcd;

namespace RaftKv.Cli.Commands.Members;

/// <summary><c>raftkv member promote</c></summary>
internal sealed class MemberPromoteCommand() : ClientCommand("member promote", "ID", "Give a learner that has caught up its vote")
{
    public override void Check(ParsedArguments arguments, ClientSession session) => MemberId.Only(arguments);

    public override async Task<int> RunAsync(ParsedArguments arguments, ClientSession session, CancellationToken stop)
    {
        var id = MemberId.Only(arguments);
        session.Printer.MemberPromote(id, await session.Cluster.CallAsync(EtcdMethods.MemberPromote, new MemberPromoteRequest { ID = id }, stop));
        return ExitCode.Success;
    }
}
