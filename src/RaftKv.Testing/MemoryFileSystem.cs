using System.Diagnostics.CodeAnalysis;
using RaftKv.Storage.Files;

namespace RaftKv.Testing;

/// <summary>A disk in memory, which keeps everything at once and never fails.</summary>
internal sealed class MemoryFileSystem : IFileSystem
{
    private const int NoSuchFile = 2;
    private const int FileExistsAlready = 17;

    private readonly Lock _gate = new();
    private readonly Dictionary<string, MemoryFileBytes> _files = new(StringComparer.Ordinal);
    private readonly HashSet<string> _directories = new(StringComparer.Ordinal) { "/" };
    private readonly HashSet<string> _locks = new(StringComparer.Ordinal);

    public IFile CreateFile(string path)
    {
        lock (_gate)
        {
            var name = Name(path);
            if (!_directories.Contains(ParentOf(name)))
            {
                throw Refused("create", path, NoSuchFile, "there is no such directory");
            }

            if (_directories.Contains(name) || !_files.TryAdd(name, new MemoryFileBytes()))
            {
                throw Refused("create", path, FileExistsAlready, "the name is taken");
            }

            return new MemoryFile(path, _files[name], isReadOnly: false);
        }
    }

    public IFile OpenFile(string path) => new MemoryFile(path, Find("open", path), isReadOnly: false);

    public IFile OpenFileToRead(string path) => new MemoryFile(path, Find("open", path), isReadOnly: true);

    public bool FileExists(string path)
    {
        lock (_gate)
        {
            return _files.ContainsKey(Name(path));
        }
    }

    public bool DirectoryExists(string path)
    {
        lock (_gate)
        {
            return _directories.Contains(Name(path));
        }
    }

    public void CreateDirectory(string path)
    {
        lock (_gate)
        {
            var name = Name(path);
            if (!_directories.Contains(ParentOf(name)))
            {
                throw Refused("create", path, NoSuchFile, "there is no such directory");
            }

            _directories.Add(name);
        }
    }

    public IReadOnlyList<string> List(string directory)
    {
        lock (_gate)
        {
            var name = Existing("list", directory);
            return [.. _files.Keys.Concat(_directories)
                .Where(path => path != "/" && ParentOf(path) == name)
                .Select(path => path[(path.LastIndexOf('/') + 1)..])
                .Order(StringComparer.Ordinal)];
        }
    }

    public void Rename(string from, string to)
    {
        lock (_gate)
        {
            var (old, renewed) = (Name(from), Name(to));
            if (ParentOf(old) != ParentOf(renewed))
            {
                throw new ArgumentException($"A rename stays within one directory: {from} cannot become {to}.", nameof(to));
            }

            _files[renewed] = _files.Remove(old, out var bytes) ? bytes : throw Refused("rename", from, NoSuchFile, "there is no such file");
        }
    }

    public void Delete(string path)
    {
        lock (_gate)
        {
            if (!_files.Remove(Name(path)))
            {
                throw Refused("delete", path, NoSuchFile, "there is no such file");
            }
        }
    }

    public void SyncDirectory(string path)
    {
        lock (_gate)
        {
            Existing("sync", path);
        }
    }

    [SuppressMessage("Reliability", "CA2000", Justification = "It is the caller's.")]
    public IDisposable Lock(string path)
    {
        lock (_gate)
        {
            var name = Name(path);
            _files.TryAdd(name, new MemoryFileBytes());
            return _locks.Add(name) ? new Held(this, name) : throw new FileLockedException(path);
        }
    }

    private MemoryFileBytes Find(string operation, string path)
    {
        lock (_gate)
        {
            return _files.TryGetValue(Name(path), out var bytes) ? bytes : throw Refused(operation, path, NoSuchFile, "there is no such file");
        }
    }

    private string Existing(string operation, string directory)
        => _directories.Contains(Name(directory)) ? Name(directory) : throw Refused(operation, directory, NoSuchFile, "there is no such directory");

    private static string Name(string path) => path.Replace('\\', '/') is { Length: > 1 } name ? name.TrimEnd('/') : "/";

    private static string ParentOf(string name) => name.LastIndexOf('/') is > 0 and var at ? name[..at] : "/";

    private static FileOperationException Refused(string operation, string path, int errno, string reason) => new(operation, path, errno, reason);

    private sealed class Held(MemoryFileSystem disk, string name) : IDisposable
    {
        public void Dispose()
        {
            lock (disk._gate)
            {
                disk._locks.Remove(name);
            }
        }
    }
}
