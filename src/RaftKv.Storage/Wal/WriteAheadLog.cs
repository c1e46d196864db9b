using System.Diagnostics;
using RaftKv.Raft;
using RaftKv.Raft.Log;
using RaftKv.Storage.Files;

namespace RaftKv.Storage.Wal;

/// <summary>
/// The durable log of a member: hard state and entries, in segments in a directory of its own. An append is one write and
/// one sync; when it returns, all of it survives whatever happens to the machine.
/// </summary>
/// <remarks>
/// <para>One thread appends, compacts and disposes (the log writer). Any thread may read: <see cref="Start"/>,
/// <see cref="Last"/>, <see cref="TryGetTerm"/> and <see cref="Read"/> show what is durable, never what is being
/// written. <see cref="Prepare"/> may run on a third.</para>
/// <para>A failed write or sync stops the log for good: what is on the disk is then a matter for recovery. A full disk is
/// met before a byte of the batch is written, and only refuses: the same append can succeed later.</para>
/// <para>Compaction is a marker in the log; the segments before it are deleted when the marker is durable. The bytes and
/// the rules are in <see cref="WalFormat"/> and <see cref="WalRecovery"/>.</para>
/// </remarks>
public sealed partial class WriteAheadLog : IDisposable
{
    /// <summary>The largest batch: a segment of its own must hold it. Hosts bound theirs far below.</summary>
    public const long BatchBytesMax = 1L << 30;

    // At the end of every segment, room that only compaction may use, a dozen times: on a full disk no new segment can be
    // had, and the marker that allows old ones to go must still be written somewhere.
    private const int ReserveBytes = 1024;
    private const int ClosedBatchBytes = WalFormat.BatchFrameBytes + WalFormat.ClosedBytes;

    private readonly IFileSystem _files;
    private readonly string _directory;
    private readonly WalOptions _options;
    private readonly ulong _identity;
    private readonly WalBatchWriter _batch = new();
    private readonly WalSpare _spare;

    // Only the appending thread touches the fields from here to the next line.
    private WalSegment _active;
    private uint _salt;
    private long _offset;
    private uint _previous;
    private ulong _sequence;
    private HardState _hardState;
    private Exception? _failure;
    // ------------------------------------------------------------------------------------------

    private readonly Lock _view = new();

    // Under _view: what is durable, for readers on any thread. The appending thread alone changes it, after the sync.
    private readonly List<WalSegment> _segments;
    private readonly EntryIndex _index;
    private readonly EntryTail _tail;
    private LogPosition _start;
    private LogPosition _last;
    private int _overwriteCount; // Readers that let go of the lock see by it that what they were reading is no more.

    private WriteAheadLog(
        IFileSystem files, string directory, WalOptions options, RecoveredLog recovered, List<WalSegment> segments)
    {
        _files = files;
        _directory = directory;
        _options = options;
        _identity = recovered.Identity;
        _spare = new WalSpare(files, directory, options.SegmentBytes);

        _segments = segments;
        _active = segments[^1];
        _salt = WalFormat.Salt(_identity, _active.Number);
        _offset = recovered.Offset;
        _previous = recovered.Previous;
        _sequence = recovered.Sequence;
        _hardState = recovered.HardState;

        _index = recovered.Index;
        _start = recovered.Start;
        _last = recovered.Last;
        _tail = new EntryTail(options.TailBytes);
        _tail.Restart(_last.Index + 1);
        TornTail = recovered.TornTail;
    }

    /// <summary>The batch that was cut off when the log was opened, if one was; to be said in the host's log.</summary>
    public TornTail? TornTail { get; }

    /// <summary>The newest hard state. For the appending thread.</summary>
    public HardState HardState => _hardState;

    /// <summary>The position just before the first entry: the compaction marker, or where a snapshot ended.</summary>
    public LogPosition Start
    {
        get
        {
            lock (_view)
            {
                return _start;
            }
        }
    }

    /// <summary>The newest durable entry, or <see cref="Start"/> if there is none.</summary>
    public LogPosition Last
    {
        get
        {
            lock (_view)
            {
                return _last;
            }
        }
    }

    /// <summary>How many segments there are: what the log takes on disk is about that many times their size.</summary>
    public int SegmentCount
    {
        get
        {
            lock (_view)
            {
                return _segments.Count;
            }
        }
    }

    /// <summary>Whether a log was ever created in the directory. A directory whose creation was interrupted has
    /// none.</summary>
    /// <remarks>A member that has lost its log must not create another one and go on under its old name: whether there
    /// should be one is for the host to remember.</remarks>
    public static bool Exists(IFileSystem files, string directory)
        => WalRecovery.ListSegments(files, directory).Count > 0;

    /// <summary>Makes an empty log in a directory that exists and is durable.</summary>
    /// <param name="files">The disk.</param>
    /// <param name="directory">The log's own.</param>
    /// <param name="identity">Of the data directory; every segment carries it.</param>
    /// <param name="options">Sizes.</param>
    public static WriteAheadLog Create(IFileSystem files, string directory, ulong identity, WalOptions? options = null)
        => Create(files, directory, identity, LogPosition.Zero, HardState.Empty, options);

    /// <summary>Makes a log that goes on after a snapshot, for a member that starts from one.</summary>
    public static WriteAheadLog Create(
        IFileSystem files,
        string directory,
        ulong identity,
        LogPosition start,
        HardState hardState,
        WalOptions? options = null)
    {
        options = Checked(options);
        ArgumentOutOfRangeException.ThrowIfZero(identity);
        if (Exists(files, directory))
        {
            throw new InvalidOperationException($"There is a log in {directory} already.");
        }

        DeleteUnfinished(files, directory);
        var header = new WalSegmentHeader
        {
            Identity = identity,
            Number = 1,
            CapacityBytes = (uint)options.SegmentBytes,
            Sequence = 1,
            HardState = hardState,
            Start = start,
            Last = start,
        };
        MakeSegment(files, directory, header, spare: null).File.Dispose();
        return Open(files, directory, identity, options);
    }

    /// <summary>Opens a log, cuts off a torn tail, and makes sure that everything it then shows is durable.</summary>
    /// <exception cref="WalDamagedException">It is not as it was written. Nothing was changed.</exception>
    public static WriteAheadLog Open(IFileSystem files, string directory, ulong identity, WalOptions? options = null)
    {
        options = Checked(options);
        ArgumentOutOfRangeException.ThrowIfZero(identity);
        var recovered = WalRecovery.Read(files, directory, identity);
        foreach (var leftover in recovered.Leftovers)
        {
            files.Delete(Path.Join(directory, leftover));
        }

        var segments = new List<WalSegment>(recovered.Segments.Count);
        try
        {
            foreach (var segment in recovered.Segments)
            {
                segments.Add(
                    new WalSegment(segment.Number, segment.Path, segment.CapacityBytes, files.OpenFile(segment.Path)));
            }

            MakeCertain(files, directory, recovered, segments[^1]);
        }
        catch
        {
            segments.ForEach(static segment => segment.File.Dispose());
            throw;
        }

        var log = new WriteAheadLog(files, directory, options, recovered, segments);
        log.ReleaseSegments(); // Those that came back after a power cut.
        log.CheckInvariants();
        return log;
    }

    /// <summary>Makes a batch durable. An empty one is nothing and costs nothing.</summary>
    /// <exception cref="DiskFullException">There is no room for another segment. Nothing was written, and the log goes
    /// on.</exception>
    /// <exception cref="FileSyncFailedException">The log has stopped.</exception>
    /// <exception cref="FileOperationException">The log has stopped.</exception>
    /// <exception cref="WalStoppedException">It had stopped before.</exception>
    public void Append(in WalBatch batch)
    {
        ThrowIfStopped();
        CheckBatch(batch);
        if (batch.IsEmpty)
        {
            return;
        }

        var bytes = WalBatchWriter.Measure(batch);
        if (bytes > BatchBytesMax)
        {
            throw new ArgumentException($"A batch may take {BatchBytesMax} bytes at most, but takes {bytes}.", nameof(batch));
        }

        MakeRoom(bytes, ReserveBytes);
        var recordCount = batch.Entries.Length + (batch.Reset is null ? 0 : 1) + (batch.HardState is null ? 0 : 1);
        var firstEntryAt = _offset + WalFormat.BeginBytes;
        _batch.Begin(_salt, _offset, _previous, _sequence, (int)bytes, recordCount);
        if (batch.Reset is { } reset)
        {
            _batch.AddPosition(WalRecordKind.Reset, reset);
            firstEntryAt += WalFormat.PositionBytes;
        }

        if (batch.HardState is { } hardState)
        {
            _batch.AddHardState(hardState);
            firstEntryAt += WalFormat.HardStateBytes;
        }

        foreach (ref readonly var entry in batch.Entries)
        {
            _batch.AddEntry(entry);
        }

        WriteAndSync();
        _hardState = batch.HardState ?? _hardState;
        Publish(batch, firstEntryAt);
        if (batch.Reset is not null)
        {
            ReleaseSegments();
        }
    }

    /// <summary>Gives up the entries through a position, durably, and deletes the segments that only they needed. The
    /// state they led to must be durable elsewhere. A position at or before <see cref="Start"/> is nothing new.</summary>
    /// <exception cref="DiskFullException">As for <see cref="Append"/>, but later: compaction has room set aside, so that
    /// it can still make more.</exception>
    public void Compact(LogPosition through)
    {
        ThrowIfStopped();
        if (through.Index <= _start.Index)
        {
            return;
        }

        Invariant.Holds(through.Index <= _last.Index);
        Invariant.Holds(through.Term == _index[through.Index].Term);

        const int Bytes = WalFormat.BatchFrameBytes + WalFormat.PositionBytes;
        MakeRoom(Bytes, reserveBytes: 0);
        _batch.Begin(_salt, _offset, _previous, _sequence, Bytes, recordCount: 1);
        _batch.AddPosition(WalRecordKind.Compacted, through);
        WriteAndSync();

        lock (_view)
        {
            _start = through;
            _index.DropThrough(through.Index);
            _tail.DropThrough(through.Index);
        }

        ReleaseSegments();
        CheckInvariants();
    }

    /// <summary>Makes the next segment ready, a bounded step at a time, so that appends need not. Optional; best on a
    /// thread of its own, one call at a time, until it returns false, and again after the segment has been used.</summary>
    /// <param name="bytesMax">How much to write in this step.</param>
    /// <returns>Whether there is more to do.</returns>
    /// <exception cref="DiskFullException">There is no room now. Appends go on until they need it.</exception>
    public bool Prepare(int bytesMax = 1024 * 1024) => _spare.Prepare(bytesMax);

    /// <summary>Closes the files. What was appended is durable already.</summary>
    public void Dispose()
    {
        _failure ??= new ObjectDisposedException(nameof(WriteAheadLog));
        _spare.Dispose();
        lock (_view)
        {
            foreach (var segment in _segments)
            {
                segment.IsReleased = true;
                if (segment.ReaderCount == 0)
                {
                    segment.File.Dispose();
                }
            }
        }
    }

    private static WalOptions Checked(WalOptions? options)
    {
        options ??= new WalOptions();
        foreach (var problem in options.Problems())
        {
            throw new ArgumentException(problem, nameof(options));
        }

        return options;
    }

    private void CheckBatch(in WalBatch batch)
    {
        var last = batch.Reset ?? _last;
        var start = batch.Reset ?? _start;
        if (batch.HardState is { } state)
        {
            Invariant.Holds(state.Term >= _hardState.Term);
            Invariant.Holds(state.Commit >= _hardState.Commit);
            if (state.Term == _hardState.Term && !_hardState.Vote.IsNone)
            {
                Invariant.Holds(state.Vote == _hardState.Vote);
            }
        }

        if (batch.Entries.IsEmpty)
        {
            return;
        }

        var first = batch.Entries[0];
        Invariant.Holds(first.Index > start.Index);
        Invariant.Holds(first.Index <= last.Index + 1);
        if (batch.Reset is null && first.Index <= last.Index)
        {
            Invariant.Holds(first.Index > _hardState.Commit); // What is committed is never overwritten.
        }

        var term = batch.Reset?.Term ?? TermBefore(first.Index);
        var index = first.Index;
        foreach (ref readonly var entry in batch.Entries)
        {
            Invariant.Holds(entry.Index == index);
            Invariant.Holds(entry.Term >= term);
            (term, index) = (entry.Term, index + 1);
        }
    }

    private ulong TermBefore(ulong index) => index - 1 == _start.Index ? _start.Term : _index[index - 1].Term;

    private void WriteAndSyncFor(IWalObserver observer, ReadOnlySpan<byte> bytes)
    {
        var began = Stopwatch.GetTimestamp();
        _active.File.WriteAt(_offset, bytes);
        var written = Stopwatch.GetTimestamp();
        _active.File.Sync();
        observer.Written(bytes.Length, Stopwatch.GetElapsedTime(began, written));
        observer.Synced(Stopwatch.GetElapsedTime(written));
    }

    // One write, one sync. Only when both have succeeded has anything happened.
    private void WriteAndSync()
    {
        var bytes = _batch.End(out var sum);
        try
        {
            if (_options.Observer is { } observer)
            {
                WriteAndSyncFor(observer, bytes);
            }
            else
            {
                _active.File.WriteAt(_offset, bytes);
                _active.File.Sync();
            }
        }
        catch (FileSyncFailedException) when (_options.Faults.RepeatsFailedSync)
        {
            ReopenActive();
            _active.File.Sync();
        }
        catch (Exception failure)
        {
            _failure = failure;
            throw;
        }

        _offset += bytes.Length;
        _previous = sum;
        _sequence++;
    }

    // For a mistake put in on purpose. The file of before stays open for whoever reads it.
    private void ReopenActive()
    {
        lock (_view)
        {
            _active = new WalSegment(_active.Number, _active.Path, _active.CapacityBytes, _files.OpenFile(_active.Path));
            _segments[^1] = _active;
        }
    }

    private void Publish(in WalBatch batch, long entryAt)
    {
        lock (_view)
        {
            if (batch.Reset is { } reset)
            {
                _overwriteCount++;
                _start = reset;
                _last = reset;
                _index.Restart(reset.Index + 1);
                _tail.Restart(reset.Index + 1);
            }

            if (batch.Entries.IsEmpty)
            {
                return;
            }

            _overwriteCount += batch.Entries[0].Index <= _last.Index ? 1 : 0;
            _index.CutFrom(batch.Entries[0].Index);
            _tail.CutFrom(batch.Entries[0].Index);
            foreach (ref readonly var entry in batch.Entries)
            {
                _index.Add(new EntryLocation(entry.Term, (uint)_active.Number, (uint)entryAt));
                _tail.Add(entry);
                entryAt += WalBatchWriter.EntryBytes(entry);
            }

            _last = batch.Entries[^1].Position;
        }

        CheckInvariants();
    }

    private void ThrowIfStopped()
    {
        if (_failure is { } failure)
        {
            throw new WalStoppedException(_directory, failure);
        }
    }

    private void CheckInvariants()
    {
        Invariant.Holds(_start.Index <= _last.Index);
        Invariant.Holds(_index.First == _start.Index + 1);
        Invariant.Holds(_index.Next == _last.Index + 1);
        Invariant.Holds(_tail.Next == _index.Next);
        Invariant.Holds(_tail.First >= _index.First);
        Invariant.Holds(_segments[^1] == _active);
        Invariant.Holds(_offset + ClosedBatchBytes <= _active.CapacityBytes);
    }
}
