using RaftKv.Cli.Commands.Flags;
using RaftKv.Protocol.Etcd;

namespace RaftKv.Cli.Commands.Maintenance;

/// <summary><c>raftkv alarm disarm</c></summary>
internal sealed class AlarmDisarmCommand() : ClientCommand("alarm disarm", "", "Take all alarms back")
{
    public override void Check(ParsedArguments arguments, ClientSession session)
    {
        if (arguments.Count > 0)
        {
            throw CommandFailure.BadArguments("alarm disarm command accepts no arguments");
        }
    }

    public override async Task<int> RunAsync(ParsedArguments arguments, ClientSession session, CancellationToken stop)
    {
        var raised = await session.Cluster.CallAsync(EtcdMethods.Alarm, new AlarmRequest(), stop, isSafeToRepeat: true);
        var disarmed = new AlarmResponse();
        foreach (var alarm in raised.Alarms)
        {
            var request = new AlarmRequest
            {
                Action = AlarmRequest.Types.AlarmAction.Deactivate,
                MemberID = alarm.MemberID,
                Alarm = alarm.Alarm,
            };
            disarmed.Alarms.AddRange((await session.Cluster.CallAsync(EtcdMethods.Alarm, request, stop)).Alarms);
        }

        session.Printer.Alarms(disarmed);
        return ExitCode.Success;
    }
}
