using System.Runtime.InteropServices;

namespace RaftKv.Storage.Files;

/// <summary>
/// The disk of the machine. On Linux it syncs with fdatasync and fsync and reserves with fallocate; elsewhere with what
/// .NET offers, which is stronger and slower (a full flush) for files. Directories cannot be synced on Windows, where
/// NTFS journals names in order: there <see cref="SyncDirectory"/> does nothing.
/// </summary>
public sealed class PhysicalFileSystem : IFileSystem
{
    // No advisory lock is taken by opening a file: who may use the directory is decided once, by the lock file, and
    // inspection of a running member's files must stay possible.
    private const FileShare ShareAll = FileShare.ReadWrite | FileShare.Delete;

    public IFile CreateFile(string path)
        => Open("create", path, FileMode.CreateNew, FileAccess.ReadWrite);

    public IFile OpenFile(string path)
        => Open("open", path, FileMode.Open, FileAccess.ReadWrite);

    public IFile OpenFileToRead(string path)
        => Open("open", path, FileMode.Open, FileAccess.Read);

    public bool FileExists(string path) => File.Exists(path);

    public bool DirectoryExists(string path) => Directory.Exists(path);

    public void CreateDirectory(string path)
    {
        try
        {
            if (Path.GetDirectoryName(path) is { Length: > 0 } parent && !Directory.Exists(parent))
            {
                throw new DirectoryNotFoundException($"its parent {parent} does not exist");
            }

            Directory.CreateDirectory(path);
        }
        catch (Exception refusal) when (Errors.IsRefusal(refusal))
        {
            throw Errors.Translate("create directory", path, refusal);
        }
    }

    public IReadOnlyList<string> List(string directory)
    {
        try
        {
            var names = new List<string>();
            foreach (var entry in Directory.EnumerateFileSystemEntries(directory))
            {
                names.Add(Path.GetFileName(entry));
            }

            names.Sort(StringComparer.Ordinal);
            return names;
        }
        catch (Exception refusal) when (Errors.IsRefusal(refusal))
        {
            throw Errors.Translate("list", directory, refusal);
        }
    }

    public void Rename(string from, string to)
    {
        if (Path.GetDirectoryName(from) != Path.GetDirectoryName(to))
        {
            throw new ArgumentException($"A rename stays within one directory; {from} and {to} do not.", nameof(to));
        }

        try
        {
            File.Move(from, to, overwrite: true);
        }
        catch (Exception refusal) when (Errors.IsRefusal(refusal))
        {
            throw Errors.Translate("rename", from, refusal);
        }
    }

    public void Delete(string path)
    {
        try
        {
            // File.Delete is silent about a file that is not there; a log that deletes twice has lost count.
            if (!File.Exists(path))
            {
                throw new FileNotFoundException("there is no such file");
            }

            File.Delete(path);
        }
        catch (Exception refusal) when (Errors.IsRefusal(refusal))
        {
            throw Errors.Translate("delete", path, refusal);
        }
    }

    public void SyncDirectory(string path)
    {
        if (OperatingSystem.IsWindows())
        {
            return;
        }

        var descriptor = Posix.Open(path, Posix.OpenReadOnlyCloseOnExec);
        if (descriptor < 0)
        {
            throw Errors.OfErrno("open directory", path, Marshal.GetLastPInvokeError());
        }

        try
        {
            int result;
            do
            {
                result = Posix.FsyncDescriptor(descriptor);
            }
            while (result != 0 && Marshal.GetLastPInvokeError() == Posix.Eintr);

            if (result != 0)
            {
                var errno = Marshal.GetLastPInvokeError();
                throw new FileSyncFailedException(path, errno, Marshal.GetPInvokeErrorMessage(errno));
            }
        }
        finally
        {
            _ = Posix.CloseDescriptor(descriptor); // It was only read; there is nothing that a failure could lose.
        }
    }

    public IDisposable Lock(string path)
    {
        try
        {
            // FileShare.None is flock(LOCK_EX) on Unix and a share mode on Windows: either dies with the process. The
            // file itself stays, for a lock file that is deleted can be locked twice, under two inodes.
            return File.OpenHandle(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException taken) when (Errors.IsSharingViolation(taken))
        {
            throw new FileLockedException(path);
        }
        catch (Exception refusal) when (Errors.IsRefusal(refusal))
        {
            throw Errors.Translate("lock", path, refusal);
        }
    }

    private static PhysicalFile Open(string operation, string path, FileMode mode, FileAccess access)
    {
        try
        {
            return new PhysicalFile(path, File.OpenHandle(path, mode, access, ShareAll));
        }
        catch (Exception refusal) when (Errors.IsRefusal(refusal))
        {
            throw Errors.Translate(operation, path, refusal);
        }
    }
}
