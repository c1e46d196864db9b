using System.Buffers.Binary;
using RaftKv.Raft;
using RaftKv.Raft.Log;

namespace RaftKv.Storage.Wal;

/// <summary>
/// Lays out one batch after the other in one buffer that it keeps. A batch is begun with its size and record count,
/// because Begin is summed first and the sums of all others hang on it.
/// </summary>
internal sealed class WalBatchWriter
{
    // Grown for a large batch, but not kept at the size of the largest ever seen.
    private const int KeptBytesMax = 4 * 1024 * 1024;
    private const int FirstBytes = 4 * 1024;

    private byte[] _buffer = new byte[FirstBytes];
    private int _length;
    private int _totalBytes;
    private long _offset;
    private uint _salt;
    private uint _previous;

    /// <summary>How many bytes a batch will take, the frame included. At most what an int can hold: see
    /// <see cref="WriteAheadLog.BatchBytesMax"/>.</summary>
    public static long Measure(in WalBatch batch)
    {
        var bytes = (long)WalFormat.BatchFrameBytes;
        bytes += batch.Reset is null ? 0 : WalFormat.PositionBytes;
        bytes += batch.HardState is null ? 0 : WalFormat.HardStateBytes;
        foreach (ref readonly var entry in batch.Entries)
        {
            bytes += EntryBytes(entry);
        }

        return bytes;
    }

    public static long EntryBytes(in Entry entry) => WalFormat.Padded(WalFormat.EntryHeaderBytes + entry.Payload.Length);

    public void Begin(uint salt, long offset, uint previous, ulong sequence, int totalBytes, int recordCount)
    {
        if (_buffer.Length < totalBytes || (_buffer.Length > KeptBytesMax && totalBytes <= KeptBytesMax))
        {
            _buffer = new byte[Math.Max(FirstBytes, WalFormat.Padded(totalBytes))];
        }

        _salt = salt;
        _offset = offset;
        _previous = previous;
        _totalBytes = totalBytes;
        _length = 0;

        var body = Next(WalRecordKind.Begin, WalFormat.BeginBytes);
        BinaryPrimitives.WriteUInt64LittleEndian(body, sequence);
        BinaryPrimitives.WriteUInt32LittleEndian(body[8..], (uint)totalBytes);
        BinaryPrimitives.WriteUInt32LittleEndian(body[12..], (uint)recordCount);
        Sum(WalFormat.BeginBytes);
    }

    /// <returns>The record's offset in the segment.</returns>
    public long AddEntry(in Entry entry)
    {
        var at = _offset + _length;
        var length = WalFormat.EntryHeaderBytes + entry.Payload.Length;
        var body = Next(WalRecordKind.Entry, length, entry.Kind);
        WalFormat.WritePosition(entry.Position, body);
        entry.Payload.Span.CopyTo(body[16..]);
        Sum(length);
        return at;
    }

    public void AddHardState(HardState state)
    {
        WalFormat.WriteHardState(state, Next(WalRecordKind.HardState, WalFormat.HardStateBytes));
        Sum(WalFormat.HardStateBytes);
    }

    public void AddPosition(WalRecordKind kind, LogPosition position)
    {
        WalFormat.WritePosition(position, Next(kind, WalFormat.PositionBytes));
        Sum(WalFormat.PositionBytes);
    }

    public void AddClosed(ulong nextSegment)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(Next(WalRecordKind.Closed, WalFormat.ClosedBytes), nextSegment);
        Sum(WalFormat.ClosedBytes);
    }

    /// <summary>Completes the batch.</summary>
    /// <param name="sum">What the next batch hangs on.</param>
    /// <returns>All its bytes, until the next <see cref="Begin"/>.</returns>
    public ReadOnlySpan<byte> End(out uint sum)
    {
        var bare = WalFormat.CountBareSectors(_buffer.AsSpan(0, _length), _offset);
        var body = Next(WalRecordKind.End, WalFormat.EndBytes);
        BinaryPrimitives.WriteUInt32LittleEndian(body, bare.Zero);
        BinaryPrimitives.WriteUInt32LittleEndian(body[4..], bare.Faint);
        BinaryPrimitives.WriteUInt64LittleEndian(body[8..], WalFormat.EndMark);
        Sum(WalFormat.EndBytes);

        Invariant.Holds(_length == _totalBytes);
        sum = _previous;
        return _buffer.AsSpan(0, _length);
    }

    // Everything in the record but its sum; the caller fills the body it gets.
    private Span<byte> Next(WalRecordKind kind, int length, EntryKind entryKind = 0)
    {
        var record = _buffer.AsSpan(_length, (int)WalFormat.Padded(length));
        record[length..].Clear();
        BinaryPrimitives.WriteUInt32LittleEndian(record, (uint)length);
        BinaryPrimitives.WriteUInt32LittleEndian(record[8..], _previous);
        record[12] = (byte)kind;
        record[13] = (byte)entryKind;
        record[14] = 0;
        record[15] = 0;
        return record[WalFormat.RecordHeaderBytes..length];
    }

    private void Sum(int length)
    {
        var record = _buffer.AsSpan(_length, (int)WalFormat.Padded(length));
        _previous = WalFormat.SumOf(_salt, _offset + _length, record);
        BinaryPrimitives.WriteUInt32LittleEndian(record[4..], _previous);
        _length += record.Length;
    }
}
