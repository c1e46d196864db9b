namespace RaftKv.Storage.Files;

/// <summary>The world broke under a file. What depends on it stops, and says what is in here.</summary>
public abstract class StorageException(string path, string message, Exception? cause = null)
    : Exception(message, cause)
{
    /// <summary>The file or directory that the trouble is about.</summary>
    public string Path { get; } = path;
}

/// <summary>The operating system refused an operation on a file.</summary>
public sealed class FileOperationException(string operation, string path, int errno, string reason, Exception? cause = null)
    : StorageException(path, $"Cannot {operation} {path}: {reason} (errno {errno}).", cause)
{
    /// <summary>What was attempted, as a verb: "open", "write".</summary>
    public string Operation { get; } = operation;

    /// <summary>The error number of the operating system; 0 where there is none.</summary>
    public int Errno { get; } = errno;
}

/// <summary>The disk, or the quota on it, is full. Definite: it becomes possible again when space is freed.</summary>
public sealed class DiskFullException(string path, Exception? cause = null)
    : StorageException(path, $"No space left on the disk for {path}.", cause);

/// <summary>
/// A sync failed: what was written since the last good one may or may not survive, and asking again would be answered
/// with a success that means nothing. The file is not trusted any more; the member stops and restarts from what it can
/// prove.
/// </summary>
public sealed class FileSyncFailedException(string path, int errno, string reason)
    : StorageException(path, $"Sync of {path} failed: {reason} (errno {errno}). What was written last may be lost.")
{
    public int Errno { get; } = errno;

    public string Reason { get; } = reason;
}

/// <summary>Another process holds the lock.</summary>
public sealed class FileLockedException(string path)
    : StorageException(path, $"{path} is locked by another process.");
