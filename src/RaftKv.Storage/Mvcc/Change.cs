namespace RaftKv.Storage.Mvcc;

/// <summary>One change of one key, as it was applied. Changes of a batch come in the order of their revisions.</summary>
/// <param name="Revision">Which.</param>
/// <param name="Record">See <see cref="RecordFormat"/>. May be kept; it shares its memory with its neighbours.</param>
/// <param name="IsDelete">Whether it ended a life of the key.</param>
public readonly record struct Change(Revision Revision, ReadOnlyMemory<byte> Record, bool IsDelete)
{
    /// <summary>The key that changed.</summary>
    public ReadOnlySpan<byte> Key => RecordFormat.KeyOf(Record.Span);
}
