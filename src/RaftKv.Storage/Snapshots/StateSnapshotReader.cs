using System.Buffers.Binary;
using RaftKv.Storage.Mvcc;
using RaftKv.Storage.State;

namespace RaftKv.Storage.Snapshots;

/// <summary>Takes a snapshot in, piece by piece as it arrives, and believes nothing that does not add up.</summary>
/// <example><code>
/// var snapshot = new StateSnapshotReader(room.Keys);
/// while (…) { snapshot.Add(piece); }
/// var machine = room.Complete(snapshot.Finish());
/// </code></example>
/// <param name="take">Given the records, in their order.</param>
/// <param name="isPadded">Whether zeros may follow its end, as they do in a file.</param>
public sealed class StateSnapshotReader(RecordTaker take, bool isPadded = false)
{
    // What has arrived of a frame that is not whole yet.
    private readonly List<byte> _partial = [];
    private byte[]? _tables;
    private long _offset;
    private uint _sum;
    private long _records;
    private bool _hasStarted;
    private bool _hasEnded;

    /// <param name="keys">Empty; filled with the records.</param>
    public StateSnapshotReader(KeySpace keys)
        : this(keys.Import)
    {
    }

    /// <summary>The sum over everything that was read.</summary>
    public uint Sum => _sum;

    /// <summary>How many records came.</summary>
    public long Records => _records;

    /// <summary>What is known of the state apart from its records; empty as long as it has not come.</summary>
    public ReadOnlyMemory<byte> Tables => _tables;

    /// <summary>Takes the next bytes, of any length.</summary>
    /// <exception cref="SnapshotDamagedException">They cannot follow what came before.</exception>
    public void Add(ReadOnlySpan<byte> bytes)
    {
        // Whole frames are read where they lie; only what is left over is kept.
        if (_partial.Count > 0)
        {
            _partial.AddRange(bytes);
            var all = System.Runtime.InteropServices.CollectionsMarshal.AsSpan(_partial);
            var used = Take(all);
            _partial.RemoveRange(0, used);
        }
        else
        {
            var used = Take(bytes);
            _partial.AddRange(bytes[used..]);
        }
    }

    /// <summary>There is no more.</summary>
    /// <returns>The tables that go with the records.</returns>
    /// <exception cref="SnapshotDamagedException">The end is missing.</exception>
    public ReadOnlyMemory<byte> Finish()
    {
        if (!_hasEnded || _partial.Count > 0)
        {
            throw new SnapshotDamagedException(_offset, $"it stops before its end: of the next frame, {_partial.Count} bytes came.");
        }

        return _tables;
    }

    private int Take(ReadOnlySpan<byte> bytes)
    {
        var used = 0;
        if (!_hasStarted)
        {
            if (bytes.Length < SnapshotFormat.StartBytes)
            {
                return 0;
            }

            TakeStart(bytes);
            used = SnapshotFormat.StartBytes;
        }

        while (bytes.Length > used)
        {
            if (_hasEnded && isPadded)
            {
                return TakePadding(bytes, used);
            }

            if (bytes.Length - used < SnapshotFormat.FrameHeadBytes)
            {
                break;
            }

            var head = bytes[used..];
            var kind = (SnapshotFrame)head[0];
            var length = BinaryPrimitives.ReadInt32LittleEndian(head[1..]);
            if (_hasEnded || kind is < SnapshotFrame.Tables or > SnapshotFrame.End || length is < 0 or > SnapshotFormat.FrameBytesMax)
            {
                throw new SnapshotDamagedException(_offset, $"there is no frame: a kind of {(byte)kind} with {length} bytes.");
            }

            if (head.Length < SnapshotFormat.FrameHeadBytes + length)
            {
                break;
            }

            var content = head.Slice(SnapshotFormat.FrameHeadBytes, length);
            _sum = SnapshotFormat.Sum(_sum, kind, content);
            var expected = BinaryPrimitives.ReadUInt32LittleEndian(head[5..]);
            if (_sum != expected)
            {
                throw new SnapshotDamagedException(_offset, $"the sum is {_sum:x8}, but {expected:x8} was written.");
            }

            TakeFrame(kind, content);
            used += SnapshotFormat.FrameHeadBytes + length;
            _offset += SnapshotFormat.FrameHeadBytes + length;
        }

        return used;
    }

    private int TakePadding(ReadOnlySpan<byte> bytes, int from)
    {
        var other = bytes[from..].IndexOfAnyExcept((byte)0);
        if (other >= 0)
        {
            throw new SnapshotDamagedException(_offset + other, $"there is {bytes[from + other]:x2} behind its end, where only zeros can be.");
        }

        _offset += bytes.Length - from;
        return bytes.Length;
    }

    private void TakeStart(ReadOnlySpan<byte> bytes)
    {
        if (!bytes.StartsWith(SnapshotFormat.Magic))
        {
            throw new SnapshotDamagedException(0, "it does not begin like one.");
        }

        var version = BinaryPrimitives.ReadUInt32LittleEndian(bytes[SnapshotFormat.Magic.Length..]);
        if (version != SnapshotFormat.Version)
        {
            throw new SnapshotDamagedException(0, $"its format is {version}, and this program knows {SnapshotFormat.Version}.");
        }

        _hasStarted = true;
        _offset = SnapshotFormat.StartBytes;
    }

    private void TakeFrame(SnapshotFrame kind, ReadOnlySpan<byte> content)
    {
        switch (kind)
        {
            case SnapshotFrame.Tables when _tables is null:
                _tables = content.ToArray();
                break;
            case SnapshotFrame.Records when _tables is not null:
                TakeRecords(content);
                break;
            case SnapshotFrame.End when _tables is not null && content.Length == sizeof(long):
                var count = BinaryPrimitives.ReadInt64LittleEndian(content);
                if (count != _records)
                {
                    throw new SnapshotDamagedException(_offset, $"it counts {count} records, and {_records} came.");
                }

                _hasEnded = true;
                break;
            default:
                throw new SnapshotDamagedException(_offset, $"a frame of kind {kind} does not belong here.");
        }
    }

    private void TakeRecords(ReadOnlySpan<byte> content)
    {
        try
        {
            var reader = new StateReader(content, "records of a snapshot");
            while (reader.Remaining > 0)
            {
                var revision = new Revision((long)reader.Number(), (long)reader.Number());
                take(revision, reader.Bytes());
                _records++;
            }
        }
        catch (Exception wrong) when (wrong is FormatException or StateFormatException)
        {
            throw new SnapshotDamagedException(_offset, wrong.Message);
        }
    }
}

/// <summary>Takes in a record of a snapshot.</summary>
public delegate void RecordTaker(Revision revision, ReadOnlySpan<byte> record);
