namespace RaftKv.Storage.Files;

/// <summary>
/// The only door to the disk. Everything durable passes through it, so that the simulator can lose, tear, rot, stall,
/// fill up and fail what a real disk can.
/// </summary>
/// <remarks>
/// <para>Two things become durable separately, and confusing them loses data:</para>
/// <list type="bullet">
/// <item>the <b>bytes</b> of a file, by <see cref="IFile.Sync"/>;</item>
/// <item>the <b>names</b> in a directory (what was created, renamed, deleted), by <see cref="SyncDirectory"/>.</item>
/// </list>
/// <para>Until then a power cut may keep any part of either, in any order. A new file is safe after both: its own
/// <c>Sync</c> and a <c>SyncDirectory</c> of its parent. The end of the process alone loses nothing.</para>
/// <para>All calls block and may be made from any thread; one file is changed by one thread at a time, while others may
/// read it. Trouble is thrown as
/// a <see cref="StorageException"/> that names the path.</para>
/// </remarks>
public interface IFileSystem
{
    /// <summary>Creates an empty file, open for reading and writing. The name is durable only after
    /// <see cref="SyncDirectory"/> of its parent.</summary>
    /// <exception cref="FileOperationException">The name is taken, or the parent does not exist.</exception>
    IFile CreateFile(string path);

    /// <summary>Opens a file that exists, for reading and writing.</summary>
    /// <exception cref="FileOperationException">There is no such file.</exception>
    IFile OpenFile(string path);

    /// <summary>Opens a file that exists, for reading alone: for inspection of what another process may own.</summary>
    /// <exception cref="FileOperationException">There is no such file.</exception>
    IFile OpenFileToRead(string path);

    bool FileExists(string path);

    bool DirectoryExists(string path);

    /// <summary>Creates one directory; its parent must exist. Nothing happens if it is already there. Durable after
    /// <see cref="SyncDirectory"/> of the parent.</summary>
    void CreateDirectory(string path);

    /// <summary>The names (not paths) of the files and directories directly inside a directory, in ordinal order, so
    /// that what depends on the order is the same on every machine.</summary>
    IReadOnlyList<string> List(string directory);

    /// <summary>Gives a file another name within the same directory, replacing what had it. Atomic: after a power cut the
    /// old name or the new one leads to the file, never neither. Which of them is certain only after
    /// <see cref="SyncDirectory"/>. Says nothing of the file's bytes: sync those first.</summary>
    void Rename(string from, string to);

    /// <summary>Deletes a file. It may be back after a power cut until <see cref="SyncDirectory"/>.</summary>
    void Delete(string path);

    /// <summary>Makes all creations, renames and deletions in a directory durable, not those inside its
    /// subdirectories.</summary>
    /// <exception cref="FileSyncFailedException">The names cannot be trusted to be durable; stop.</exception>
    void SyncDirectory(string path);

    /// <summary>Takes exclusive ownership of a lock file, creating it if need be, until the result is disposed or the
    /// process ends, however it ends.</summary>
    /// <exception cref="FileLockedException">Somebody else holds it.</exception>
    IDisposable Lock(string path);
}
