using RaftKv.Raft;
using RaftKv.Storage.Files;
using RaftKv.Storage.Mvcc;

namespace RaftKv.Storage.Records;

/// <summary>
/// A record store that does the same again for the same calls: no thread, clock or chance of its own, everything through
/// <see cref="IFileSystem"/>. It is what the simulator runs, and what FASTER's is compared with. All places are held in
/// memory, so it is for thousands of records, not millions.
/// </summary>
/// <remarks>
/// <para>Records are appended to segments (<see cref="RecordLogFormat"/>). A checkpoint writes and syncs what was put since
/// the last one, before <see cref="BeginCheckpoint"/> returns. Its token names the length of everything and a sum over it,
/// so an opening believes exactly what the checkpoint covered: whatever a crash left behind that is cut off, and whatever
/// is missing or different before it is damage.</para>
/// <para>Reclaiming copies live records from the oldest segment to the end. A segment that was looked through stays, for
/// older tokens, until a token that does not need it is released to.</para>
/// </remarks>
public sealed class LogRecordStore : IRecordStore
{
    private readonly IFileSystem _files;
    private readonly string _directory;
    private readonly ulong _identity;
    private readonly LogRecordStoreOptions _options;

    // Guards everything below against readers on other threads. The writer's thread is the only one that changes anything,
    // so it takes the lock to change and not to look.
    private readonly Lock _gate = new();
    private readonly Dictionary<Revision, Place> _places = [];

    // In order of their numbers; the last is the one that is written to. Only among those before _reclaimed may there be
    // gaps.
    private readonly List<RecordLogSegment> _segments = [];

    // Everything before this place was looked through by reclaiming: no place in _places is there.
    private (long Segment, long Offset) _reclaimed;

    // Where the last durable checkpoint ends.
    private (long Segment, long Offset) _durableEnd;

    private bool _areNamesUnsynced;
    private StorageException? _stoppedBy;
    private bool _isDisposed;

    private LogRecordStore(IFileSystem files, string directory, ulong identity, LogRecordStoreOptions options)
    {
        if (options.Problems().FirstOrDefault() is { } problem)
        {
            throw new ArgumentException(problem, nameof(options));
        }

        _files = files;
        _directory = directory;
        _identity = identity;
        _options = options;
    }

    public long DiskBytes
    {
        get
        {
            var bytes = 0L;
            lock (_gate)
            {
                foreach (var segment in _segments)
                {
                    bytes += segment.Length;
                }
            }

            return bytes;
        }
    }

    private RecordLogSegment Tail => _segments[^1];

    /// <summary>Begins an empty store. Whatever segments are in the directory go: without a checkpoint's token nothing
    /// says what they are worth, and everything in them is still in the log.</summary>
    /// <param name="files">The disk.</param>
    /// <param name="directory">A directory that exists and is the store's own.</param>
    /// <param name="identity">The member's, as in <see cref="DataDirectory.Identity"/>.</param>
    /// <param name="options">The sizes.</param>
    public static LogRecordStore Create(
        IFileSystem files, string directory, ulong identity, LogRecordStoreOptions? options = null)
    {
        var store = new LogRecordStore(files, directory, identity, options ?? new LogRecordStoreOptions());
        foreach (var number in store.NumbersOnDisk())
        {
            files.Delete(store.PathOf(number));
        }

        store.BeginSegment(1, lengthBefore: 0, sumBefore: 0);
        store._reclaimed = (1, RecordLogFormat.SegmentHeaderBytes);
        store._durableEnd = (1, 0);
        return store;
    }

    /// <summary>Opens a store as of a durable checkpoint. What was put later is cut off.</summary>
    /// <exception cref="RecordStoreDamagedException">The files do not hold what the token vouches for. Nothing was
    /// changed.</exception>
    public static LogRecordStore Open(
        IFileSystem files,
        string directory,
        ulong identity,
        ReadOnlyMemory<byte> token,
        LogRecordStoreOptions? options = null)
    {
        var store = new LogRecordStore(files, directory, identity, options ?? new LogRecordStoreOptions());
        try
        {
            store.Recover(store.MarkOf(token.Span));
            return store;
        }
        catch
        {
            store.Dispose();
            throw;
        }
    }

    public void Put(Revision revision, ReadOnlySpan<byte> record)
    {
        ThrowIfStopped();
        lock (_gate)
        {
            Append(revision, record);
        }
    }

    public IRecordReader OpenReader()
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        return new Reader(this);
    }

    public IRecordCheckpoint BeginCheckpoint()
    {
        ThrowIfStopped();
        try
        {
            lock (_gate)
            {
                Tail.Flush();
                foreach (var segment in _segments)
                {
                    if (segment.IsUnsynced)
                    {
                        segment.Sync();
                    }
                }

                if (_areNamesUnsynced)
                {
                    _files.SyncDirectory(_directory);
                    _areNamesUnsynced = false;
                }
            }
        }
        catch (FileSyncFailedException failure)
        {
            _stoppedBy = failure;
            return new Checkpoint(default, failure);
        }
        catch (StorageException failure)
        {
            return new Checkpoint(default, failure);
        }

        _durableEnd = (Tail.Number, Tail.Length);
        var mark = new RecordLogMark(_identity, _reclaimed.Segment, Tail.Number, Tail.Length, Tail.RunningSum);
        return new Checkpoint(RecordLogFormat.WriteToken(mark), failure: null);
    }

    public void ReleaseBefore(ReadOnlyMemory<byte> checkpointToken)
    {
        ThrowIfStopped();
        var mark = MarkOf(checkpointToken.Span);
        if (mark.First > _reclaimed.Segment || mark.Last > Tail.Number)
        {
            throw new ArgumentException("The token is of a state that this store has not come to.", nameof(checkpointToken));
        }

        lock (_gate)
        {
            while (_segments[0].Number < mark.First)
            {
                _files.Delete(_segments[0].Path);
                _segments[0].Dispose();
                _segments.RemoveAt(0);
                _areNamesUnsynced = true;
            }
        }
    }

    public void Scan(IRecordVisitor visitor)
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        foreach (var segment in _segments.ToArray())
        {
            if (segment.Number < _reclaimed.Segment)
            {
                continue;
            }

            var cursor = new RecordLogCursor(segment, PlacesIn(segment), segment.Length);
            while (cursor.MoveNext())
            {
                var revision = cursor.Header.Revision;
                if (IsPlaceOf(revision, segment, cursor.Offset))
                {
                    visitor.Visit(revision, cursor.Record);
                }
            }
        }
    }

    public ReclaimOutcome ReclaimStep(long maxBytes, IRecordLiveness liveness)
    {
        ThrowIfStopped();
        var lookedThrough = 0L;
        var letGo = 0L;
        while (lookedThrough < maxBytes && _reclaimed.CompareTo(_durableEnd) < 0)
        {
            var segment = _segments.Find(candidate => candidate.Number == _reclaimed.Segment)!;
            if (segment == Tail)
            {
                // What is kept of it must not land in itself.
                lock (_gate)
                {
                    BeginNextSegment();
                }
            }

            var end = segment.Number == _durableEnd.Segment ? _durableEnd.Offset : segment.Length;
            var cursor = new RecordLogCursor(segment, PlacesIn(segment), end);
            cursor.StartAt(_reclaimed.Offset);
            while (lookedThrough < maxBytes && cursor.MoveNext())
            {
                var bytes = RecordLogFormat.RecordHeaderBytes + cursor.Record.Length;
                if (!KeepIfLive(segment, cursor, liveness))
                {
                    letGo += bytes;
                }

                lookedThrough += bytes;
                _reclaimed.Offset = cursor.Offset + bytes;
            }

            if (_reclaimed.Offset == segment.Length)
            {
                lookedThrough += RecordLogFormat.SegmentHeaderBytes;
                letGo += RecordLogFormat.SegmentHeaderBytes;
                _reclaimed = (segment.Number + 1, RecordLogFormat.SegmentHeaderBytes);
            }
        }

        return new ReclaimOutcome(lookedThrough, letGo);
    }

    /// <summary>Forgets what was not flushed, as the end of the process does.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            _isDisposed = true;
            foreach (var segment in _segments)
            {
                segment.Dispose();
            }
        }
    }

    private bool KeepIfLive(RecordLogSegment segment, in RecordLogCursor cursor, IRecordLiveness liveness)
    {
        var revision = cursor.Header.Revision;
        if (!IsPlaceOf(revision, segment, cursor.Offset))
        {
            return false; // Put again since, or kept by an earlier step.
        }

        var isLive = liveness.IsLive(revision, cursor.Record);
        lock (_gate)
        {
            if (isLive)
            {
                Append(revision, cursor.Record);
            }
            else
            {
                _places.Remove(revision);
            }
        }

        return isLive;
    }

    private bool IsPlaceOf(Revision revision, RecordLogSegment segment, long offset)
        => _places.TryGetValue(revision, out var place) && place.Segment == segment && place.Offset == offset;

    private void Append(Revision revision, ReadOnlySpan<byte> record)
    {
        var count = RecordLogFormat.RecordHeaderBytes + record.Length;
        if (Tail.Length > RecordLogFormat.SegmentHeaderBytes && Tail.Length + count > _options.SegmentBytes)
        {
            BeginNextSegment();
        }
        else if (Tail.BufferedCount + count > _options.BufferBytes)
        {
            Tail.Flush();
        }

        // Nothing is refused from here on.
        var segment = Tail;
        var offset = segment.Length;
        var bytes = segment.Append(count);
        var sum = RecordLogFormat.WriteRecordHeader(bytes, PlacesIn(segment).At(offset), revision, record);
        record.CopyTo(bytes[RecordLogFormat.RecordHeaderBytes..]);
        segment.RunningSum = Crc32C.Continue(segment.RunningSum, sum);
        _places[revision] = new Place(segment, offset, record.Length);
    }

    private void BeginNextSegment()
    {
        var before = Tail;
        before.Flush();
        BeginSegment(before.Number + 1, before.Length, before.RunningSum);
        before.Close();
    }

    private void BeginSegment(long number, long lengthBefore, uint sumBefore)
    {
        var segment = new RecordLogSegment(_files.CreateFile(PathOf(number)), number);
        var sum = RecordLogFormat.WriteHeader(
            segment.Append(RecordLogFormat.SegmentHeaderBytes), _identity, number, lengthBefore, sumBefore);
        segment.RunningSum = Crc32C.Continue(sumBefore, sum);
        _segments.Add(segment);
        _areNamesUnsynced = true;
    }

    private void Recover(in RecordLogMark mark)
    {
        var numbers = NumbersOnDisk();
        foreach (var number in numbers)
        {
            // Either for older tokens, or deleted once and brought back by a power cut; the next release takes it away.
            if (number < mark.First)
            {
                var old = new RecordLogSegment(_files.OpenFile(PathOf(number)), number);
                _segments.Add(old);
                old.TakeAsItIs();
            }
        }

        for (var number = mark.First; number <= mark.Last; number++)
        {
            RecoverSegment(number, mark);
        }

        if (Tail.RunningSum != mark.RunningSum)
        {
            throw new RecordStoreDamagedException(
                Tail.Path, mark.Length, $"the running sum {mark.RunningSum:x8}", $"{Tail.RunningSum:x8}");
        }

        // Everything is as it was. Only now is anything changed.
        Tail.StartAt(mark.Length);
        foreach (var number in numbers)
        {
            if (number > mark.Last)
            {
                _files.Delete(PathOf(number));
                _areNamesUnsynced = true;
            }
        }

        _reclaimed = (mark.First, RecordLogFormat.SegmentHeaderBytes);
        _durableEnd = (mark.Last, mark.Length);
    }

    private void RecoverSegment(long number, in RecordLogMark mark)
    {
        var path = PathOf(number);
        if (!_files.FileExists(path))
        {
            throw new RecordStoreDamagedException(path, 0, "a segment", "no such file");
        }

        var file = _files.OpenFile(path);
        var segment = new RecordLogSegment(file, number);
        var before = number > mark.First ? Tail : null;
        _segments.Add(segment);

        segment.TakeAsItIs();
        Span<byte> bytes = stackalloc byte[RecordLogFormat.SegmentHeaderBytes];
        var header = RecordLogFormat.ReadHeader(path, bytes[..file.ReadAt(0, bytes)], _identity, number);
        if (before is not null && before.Length != header.LengthBefore)
        {
            throw new RecordStoreDamagedException(
                before.Path, before.Length, $"a length of {header.LengthBefore}", $"{before.Length}");
        }

        if (before is not null && before.RunningSum != header.SumBefore)
        {
            throw new RecordStoreDamagedException(
                before.Path, before.Length, $"the running sum {header.SumBefore:x8}", $"{before.RunningSum:x8}");
        }

        var end = number == mark.Last ? mark.Length : segment.Length;
        if (segment.Length < end)
        {
            throw new RecordStoreDamagedException(path, segment.Length, $"a length of {end}", $"{segment.Length}");
        }

        segment.RunningSum = Crc32C.Continue(header.SumBefore, header.Sum);
        var cursor = new RecordLogCursor(segment, PlacesIn(segment), end);
        while (cursor.MoveNext())
        {
            segment.RunningSum = Crc32C.Continue(segment.RunningSum, cursor.Header.Sum);
            _places[cursor.Header.Revision] = new Place(segment, cursor.Offset, cursor.Record.Length);
        }
    }

    private RecordLogMark MarkOf(ReadOnlySpan<byte> token)
    {
        if (!RecordLogFormat.TryReadToken(token, out var problem, out var mark))
        {
            throw new RecordStoreDamagedException(_directory, 0, "the token of a checkpoint", problem);
        }

        if (mark.Identity != _identity)
        {
            throw new RecordStoreDamagedException(
                _directory, 0, $"a token of the member {_identity:x16}", $"one of {mark.Identity:x16}");
        }

        return mark;
    }

    private RecordPlaces PlacesIn(RecordLogSegment segment)
        => new(_identity, segment.Number, _options.Faults.SumsWithoutPlace);

    private string PathOf(long number) => Path.Join(_directory, RecordLogFormat.SegmentName(number));

    private List<long> NumbersOnDisk()
    {
        var numbers = new List<long>();
        foreach (var name in _files.List(_directory))
        {
            if (RecordLogFormat.TryParseSegmentName(name, out var number))
            {
                numbers.Add(number);
            }
        }

        return numbers;
    }

    private void ThrowIfStopped()
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        if (_stoppedBy is { } cause)
        {
            throw new RecordStoreStoppedException(_directory, cause);
        }
    }

    private readonly record struct Place(RecordLogSegment Segment, long Offset, int Length);

    private sealed class Checkpoint(ReadOnlyMemory<byte> token, StorageException? failure) : IRecordCheckpoint
    {
        public ReadOnlyMemory<byte> Token
        {
            get
            {
                Invariant.Holds(IsDurable);
                return token;
            }
        }

        public bool IsDurable => failure is null ? true : throw failure;

        public void Wait() => Invariant.Holds(IsDurable);
    }

    private sealed class Reader(LogRecordStore store) : IRecordReader
    {
        private byte[] _bytes = [];

        public bool TryRead(Revision revision, IRecordSink sink)
        {
            if (!TryFetch(revision, out var count))
            {
                return false;
            }

            sink.Accept(revision, _bytes.AsSpan(0, count)[RecordLogFormat.RecordHeaderBytes..]);
            return true;
        }

        public void Read(ReadOnlySpan<Revision> revisions, IRecordSink sink)
        {
            foreach (var revision in revisions)
            {
                if (!TryRead(revision, sink))
                {
                    throw new RecordMissingException(store._directory, revision);
                }
            }
        }

        public void Dispose() => _bytes = [];

        // Under the lock, so that the place is still the record's while it is read; the sink is called outside.
        private bool TryFetch(Revision revision, out int count)
        {
            lock (store._gate)
            {
                ObjectDisposedException.ThrowIf(store._isDisposed, store);
                count = 0;
                if (!store._places.TryGetValue(revision, out var place))
                {
                    return false;
                }

                count = RecordLogFormat.RecordHeaderBytes + place.Length;
                if (_bytes.Length < count)
                {
                    _bytes = new byte[Math.Max(count, _bytes.Length * 2)];
                }

                var bytes = _bytes.AsSpan(0, count);
                var found = place.Segment.ReadAt(place.Offset, bytes);
                if (found < count)
                {
                    throw Corrupt($"the file ends after {found} of {count} bytes");
                }

                var header = RecordLogFormat.ReadRecordHeader(bytes);
                var sum = RecordLogFormat.SumOf(store.PlacesIn(place.Segment).At(place.Offset), bytes);
                if (header.Sum != sum)
                {
                    throw Corrupt($"its sum is {sum:x8} and should be {header.Sum:x8}");
                }

                if ((header.Revision != revision && !store._options.Faults.SumsWithoutPlace) || header.Length != place.Length)
                {
                    throw Corrupt($"it is a record of {header.Length} bytes of revision {header.Revision}");
                }

                return true;

                RecordCorruptException Corrupt(string what) => new(place.Segment.Path, place.Offset, revision, what);
            }
        }
    }
}
