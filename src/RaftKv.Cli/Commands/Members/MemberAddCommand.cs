using RaftKv.Cli.Commands.Flags;
using RaftKv.Cli.Commands.Text;
using RaftKv.Protocol.Etcd;

namespace RaftKv.Cli.Commands.Members;

/// <summary><c>raftkv member add</c></summary>
internal sealed class MemberAddCommand() : ClientCommand("member add", "NAME --peer-urls=URL,...", "Let a further member join")
{
    private ListFlag _peerUrls = null!;
    private Flag<bool> _learner = null!;

    public override void AddFlags(FlagSet flags)
    {
        _peerUrls = PeerUrls.AddTo(flags);
        _learner = flags.Switch("learner", "It follows without a vote until it is promoted");
    }

    public override void Check(ParsedArguments arguments, ClientSession session)
    {
        if (arguments.Count != 1)
        {
            throw CommandFailure.BadArguments(arguments.Count == 0 ? "member name not provided" : "too many arguments");
        }

        PeerUrls.Check(_peerUrls.Values);
    }

    public override async Task<int> RunAsync(ParsedArguments arguments, ClientSession session, CancellationToken stop)
    {
        var request = new MemberAddRequest { IsLearner = _learner.Value };
        request.PeerURLs.AddRange(_peerUrls.Values);
        var response = await session.Cluster.CallAsync(EtcdMethods.MemberAdd, request, stop);
        session.Printer.MemberAdd(response);
        if (session.IsSimple)
        {
            PrintSettings(arguments[0], response, session.Output);
        }

        return ExitCode.Success;
    }

    // What the new member must be started with.
    private void PrintSettings(string name, MemberAddResponse response, AnswerWriter output)
    {
        var cluster = response.Members.SelectMany(member => member.PeerURLs.Select(
            url => $"{(member.ID == response.Member.ID ? name : member.Name)}={url}"));
        output.Line();
        output.Line($"ETCD_NAME={GoQuoted.Of(name)}");
        output.Line($"ETCD_INITIAL_CLUSTER={GoQuoted.Of(string.Join(',', cluster))}");
        output.Line($"ETCD_INITIAL_ADVERTISE_PEER_URLS={GoQuoted.Of(string.Join(',', _peerUrls.Values))}");
        output.Line("ETCD_INITIAL_CLUSTER_STATE=\"existing\"");
    }
}
