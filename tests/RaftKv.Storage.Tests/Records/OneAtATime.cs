using RaftKv.Storage.Files;

namespace RaftKv.Storage.Tests.Records;

/// <summary>Lets several threads use a disk that is made for one.</summary>
internal sealed class OneAtATime(IFileSystem disk) : IFileSystem
{
    private readonly Lock _gate = new();

    public IFile CreateFile(string path) => Locked(() => new LockedFile(disk.CreateFile(path), _gate));

    public IFile OpenFile(string path) => Locked(() => new LockedFile(disk.OpenFile(path), _gate));

    public IFile OpenFileToRead(string path) => Locked(() => new LockedFile(disk.OpenFileToRead(path), _gate));

    public bool FileExists(string path) => Locked(() => disk.FileExists(path));

    public bool DirectoryExists(string path) => Locked(() => disk.DirectoryExists(path));

    public void CreateDirectory(string path) => Locked(() => disk.CreateDirectory(path));

    public IReadOnlyList<string> List(string directory) => Locked(() => disk.List(directory));

    public void Rename(string from, string to) => Locked(() => disk.Rename(from, to));

    public void Delete(string path) => Locked(() => disk.Delete(path));

    public void SyncDirectory(string path) => Locked(() => disk.SyncDirectory(path));

    public IDisposable Lock(string path) => Locked(() => disk.Lock(path));

    private T Locked<T>(Func<T> action)
    {
        lock (_gate)
        {
            return action();
        }
    }

    private void Locked(Action action)
    {
        lock (_gate)
        {
            action();
        }
    }

    private sealed class LockedFile(IFile file, Lock gate) : IFile
    {
        public string Path => file.Path;

        public long Length
        {
            get
            {
                lock (gate)
                {
                    return file.Length;
                }
            }
        }

        public int ReadAt(long offset, Span<byte> destination)
        {
            lock (gate)
            {
                return file.ReadAt(offset, destination);
            }
        }

        public void WriteAt(long offset, ReadOnlySpan<byte> bytes)
        {
            lock (gate)
            {
                file.WriteAt(offset, bytes);
            }
        }

        public void Truncate(long length)
        {
            lock (gate)
            {
                file.Truncate(length);
            }
        }

        public void Preallocate(long length)
        {
            lock (gate)
            {
                file.Preallocate(length);
            }
        }

        public void Sync()
        {
            lock (gate)
            {
                file.Sync();
            }
        }

        public void Dispose()
        {
            lock (gate)
            {
                file.Dispose();
            }
        }
    }
}
