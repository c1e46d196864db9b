using RaftKv.Raft;
using RaftKv.Server.Replica;
using RaftKv.Storage.Files;
using RaftKv.Storage.Wal;

namespace RaftKv.Server.Bootstrap;

/// <summary>
/// The log of a member that has never started. It is there before the member file is, so that a directory that says which
/// member it is, and has no log, has lost it: what that member had promised is not known any more, and it must not begin
/// again under the same name.
/// </summary>
internal static class MemberLog
{
    private const string Room = "wal";
    private const string StateRoom = "state";

    /// <summary>Where the log of a member lies; made if it is not there.</summary>
    /// <param name="files">The disk.</param>
    /// <param name="directory">The member's.</param>
    /// <param name="elsewhere">A directory for the log alone, which may be on another disk; in the member's if empty.</param>
    public static string PathOf(IFileSystem files, DataDirectory directory, string elsewhere)
    {
        if (elsewhere.Length == 0)
        {
            return directory.Subdirectory(Room);
        }

        var path = Path.GetFullPath(elsewhere);
        if (!files.DirectoryExists(path))
        {
            if (Path.GetDirectoryName(path) is { Length: > 0 } parent && !files.DirectoryExists(parent))
            {
                throw new BootstrapException($"The log is to lie in {path}, but {parent} does not exist (--wal-dir).");
            }

            files.CreateDirectory(path);
        }

        if (Path.GetDirectoryName(path) is { Length: > 0 } above)
        {
            files.SyncDirectory(above); // Even if it was there: its maker may have died before saying so to the disk.
        }

        return path;
    }

    /// <summary>Refuses a directory of the log's own that holds something else, which would be in the way, or be lost.</summary>
    /// <exception cref="BootstrapException">It does.</exception>
    public static void RefuseUsed(IFileSystem files, string elsewhere)
    {
        var path = elsewhere.Length == 0 ? "" : Path.GetFullPath(elsewhere);
        if (path.Length > 0 && files.DirectoryExists(path) && files.List(path).FirstOrDefault(name => name != "lost+found") is { } used)
        {
            throw new BootstrapException($"{path} is to hold the log of a new member and is not empty: it holds {used} (--wal-dir).");
        }
    }

    /// <exception cref="BootstrapException">There is more in the directory than an interrupted founding leaves.</exception>
    public static void Make(IFileSystem files, DataDirectory directory, MemberFile who, WalOptions? options = null, string elsewhere = "")
    {
        if (elsewhere.Length > 0 && !WriteAheadLog.Exists(files, PathOf(files, directory, elsewhere)))
        {
            RefuseUsed(files, elsewhere);
        }

        var path = PathOf(files, directory, elsewhere);
        if (files.DirectoryExists(Path.Join(directory.Path, StateRoom)) || HasBegun(files, path, directory.Identity, options))
        {
            throw new BootstrapException(
                $"{directory.Path} holds a member's data, but not the file that says which member it is. "
                + "Remove this member from the cluster and add it anew, with an empty directory.");
        }

        // Of an earlier try, perhaps with other members in mind. Nobody has heard of it.
        foreach (var name in files.List(path))
        {
            files.Delete(Path.Join(path, name));
        }

        using var log = WriteAheadLog.Create(files, path, directory.Identity, options);
        MemberStages.Found(log, who);
    }

    private static bool HasBegun(IFileSystem files, string path, ulong identity, WalOptions? options)
    {
        if (!WriteAheadLog.Exists(files, path))
        {
            return false;
        }

        using var log = WriteAheadLog.Open(files, path, identity, options);
        return log.Last.Index > MemberMemory.FoundedIndex
            || (log.HardState.Term > 0 && log.HardState != RaftStart.FirstHardState);
    }
}
