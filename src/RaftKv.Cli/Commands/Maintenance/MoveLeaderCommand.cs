using RaftKv.Cli.Commands.Connection;
using RaftKv.Cli.Commands.Flags;
using RaftKv.Cli.Commands.Printing;
using RaftKv.Cli.Commands.Text;
using RaftKv.Protocol.Etcd;

namespace RaftKv.Cli.Commands.Maintenance;

/// <summary><c>raftkv move-leader</c></summary>
internal sealed class MoveLeaderCommand() : ClientCommand("move-leader", "ID", "Hand leadership over to another member")
{
    public override AnswerForms Forms => AnswerForms.Simple | AnswerForms.Json;

    public override void Check(ParsedArguments arguments, ClientSession session) => Target(arguments);

    public override async Task<int> RunAsync(ParsedArguments arguments, ClientSession session, CancellationToken stop)
    {
        var target = Target(arguments);
        ConnectionFailure? unreached = null;
        foreach (var endpoint in session.Cluster.Endpoints)
        {
            await using var member = session.Cluster.At(endpoint);
            StatusResponse status;
            try
            {
                status = await member.CallAsync(EtcdMethods.Status, new StatusRequest(), stop, isSafeToRepeat: true);
            }
            catch (ConnectionFailure failure)
            {
                unreached = failure;
                continue;
            }

            if (status.Leader == status.Header.MemberId)
            {
                var response = await member.CallAsync(EtcdMethods.MoveLeader, new MoveLeaderRequest { TargetID = target }, stop);
                session.Printer.MoveLeader(status.Leader, target, response);
                return ExitCode.Success;
            }
        }

        var asked = string.Join(' ', session.Cluster.Endpoints.Select(endpoint => endpoint.Text));
        throw unreached ?? (Exception)CommandFailure.BadArguments($"no leader endpoint given at [{asked}]");
    }

    private static ulong Target(ParsedArguments arguments)
    {
        if (arguments.Count != 1)
        {
            throw CommandFailure.BadArguments("move-leader command needs 1 argument");
        }

        try
        {
            return GoNumber.UInt64(arguments[0], 16);
        }
        catch (FormatException wrong)
        {
            throw new CommandFailure(ExitCode.BadArguments, $"{wrong.Message} (a member's ID is hexadecimal)", wrong);
        }
    }
}
