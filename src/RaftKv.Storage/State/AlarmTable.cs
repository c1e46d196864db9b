using System.Buffers;
using System.Collections.Immutable;
using RaftKv.Raft;

namespace RaftKv.Storage.State;

/// <summary>The alarms that stand. One anywhere concerns the whole cluster.</summary>
/// <remarks>Changed by one thread. <see cref="Active"/> is never changed but replaced, so any thread may read it.</remarks>
public sealed class AlarmTable
{
    private const byte Version = 1;
    private const int MinAlarmBytes = sizeof(ulong) + 1;

    /// <summary>In order.</summary>
    public ImmutableSortedSet<Alarm> Active { get; private set; } = [];

    /// <summary>Whether any member has an alarm of this kind.</summary>
    public bool IsActive(AlarmKind kind)
    {
        // There are as many as there are members in trouble: none, nearly always.
        foreach (var alarm in Active)
        {
            if (alarm.Kind == kind)
            {
                return true;
            }
        }

        return false;
    }

    /// <returns>False if it stood already, or if there is no such alarm as <see cref="AlarmKind.None"/>.</returns>
    public bool Activate(NodeId member, AlarmKind kind)
    {
        if (kind == AlarmKind.None)
        {
            return false;
        }

        var before = Active;
        Active = before.Add(new Alarm(member, kind));
        return Active != before;
    }

    /// <returns>False if it did not stand.</returns>
    public bool Deactivate(NodeId member, AlarmKind kind)
    {
        var before = Active;
        Active = before.Remove(new Alarm(member, kind));
        return Active != before;
    }

    /// <summary>Those of one kind, or all.</summary>
    public Alarm[] Get(AlarmKind kind)
        => [.. Active.Where(alarm => kind == AlarmKind.None || alarm.Kind == kind)];

    public void WriteTo(IBufferWriter<byte> to)
    {
        var writer = new StateWriter(to);
        writer.Byte(Version);
        writer.Count(Active.Count);
        foreach (var alarm in Active)
        {
            writer.Zigzag((int)alarm.Kind);
            writer.Id(alarm.Member.Value);
        }
    }

    /// <exception cref="StateFormatException">These are not the bytes of a table.</exception>
    public static AlarmTable ReadFrom(ReadOnlySpan<byte> bytes)
    {
        var reader = new StateReader(bytes, "alarm table");
        reader.Version(Version);
        var alarms = new Alarm[reader.Count(MinAlarmBytes)];
        for (var i = 0; i < alarms.Length; i++)
        {
            var start = reader.Offset;
            var kind = (AlarmKind)reader.Code();
            alarms[i] = new Alarm(new NodeId(reader.Id()), kind);
            if (kind == AlarmKind.None || (i > 0 && alarms[i].CompareTo(alarms[i - 1]) <= 0))
            {
                reader.FailAt(start, "an alarm is none, or they are not in order.");
            }
        }

        reader.End();
        return new AlarmTable { Active = [.. alarms] };
    }
}
