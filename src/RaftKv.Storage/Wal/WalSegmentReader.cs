using RaftKv.Raft;
using RaftKv.Storage.Files;

namespace RaftKv.Storage.Wal;

/// <summary>
/// Reads a segment through a window that moves over it, and judges one batch at a time. It says what is there; what that
/// means after a crash is decided by <see cref="WalRecovery"/>.
/// </summary>
internal sealed class WalSegmentReader(IFile file, byte[]? buffer = null)
{
    // Large enough that a segment is read in few calls, small enough not to matter beside the rest of the process.
    public const int WindowBytes = 256 * 1024;

    private byte[] _buffer = buffer ?? [];
    private long _windowStart;
    private int _windowLength;
    private uint _salt;

    public WalSegmentHeader Header { get; private set; }

    public string Path => file.Path;

    /// <summary>Reads the first sector and checks it, and the length of the file against it.</summary>
    public bool TryReadHeader(out WalFlaw flaw)
    {
        var length = file.Length;
        if (length < WalFormat.SegmentHeaderBytes)
        {
            flaw = new WalFlaw(0, $"a header of {WalFormat.SegmentHeaderBytes} bytes", $"a file of {length} bytes");
            return false;
        }

        if (!WalFormat.TryReadHeader(Bytes(0, WalFormat.SegmentHeaderBytes), out var header, out flaw))
        {
            return false;
        }

        if (length != header.CapacityBytes)
        {
            flaw = new WalFlaw(Math.Min(length, header.CapacityBytes), $"{header.CapacityBytes} bytes", $"{length} bytes");
            return false;
        }

        Header = header;
        _salt = WalFormat.Salt(header.Identity, header.Number);
        return true;
    }

    /// <summary>Some bytes of the file, all of which must exist. Borrowed until the next call.</summary>
    public ReadOnlySpan<byte> Bytes(long offset, int count)
    {
        if (offset < _windowStart || offset + count > _windowStart + _windowLength)
        {
            if (_buffer.Length < count)
            {
                _buffer = new byte[Math.Max(count, (int)Math.Min(WindowBytes, file.Length))];
            }

            _windowStart = offset;
            _windowLength = file.ReadAt(offset, _buffer);
            Invariant.Holds(_windowLength >= count);
        }

        return _buffer.AsSpan((int)(offset - _windowStart), count);
    }

    /// <summary>Reads the batch that must follow, and checks every byte of it.</summary>
    /// <param name="offset">Where it must begin.</param>
    /// <param name="previous">The sum that it must hang on.</param>
    /// <param name="sequence">The number that it must have.</param>
    /// <param name="batch">Its bytes, borrowed until the next call.</param>
    /// <param name="sum">The sum of its last record.</param>
    /// <param name="flaw">Why it is not there.</param>
    public bool TryReadBatch(
        long offset, uint previous, ulong sequence, out ReadOnlySpan<byte> batch, out uint sum, out WalFlaw flaw)
    {
        batch = default;
        sum = previous;
        if (offset + WalFormat.BatchFrameBytes > Header.CapacityBytes)
        {
            flaw = new WalFlaw(offset, $"batch {sequence}", "the end of the segment");
            return false;
        }

        if (!TryReadBegin(offset, out var begin, out flaw))
        {
            return false;
        }

        if (begin.Previous != previous || begin.Sequence != sequence)
        {
            flaw = new WalFlaw(
                offset,
                $"batch {sequence} after a record of crc32c {previous:x8}",
                $"batch {begin.Sequence} after {begin.Previous:x8}");
            return false;
        }

        var recordCount = begin.RecordCount;
        batch = Bytes(offset, (int)begin.BatchBytes);
        return TryCheckRecords(batch, offset, recordCount, out sum, out flaw);
    }

    /// <summary>Reads a Begin that is whole in itself and describes a batch that fits.</summary>
    public bool TryReadBegin(long offset, out WalRecord begin, out WalFlaw flaw)
    {
        if (!WalFormat.TryReadRecord(Bytes(offset, WalFormat.BeginBytes), offset, _salt, out begin, out flaw))
        {
            return false;
        }

        if (begin.Kind != WalRecordKind.Begin)
        {
            flaw = new WalFlaw(offset, "the begin of a batch", $"a record of kind {begin.Kind}");
            return false;
        }

        var bytes = begin.BatchBytes;
        if (bytes < WalFormat.BatchFrameBytes
            || bytes % WalFormat.RecordAlignment != 0
            || bytes > Header.CapacityBytes - offset)
        {
            flaw = new WalFlaw(offset, $"a batch that fits into {Header.CapacityBytes - offset} bytes", $"{bytes} bytes");
            return false;
        }

        return true;
    }

    /// <summary>Reads an End that is whole in itself.</summary>
    public bool TryReadEnd(long offset, out WalRecord end, out WalFlaw flaw)
    {
        if (!WalFormat.TryReadRecord(Bytes(offset, WalFormat.EndBytes), offset, _salt, out end, out flaw))
        {
            return false;
        }

        if (end.Kind != WalRecordKind.End)
        {
            flaw = new WalFlaw(offset, "the end of a batch", $"a record of kind {end.Kind}");
            return false;
        }

        return true;
    }

    /// <summary>Whether the bytes at one offset are the begin of a batch that was meant for this segment at another one:
    /// a write that went astray.</summary>
    public bool IsBeginMeantFor(long meantFor, long foundAt)
        => WalFormat.TryReadRecord(Bytes(foundAt, WalFormat.BeginBytes), meantFor, _salt, out var begin, out _)
            && begin.Kind == WalRecordKind.Begin;

    private bool TryCheckRecords(
        ReadOnlySpan<byte> batch, long offset, uint recordCount, out uint sum, out WalFlaw flaw)
    {
        sum = 0;
        var at = 0;
        for (var i = 0u; i < recordCount + 2; i++)
        {
            if (!WalFormat.TryReadRecord(batch[at..], offset + at, _salt, out var record, out flaw))
            {
                return false;
            }

            if (i > 0 && record.Previous != sum)
            {
                flaw = new WalFlaw(offset + at, $"a record after crc32c {sum:x8}", $"one after {record.Previous:x8}");
                return false;
            }

            var isFrame = record.Kind is WalRecordKind.Begin or WalRecordKind.End;
            if (isFrame != (i == 0 || i == recordCount + 1))
            {
                flaw = new WalFlaw(offset + at, $"record {i} of {recordCount} in a batch", $"kind {record.Kind}");
                return false;
            }

            sum = record.Sum;
            at += record.PaddedBytes;
        }

        if (at != batch.Length)
        {
            flaw = new WalFlaw(offset + at, $"the batch to end at {offset + batch.Length}", $"its last record ending here");
            return false;
        }

        flaw = default;
        return true;
    }
}

/// <summary>Goes through the records of a batch that <see cref="WalSegmentReader.TryReadBatch"/> has checked, without
/// Begin and End.</summary>
internal ref struct WalRecordCursor(ReadOnlySpan<byte> batch, long offset, uint salt)
{
    private readonly ReadOnlySpan<byte> _batch = batch;
    private int _at = WalFormat.BeginBytes;

    public bool TryRead(out WalRecord record)
    {
        record = default;
        if (_at >= _batch.Length - WalFormat.EndBytes)
        {
            return false;
        }

        var isWhole = WalFormat.TryReadRecord(_batch[_at..], offset + _at, salt, out record, out _);
        Invariant.Holds(isWhole);
        _at += record.PaddedBytes;
        return true;
    }
}
