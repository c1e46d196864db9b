using RaftKv.Raft;

namespace RaftKv.Storage.State.Commands;

/// <summary>Raises an alarm, takes one back, or asks which stand; asking goes through the log as well, so that the answer
/// is the cluster's and not one member's.</summary>
public readonly record struct AlarmCommand(AlarmAction Action, NodeId Member, AlarmKind Alarm) : IStateCommand<AlarmCommand>
{
    public static CommandKind Kind => CommandKind.Alarm;

    public void WriteBody(StateWriter writer)
    {
        writer.Byte((byte)Action);
        writer.Id(Member.Value);
        writer.Zigzag((int)Alarm);
    }

    public static AlarmCommand ReadBody(ref StateReader reader)
    {
        var action = (AlarmAction)reader.Byte();
        if (action > AlarmAction.Deactivate)
        {
            reader.FailAt(reader.Offset - 1, "there is no such action.");
        }

        return new AlarmCommand(action, new NodeId(reader.Id()), (AlarmKind)reader.Code());
    }
}
