using RaftKv.Cli.Commands.Connection;
using RaftKv.Cli.Commands.Endpoints;
using RaftKv.Cli.Commands.Flags;
using RaftKv.Cli.Commands.Printing;
using RaftKv.Protocol.Etcd;

namespace RaftKv.Cli.Commands.Maintenance;

/// <summary><c>raftkv defrag</c></summary>
internal sealed class DefragCommand() : ClientCommand("defrag", "", "Give disk space that members no longer need back to the system")
{
    private EndpointsAsked _asked = null!;

    public override AnswerForms Forms => AnswerForms.Any;

    public override void AddFlags(FlagSet flags) => _asked = new EndpointsAsked(flags);

    public override async Task<int> RunAsync(ParsedArguments arguments, ClientSession session, CancellationToken stop)
    {
        var code = ExitCode.Success;
        foreach (var endpoint in await _asked.ListAsync(session, stop))
        {
            try
            {
                await using var member = session.Cluster.At(endpoint);
                await member.CallAsync(EtcdMethods.Defragment, new DefragmentRequest(), stop);
                session.Output.Line($"Finished defragmenting etcd member[{endpoint.Text}]");
                session.Output.Flush();
            }
            catch (ConnectionFailure failure)
            {
                await session.Console.Error.WriteLineAsync($"Failed to defragment etcd member[{endpoint.Text}] ({failure.Message})");
                code = ExitCode.Error;
            }
        }

        return code;
    }
}
