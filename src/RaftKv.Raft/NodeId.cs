using System.Globalization;

namespace RaftKv.Raft;

/// <summary>Names a member. Zero names nobody: "no vote", "no leader known".</summary>
public readonly record struct NodeId(ulong Value) : IComparable<NodeId>
{
    public static readonly NodeId None;

    public bool IsNone => Value == 0;

    public int CompareTo(NodeId other) => Value.CompareTo(other.Value);

    /// <summary>Lower-case hexadecimal, as members are printed everywhere.</summary>
    public override string ToString() => Value.ToString("x", CultureInfo.InvariantCulture);
}
