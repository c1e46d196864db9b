using RaftKv.Cli.Commands.Connection;
using RaftKv.Cli.Commands.Flags;
using RaftKv.Cli.Commands.Printing;
using RaftKv.Protocol.Etcd;

namespace RaftKv.Cli.Commands.Endpoints;

/// <summary><c>raftkv endpoint hashkv</c></summary>
internal sealed class EndpointHashKvCommand() : ClientCommand("endpoint hashkv", "", "Print a hash of each member's keys and their history")
{
    private EndpointsAsked _asked = null!;
    private Flag<long> _revision = null!;

    public override AnswerForms Forms => AnswerForms.Members;

    public override void AddFlags(FlagSet flags)
    {
        _asked = new EndpointsAsked(flags);
        _revision = flags.Number("rev", "Up to this revision; 0 is the latest");
    }

    public override async Task<int> RunAsync(ParsedArguments arguments, ClientSession session, CancellationToken stop)
    {
        ConnectionFailure? last = null;
        var answers = new List<EndpointAnswer<HashKVResponse>>();
        foreach (var endpoint in await _asked.ListAsync(session, stop))
        {
            try
            {
                await using var member = session.Cluster.At(endpoint);
                var request = new HashKVRequest { Revision = _revision.Value };
                answers.Add(new(endpoint.Text, await member.CallAsync(EtcdMethods.HashKv, request, stop, isSafeToRepeat: true)));
            }
            catch (ConnectionFailure failure)
            {
                await session.Console.Error.WriteLineAsync($"Failed to get the hash of endpoint {endpoint.Text} ({failure.Message})");
                last = failure;
            }
        }

        session.Printer.HashKv(answers);
        return last is null ? ExitCode.Success : throw last;
    }
}
