using RaftKv.Raft;
using RaftKv.Storage.Files;

namespace RaftKv.Simulation.Disks;

/// <summary>
/// A disk in memory that does to its files whatever a real one may do, and does the same again for the same seed.
/// </summary>
/// <remarks>
/// <para><b>Crashes.</b> <see cref="Crash"/> cuts the power: unsynced bytes and unsynced names survive or not, each by
/// its own lot. <see cref="CrashAtOperation"/> cuts it in the middle of the n-th change from now; the operation under way
/// throws <see cref="PowerCutException"/>, as does everything after it, until <see cref="Crash"/> decides what is left.
/// Handles and locks from before are dead afterwards.</para>
/// <para><b>Time.</b> The disk has one arm. The simulator sets <see cref="Now"/>, runs a stage, and asks
/// <see cref="BusyUntil"/> when the disk will have done all of it: that is when the stage's completion is due. A sync
/// counts only once that time has come, and a write that a crash finds still ahead of it has never happened, so a crash
/// between the two falls into the middle of the work, as it should.</para>
/// <para><b>Stricter than most.</b> Syncing a file does not make its name durable here, though ext4 often does.</para>
/// </remarks>
public sealed class SimulatedFileSystem : IFileSystem
{
    private readonly Chance _fate;
    private readonly Chance _faultChance;
    private readonly Chance _latencyChance;

    private readonly Dictionary<string, SimulatedInode> _files = new(StringComparer.Ordinal);
    private readonly Dictionary<string, SimulatedInode> _durableFiles = new(StringComparer.Ordinal);
    private readonly HashSet<string> _directories = new(StringComparer.Ordinal) { "", ".", "/" };
    private readonly HashSet<string> _durableDirectories = new(StringComparer.Ordinal) { "", ".", "/" };
    private readonly List<PendingName> _pendingNames = [];
    private readonly List<SimulatedInode> _unsettled = [];
    private readonly HashSet<string> _locks = new(StringComparer.Ordinal);

    private long _now;
    private int _inodeCount;
    private int _failingSyncs;
    private int _succeedingSyncs;
    private int _failingWrites;
    private string? _misdirected;
    private bool _isPowerless;

    public SimulatedFileSystem(ulong seed)
        : this(new Chance(seed))
    {
    }

    public SimulatedFileSystem(Chance chance)
    {
        _fate = chance.Stream("what a crash leaves");
        _faultChance = chance.Stream("disk faults");
        _latencyChance = chance.Stream("disk latency");
    }

    public DiskFaults Faults { get; set; } = DiskFaults.None;

    public DiskLatency Latency { get; set; } = DiskLatency.None;

    /// <summary>The size of the disk. Lowering it below what is used makes it full.</summary>
    public long QuotaBytes { get; set; } = long.MaxValue;

    /// <summary>What the files take, preallocated room included.</summary>
    public long UsedBytes { get; private set; }

    /// <summary>How many changes were asked for: writes, changes of length, syncs, creations, renames, deletions.</summary>
    public long OperationCount { get; private set; }

    /// <summary>The value of <see cref="OperationCount"/> at which the power goes; never, if null.</summary>
    public long? CrashAtOperation { get; set; }

    /// <summary>Increases with every crash.</summary>
    public int BootCount { get; private set; }

    /// <summary>When the disk will have done everything that it was asked so far.</summary>
    public long BusyUntil { get; private set; }

    /// <summary>Virtual nanoseconds. Set by the simulator, never backwards.</summary>
    public long Now
    {
        get => _now;
        set
        {
            Invariant.Holds(value >= _now);
            _now = value;
            BusyUntil = Math.Max(BusyUntil, value);
            Settle();
        }
    }

    /// <summary>The next syncs, of files or directories, fail, after some that do not.</summary>
    public void FailNextSync(int count = 1, int after = 0) => (_failingSyncs, _succeedingSyncs) = (count, after);

    /// <summary>The next writes fail after a part of their sectors.</summary>
    public void FailNextWrite(int count = 1) => _failingWrites = count;

    /// <summary>The next write under a directory that can land elsewhere in its file does: where an earlier one of the
    /// same length went, if there is one, and otherwise a few sectors off.</summary>
    public void MisdirectNextWrite(string directory) => _misdirected = directory;

    /// <summary>All files, by path.</summary>
    public IReadOnlyList<string> FilesUnder(string directory)
        => [.. _files.Keys.Where(path => path.StartsWith(directory, StringComparison.Ordinal)).Order(StringComparer.Ordinal)];

    /// <summary>One stored bit of a file rots, if it has any.</summary>
    public void FlipSomeBitOf(string path, Chance chance)
    {
        if (Find("rot", path) is { Length: > 0 } inode)
        {
            inode.FlipBit(chance.Below(inode.Length), chance.Below(8));
        }
    }

    /// <summary>The last bytes of a file are gone.</summary>
    public void CutFile(string path, long bytes)
    {
        var inode = Find("cut", path);
        inode.SetLength(Math.Max(0, inode.Length - bytes), _now);
        inode.MarkSynced(_now);
        inode.Settle(_now);
    }

    /// <summary>A file is gone, for good.</summary>
    public void LoseFile(string path)
    {
        var inode = Find("lose", path);
        _files.Remove(path);
        UsedBytes -= inode.AllocatedBytes;
        _pendingNames.Add(new PendingName(NameChange.Remove, ParentOf(path), path, path, inode, _now, SyncedAt: _now));
        Settle();
    }

    /// <summary>What a file holds now, to be put back later.</summary>
    public FileMemory Remember(string path)
    {
        var inode = Find("remember", path);
        var bytes = new byte[inode.Length];
        inode.Read(0, bytes);
        return new FileMemory(bytes);
    }

    /// <summary>A file holds what it held once, durably.</summary>
    public void PutBack(string path, FileMemory memory)
    {
        var inode = Find("put back", path);
        UsedBytes -= inode.AllocatedBytes;
        inode.SetLength(memory.Bytes.Length, _now);
        inode.Write(0, memory.Bytes, _now);
        inode.MarkSynced(_now);
        inode.Settle(_now);
        UsedBytes += inode.AllocatedBytes;
    }

    /// <summary>One stored bit rots. The offset must lie in the file.</summary>
    public void FlipBit(string path, long offset, int bit)
    {
        var inode = Find("rot", path);
        Invariant.Holds(offset < inode.Length);
        inode.FlipBit(offset, bit);
    }

    /// <summary>One stored bit of one file rots, chosen by chance among those under a directory.</summary>
    /// <returns>Whether there was anything to rot.</returns>
    public bool FlipSomeBit(string directory, Chance chance)
    {
        var names = List(directory);
        for (var tries = 0; tries < names.Count; tries++)
        {
            var path = Path.Join(directory, names[chance.Below(names.Count)]);
            if (_files.TryGetValue(path, out var inode) && inode.Length > 0)
            {
                inode.FlipBit(chance.Below(inode.Length), chance.Below(8));
                return true;
            }
        }

        return false;
    }

    /// <summary>The end of one file under a directory is gone, chosen by chance.</summary>
    public void CutSomeFile(string directory, Chance chance)
    {
        var names = List(directory);
        for (var tries = 0; tries < names.Count; tries++)
        {
            var path = Path.Join(directory, names[chance.Below(names.Count)]);
            if (_files.TryGetValue(path, out var inode) && inode.Length > 0)
            {
                inode.SetLength(Math.Max(0, inode.Length - chance.Between(1, 4096)), _now);
                inode.MarkSynced(_now);
                inode.Settle(_now);
                return;
            }
        }
    }

    /// <summary>The power goes now, or went in the middle of <see cref="CrashAtOperation"/>.</summary>
    public void Crash(UnsyncedFate fate = UnsyncedFate.Drawn)
    {
        Settle();
        LoseSomeNames(fate);
        foreach (var inode in InodesInOrder())
        {
            inode.Crash(_now, fate, _fate);
        }

        _unsettled.Clear();
        Reboot();
    }

    /// <summary>The process ends now, or ended in the middle of <see cref="CrashAtOperation"/>; the machine goes on. The
    /// next process finds everything that was written, and a power cut may still take what was not synced.</summary>
    public void EndProcess()
    {
        Settle();
        foreach (var inode in _unsettled)
        {
            inode.EndProcess(_now);
        }

        if (_pendingNames.RemoveAll(name => name.IssuedAt > _now) > 0)
        {
            RebuildNames();
        }

        for (var i = 0; i < _pendingNames.Count; i++)
        {
            _pendingNames[i] = _pendingNames[i] with { SyncedAt = long.MaxValue };
        }

        Reboot();
    }

    /// <summary>Another disk, empty, is put in.</summary>
    public void Wipe()
    {
        _files.Clear();
        _directories.Clear();
        _directories.UnionWith(["", ".", "/"]);
        _durableFiles.Clear();
        _durableDirectories.Clear();
        _durableDirectories.UnionWith(["", ".", "/"]);
        _pendingNames.Clear();
        Crash(UnsyncedFate.Lost);
    }

    public IFile CreateFile(string path)
    {
        if (_files.ContainsKey(path) || _directories.Contains(path))
        {
            throw new FileOperationException("create", path, errno: 17, "the name is taken");
        }

        RequireParent("create", path);
        var at = Begin("create", path, 0, out var isLast);
        var inode = new SimulatedInode(_inodeCount++);
        _files.Add(path, inode);
        _pendingNames.Add(new PendingName(NameChange.Add, ParentOf(path), path, path, inode, at, SyncedAt: long.MaxValue));
        StopIf(isLast, "create", path);
        return new SimulatedFile(this, path, inode, mayWrite: true);
    }

    public IFile OpenFile(string path) => new SimulatedFile(this, path, Find("open", path), mayWrite: true);

    public IFile OpenFileToRead(string path) => new SimulatedFile(this, path, Find("open", path), mayWrite: false);

    public bool FileExists(string path) => _files.ContainsKey(path);

    public bool DirectoryExists(string path) => _directories.Contains(path);

    public void CreateDirectory(string path)
    {
        if (_directories.Contains(path))
        {
            return;
        }

        RequireParent("create directory", path);
        var at = Begin("create directory", path, 0, out var isLast);
        _directories.Add(path);
        _pendingNames.Add(
            new PendingName(NameChange.AddDirectory, ParentOf(path), path, path, Inode: null, at, SyncedAt: long.MaxValue));
        StopIf(isLast, "create directory", path);
    }

    public IReadOnlyList<string> List(string directory)
    {
        RequireDirectory("list", directory);
        var names = new List<string>();
        foreach (var path in _files.Keys)
        {
            if (ParentOf(path) == directory)
            {
                names.Add(Path.GetFileName(path));
            }
        }

        foreach (var path in _directories)
        {
            if (path.Length > 1 && ParentOf(path) == directory)
            {
                names.Add(Path.GetFileName(path));
            }
        }

        names.Sort(StringComparer.Ordinal);
        return names;
    }

    public void Rename(string from, string to)
    {
        if (ParentOf(from) != ParentOf(to))
        {
            throw new ArgumentException($"A rename stays within one directory; {from} and {to} do not.", nameof(to));
        }

        var inode = Find("rename", from);
        var at = Begin("rename", from, 0, out var isLast);
        if (_files.Remove(to, out var replaced))
        {
            UsedBytes -= replaced.AllocatedBytes;
        }

        _files.Remove(from);
        _files.Add(to, inode);
        _pendingNames.Add(new PendingName(NameChange.Move, ParentOf(to), from, to, inode, at, SyncedAt: long.MaxValue));
        StopIf(isLast, "rename", from);
    }

    public void Delete(string path)
    {
        var inode = Find("delete", path);
        var at = Begin("delete", path, 0, out var isLast);
        _files.Remove(path);
        UsedBytes -= inode.AllocatedBytes;
        _pendingNames.Add(
            new PendingName(NameChange.Remove, ParentOf(path), path, path, inode, at, SyncedAt: long.MaxValue));
        StopIf(isLast, "delete", path);
    }

    public void SyncDirectory(string path)
    {
        RequireDirectory("sync directory", path);
        var doneAt = Begin("sync directory", path, SyncNanos(), out var isLast);
        StopIf(isLast, "sync directory", path);
        if (SyncFails())
        {
            CatchUp();
            throw new FileSyncFailedException(path, errno: 5, "simulated I/O error");
        }

        for (var i = 0; i < _pendingNames.Count; i++)
        {
            if (_pendingNames[i].Directory == path && _pendingNames[i].SyncedAt == long.MaxValue)
            {
                _pendingNames[i] = _pendingNames[i] with { SyncedAt = doneAt };
            }
        }

        Settle();
    }

    public IDisposable Lock(string path)
    {
        if (!_files.ContainsKey(path))
        {
            CreateFile(path).Dispose();
        }

        return _locks.Add(path) ? new HeldLock(this, path) : throw new FileLockedException(path);
    }

    internal void Read(string path, SimulatedInode inode, long offset, Span<byte> destination)
    {
        ThrowIfPowerless("read", path);
        Spend(TransferNanos(destination.Length));
        if (destination.Length > 0 && _faultChance.Happens(Faults.BitRot))
        {
            inode.FlipBit(offset + _faultChance.Below(destination.Length), _faultChance.Below(8));
        }

        inode.Read(offset, destination);
    }

    internal void Write(string path, SimulatedInode inode, long offset, ReadOnlySpan<byte> bytes)
    {
        Reserve(path, inode, offset + bytes.Length);
        var at = Begin("write", path, TransferNanos(bytes.Length), out var isLast);
        Touch(inode);
        if (_failingWrites > 0 || _faultChance.Happens(Faults.FailedWrite))
        {
            _failingWrites = Math.Max(0, _failingWrites - 1);
            CatchUp();
            // Whole sectors of the file, or they would be half old and half new.
            var end = (offset + _faultChance.Below(bytes.Length + 1)) / SimulatedInode.SectorBytes * SimulatedInode.SectorBytes;
            WritePart(inode, offset, bytes[..(int)Math.Max(0, end - offset)], _now);
            throw new FileOperationException("write", path, errno: 5, "simulated I/O error");
        }

        var isMeant = _misdirected is not null && path.StartsWith(_misdirected, StringComparison.Ordinal);
        if (isMeant && inode.EarlierWrite(offset, bytes.Length, _faultChance) is { } earlier)
        {
            _misdirected = null;
            offset = earlier;
        }
        else if ((isMeant || _faultChance.Happens(Faults.MisdirectedWrite)) && inode.Length > bytes.Length)
        {
            _misdirected = null;
            var sectors = (inode.Length - bytes.Length) / SimulatedInode.SectorBytes;
            offset = (_faultChance.Below(sectors + 1) * SimulatedInode.SectorBytes) + (offset % SimulatedInode.SectorBytes);
            offset = Math.Min(offset, inode.Length - bytes.Length);
        }

        WritePart(inode, offset, bytes, at);
        StopIf(isLast, "write", path);
    }

    internal void SetLength(string path, SimulatedInode inode, long length)
    {
        Reserve(path, inode, length);
        var at = Begin("set the length of", path, 0, out var isLast);
        Touch(inode);
        UsedBytes -= inode.AllocatedBytes;
        inode.SetLength(length, at);
        UsedBytes += inode.AllocatedBytes;
        StopIf(isLast, "set the length of", path);
    }

    internal void Sync(string path, SimulatedInode inode)
    {
        var doneAt = Begin("sync", path, SyncNanos(), out var isLast);
        StopIf(isLast, "sync", path); // Cut short, it promises nothing: all that is pending is up to the crash.
        if (SyncFails())
        {
            CatchUp();
            inode.FailSync(_faultChance);
            throw new FileSyncFailedException(path, errno: 5, "simulated I/O error");
        }

        if (!inode.HasPending)
        {
            return;
        }

        inode.MarkSynced(doneAt);
        if (doneAt <= _now)
        {
            inode.Settle(_now);
        }
        else
        {
            Touch(inode);
        }
    }

    private static string ParentOf(string path) => Path.GetDirectoryName(path) ?? "";

    private void WritePart(SimulatedInode inode, long offset, ReadOnlySpan<byte> bytes, long at)
    {
        if (bytes.Length == 0)
        {
            return;
        }

        UsedBytes -= inode.AllocatedBytes;
        inode.Write(offset, bytes, at);
        UsedBytes += inode.AllocatedBytes;
    }

    // Counts a change, lets its time pass, and tells when it is done and whether it is the one that the power cut hits.
    private long Begin(string operation, string path, long nanos, out bool isLast)
    {
        ThrowIfPowerless(operation, path);
        isLast = OperationCount++ == CrashAtOperation;
        Spend(nanos);
        return BusyUntil;
    }

    private void StopIf(bool isLast, string operation, string path)
    {
        if (isLast)
        {
            _isPowerless = true;
            throw new PowerCutException($"{operation} {path}");
        }
    }

    private void ThrowIfPowerless(string operation, string path)
    {
        if (_isPowerless)
        {
            throw new PowerCutException($"{operation} {path}");
        }
    }

    private void Spend(long nanos)
    {
        BusyUntil += Latency.AccessNanos + nanos;
        if (_latencyChance.Happens(Latency.Stall))
        {
            BusyUntil += _latencyChance.Between(Latency.StallNanosMin, Latency.StallNanosMax);
        }
    }

    private long TransferNanos(int bytes) => Latency.NanosPerKibibyte * bytes / 1024;

    private long SyncNanos()
        => Latency.SyncNanosMax == Latency.SyncNanosMin
            ? Latency.SyncNanosMin
            : _latencyChance.Between(Latency.SyncNanosMin, Latency.SyncNanosMax);

    private bool SyncFails()
    {
        if (_failingSyncs > 0)
        {
            if (_succeedingSyncs == 0)
            {
                _failingSyncs--;
                return true;
            }

            _succeedingSyncs--;
        }

        return _faultChance.Happens(Faults.FailedSync);
    }

    private void Reserve(string path, SimulatedInode inode, long length)
    {
        ThrowIfPowerless("reserve room for", path);
        var wanted = length - inode.AllocatedBytes;
        if (wanted > 0 && wanted > QuotaBytes - UsedBytes)
        {
            throw new DiskFullException(path);
        }
    }

    // Nobody hears of a failure before the disk has done all that it was asked earlier. Whoever ends of it, though that is
    // now, ends after that; else a later write could be there, and an earlier one, whose sync it stands on, not.
    private void CatchUp()
    {
        foreach (var inode in InodesInOrder())
        {
            inode.CatchUp(_now);
        }

        for (var i = 0; i < _pendingNames.Count; i++)
        {
            var name = _pendingNames[i];
            _pendingNames[i] = name with
            {
                IssuedAt = Math.Min(name.IssuedAt, _now),
                SyncedAt = name.SyncedAt == long.MaxValue ? long.MaxValue : Math.Min(name.SyncedAt, _now),
            };
        }

        Settle();
    }

    private void Touch(SimulatedInode inode)
    {
        // Short: the segment being written, now and then a checkpoint.
        if (!_unsettled.Contains(inode))
        {
            _unsettled.Add(inode);
        }
    }

    private void Settle()
    {
        for (var i = _unsettled.Count - 1; i >= 0; i--)
        {
            _unsettled[i].Settle(_now);
            if (!_unsettled[i].HasPending)
            {
                _unsettled.RemoveAt(i);
            }
        }

        for (var i = 0; i < _pendingNames.Count; i++)
        {
            if (_pendingNames[i].SyncedAt <= _now)
            {
                MakeDurable(_pendingNames[i]);
            }
        }

        _pendingNames.RemoveAll(name => name.SyncedAt <= _now);
    }

    // Whoever had opened or locked anything is gone.
    private void Reboot()
    {
        _locks.Clear();
        _isPowerless = false;
        CrashAtOperation = null;
        BootCount++;
        BusyUntil = _now;
        UsedBytes = 0;
        foreach (var inode in _files.Values)
        {
            UsedBytes += inode.AllocatedBytes;
        }
    }

    // What is seen follows from what is durable and what came after.
    private void RebuildNames()
    {
        _files.Clear();
        foreach (var (path, inode) in _durableFiles)
        {
            _files.Add(path, inode);
        }

        _directories.Clear();
        _directories.UnionWith(_durableDirectories);
        foreach (var change in _pendingNames)
        {
            Apply(change, _files, _directories);
        }
    }

    private void LoseSomeNames(UnsyncedFate fate)
    {
        var drawn = fate == UnsyncedFate.Drawn
            ? _fate.Pick([UnsyncedFate.Lost, UnsyncedFate.Kept, UnsyncedFate.Prefix, UnsyncedFate.Scattered])
            : fate;
        var prefix = drawn == UnsyncedFate.Prefix ? _fate.Below(_pendingNames.Count + 1) : 0;
        for (var i = 0; i < _pendingNames.Count && _pendingNames[i].IssuedAt <= _now; i++)
        {
            var survives = drawn switch
            {
                UnsyncedFate.Kept => true,
                UnsyncedFate.Prefix => i < prefix,
                UnsyncedFate.Scattered => _fate.CoinToss(),
                _ => false,
            };
            if (survives)
            {
                MakeDurable(_pendingNames[i]);
            }
        }

        _pendingNames.Clear();
        _directories.Clear();
        _directories.UnionWith(_durableDirectories);
        _files.Clear();
        foreach (var (path, inode) in _durableFiles)
        {
            if (_durableDirectories.Contains(ParentOf(path)))
            {
                _files.Add(path, inode);
            }
        }

        _durableFiles.Clear();
        foreach (var (path, inode) in _files)
        {
            _durableFiles.Add(path, inode);
        }
    }

    private void MakeDurable(in PendingName change) => Apply(change, _durableFiles, _durableDirectories);

    private static void Apply(
        in PendingName change, Dictionary<string, SimulatedInode> files, HashSet<string> directories)
    {
        switch (change.Kind)
        {
            case NameChange.AddDirectory:
                directories.Add(change.To);
                break;
            case NameChange.Add:
                files[change.To] = change.Inode!;
                break;
            case NameChange.Move:
                Unname(change.Inode!, files);
                files[change.To] = change.Inode!;
                break;
            default:
                Unname(change.Inode!, files);
                break;
        }
    }

    // By file rather than by name: an earlier rename may have been lost, but a file never has two names.
    private static void Unname(SimulatedInode inode, Dictionary<string, SimulatedInode> files)
    {
        foreach (var (path, named) in files)
        {
            if (named == inode)
            {
                files.Remove(path);
                return;
            }
        }
    }

    private SimulatedInode[] InodesInOrder()
    {
        var inodes = new SimulatedInode[_files.Count];
        _files.Values.CopyTo(inodes, 0);
        Array.Sort(inodes, static (one, other) => one.Number.CompareTo(other.Number));
        return inodes;
    }

    private SimulatedInode Find(string operation, string path)
    {
        ThrowIfPowerless(operation, path);
        return _files.TryGetValue(path, out var inode)
            ? inode
            : throw new FileOperationException(operation, path, errno: 2, "there is no such file");
    }

    private void RequireParent(string operation, string path) => RequireDirectory(operation, ParentOf(path));

    private void RequireDirectory(string operation, string path)
    {
        ThrowIfPowerless(operation, path);
        if (!_directories.Contains(path))
        {
            throw new FileOperationException(operation, path, errno: 2, "there is no such directory");
        }
    }

    private enum NameChange : byte
    {
        Add,
        AddDirectory,
        Move,
        Remove,
    }

    private readonly record struct PendingName(
        NameChange Kind, string Directory, string From, string To, SimulatedInode? Inode, long IssuedAt, long SyncedAt);

    private sealed class HeldLock(SimulatedFileSystem disk, string path) : IDisposable
    {
        private readonly int _bootCount = disk.BootCount;

        public void Dispose()
        {
            // A lock from before a crash is gone already, and somebody else may hold the new one.
            if (_bootCount == disk.BootCount)
            {
                disk._locks.Remove(path);
            }
        }
    }
}

/// <summary>What a file held at some time.</summary>
public sealed class FileMemory
{
    internal FileMemory(byte[] bytes) => Bytes = bytes;

    internal byte[] Bytes { get; }
}
