using RaftKv.Cli.Commands.Flags;
using RaftKv.Cli.Commands.Printing;
using RaftKv.Protocol.Etcd;

namespace RaftKv.Cli.Commands.Members;

/// <summary><c>raftkv member list</c></summary>
internal sealed class MemberListCommand() : ClientCommand("member list", "", "Name all members of the cluster")
{
    private Flag<string> _consistency = null!;

    public override AnswerForms Forms => AnswerForms.Any;

    public override void AddFlags(FlagSet flags)
        => _consistency = flags.Text("consistency", "l|s", "l: agreed on by the cluster; s: what one member knows", "l");

    public override void Check(ParsedArguments arguments, ClientSession session)
    {
        if (_consistency.Value is not ("l" or "s"))
        {
            throw new CommandFailure(ExitCode.BadFeature, $"unknown consistency flag {Text.GoQuoted.Of(_consistency.Value)}");
        }
    }

    public override async Task<int> RunAsync(ParsedArguments arguments, ClientSession session, CancellationToken stop)
    {
        var request = new MemberListRequest { Linearizable = _consistency.Value == "l" };
        session.Printer.MemberList(await session.Cluster.CallAsync(EtcdMethods.MemberList, request, stop, isSafeToRepeat: true));
        return ExitCode.Success;
    }
}
