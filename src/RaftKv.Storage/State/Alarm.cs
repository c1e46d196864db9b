using RaftKv.Raft;

namespace RaftKv.Storage.State;

/// <summary>What is wrong with a member. The numbers are on disk and those of the wire; one that is not named here is
/// kept like any other, and stops nothing.</summary>
public enum AlarmKind
{
    /// <summary>In a question: any.</summary>
    None = 0,

    /// <summary>Its quota is used up.</summary>
    NoSpace = 1,

    /// <summary>Its data differs from that of the others.</summary>
    Corrupt = 2,
}

/// <summary>What is asked about alarms. The numbers are on disk and those of the wire.</summary>
public enum AlarmAction : byte
{
    Get = 0,
    Activate = 1,
    Deactivate = 2,
}

/// <summary>One alarm of one member. It stands until somebody takes it back.</summary>
public readonly record struct Alarm(NodeId Member, AlarmKind Kind) : IComparable<Alarm>
{
    /// <summary>By kind, then by member, as they are listed.</summary>
    public int CompareTo(Alarm other) => Kind != other.Kind ? Kind.CompareTo(other.Kind) : Member.CompareTo(other.Member);
}
