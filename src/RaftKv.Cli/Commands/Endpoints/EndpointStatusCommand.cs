using RaftKv.Cli.Commands.Connection;
using RaftKv.Cli.Commands.Flags;
using RaftKv.Cli.Commands.Printing;
using RaftKv.Protocol.Etcd;

namespace RaftKv.Cli.Commands.Endpoints;

/// <summary><c>raftkv endpoint status</c></summary>
internal sealed class EndpointStatusCommand() : ClientCommand("endpoint status", "", "Say how each member is doing")
{
    private EndpointsAsked _asked = null!;

    public override AnswerForms Forms => AnswerForms.Members;

    public override void AddFlags(FlagSet flags) => _asked = new EndpointsAsked(flags);

    public override async Task<int> RunAsync(ParsedArguments arguments, ClientSession session, CancellationToken stop)
    {
        var code = ExitCode.Success;
        var answers = new List<EndpointAnswer<StatusResponse>>();
        foreach (var endpoint in await _asked.ListAsync(session, stop))
        {
            try
            {
                await using var member = session.Cluster.At(endpoint);
                answers.Add(new(endpoint.Text, await member.CallAsync(EtcdMethods.Status, new StatusRequest(), stop, isSafeToRepeat: true)));
            }
            catch (ConnectionFailure failure)
            {
                await session.Console.Error.WriteLineAsync($"Failed to get the status of endpoint {endpoint.Text} ({failure.Message})");
                code = ExitCode.Error;
            }
        }

        session.Printer.Status(answers);
        return code;
    }
}
