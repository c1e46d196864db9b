using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Runtime.ExceptionServices;
using FASTER.core;
using RaftKv.Raft;
using RaftKv.Storage.Files;

namespace RaftKv.Storage.Records.Faster;

/// <summary>
/// The disk as FASTER sees it: a log of blocks over segments' files, each block with its sum (<see cref="RecordBlocks"/>).
/// One thread of its own makes every change to the files; reads are made by whoever asks.
/// </summary>
/// <remarks>
/// <para><b>FASTER never learns of trouble.</b> It would wait for ever for a page that could not be written, and parse a page
/// that could not be read. So a write is always answered as done, and a read always with blocks that were written, or with
/// zeros, which FASTER takes for no record. What happened is kept here: after a failed write or sync the device has
/// <see cref="StoppedBy"/> and no checkpoint becomes durable any more; a damaged block leaves a <see cref="Damage"/>, for
/// which everybody looks who did not find what was to be there.</para>
/// <para><b>A full disk</b> is met ahead of time: room is reserved before records are put that will need it
/// (<see cref="Reserve"/>), where there is still somebody to refuse.</para>
/// </remarks>
internal sealed unsafe partial class RecordDevice : StorageDeviceBase
{
    /// <summary>The most that is read or written in one piece.</summary>
    public const int ChunkBytes = ChunkBlocks * RecordBlocks.BlockBytes;

    private const int ChunkBlocks = 64;

    // A file that is deleted goes by so much at a time: 64 MiB at once hold up everybody's syncs for tens of milliseconds.
    private const long DeletedAtOnce = 4 * 1024 * 1024;

    private static long _devices;

    private readonly long _number = Interlocked.Increment(ref _devices);

    private readonly IFileSystem _files;
    private readonly string _directory;
    private readonly ulong _identity;
    private readonly RecordFaults _faults;
    private readonly int _pageBits;
    private readonly int _segmentBits;
    private readonly Thread _thread;
    private readonly ConcurrentDictionary<int, Segment> _segments = new();

    // Under the gate: what the thread is to do, and what others wait for.
    private readonly object _gate = new();
    private readonly Queue<WriteJob> _writes = new();
    private long _reserveWanted;
    private StorageException? _reserveFailure;
    private DeviceCheckpoint? _checkpoint;
    private bool _hasReleased;
    private bool _isClosing;

    // The thread's own.
    private readonly byte[] _chunk = new byte[ChunkBlocks * RecordBlocks.StoredBlockBytes];
    private readonly Dictionary<long, long> _writtenAhead = [];
    private readonly Dictionary<long, PageSums> _sums = [];

    // Written by one thread, read by others.
    private long _writtenUntil;
    private long _reservedUntil;
    private long _durableUntil;
    private long _diskBytes;
    private int _firstSegment;
    private volatile bool _areNamesUnsynced;
    private volatile Exception? _stoppedBy;
    private volatile RecordStoreDamagedException? _damage;
    private int _damageCount;

    // While an opening reads the log, the sums of its blocks are gathered up to here.
    private long _recoveringUntil;

    public RecordDevice(
        IFileSystem files, string directory, ulong identity, int pageBits, int segmentBits, RecordFaults faults)
        : base(Path.Join(directory, "log"), RecordBlocks.BlockBytes, capacity: -1)
    {
        _files = files;
        _directory = directory;
        _identity = identity;
        _faults = faults;
        _pageBits = pageBits;
        _segmentBits = segmentBits;
        _thread = new Thread(Run) { IsBackground = true, Name = "record writer" };
    }

    /// <summary>What ended all writing, if anything did.</summary>
    public Exception? StoppedBy => _stoppedBy;

    /// <summary>The last damage that a read has met.</summary>
    public RecordStoreDamagedException? Damage => _damage;

    /// <summary>How often a read has met damage.</summary>
    public int DamageCount => Volatile.Read(ref _damageCount);

    /// <summary>Below this address, nothing can be refused for lack of room.</summary>
    public long ReservedUntil => Volatile.Read(ref _reservedUntil);

    /// <summary>Where the last durable checkpoint ends.</summary>
    public long DurableUntil => Volatile.Read(ref _durableUntil);

    public long DiskBytes => Volatile.Read(ref _diskBytes);

    /// <summary>Deletes what is there and starts with nothing.</summary>
    public void StartEmpty()
    {
        foreach (var segment in SegmentsOnDisk())
        {
            _files.Delete(PathOf(segment));
        }

        _areNamesUnsynced = true;
        _thread.Start();
    }

    /// <summary>Opens the files that an extent needs, and gathers sums until <see cref="EndRecovery"/>.</summary>
    /// <exception cref="RecordStoreDamagedException">One is missing or too short.</exception>
    public void BeginRecovery(in RecordLogExtent extent)
    {
        var first = (int)(extent.Begin >> _segmentBits);
        var last = (int)((extent.End - 1) >> _segmentBits);
        _firstSegment = first;
        foreach (var segment in SegmentsOnDisk())
        {
            if (segment <= last)
            {
                AddSegment(segment, _files.OpenFile(PathOf(segment)));
            }
        }

        for (var segment = first; segment <= last; segment++)
        {
            if (!_segments.TryGetValue(segment, out var there))
            {
                throw new RecordStoreDamagedException(PathOf(segment), 0, "a segment", "no such file");
            }

            var end = RecordBlocks.StoredOffset(Math.Min(extent.End - StartOf(segment), 1L << _segmentBits));
            if (there.File.Length < end)
            {
                throw new RecordStoreDamagedException(
                    there.File.Path, there.File.Length, $"a length of at least {end}", $"{there.File.Length}");
            }
        }

        _recoveringUntil = extent.End;
        _thread.Start();
    }

    /// <summary>Judges what was read, and only then cuts off what the extent does not cover.</summary>
    public void EndRecovery(in RecordLogExtent extent)
    {
        var page = extent.End >> _pageBits << _pageBits;
        if (extent.Begin == extent.End && page < extent.End)
        {
            // FASTER reads nothing of a log that is empty. The sums of the page it goes on in are needed all the same.
            Read(page, new byte[extent.End - page]);
        }

        _recoveringUntil = 0;
        if (_damage is { } damage)
        {
            throw damage;
        }

        var sum = SumOf(extent.Begin, extent.End);
        if (sum != extent.Sum)
        {
            throw new RecordStoreDamagedException(
                _directory, 0, $"blocks that sum to {extent.Sum:x16}", $"an older or other file among them: {sum:x16}");
        }

        var last = (int)((extent.End - 1) >> _segmentBits);
        foreach (var segment in SegmentsOnDisk())
        {
            if (segment > last)
            {
                _files.Delete(PathOf(segment));
                _areNamesUnsynced = true;
            }
        }

        // It may have been deleted, if nothing in it counts and the log goes on with the next.
        var length = RecordBlocks.StoredOffset(extent.End - StartOf(last));
        if (_segments.TryGetValue(last, out var tail) && tail.Length > length)
        {
            tail.File.Truncate(length);
            tail.IsUnsynced = true;
            SetLength(tail, length);
        }

        ForgetBlocksBefore(extent.End);
        lock (_gate)
        {
            _writtenUntil = extent.End;
            _reservedUntil = extent.End;
            _reserveWanted = extent.End;
            _durableUntil = extent.End;
        }
    }

    /// <summary>Sets room aside up to an address, and waits until that is done.</summary>
    /// <exception cref="DiskFullException">There is none; it may be asked for again.</exception>
    public void Reserve(long until)
    {
        lock (_gate)
        {
            _reserveFailure = null;
            _reserveWanted = Math.Max(_reserveWanted, until);
            Monitor.PulseAll(_gate);
            while (_reservedUntil < until && _reserveFailure is null && _stoppedBy is null && !_isClosing)
            {
                Monitor.Wait(_gate);
            }

            if (_reservedUntil < until)
            {
                ExceptionDispatchInfo.Throw(_reserveFailure ?? (Exception)new RecordStoreStoppedException(_directory, _stoppedBy!));
            }
        }
    }

    /// <summary>Sets room aside while the caller goes on. A refusal shows at the next <see cref="Reserve"/>.</summary>
    public void ReserveSoon(long until)
    {
        lock (_gate)
        {
            if (until > _reserveWanted)
            {
                _reserveWanted = until;
                Monitor.PulseAll(_gate);
            }
        }
    }

    /// <summary>Makes the checkpoint durable as soon as everything before its end was written.</summary>
    public void Begin(DeviceCheckpoint checkpoint)
    {
        lock (_gate)
        {
            Invariant.Holds(_checkpoint is null);
            _checkpoint = checkpoint;
            Monitor.PulseAll(_gate);
        }
    }

    /// <summary>Has the files deleted that hold nothing from an address on. From here on they don't count.</summary>
    public void DeleteBefore(long address)
    {
        var first = (int)(address >> _segmentBits);
        lock (_gate)
        {
            Volatile.Write(ref _firstSegment, Math.Max(first, _firstSegment));
            foreach (var (number, segment) in _segments)
            {
                if (number < _firstSegment)
                {
                    SetLength(segment, 0);
                    _hasReleased = true;
                }
            }

            Monitor.PulseAll(_gate);
        }
    }

    /// <summary>Where an address of the log is stored.</summary>
    public (string Path, long Offset) Locate(long address)
    {
        var segment = (int)(address >> _segmentBits);
        var offset = address - StartOf(segment);
        return (PathOf(segment), RecordBlocks.StoredOffset(offset) + (offset % RecordBlocks.BlockBytes));
    }

    public override void WriteAsync(
        IntPtr sourceAddress,
        int segmentId,
        ulong destinationAddress,
        uint numBytesToWrite,
        DeviceIOCompletionCallback callback,
        object context)
    {
        var address = StartOf(segmentId) + (long)destinationAddress;
        lock (_gate)
        {
            if (!_isClosing)
            {
                _writes.Enqueue(new WriteJob(sourceAddress, address, (int)numBytesToWrite, callback, context));
                Monitor.PulseAll(_gate);
                return;
            }
        }

        callback(0, numBytesToWrite, context);
    }

    // What goes, and when, is the store's to say.
    public override void TruncateUntilAddressAsync(long toAddress, AsyncCallback callback, IAsyncResult result) => callback(result);

    public override void TruncateUntilAddress(long toAddress)
    {
    }

    public override void RemoveSegmentAsync(int segment, AsyncCallback callback, IAsyncResult result) => callback(result);

    /// <summary>Ends the thread. What waits to be written is not written, as at the end of the process.</summary>
    public override void Dispose()
    {
        lock (_gate)
        {
            _isClosing = true;
            Monitor.PulseAll(_gate);
        }

        if (!_thread.ThreadState.HasFlag(ThreadState.Unstarted))
        {
            _thread.Join();
        }

        foreach (var (_, segment) in _segments)
        {
            segment.File.Dispose();
        }
    }

    private long StartOf(int segment) => (long)segment << _segmentBits;

    private string PathOf(int segment) => Path.Join(_directory, RecordBlocks.SegmentName(segment));

    private List<int> SegmentsOnDisk()
    {
        var segments = new List<int>();
        foreach (var name in _files.List(_directory))
        {
            if (RecordBlocks.TryParseSegmentName(name, out var segment))
            {
                segments.Add(segment);
            }
        }

        return segments;
    }

    private Segment AddSegment(int number, IFile file)
    {
        var segment = new Segment(file);
        _segments[number] = segment;
        SetLength(segment, file.Length);
        return segment;
    }

    private void SetLength(Segment segment, long length)
    {
        Interlocked.Add(ref _diskBytes, length - segment.Length);
        segment.Length = length;
    }

    private void Run()
    {
        while (true)
        {
            var write = default(WriteJob);
            var reserve = 0L;
            var checkpoint = default(DeviceCheckpoint);
            lock (_gate)
            {
                while (true)
                {
                    if (_isClosing)
                    {
                        break;
                    }

                    // Reservations first: the writer may be waiting.
                    if (_reserveWanted > _reservedUntil)
                    {
                        reserve = _reserveWanted;
                        break;
                    }

                    if (_checkpoint is not null && (_stoppedBy is not null || _writtenUntil >= _checkpoint.End))
                    {
                        checkpoint = _checkpoint;
                        _checkpoint = null;
                        break;
                    }

                    // To delete a large file takes as long as many writes.
                    if (_writes.TryDequeue(out write) || _hasReleased)
                    {
                        break;
                    }

                    Monitor.Wait(_gate);
                }
            }

            if (reserve > 0)
            {
                ReserveNow(reserve);
            }
            else if (checkpoint is not null)
            {
                Complete(checkpoint);
            }
            else if (write.Callback is not null)
            {
                Write(write);
                write.Callback(0, (uint)write.Count, write.Context);
            }
            else if (!Volatile.Read(ref _isClosing))
            {
                DeleteReleased();
            }
            else
            {
                End();
                return;
            }
        }
    }

    // One file, or a part of one, at a time: something more urgent may have come meanwhile.
    private bool DeleteReleased()
    {
        KeyValuePair<int, Segment> released;
        lock (_gate)
        {
            released = _segments.FirstOrDefault(one => one.Key < _firstSegment);
            if (released.Value is null)
            {
                _hasReleased = false;
                return false;
            }
        }

        try
        {
            var left = released.Value.File.Length - DeletedAtOnce;
            if (left > 0)
            {
                released.Value.File.Truncate(left);
                return true;
            }

            _files.Delete(released.Value.File.Path);
            _areNamesUnsynced = true;
        }
        catch (Exception failure)
        {
            Stop(failure);
        }

        _segments.TryRemove(released.Key, out _);
        released.Value.File.Dispose(); // A reader that is in it finds zeros, and FASTER nothing there any more.
        return true;
    }

    // FASTER may be waiting for pages; it is told that they are written, and nobody reads them any more.
    private void End()
    {
        WriteJob[] left;
        DeviceCheckpoint? checkpoint;
        lock (_gate)
        {
            left = [.. _writes];
            _writes.Clear();
            checkpoint = _checkpoint;
            _checkpoint = null;
        }

        foreach (var write in left)
        {
            write.Callback(0, (uint)write.Count, write.Context);
        }

        checkpoint?.Fail(new RecordStoreStoppedException(_directory, new ObjectDisposedException("the record store")));
    }

    private void Stop(Exception cause)
    {
        lock (_gate)
        {
            _stoppedBy ??= cause;
            Monitor.PulseAll(_gate);
        }
    }

    private void ReserveNow(long until)
    {
        var reserved = _reservedUntil;
        StorageException? refusal = null;
        try
        {
            while (reserved < until && _stoppedBy is null)
            {
                var number = (int)(reserved >> _segmentBits);
                if (!_segments.TryGetValue(number, out var segment))
                {
                    segment = AddSegment(number, _files.CreateFile(PathOf(number)));
                    _areNamesUnsynced = true;
                }

                var end = Math.Min(until - StartOf(number), 1L << _segmentBits);
                end = (end + RecordBlocks.BlockBytes - 1) & ~(RecordBlocks.BlockBytes - 1L);
                var stored = RecordBlocks.StoredOffset(end);
                try
                {
                    segment.File.Preallocate(stored);
                }
                catch (DiskFullException)
                {
                    if (!DeleteReleased())
                    {
                        throw;
                    }

                    continue; // There may be room now.
                }

                segment.IsUnsynced = true;
                SetLength(segment, stored);
                reserved = StartOf(number) + end;
            }
        }
        catch (StorageException failure) when (failure is not FileSyncFailedException)
        {
            refusal = failure;
        }
        catch (Exception failure)
        {
            Stop(failure);
        }

        lock (_gate)
        {
            _reservedUntil = reserved;
            _reserveWanted = reserved;
            _reserveFailure = refusal;
            Monitor.PulseAll(_gate);
        }
    }

    private void Write(in WriteJob job)
    {
        if (_stoppedBy is not null)
        {
            return;
        }

        try
        {
            Invariant.Holds(job.Address % RecordBlocks.BlockBytes == 0);
            Invariant.Holds(job.Count % RecordBlocks.BlockBytes == 0);
            Invariant.Holds(job.Address >= _writtenUntil);
            var source = new ReadOnlySpan<byte>((void*)job.Source, job.Count);
            var address = job.Address;
            while (source.Length > 0)
            {
                // A page never crosses the end of a segment, so neither does what is left of one.
                var count = Math.Min(source.Length, ChunkBlocks * RecordBlocks.BlockBytes);
                WriteChunk(address, source[..count]);
                source = source[count..];
                address += count;
            }

            _writtenAhead.Add(job.Address, address);
            while (_writtenAhead.Remove(_writtenUntil, out var end))
            {
                Volatile.Write(ref _writtenUntil, end);
            }
        }
        catch (Exception failure)
        {
            Stop(failure);
        }
    }

    private void WriteChunk(long address, ReadOnlySpan<byte> source)
    {
        var number = (int)(address >> _segmentBits);
        var segment = _segments[number];
        var stored = 0;
        for (var at = 0; at < source.Length; at += RecordBlocks.BlockBytes)
        {
            var block = source.Slice(at, RecordBlocks.BlockBytes);
            var sum = SumOf(address + at, block);
            block.CopyTo(_chunk.AsSpan(stored));
            BinaryPrimitives.WriteUInt32LittleEndian(_chunk.AsSpan(stored + RecordBlocks.BlockBytes), sum);
            stored += RecordBlocks.StoredBlockBytes;
            AddSum(address + at, sum);
        }

        segment.IsUnsynced = true;
        var offset = RecordBlocks.StoredOffset(address - StartOf(number));
        segment.File.WriteAt(offset, _chunk.AsSpan(0, stored));

        // Else a checkpoint would sync all since the last one at once, and the log's syncs would wait behind it.
        segment.File.BeginToSync(offset, stored);
    }

    private void Complete(DeviceCheckpoint checkpoint)
    {
        try
        {
            if (_stoppedBy is { } cause)
            {
                throw cause as StorageException ?? new RecordStoreStoppedException(_directory, cause);
            }

            foreach (var (_, segment) in _segments)
            {
                if (segment.IsUnsynced)
                {
                    segment.File.Sync();
                    segment.IsUnsynced = false;
                }
            }

            if (_areNamesUnsynced)
            {
                _areNamesUnsynced = false;
                _files.SyncDirectory(_directory);
            }

            var extent = new RecordLogExtent(
                _identity, _pageBits, _segmentBits, checkpoint.Begin, checkpoint.End, SumOf(checkpoint.Begin, checkpoint.End));
            ForgetBlocksBefore(checkpoint.End);
            Volatile.Write(ref _durableUntil, checkpoint.End);
            checkpoint.Succeed(RecordBlocks.WriteToken(extent));
        }
        catch (StorageException failure) when (failure is not FileSyncFailedException)
        {
            _areNamesUnsynced = true;
            checkpoint.Fail(failure);
        }
        catch (Exception failure)
        {
            Stop(failure);
            checkpoint.Fail(failure as StorageException ?? new RecordStoreStoppedException(_directory, failure));
        }
    }

    private uint SumOf(long address, ReadOnlySpan<byte> block)
        => RecordBlocks.SumOf(_identity, _faults.SumsWithoutPlace ? 0 : address, block);

    private void AddSum(long address, uint sum)
    {
        var page = address >> _pageBits;
        if (!_sums.TryGetValue(page, out var sums))
        {
            sums = new PageSums { Blocks = new uint[(1 << _pageBits) / RecordBlocks.BlockBytes] };
            _sums.Add(page, sums);
        }

        sums.Total += sum;
        sums.Blocks![(address - (page << _pageBits)) / RecordBlocks.BlockBytes] = sum;
    }

    private ulong SumOf(long begin, long end)
    {
        var total = 0UL;
        var last = end >> _pageBits;
        for (var page = begin >> _pageBits; page < last; page++)
        {
            total += _sums.TryGetValue(page, out var sums) ? sums.Total : 0;
        }

        var blocks = (end - (last << _pageBits)) / RecordBlocks.BlockBytes;
        if (blocks > 0 && _sums.TryGetValue(last, out var partial))
        {
            foreach (var sum in partial.Blocks.AsSpan(0, (int)blocks))
            {
                total += sum;
            }
        }

        return total;
    }

    // Of pages that no later checkpoint ends in, the total is enough.
    private void ForgetBlocksBefore(long address)
    {
        var page = (address >> _pageBits) - 1;
        while (_sums.TryGetValue(page, out var sums) && sums.Blocks is not null)
        {
            sums.Blocks = null;
            page--;
        }
    }

    private readonly record struct WriteJob(
        IntPtr Source, long Address, int Count, DeviceIOCompletionCallback Callback, object Context);

    private sealed class Segment(IFile file)
    {
        public IFile File { get; } = file;

        public long Length { get; set; }

        public bool IsUnsynced { get; set; }
    }

    private sealed class PageSums
    {
        public ulong Total { get; set; }

        public uint[]? Blocks { get; set; }
    }
}
