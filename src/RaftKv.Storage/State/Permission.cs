using RaftKv.Storage.Mvcc;

namespace RaftKv.Storage.State;

/// <summary>What a permission allows. The numbers are on disk and those of the wire; one that is not named here is kept
/// like any other, and allows nothing.</summary>
public enum PermissionKind
{
    Read = 0,
    Write = 1,
    ReadWrite = 2,
}

/// <summary>What somebody is about to do with keys.</summary>
public enum Access
{
    Read,
    Write,
}

/// <summary>A role may do this with these keys. The two fields are those of a request, see <see cref="KeyRange"/>.
/// Immutable: the bytes are not to be changed.</summary>
public sealed record Permission(PermissionKind Kind, ReadOnlyMemory<byte> Key, ReadOnlyMemory<byte> RangeEnd)
    : IComparable<Permission>
{
    internal const int MinBytes = 3;

    /// <summary>What the role root may do, as it is shown.</summary>
    public static readonly Permission Everything = new(PermissionKind.ReadWrite, default, new byte[] { 0 });

    public KeyRange Range => KeyRange.Of(Key, RangeEnd);

    /// <summary>A permission has to speak of a key at least.</summary>
    public bool IsAboutKeys => Key.Length > 0 && !Range.IsEmpty;

    public bool Allows(Access access)
        => Kind == PermissionKind.ReadWrite
            || Kind == (access == Access.Read ? PermissionKind.Read : PermissionKind.Write);

    /// <summary>By key, then by range end: what names a permission within its role.</summary>
    public int CompareTo(Permission? other)
    {
        if (other is null)
        {
            return 1;
        }

        var order = Key.Span.SequenceCompareTo(other.Key.Span);
        return order != 0 ? order : RangeEnd.Span.SequenceCompareTo(other.RangeEnd.Span);
    }

    public bool Equals(Permission? other) => other is not null && Kind == other.Kind && CompareTo(other) == 0;

    public override int GetHashCode() => HashCode.Combine(Kind, Range);

    public override string ToString() => $"{Kind} {Range}";

    internal void WriteTo(StateWriter writer)
    {
        writer.Zigzag((int)Kind);
        writer.Bytes(Key.Span);
        writer.Bytes(RangeEnd.Span);
    }

    internal static Permission ReadFrom(ref StateReader reader)
        => new((PermissionKind)reader.Code(), reader.Bytes().ToArray(), reader.Bytes().ToArray());
}
