using RaftKv.Raft;
using RaftKv.Storage.Files;

namespace RaftKv.Storage.Records;

/// <summary>One file of a <see cref="LogRecordStore"/>, the last bytes of which may still be in memory.</summary>
internal sealed class RecordLogSegment(IFile file, long number) : IDisposable
{
    private byte[] _buffer = [];
    private int _bufferedCount;
    private long _writtenLength;

    public long Number { get; } = number;

    public string Path => file.Path;

    /// <summary>Its length, with what is still in memory.</summary>
    public long Length => _writtenLength + _bufferedCount;

    /// <summary>How many bytes wait in memory.</summary>
    public int BufferedCount => _bufferedCount;

    /// <summary>Whether it holds anything that no sync has covered.</summary>
    public bool IsUnsynced { get; private set; }

    /// <summary>The running sum over everything in it, and before it.</summary>
    public uint RunningSum { get; set; }

    /// <summary>Believes the first bytes of the file and forgets the rest.</summary>
    public void StartAt(long length)
    {
        Invariant.Holds(_bufferedCount == 0);
        if (file.Length != length)
        {
            file.Truncate(length);
        }

        // A power cut would bring the rest back, and a segment that has grown is taken for a damaged one. Also where the
        // length was right: an opening that ended early may have cut it, and not have come to say so to the disk.
        IsUnsynced = true;
        _writtenLength = length;
    }

    /// <summary>Takes over what is on the disk as it is, for a segment that nothing is added to.</summary>
    public void TakeAsItIs() => _writtenLength = file.Length;

    /// <summary>Room for bytes at the end, in memory.</summary>
    public Span<byte> Append(int count)
    {
        if (_buffer.Length - _bufferedCount < count)
        {
            Array.Resize(ref _buffer, Math.Max(_bufferedCount + count, _buffer.Length * 2));
        }

        var room = _buffer.AsSpan(_bufferedCount, count);
        _bufferedCount += count;
        IsUnsynced = true;
        return room;
    }

    /// <summary>Writes what waits in memory. If the disk refuses, it still waits.</summary>
    public void Flush()
    {
        if (_bufferedCount == 0)
        {
            return;
        }

        file.WriteAt(_writtenLength, _buffer.AsSpan(0, _bufferedCount));
        _writtenLength += _bufferedCount;
        _bufferedCount = 0;
    }

    /// <summary>Makes everything that was flushed durable.</summary>
    public void Sync()
    {
        Invariant.Holds(_bufferedCount == 0);
        file.Sync();
        IsUnsynced = false;
    }

    /// <summary>Nothing will be added any more.</summary>
    public void Close()
    {
        Invariant.Holds(_bufferedCount == 0);
        _buffer = [];
    }

    /// <summary>Reads from the file, and from memory what is not there yet.</summary>
    /// <returns>How many bytes there were.</returns>
    public int ReadAt(long offset, Span<byte> destination)
    {
        var count = 0;
        if (offset < _writtenLength)
        {
            var wanted = (int)Math.Min(destination.Length, _writtenLength - offset);
            count = file.ReadAt(offset, destination[..wanted]);
            if (count < wanted)
            {
                return count; // The file was cut: what follows in memory does not belong here.
            }
        }

        var from = (int)Math.Clamp(offset + count - _writtenLength, 0, _bufferedCount);
        var rest = Math.Min(destination.Length - count, _bufferedCount - from);
        _buffer.AsSpan(from, rest).CopyTo(destination[count..]);
        return count + rest;
    }

    public void Dispose() => file.Dispose();
}
