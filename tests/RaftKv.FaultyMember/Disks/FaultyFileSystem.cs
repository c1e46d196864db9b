using RaftKv.Storage.Files;

namespace RaftKv.FaultyMember.Disks;

/// <summary>
/// A disk whose syncs can fail or take their time, and whose power can be cut: then what was not synced is put back to what
/// it was, wholly or in part. The end of the process alone loses nothing, as on any disk.
/// </summary>
internal sealed class FaultyFileSystem : IFileSystem
{
    private readonly IFileSystem _inner;
    private readonly UnsyncedNames _names;
    private readonly Dictionary<string, UnsyncedBytes> _bytes = new(StringComparer.Ordinal);
    private readonly Lock _gate = new();

    // Held for reading by whatever changes the disk, and for ever by whoever cuts its power.
    private readonly ReaderWriterLock _power = new();

    public FaultyFileSystem(IFileSystem inner, string attic)
    {
        _inner = inner;
        _names = new UnsyncedNames(inner, attic);
    }

    public SyncFaults Syncs { get; } = new();

    public IFile CreateFile(string path)
    {
        using (Change())
        {
            var file = _inner.CreateFile(path);
            _names.Created(path);
            return new FaultyFile(this, file, BytesOf(path));
        }
    }

    public IFile OpenFile(string path) => new FaultyFile(this, _inner.OpenFile(path), BytesOf(path));

    public IFile OpenFileToRead(string path) => _inner.OpenFileToRead(path);

    public bool FileExists(string path) => _inner.FileExists(path);

    public bool DirectoryExists(string path) => _inner.DirectoryExists(path);

    public void CreateDirectory(string path)
    {
        using (Change())
        {
            if (!_inner.DirectoryExists(path))
            {
                _inner.CreateDirectory(path);
                _names.CreatedDirectory(path);
            }
        }
    }

    public IReadOnlyList<string> List(string directory) => _inner.List(directory);

    public void Rename(string from, string to)
    {
        using (Change())
        {
            if (_names.Renaming(from, to) is { } replaced)
            {
                Move(to, replaced);
            }

            _inner.Rename(from, to);
            Move(from, to);
        }
    }

    public void Delete(string path)
    {
        using (Change())
        {
            Move(path, _names.Deleting(path));
        }
    }

    public void SyncDirectory(string path)
    {
        using (Change())
        {
            Syncs.Await();
            if (Syncs.Fails())
            {
                throw SyncFaults.Failure(path);
            }

            if (Syncs.IsLie())
            {
                return;
            }

            _inner.SyncDirectory(path);
            foreach (var gone in _names.Synced(path))
            {
                Forget(gone);
            }
        }
    }

    public IDisposable Lock(string path) => _inner.Lock(path);

    /// <summary>The power is gone: nothing is written from now on, and what was not synced is not there any more.</summary>
    /// <param name="chance">Decides what of it is.</param>
    /// <param name="all">Nothing of it is.</param>
    /// <returns>How many sectors and names were lost.</returns>
    public long Cut(Random chance, bool all)
    {
        _power.AcquireWriterLock(Timeout.Infinite);
        var lost = 0L;
        lock (_gate)
        {
            foreach (var (path, bytes) in _bytes.OrderBy(pair => pair.Key, StringComparer.Ordinal))
            {
                lost += bytes.Lose(path, chance, all);
            }
        }

        // Nobody leaves this lock: the process ends in it.
        return lost + _names.Lose(chance, all);
    }

    /// <summary>Keeps the power on for a change. Where there is none it never returns.</summary>
    public PoweredChange Change()
    {
        _power.AcquireReaderLock(Timeout.Infinite);
        return new(_power);
    }

    private UnsyncedBytes BytesOf(string path)
    {
        lock (_gate)
        {
            return _bytes.TryGetValue(path, out var bytes) ? bytes : _bytes[path] = new UnsyncedBytes();
        }
    }

    private void Move(string from, string to)
    {
        lock (_gate)
        {
            if (_bytes.Remove(from, out var bytes))
            {
                _bytes[to] = bytes;
            }
        }
    }

    private void Forget(string path)
    {
        lock (_gate)
        {
            _bytes.Remove(path);
        }
    }
}
