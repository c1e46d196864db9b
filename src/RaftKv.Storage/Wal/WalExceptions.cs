using RaftKv.Storage.Files;

namespace RaftKv.Storage.Wal;

/// <summary>
/// The log holds something other than what was written to it, at or before the last durable point, or in a shape that no
/// interrupted write leaves. Nothing was changed. The member must not start on it, for it may have forgotten what it
/// promised: give it the undamaged file back, or remove the member and let it join anew.
/// </summary>
public sealed class WalDamagedException(string path, long offset, string expected, string found)
    : StorageException(path, $"The log is damaged in {path} at offset {offset}: expected {expected}, found {found}.")
{
    public long Offset { get; } = offset;

    public string Expected { get; } = expected;

    public string Found { get; } = found;
}

/// <summary>An earlier failure stopped the log; its cause is the inner exception. Nothing was written by this call, and
/// nothing will be until the log is opened anew.</summary>
public sealed class WalStoppedException(string path, Exception cause)
    : StorageException(path, $"The log in {path} stopped after a failure: {cause.Message}", cause);
