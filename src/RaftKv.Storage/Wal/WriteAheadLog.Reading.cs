using System.Buffers.Binary;
using RaftKv.Raft;
using RaftKv.Raft.Log;

namespace RaftKv.Storage.Wal;

/// <summary>Whether the log has the entries that were asked for.</summary>
public enum WalRead
{
    /// <summary>At least one is there.</summary>
    Found,

    /// <summary>They were compacted away, perhaps while they were being read.</summary>
    Compacted,

    /// <summary>The log ends before them, perhaps because a conflicting suffix was overwritten by a shorter one.</summary>
    BeyondLast,
}

// What readers on other threads see: durable entries, the newest from memory, the others from their segments.
public sealed partial class WriteAheadLog
{
    private const int LocationsPerStep = 256;
    private const int ReadAheadBytes = 64 * 1024;
    private const int SmallRecordBytes = 1024;

    /// <summary>The term of an entry from <see cref="Start"/> to <see cref="Last"/>, both included; false outside.</summary>
    public bool TryGetTerm(ulong index, out ulong term)
    {
        lock (_view)
        {
            if (index == _start.Index)
            {
                term = _start.Term;
                return true;
            }

            term = _index.Contains(index) ? _index[index].Term : 0;
            return term != 0 || _index.Contains(index);
        }
    }

    /// <summary>The entries from <paramref name="first"/> to <paramref name="last"/>, both included, or as many from the
    /// front as fit in <paramref name="bytesMax"/>, but at least one.</summary>
    /// <param name="first">After <see cref="Start"/>, or the answer is <see cref="WalRead.Compacted"/>.</param>
    /// <param name="last">What lies beyond <see cref="Last"/> is left out.</param>
    /// <param name="bytesMax">Of <see cref="Entry.CountedBytes"/>.</param>
    /// <param name="entries">Share their payloads with the log's tail where they come from it; they never change.</param>
    /// <exception cref="WalDamagedException">An entry that was durable reads differently now.</exception>
    public WalRead Read(ulong first, ulong last, long bytesMax, out ReadOnlyMemory<Entry> entries)
    {
        entries = default;
        Invariant.Holds(first <= last);
        List<Entry>? old = null;
        var overwriteCount = 0;
        while (true)
        {
            WalSegment segment;
            EntryLocation[] locations;
            lock (_view)
            {
                // What was read so far and what would be read now must be of one log.
                if (old is not null && overwriteCount != _overwriteCount)
                {
                    return Finish(old, [], out entries);
                }

                overwriteCount = _overwriteCount;
                if (first <= _start.Index)
                {
                    return old is null ? WalRead.Compacted : Finish(old, [], out entries);
                }

                last = Math.Min(last, _last.Index);
                if (first > last)
                {
                    return WalRead.BeyondLast;
                }

                if (first >= _tail.First)
                {
                    return Finish(old, FromTail(first, last, bytesMax, isStarted: old is not null), out entries);
                }

                (segment, locations) = Locate(first, last);
                segment.ReaderCount++;
            }

            old ??= [];
            try
            {
                var isFull = !ReadBack(segment, first, locations, ref bytesMax, old);
                first += (ulong)locations.Length;
                if (isFull || first > last)
                {
                    return Finish(old, [], out entries);
                }
            }
            finally
            {
                LetGo(segment);
            }
        }
    }

    private static WalRead Finish(List<Entry>? old, Entry[] newest, out ReadOnlyMemory<Entry> entries)
    {
        entries = old is null ? newest : (Entry[])[.. old, .. newest];
        Invariant.Holds(entries.Length > 0);
        return WalRead.Found;
    }

    // Under _view.
    private Entry[] FromTail(ulong first, ulong last, long bytesMax, bool isStarted)
    {
        var count = 0;
        var bytes = 0L;
        for (var index = first; index <= last; index++)
        {
            bytes += _tail[index].CountedBytes;
            if (bytes > bytesMax && (count > 0 || isStarted))
            {
                break;
            }

            count++;
        }

        var entries = new Entry[count];
        for (var i = 0; i < count; i++)
        {
            entries[i] = _tail[first + (ulong)i];
        }

        return entries;
    }

    // Under _view: the next few entries, as long as they lie in one segment.
    private (WalSegment Segment, EntryLocation[] Locations) Locate(ulong first, ulong last)
    {
        var number = _index[first].Segment;
        var count = 1;
        while (count < LocationsPerStep && first + (ulong)count <= last && _index[first + (ulong)count].Segment == number)
        {
            count++;
        }

        var locations = new EntryLocation[count];
        for (var i = 0; i < count; i++)
        {
            locations[i] = _index[first + (ulong)i];
        }

        return (_segments[(int)(number - _segments[0].Number)], locations);
    }

    // Without the lock. Returns false when the bytes are used up.
    private bool ReadBack(
        WalSegment segment, ulong first, EntryLocation[] locations, ref long bytesMax, List<Entry> into)
    {
        var salt = WalFormat.Salt(_identity, segment.Number);

        // From the first record to the beginning of the last, and a little more for a small last one.
        var window = new byte[Math.Min(ReadAheadBytes, locations[^1].Offset - locations[0].Offset + SmallRecordBytes)];
        var windowStart = 0L;
        var windowLength = 0;
        for (var i = 0; i < locations.Length; i++)
        {
            var offset = locations[i].Offset;
            var expected = new LogPosition(locations[i].Term, first + (ulong)i);
            var length = WalFormat.Padded(
                BinaryPrimitives.ReadUInt32LittleEndian(At(offset, WalFormat.RecordHeaderBytes)));
            if (length > segment.CapacityBytes - offset)
            {
                throw new WalDamagedException(segment.Path, offset, $"entry {expected}", $"a record of {length} bytes");
            }

            if (!WalFormat.TryReadRecord(At(offset, (int)length), offset, salt, out var record, out var flaw))
            {
                throw new WalDamagedException(segment.Path, flaw.Offset, flaw.Expected, flaw.Found);
            }

            if (record.Kind != WalRecordKind.Entry || record.Position != expected)
            {
                throw new WalDamagedException(segment.Path, offset, $"entry {expected}", $"{record.Kind}");
            }

            var entry = new Entry(expected.Term, expected.Index, record.EntryKind, record.Payload.ToArray());
            bytesMax -= entry.CountedBytes;
            if (bytesMax < 0 && into.Count > 0)
            {
                return false;
            }

            into.Add(entry);
        }

        return true;

        ReadOnlySpan<byte> At(long offset, int count)
        {
            if (offset < windowStart || offset + count > windowStart + windowLength)
            {
                if (window.Length < count)
                {
                    window = new byte[count];
                }

                windowStart = offset;
                windowLength = segment.File.ReadAt(offset, window);
                if (windowLength < count)
                {
                    throw new WalDamagedException(
                        segment.Path, offset + windowLength, $"{count} bytes", $"{windowLength} bytes and the end");
                }
            }

            return window.AsSpan((int)(offset - windowStart), count);
        }
    }

    private void LetGo(WalSegment segment)
    {
        lock (_view)
        {
            segment.ReaderCount--;
            if (!segment.IsReleased || segment.ReaderCount > 0)
            {
                return;
            }
        }

        segment.File.Dispose();
    }
}
