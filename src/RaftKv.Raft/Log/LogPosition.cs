namespace RaftKv.Raft.Log;

/// <summary>Names one log entry. Logs that agree at a position agree on everything before it.</summary>
public readonly record struct LogPosition(ulong Term, ulong Index) : IComparable<LogPosition>
{
    /// <summary>Before the first entry of an empty log.</summary>
    public static readonly LogPosition Zero;

    /// <summary>Raft §5.4.1: the later term is more up to date; within a term, the longer log.</summary>
    public int CompareTo(LogPosition other)
        => Term != other.Term ? Term.CompareTo(other.Term) : Index.CompareTo(other.Index);

    /// <summary>"term/index", as positions are printed everywhere.</summary>
    public override string ToString() => $"{Term}/{Index}";
}
