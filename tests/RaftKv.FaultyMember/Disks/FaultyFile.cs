using RaftKv.Storage.Files;

namespace RaftKv.FaultyMember.Disks;

/// <summary>A file that remembers what its unsynced writes have replaced.</summary>
internal sealed class FaultyFile(FaultyFileSystem disk, IFile inner, UnsyncedBytes unsynced) : IFile
{
    private volatile bool _isPoisoned;

    public string Path => inner.Path;

    public long Length => inner.Length;

    public int ReadAt(long offset, Span<byte> destination) => inner.ReadAt(offset, destination);

    public int ReadCachedAt(long offset, Span<byte> destination) => inner.ReadCachedAt(offset, destination);

    public void WriteAt(long offset, ReadOnlySpan<byte> bytes)
    {
        using (Change())
        {
            unsynced.Remember(inner, offset, bytes.Length);
            inner.WriteAt(offset, bytes);
        }
    }

    public void Truncate(long length)
    {
        using (Change())
        {
            unsynced.Remember(inner, length, Math.Max(0, inner.Length - length));
            inner.Truncate(length);
        }
    }

    public void Preallocate(long length)
    {
        using (Change())
        {
            unsynced.Remember(inner, inner.Length, 0);
            inner.Preallocate(length);
        }
    }

    public void Sync()
    {
        using (Change())
        {
            disk.Syncs.Await();
            if (disk.Syncs.Fails())
            {
                _isPoisoned = true;
                throw SyncFaults.Failure(Path);
            }

            if (!disk.Syncs.IsLie())
            {
                unsynced.Sync(inner);
            }
        }
    }

    public void Dispose() => inner.Dispose();

    private PoweredChange Change()
    {
        var change = disk.Change();
        if (_isPoisoned)
        {
            change.Dispose();
            throw SyncFaults.Failure(Path);
        }

        return change;
    }
}
