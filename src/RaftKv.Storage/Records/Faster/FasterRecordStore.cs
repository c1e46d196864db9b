using System.Collections.Concurrent;
using System.Numerics;
using FASTER.core;
using RaftKv.Raft;
using RaftKv.Storage.Files;
using RaftKv.Storage.Mvcc;

namespace RaftKv.Storage.Records.Faster;

/// <summary>
/// The record store of a member: FASTER's hybrid log and hash index, from revision to record. The newest records are in
/// memory, within a budget, the rest on the disk.
/// </summary>
/// <remarks>
/// <para>FASTER brings the log, its index, its epochs and the reading of what is not in memory. Durability is ours
/// (<see cref="RecordDevice"/>): records are only ever appended, so a checkpoint is the log up to some place, written and
/// synced, and opening one is FASTER's recovery of exactly that.</para>
/// <para>Reclaiming goes through the oldest part of the log and puts what is live once more, at the end. The log's
/// beginning moves at once for this process; for the disk, with the next checkpoint; the files go when that is released
/// to.</para>
/// </remarks>
public sealed class FasterRecordStore : IRecordStore
{
    // FASTER's log begins here; address 0 means none.
    private const long FirstAddress = 64;

    private readonly string _directory;
    private readonly FasterRecordStoreOptions _options;
    private readonly ulong _identity;
    private readonly int _pageBits;
    private readonly RecordDevice _device;
    private readonly SingleExtentCheckpoints _checkpoints = new();
    private readonly FasterKV<RecordKey, SpanByte> _log;
    private readonly RecordWriting _writing = new();
    private readonly ClientSession<RecordKey, SpanByte, byte, byte, byte, RecordWriting> _writer;
    private readonly ConcurrentBag<FasterRecordReader> _idleReaders = [];

    private DeviceCheckpoint? _checkpoint;
    private IFasterScanIterator<RecordKey, SpanByte>? _reclaiming;
    private bool _isDisposed;

    private FasterRecordStore(
        IFileSystem files, string directory, ulong identity, int pageBits, int segmentBits, FasterRecordStoreOptions options)
    {
        _directory = directory;
        _identity = identity;
        _options = options;
        _pageBits = pageBits;
        _device = new RecordDevice(files, directory, identity, pageBits, segmentBits, options.Faults);
        _log = new FasterKV<RecordKey, SpanByte>(
            options.IndexBytes / 64,
            new LogSettings
            {
                LogDevice = _device,
                PageSizeBits = pageBits,
                SegmentSizeBits = segmentBits,
                MemorySizeBits = Math.Max(BitOperations.Log2((ulong)options.MemoryBytes), pageBits + 2),

                // Nothing is changed in place, so a page may be written as soon as it is full.
                MutableFraction = 0,
            },
            new CheckpointSettings { CheckpointManager = _checkpoints },
            concurrencyControlMode: ConcurrencyControlMode.None);
        _writer = _log.For(_writing).NewSession<RecordWriting>();
    }

    public long DiskBytes => _device.DiskBytes;

    internal string Directory => _directory;

    internal RecordDevice Device => _device;

    internal long BeginAddress => _log.Log.BeginAddress;

    private int PageBytes => 1 << _pageBits;

    /// <summary>Begins an empty store. Whatever segments are in the directory go: without a checkpoint's token nothing
    /// says what they are worth, and everything in them is still in the log.</summary>
    /// <param name="files">The disk.</param>
    /// <param name="directory">A directory that exists and is the store's own.</param>
    /// <param name="identity">The member's, as in <see cref="DataDirectory.Identity"/>.</param>
    /// <param name="options">The sizes.</param>
    public static FasterRecordStore Create(
        IFileSystem files, string directory, ulong identity, FasterRecordStoreOptions? options = null)
    {
        options = Checked(options);
        var store = new FasterRecordStore(
            files,
            directory,
            identity,
            BitOperations.Log2((uint)options.PageBytes),
            BitOperations.Log2((ulong)options.SegmentBytes),
            options);
        try
        {
            store._device.StartEmpty();
            return store;
        }
        catch
        {
            store.Dispose();
            throw;
        }
    }

    /// <summary>Opens a store as of a durable checkpoint. What was put later is cut off. The sizes of pages and segments
    /// are those that it was created with.</summary>
    /// <exception cref="RecordStoreDamagedException">The files do not hold what the token vouches for. Nothing was
    /// changed.</exception>
    public static FasterRecordStore Open(
        IFileSystem files,
        string directory,
        ulong identity,
        ReadOnlyMemory<byte> token,
        FasterRecordStoreOptions? options = null)
    {
        options = Checked(options);
        var extent = ExtentOf(token.Span, directory, identity);
        if (options.PageBytes > 1 << extent.PageBits)
        {
            throw new RecordStoreTooNarrowException(directory, options.LargestRecordBytes, 1 << extent.PageBits);
        }

        var store = new FasterRecordStore(files, directory, identity, extent.PageBits, extent.SegmentBits, options);
        try
        {
            store._device.BeginRecovery(extent);
            store._checkpoints.Offer(extent.Begin, extent.End);
            RecordDevice.ReadTogether(true);
            store._log.Recover(Guid.Empty, SingleExtentCheckpoints.Name);
            store._device.EndRecovery(extent);
            Invariant.Holds(store._log.Log.TailAddress == extent.End);
            Invariant.Holds(store._log.Log.BeginAddress == extent.Begin);
            return store;
        }
        catch
        {
            store.Dispose();
            throw;
        }
        finally
        {
            RecordDevice.ReadTogether(false);
        }
    }

    public void Put(Revision revision, ReadOnlySpan<byte> record)
    {
        ThrowIfStopped();
        var size = RecordBlocks.SizeOf(record.Length);
        if (size > PageBytes)
        {
            throw new ArgumentException(
                $"A record of {record.Length} bytes does not fit a page of {PageBytes}.", nameof(record));
        }

        EnsureRoomFor(size);
        Append(new RecordKey(revision.Main, revision.Sub), record);
    }

    public IRecordReader OpenReader()
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        return _idleReaders.TryTake(out var reader) ? reader : new FasterRecordReader(this, _log);
    }

    public IRecordCheckpoint BeginCheckpoint()
    {
        ThrowIfStopped();
        Invariant.Holds(_checkpoint is null || _checkpoint.IsOver);
        try
        {
            FillBlock();
        }
        catch (DiskFullException full)
        {
            var failed = new DeviceCheckpoint(0, 0);
            failed.Fail(full);
            return failed;
        }

        var end = _log.Log.TailAddress;
        _checkpoint = new DeviceCheckpoint(_log.Log.BeginAddress, end);
        _device.Begin(_checkpoint);
        _log.Log.ShiftReadOnlyAddress(end, wait: false);
        return _checkpoint;
    }

    public void ReleaseBefore(ReadOnlyMemory<byte> checkpointToken)
    {
        ThrowIfStopped();
        var extent = ExtentOf(checkpointToken.Span, _directory, _identity);
        if (extent.Begin > _log.Log.BeginAddress || extent.End > _device.DurableUntil)
        {
            throw new ArgumentException("The token is of a state that this store has not come to.", nameof(checkpointToken));
        }

        _device.DeleteBefore(extent.Begin);
    }

    public void Scan(IRecordVisitor visitor)
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        using var records = _log.Log.Scan(_log.Log.BeginAddress, _log.Log.TailAddress);
        var damageCount = _device.DamageCount;
        while (MoveNext(records, ref damageCount, out var key, out var record))
        {
            if (!key.IsFiller)
            {
                visitor.Visit(key.Revision, record);
            }
        }
    }

    public ReclaimOutcome ReclaimStep(long maxBytes, IRecordLiveness liveness)
    {
        ThrowIfStopped();
        var begin = _log.Log.BeginAddress;
        if (_reclaiming is null)
        {
            if (begin >= _device.DurableUntil)
            {
                return default;
            }

            _reclaiming = _log.Log.Scan(begin, _device.DurableUntil);
        }

        var end = begin;
        var kept = 0L;
        var isDone = false;
        var damageCount = _device.DamageCount;
        try
        {
            while (end - begin < maxBytes && !isDone)
            {
                isDone = !MoveNext(_reclaiming, ref damageCount, out var key, out var record);
                if (isDone)
                {
                    end = _reclaiming.EndAddress;
                }
                else
                {
                    kept += KeepIfLive(key, record, liveness);
                    end = _reclaiming.NextAddress;
                }
            }
        }
        catch
        {
            // What was not looked at, or could not be kept, is looked at again.
            isDone = true;
            throw;
        }
        finally
        {
            if (isDone)
            {
                _reclaiming.Dispose();
                _reclaiming = null;
            }

            if (end > begin)
            {
                _log.Log.ShiftBeginAddress(end);
            }
        }

        return new ReclaimOutcome(end - begin, Math.Max(0, end - begin - kept));
    }

    /// <summary>Forgets what was not made durable, as the end of the process does.</summary>
    public void Dispose()
    {
        if (_isDisposed)
        {
            return;
        }

        _isDisposed = true;
        _device.Dispose();
        _reclaiming?.Dispose();
        while (_idleReaders.TryTake(out var reader))
        {
            reader.Close();
        }

        _writer.Dispose();
        _log.Dispose();
        _checkpoints.Dispose();
    }

    internal void TakeBack(FasterRecordReader reader)
    {
        if (_isDisposed)
        {
            reader.Close();
        }
        else
        {
            _idleReaders.Add(reader);
        }
    }

    private static FasterRecordStoreOptions Checked(FasterRecordStoreOptions? options)
    {
        options ??= new FasterRecordStoreOptions();
        return options.Problems().FirstOrDefault() is { } problem
            ? throw new ArgumentException(problem, nameof(options))
            : options;
    }

    private static RecordLogExtent ExtentOf(ReadOnlySpan<byte> token, string directory, ulong identity)
    {
        if (!RecordBlocks.TryReadToken(token, out var problem, out var extent))
        {
            throw new RecordStoreDamagedException(directory, 0, "the token of a checkpoint", problem);
        }

        return extent.Identity == identity
            ? extent
            : throw new RecordStoreDamagedException(
                directory, 0, $"a token of the member {identity:x16}", $"one of {extent.Identity:x16}");
    }

    private int KeepIfLive(in RecordKey key, ReadOnlySpan<byte> record, IRecordLiveness liveness)
    {
        if (key.IsFiller || !liveness.IsLive(key.Revision, record))
        {
            return 0;
        }

        var size = RecordBlocks.SizeOf(record.Length);
        EnsureRoomFor(size);
        Append(key, record);
        return size;
    }

    private bool MoveNext(
        IFasterScanIterator<RecordKey, SpanByte> records,
        ref int damageCount,
        out RecordKey key,
        out ReadOnlySpan<byte> record)
    {
        key = default;
        record = default;
        bool isThere;
        RecordDevice.ReadTogether(true); // The next page is read while this one is looked through.
        try
        {
            isThere = records.GetNext(out _);
        }
        finally
        {
            RecordDevice.ReadTogether(false);
        }

        // Zeros were handed to FASTER for what could not be read, and it went over them.
        if (_device.DamageCount != damageCount)
        {
            damageCount = _device.DamageCount;
            throw _device.Damage!;
        }

        if (!isThere)
        {
            return false;
        }

        key = records.GetKey();
        if (!RecordValue.TryUnwrap(key, records.GetValue().AsReadOnlySpan(), out record, out var problem))
        {
            var (path, offset) = _device.Locate(records.CurrentAddress);
            throw new RecordCorruptException(path, offset, key.Revision, problem);
        }

        return true;
    }

    // A block that a checkpoint ends in is never written again: it is filled up.
    private void FillBlock()
    {
        Span<byte> filler = stackalloc byte[RecordBlocks.BlockBytes * 2];
        filler.Clear();
        var smallest = RecordBlocks.SizeOf(0);
        while (_log.Log.TailAddress is var tail && (tail % RecordBlocks.BlockBytes != 0 || tail < FirstAddress))
        {
            var gap = (int)(RecordBlocks.BlockBytes - (tail % RecordBlocks.BlockBytes));
            if (gap < smallest)
            {
                // What is left of the page is left out by FASTER, what is left of another block is filled with the next.
                gap = (tail + gap) % PageBytes == 0 ? RecordBlocks.BlockBytes : gap + RecordBlocks.BlockBytes;
            }

            EnsureRoomFor(gap);
            Append(RecordKey.Filler, filler[..RecordBlocks.LengthForSize(gap)]);
        }
    }

    // FASTER writes whole pages, and begins a new one for a record that the current one does not hold.
    private void EnsureRoomFor(int size)
    {
        var needed = ((_log.Log.TailAddress + size) & ~(PageBytes - 1L)) + (2L * PageBytes);
        var ahead = (long)_options.ReservedPages * PageBytes;
        if (needed > _device.ReservedUntil)
        {
            _device.Reserve(needed);
        }
        else if (needed + (ahead / 2) > _device.ReservedUntil)
        {
            _device.ReserveSoon(needed + ahead);
        }
    }

    private unsafe void Append(RecordKey key, ReadOnlySpan<byte> record)
    {
        _writing.Sum = RecordBlocks.SumOf(key, record);
        byte input = 0;
        byte output = 0;
        fixed (byte* bytes = record)
        {
            var value = new SpanByte(RecordBlocks.RecordSumBytes + record.Length, (IntPtr)bytes);
            var status = _writer.Upsert(ref key, ref input, ref value, ref output);
            Invariant.Holds(!status.IsPending);
        }
    }

    private void ThrowIfStopped()
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        if (_device.StoppedBy is { } cause)
        {
            throw new RecordStoreStoppedException(_directory, cause);
        }
    }
}
