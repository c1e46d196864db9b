using System.Globalization;

namespace RaftKv.Storage.Mvcc;

/// <summary>Names one change of one key: <see cref="Main"/> counts the writes of the store, <see cref="Sub"/> the changes
/// within one write, from 0.</summary>
public readonly record struct Revision(long Main, long Sub) : IComparable<Revision>
{
    public int CompareTo(Revision other)
        => Main != other.Main ? Main.CompareTo(other.Main) : Sub.CompareTo(other.Sub);

    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Main}.{Sub}");
}
