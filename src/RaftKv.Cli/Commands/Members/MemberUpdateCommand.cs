using RaftKv.Cli.Commands.Flags;
using RaftKv.Protocol.Etcd;

namespace RaftKv.Cli.Commands.Members;

/// <summary><c>raftkv member update</c></summary>
internal sealed class MemberUpdateCommand() : ClientCommand("member update", "ID --peer-urls=URL,...", "Change where the other members reach a member")
{
    private ListFlag _peerUrls = null!;

    public override void AddFlags(FlagSet flags) => _peerUrls = PeerUrls.AddTo(flags);

    public override void Check(ParsedArguments arguments, ClientSession session)
    {
        MemberId.Only(arguments);
        PeerUrls.Check(_peerUrls.Values);
    }

    public override async Task<int> RunAsync(ParsedArguments arguments, ClientSession session, CancellationToken stop)
    {
        var request = new MemberUpdateRequest { ID = MemberId.Only(arguments) };
        request.PeerURLs.AddRange(_peerUrls.Values);
        session.Printer.MemberUpdate(request.ID, await session.Cluster.CallAsync(EtcdMethods.MemberUpdate, request, stop));
        return ExitCode.Success;
    }
}
