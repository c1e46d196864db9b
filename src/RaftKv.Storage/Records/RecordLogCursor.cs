namespace RaftKv.Storage.Records;

/// <summary>
/// Goes through the records of one segment from its beginning, a chunk of the file at a time, and checks each.
/// </summary>
internal ref struct RecordLogCursor(RecordLogSegment segment, RecordPlaces places, long end)
{
    private const int ChunkBytes = 128 * 1024;

    private byte[] _chunk = [];
    private long _chunkOffset;
    private int _chunkCount;
    private long _next = RecordLogFormat.SegmentHeaderBytes;

    /// <summary>Where the record begins.</summary>
    public long Offset { get; private set; }

    public RecordHeader Header { get; private set; }

    public ReadOnlySpan<byte> Record { get; private set; }

    /// <summary>Begins with the record that stands at an offset.</summary>
    public void StartAt(long offset) => _next = offset;

    /// <summary>Goes on to the next record.</summary>
    /// <returns>Whether there is one before the end.</returns>
    /// <exception cref="RecordStoreDamagedException">What is there is no record.</exception>
    public bool MoveNext()
    {
        if (_next == end)
        {
            return false;
        }

        Offset = _next;
        var left = end - _next;
        if (left < RecordLogFormat.RecordHeaderBytes)
        {
            throw Damaged("a record", $"{left} bytes before the end");
        }

        Header = RecordLogFormat.ReadRecordHeader(Bytes(RecordLogFormat.RecordHeaderBytes));
        if (Header.Length < 0 || Header.Length > left - RecordLogFormat.RecordHeaderBytes)
        {
            throw Damaged(
                $"a record of at most {left - RecordLogFormat.RecordHeaderBytes} bytes", $"the length {Header.Length}");
        }

        var bytes = Bytes(RecordLogFormat.RecordHeaderBytes + Header.Length);
        var sum = RecordLogFormat.SumOf(places.At(Offset), bytes);
        if (sum != Header.Sum)
        {
            throw Damaged($"the sum {sum:x8} for a record of revision {Header.Revision}", $"{Header.Sum:x8}");
        }

        Record = bytes[RecordLogFormat.RecordHeaderBytes..];
        _next += bytes.Length;
        return true;
    }

    private ReadOnlySpan<byte> Bytes(int count)
    {
        if (Offset < _chunkOffset || Offset + count > _chunkOffset + _chunkCount)
        {
            var wanted = (int)Math.Min(end - Offset, Math.Max(count, ChunkBytes));
            if (_chunk.Length < wanted)
            {
                _chunk = new byte[wanted];
            }

            _chunkOffset = Offset;
            _chunkCount = segment.ReadAt(Offset, _chunk.AsSpan(0, wanted));
            if (_chunkCount < count)
            {
                throw Damaged($"{count} bytes", $"the end of the file after {_chunkCount}");
            }
        }

        return _chunk.AsSpan((int)(Offset - _chunkOffset), count);
    }

    private readonly RecordStoreDamagedException Damaged(string expected, string found)
        => new(segment.Path, Offset, expected, found);
}
