using System.Buffers.Binary;
using System.Globalization;
using RaftKv.Raft.Log;
using RaftKv.Storage.Files;

namespace RaftKv.Storage.Wal;

/// <summary>
/// Reads a log after the end of the process that wrote it, and decides what to believe. It changes nothing.
/// </summary>
/// <remarks>
/// <para>What the writer guarantees, and the rules lean on: one batch is written at a time; the next is begun only after
/// the sync of the one before has returned; nobody was told of a batch before its sync had returned; a segment is zero
/// where nothing was written; a segment's header is durable before the segment gets its name, and its name before it gets
/// its first batch. What the disk guarantees: an aligned sector of 512 bytes is old or new, never half of each.</para>
///
/// <para><b>1. A batch counts as a whole or not at all.</b> Every record must sum right for its place, hang on the record
/// before and carry the expected sequence, and the batch must end in End. Its entries depend on its hard state and the
/// reverse, so half a batch could be a promise half kept.</para>
///
/// <para><b>2. Zeros to the end of the last segment are a clean end.</b> Nothing was begun after the last batch.</para>
///
/// <para><b>3. In any segment but the last, what is missing is damage.</b> The next segment was made after the last batch
/// here was durable, and its header says what that batch was.</para>
///
/// <para><b>4. A Begin after the spot proves damage.</b> Begin is recognised alone, for its sum knows its place, and it
/// was written only after everything before it was durable. A Begin that was meant for the spot, but lies elsewhere, is a
/// write that went astray: its sync returned, though the spot is empty.</para>
///
/// <para><b>5. Otherwise the spot is in the last batch that was ever begun, and it was interrupted only if a sector of it is
/// missing.</b> The place was zero before, so a sector that did not arrive is zero now. Some sectors are zero because the
/// payload is, so End says how many. More zeros than that: a sector never arrived, the sync never returned, nobody was
/// told; the batch is a torn tail and is cut off. No more than that: every sector arrived, and something changed them
/// since. That is damage, perhaps to something acknowledged. A sector with a single bit set ("faint") could be emptied
/// by one flip, so as many missing sectors as there are faint ones prove nothing, unless the first broken record
/// begins in one of them, for its header has many bits; the doubt goes to damage. If Begin or End itself cannot be read, the sectors that
/// hold it decide: one of them is zero, or it is damage.</para>
///
/// <para><b>6. A closed segment names its successor.</b> If the last segment there is says that another one follows, that
/// one has been lost.</para>
///
/// <para><b>7. Segments before a gap are leftovers, if the rest suffices.</b> Deleting old segments is not synced, so after a
/// power cut any of them may be back. The rest suffices if it holds every entry after the compaction marker; if not, the
/// missing segment is named.</para>
///
/// <para>What one copy cannot show: a disk that acknowledged a sync and lost whole sectors of the very last batch, or put
/// back an older copy of the whole last segment. Both look exactly like a batch that was never finished. Only the other
/// members know better.</para>
/// </remarks>
internal sealed class WalRecovery
{
    private readonly IFileSystem _files;
    private readonly string _directory;
    private readonly IWalVisitor? _visitor;
    private readonly List<string> _leftovers = [];
    private readonly List<RecoveredSegment> _segments = [];
    private readonly EntryIndex _index = new();

    // The state of the log as of the last batch that was read.
    private HardState _hardState;
    private LogPosition _start;
    private LogPosition _last;
    private ulong _sequence;
    private uint _previous;
    private ulong _identity;
    private long _batchCount;

    // Of the segment that is being read.
    private long _offset;
    private int _lastBatchBytes;
    private ulong _successor;

    private WalRecovery(IFileSystem files, string directory, IWalVisitor? visitor)
    {
        _files = files;
        _directory = directory;
        _visitor = visitor;
    }

    /// <summary>Reads the log in a directory.</summary>
    /// <param name="files">The disk.</param>
    /// <param name="directory">Where the segments are.</param>
    /// <param name="identity">Whose log it must be; zero if whoever asks does not know.</param>
    /// <param name="visitor">Is shown everything that counts, in order.</param>
    /// <exception cref="WalDamagedException">By the rules above.</exception>
    public static RecoveredLog Read(IFileSystem files, string directory, ulong identity, IWalVisitor? visitor = null)
        => new WalRecovery(files, directory, visitor) { _identity = identity }.Read();

    /// <summary>The numbers of the segments in a directory, ascending.</summary>
    public static List<ulong> ListSegments(IFileSystem files, string directory, List<string>? leftovers = null)
    {
        var numbers = new List<ulong>();
        foreach (var name in files.List(directory))
        {
            if (WalFormat.TryParseSegmentName(name, out var number))
            {
                numbers.Add(number);
            }
            else if (name.EndsWith(WalFormat.UnfinishedSuffix, StringComparison.Ordinal))
            {
                leftovers?.Add(name);
            }
            else if (name.EndsWith(WalFormat.SegmentSuffix, StringComparison.Ordinal))
            {
                throw new WalDamagedException(
                    Path.Join(directory, name), 0, "a segment named by 16 hexadecimal digits", $"the name {name}");
            }
        }

        // Fixed-width hexadecimal: the order of the names is the order of the numbers.
        return numbers;
    }

    private RecoveredLog Read()
    {
        var numbers = ListSegments(_files, _directory, _leftovers);
        if (numbers.Count == 0)
        {
            throw new WalDamagedException(_directory, 0, "at least one segment of the log", "none");
        }

        var first = numbers.Count - 1;
        while (first > 0 && numbers[first - 1] + 1 == numbers[first])
        {
            first--;
        }

        var tornTail = (TornTail?)null;
        byte[]? window = null;
        for (var i = first; i < numbers.Count; i++)
        {
            tornTail = ReadSegment(numbers[i], isFirst: i == first, isLast: i == numbers.Count - 1, ref window);
        }

        // Rule 7. The index begins where entries were first seen; what lies between the marker and there is missing.
        if (_index.First > _start.Index + 1)
        {
            var missing = numbers[first] - 1;
            throw new WalDamagedException(
                PathOf(missing), 0, $"a segment that holds entry {_start.Index + 1}", "no such file");
        }

        for (var i = 0; i < first; i++)
        {
            _leftovers.Add(WalFormat.SegmentName(numbers[i]));
        }

        return new RecoveredLog
        {
            Identity = _identity,
            HardState = _hardState,
            Start = _start,
            Last = _last,
            Index = _index,
            Segments = _segments,
            Leftovers = _leftovers,
            TornTail = tornTail,
            BatchCount = _batchCount,
            Sequence = _sequence,
            Previous = _previous,
            Offset = _offset,
            LastBatchBytes = _lastBatchBytes,
        };
    }

    private TornTail? ReadSegment(ulong number, bool isFirst, bool isLast, ref byte[]? window)
    {
        using var file = _files.OpenFileToRead(PathOf(number));
        window ??= new byte[Math.Clamp(file.Length, WalFormat.SegmentHeaderBytes, WalSegmentReader.WindowBytes)];
        var reader = new WalSegmentReader(file, window);
        if (!reader.TryReadHeader(out var flaw))
        {
            throw Damaged(reader, flaw);
        }

        CheckHeader(reader, number, isFirst);
        _segments.Add(new RecoveredSegment(number, reader.Path, reader.Header.CapacityBytes));
        _visitor?.OnSegment(reader.Path, reader.Header);

        _offset = WalFormat.SegmentHeaderBytes;
        _lastBatchBytes = 0;
        _successor = 0;
        while (reader.TryReadBatch(_offset, _previous, _sequence, out var batch, out var sum, out flaw))
        {
            Apply(reader, batch);
            if (_successor != 0)
            {
                break;
            }

            _previous = sum;
            _sequence++;
            _batchCount++;
            _lastBatchBytes = batch.Length;
            _offset += batch.Length;
        }

        if (!isLast)
        {
            // Rule 3: the next header knows which batch was the last one here.
            var next = HeaderOf(number + 1);
            if (next.Sequence != _sequence || next.Previous != _previous)
            {
                throw Damaged(reader, _successor == 0 ? flaw : new WalFlaw(
                    _offset, $"batch {next.Sequence}, as the next segment says", $"the end of the segment at {_sequence}"));
            }

            return null;
        }

        if (_successor != 0)
        {
            throw new WalDamagedException(
                PathOf(_successor), 0, $"the segment that continues {reader.Path}", "no such file");
        }

        return JudgeTail(reader, flaw);
    }

    private void CheckHeader(WalSegmentReader reader, ulong number, bool isFirst)
    {
        CheckOwner(reader, number);
        var header = reader.Header;
        if (isFirst)
        {
            (_hardState, _start, _last) = (header.HardState, header.Start, header.Last);
            (_sequence, _previous) = (header.Sequence, header.Previous);
            _index.Restart(header.Last.Index + 1);
            return;
        }

        // Checked before by rule 3: sequence and previous. The rest must follow from the segments before.
        if (header.HardState != _hardState || header.Start != _start || header.Last != _last)
        {
            throw Damaged(
                reader,
                new WalFlaw(
                    48,
                    $"{_hardState}, entries after {_start} to {_last}",
                    $"{header.HardState}, entries after {header.Start} to {header.Last}"));
        }
    }

    private void CheckOwner(WalSegmentReader reader, ulong number)
    {
        var header = reader.Header;
        if (_identity == 0)
        {
            _identity = header.Identity;
        }

        if (header.Identity != _identity)
        {
            throw Damaged(
                reader, new WalFlaw(16, $"a segment of log {_identity:x16}", $"one of log {header.Identity:x16}"));
        }

        if (header.Number != number)
        {
            throw Damaged(reader, new WalFlaw(24, $"segment {number}", $"segment {header.Number} under this name"));
        }
    }

    private WalSegmentHeader HeaderOf(ulong number)
    {
        using var file = _files.OpenFileToRead(PathOf(number));
        var reader = new WalSegmentReader(file, new byte[WalFormat.SegmentHeaderBytes]);
        if (!reader.TryReadHeader(out var flaw))
        {
            throw Damaged(reader, flaw);
        }

        CheckOwner(reader, number);
        return reader.Header;
    }

    private void Apply(WalSegmentReader reader, ReadOnlySpan<byte> batch)
    {
        var salt = WalFormat.Salt(reader.Header.Identity, reader.Header.Number);
        _visitor?.OnBatch(_sequence, _offset, batch.Length);
        var cursor = new WalRecordCursor(batch, _offset, salt);
        while (cursor.TryRead(out var record))
        {
            _visitor?.OnRecord(record);
            switch (record.Kind)
            {
                case WalRecordKind.Entry:
                    ApplyEntry(reader, record);
                    break;
                case WalRecordKind.HardState:
                    _hardState = record.HardState;
                    break;
                case WalRecordKind.Compacted:
                    Require(
                        reader,
                        record,
                        record.Position.Index > _start.Index && record.Position.Index <= _last.Index,
                        $"a compaction between {_start} and {_last}");
                    _start = record.Position;
                    _index.DropThrough(_start.Index);
                    break;
                case WalRecordKind.Reset:
                    _start = record.Position;
                    _last = record.Position;
                    _index.Restart(_start.Index + 1);
                    break;
                default:
                    _successor = BinaryPrimitives.ReadUInt64LittleEndian(record.Body);
                    Require(
                        reader, record, _successor == reader.Header.Number + 1, "the number of the next segment");
                    break;
            }
        }
    }

    private void ApplyEntry(WalSegmentReader reader, in WalRecord record)
    {
        var position = record.Position;
        Require(
            reader,
            record,
            position.Index > _start.Index && position.Index <= _last.Index + 1,
            $"an entry between {_start} and {_last} or the one after");
        if (position.Index < _index.First)
        {
            // It overwrites what older segments, gone since, held.
            _index.Restart(position.Index);
        }
        else
        {
            _index.CutFrom(position.Index);
            if (_index.Count > 0)
            {
                Require(
                    reader,
                    record,
                    position.Term >= _index[position.Index - 1].Term,
                    $"a term from {_index[position.Index - 1].Term} on");
            }
        }

        _index.Add(new EntryLocation(position.Term, (uint)reader.Header.Number, (uint)record.Offset));
        _last = position;
    }

    // A record that sums right and makes no sense was written by something that is not this program.
    private static void Require(WalSegmentReader reader, in WalRecord record, bool claim, string expected)
    {
        if (!claim)
        {
            var found = record.Kind is WalRecordKind.Closed ? $"{record.NextSegment}" : $"{record.Kind} {record.Position}";
            throw new WalDamagedException(reader.Path, record.Offset, expected, found);
        }
    }

    // Rules 2, 4 and 5: there is no whole batch at _offset of the last segment.
    private TornTail? JudgeTail(WalSegmentReader reader, WalFlaw flaw)
    {
        var trace = ScanTail(reader);
        if (trace.UsedEnd == _offset)
        {
            return null;
        }

        if (trace.BeginAt is { } beginAt)
        {
            throw Damaged(
                reader, flaw, $"; the batch at {beginAt}, begun only after this place was durable, is intact");
        }

        if (trace.AstrayAt is { } astrayAt)
        {
            throw Damaged(reader, flaw, $"; the batch that belongs here was written to {astrayAt}");
        }

        if (_offset + WalFormat.BatchFrameBytes > reader.Header.CapacityBytes)
        {
            throw Damaged(reader, new WalFlaw(_offset, "zeros, for no batch fits here", "something else"));
        }

        if (!reader.TryReadBegin(_offset, out var begin, out _))
        {
            return IsSectorMissing(reader, _offset, WalFormat.BeginBytes) ? Torn("its begin") : throw Damaged(reader, flaw);
        }

        if (begin.Sequence != _sequence || begin.Previous != _previous)
        {
            throw Damaged(reader, flaw);
        }

        var batchBytes = (int)begin.BatchBytes;
        var endAt = _offset + batchBytes - WalFormat.EndBytes;
        if (!reader.TryReadEnd(endAt, out var end, out var endFlaw))
        {
            return IsSectorMissing(reader, endAt, WalFormat.EndBytes) ? Torn("its end") : throw Damaged(reader, endFlaw);
        }

        var written = end.BareSectors;
        var found = WalFormat.CountBareSectors(reader.Bytes(_offset, batchBytes - WalFormat.EndBytes), _offset);
        return found.Zero > written.Zero + written.Faint || IsHeaderMissing(reader, flaw.Offset, _offset, endAt)
            ? Torn("sectors of its middle")
            : throw Damaged(reader, flaw);

        TornTail Torn(string what)
            => new(reader.Path, _offset, trace.UsedEnd - _offset, $"batch {_sequence} was interrupted: {what} never arrived");
    }

    // The records of the batch before the flaw are whole, so that one begins there. Its header has more than one bit set, so
    // no single flip emptied the sector that holds it.
    private static bool IsHeaderMissing(WalSegmentReader reader, long offset, long batchAt, long endAt)
    {
        var sector = offset / WalFormat.SectorBytes * WalFormat.SectorBytes;
        if (offset + WalFormat.RecordHeaderBytes > Math.Min(sector + WalFormat.SectorBytes, endAt))
        {
            return false;
        }

        var from = Math.Max(sector, batchAt);
        var to = Math.Min(sector + WalFormat.SectorBytes, endAt);
        return IsSectorMissing(reader, from, (int)(to - from));
    }

    private static bool IsSectorMissing(WalSegmentReader reader, long offset, int count)
        => WalFormat.CountBareSectors(reader.Bytes(offset, count), offset).Zero > 0;

    // Goes over what should be zeros: where the last byte that is not lies, and whether there is proof of later writes.
    private TailTrace ScanTail(WalSegmentReader reader)
    {
        const int Chunk = 64 * 1024;
        var capacity = (long)reader.Header.CapacityBytes;
        var trace = new TailTrace(_offset, BeginAt: null, AstrayAt: null);
        for (var start = _offset; start < capacity; start += Chunk)
        {
            var count = (int)Math.Min(Chunk, capacity - start);
            var lastUsed = reader.Bytes(start, count).LastIndexOfAnyExcept((byte)0);
            if (lastUsed < 0)
            {
                continue;
            }

            trace = trace with { UsedEnd = start + lastUsed + 1 };

            // A Begin may reach over the end of the chunk, but not over that of the segment.
            var last = Math.Min(start + lastUsed, capacity - WalFormat.BeginBytes);
            for (var at = Math.Max(start, _offset + WalFormat.RecordAlignment); at <= last; at += WalFormat.RecordAlignment)
            {
                if (BinaryPrimitives.ReadUInt32LittleEndian(reader.Bytes(at, WalFormat.BeginBytes)) != WalFormat.BeginBytes)
                {
                    continue;
                }

                if (trace.BeginAt is null && reader.TryReadBegin(at, out _, out _))
                {
                    trace = trace with { BeginAt = at };
                }

                if (trace.AstrayAt is null && reader.IsBeginMeantFor(_offset, at))
                {
                    trace = trace with { AstrayAt = at };
                }
            }
        }

        return trace;
    }

    private string PathOf(ulong number) => Path.Join(_directory, WalFormat.SegmentName(number));

    private static WalDamagedException Damaged(WalSegmentReader reader, WalFlaw flaw, string proof = "")
        => new(reader.Path, flaw.Offset, flaw.Expected, string.Create(CultureInfo.InvariantCulture, $"{flaw.Found}{proof}"));

    private readonly record struct TailTrace(long UsedEnd, long? BeginAt, long? AstrayAt);
}

/// <summary>Is shown a log in the order in which it was written.</summary>
internal interface IWalVisitor
{
    void OnSegment(string path, in WalSegmentHeader header);

    void OnBatch(ulong sequence, long offset, int bytes);

    void OnRecord(in WalRecord record);
}

/// <summary>A batch at the end of the log that was being written when the power went. Nobody was told that it was durable,
/// so it is cut off; the host says so in its log.</summary>
/// <param name="Path">The segment.</param>
/// <param name="Offset">Where the batch began.</param>
/// <param name="Bytes">How far behind that something was found.</param>
/// <param name="Reason">What was missing.</param>
public sealed record TornTail(string Path, long Offset, long Bytes, string Reason);

/// <summary>What recovery believes, and where the writer goes on.</summary>
internal sealed class RecoveredLog
{
    public required ulong Identity { get; init; }

    public required HardState HardState { get; init; }

    public required LogPosition Start { get; init; }

    public required LogPosition Last { get; init; }

    public required EntryIndex Index { get; init; }

    public required List<RecoveredSegment> Segments { get; init; }

    /// <summary>Names of files that an interrupted roll or release left behind.</summary>
    public required List<string> Leftovers { get; init; }

    public required TornTail? TornTail { get; init; }

    public required long BatchCount { get; init; }

    /// <summary>Of the next batch.</summary>
    public required ulong Sequence { get; init; }

    /// <summary>The sum that the next batch hangs on.</summary>
    public required uint Previous { get; init; }

    /// <summary>Where the next batch goes in the last segment.</summary>
    public required long Offset { get; init; }

    /// <summary>The size of the last batch in the last segment; 0 if there is none in it.</summary>
    public required int LastBatchBytes { get; init; }
}

/// <summary>A segment that recovery has read.</summary>
internal readonly record struct RecoveredSegment(ulong Number, string Path, long CapacityBytes);
