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

    /// <exception cref="BootstrapException">There is more in the directory than an interrupted founding leaves.</exception>
    public static void Make(IFileSystem files, DataDirectory directory, MemberFile who, WalOptions? options = null)
    {
        var path = directory.Subdirectory(Room);
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
