using RaftKv.Cli.Commands.Flags;
using RaftKv.Protocol.Etcd;

namespace RaftKv.Cli.Commands.Maintenance;

/// <summary><c>raftkv alarm list</c></summary>
internal sealed class AlarmListCommand() : ClientCommand("alarm list", "", "Name the alarms that are raised")
{
    public override void Check(ParsedArguments arguments, ClientSession session)
    {
        if (arguments.Count > 0)
        {
            throw CommandFailure.BadArguments("alarm list command accepts no arguments");
        }
    }

    public override async Task<int> RunAsync(ParsedArguments arguments, ClientSession session, CancellationToken stop)
    {
        session.Printer.Alarms(await session.Cluster.CallAsync(EtcdMethods.Alarm, new AlarmRequest(), stop, isSafeToRepeat: true));
        return ExitCode.Success;
    }
}
