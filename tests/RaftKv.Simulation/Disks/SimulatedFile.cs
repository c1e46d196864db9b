using RaftKv.Storage.Files;

namespace RaftKv.Simulation.Disks;

/// <summary>An open file of a <see cref="SimulatedFileSystem"/>.</summary>
internal sealed class SimulatedFile(SimulatedFileSystem disk, string path, SimulatedInode inode, bool mayWrite) : IFile
{
    // A handle dies with the process that opened it.
    private readonly int _bootCount = disk.BootCount;
    private FileSyncFailedException? _poison;
    private bool _isDisposed;

    public string Path { get; } = path;

    public long Length
    {
        get
        {
            ThrowIfDead();
            return inode.Length;
        }
    }

    public int ReadAt(long offset, Span<byte> destination)
    {
        ThrowIfDead();
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        var count = (int)Math.Clamp(inode.Length - offset, 0, destination.Length);
        disk.Read(Path, inode, offset, destination[..count]);
        return count;
    }

    public void WriteAt(long offset, ReadOnlySpan<byte> bytes)
    {
        ThrowIfUnwritable("write");
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        if (bytes.Length > 0)
        {
            disk.Write(Path, inode, offset, bytes);
        }
    }

    public void Truncate(long length)
    {
        ThrowIfUnwritable("truncate");
        disk.SetLength(Path, inode, length);
    }

    public void Preallocate(long length)
    {
        ThrowIfUnwritable("reserve room for");
        if (length > inode.Length)
        {
            disk.SetLength(Path, inode, length);
        }
    }

    public void Sync()
    {
        ThrowIfUnwritable("sync");
        try
        {
            disk.Sync(Path, inode);
        }
        catch (FileSyncFailedException failure)
        {
            _poison = failure;
            throw;
        }
    }

    public void Dispose() => _isDisposed = true;

    private void ThrowIfUnwritable(string operation)
    {
        ThrowIfDead();
        if (_poison is { } poison)
        {
            throw new FileSyncFailedException(Path, poison.Errno, poison.Reason);
        }

        if (!mayWrite)
        {
            throw new FileOperationException(operation, Path, errno: 9, "it was opened to read");
        }
    }

    private void ThrowIfDead()
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        if (_bootCount != disk.BootCount)
        {
            throw new InvalidOperationException($"{Path} was opened before the last crash; that process is gone.");
        }
    }
}
