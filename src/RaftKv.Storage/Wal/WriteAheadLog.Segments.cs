using RaftKv.Raft;
using RaftKv.Storage.Files;

namespace RaftKv.Storage.Wal;

// The life of a segment: made under an unfinished name, named when its header is durable, closed when the next one has
// its name, released when no entry in it is needed.
public sealed partial class WriteAheadLog
{
    private void MakeRoom(long batchBytes, int reserveBytes)
    {
        if (_offset + batchBytes + reserveBytes + ClosedBatchBytes <= _active.CapacityBytes)
        {
            return;
        }

        var needed = WalFormat.SegmentHeaderBytes + batchBytes + ReserveBytes + ClosedBatchBytes;
        try
        {
            Roll(Math.Max(_options.SegmentBytes, Sectors(needed)));
        }
        catch (Exception failure) when (failure is not DiskFullException)
        {
            _failure = failure;
            throw;
        }
    }

    // A full disk is met before the new segment has its name, so that the log can go on in the old one.
    private void Roll(long capacityBytes)
    {
        var header = new WalSegmentHeader
        {
            Identity = _identity,
            Number = _active.Number + 1,
            CapacityBytes = (uint)capacityBytes,
            Previous = _previous,
            Sequence = _sequence,
            HardState = _hardState,
            Start = _start,
            Last = _last,
        };
        Invariant.Holds(header.Number <= uint.MaxValue); // Locations keep 32 bits: 4 billion segments.

        var next = MakeSegment(_files, _directory, header, capacityBytes == _options.SegmentBytes ? _spare : null);
        CloseActive(next.Number);

        lock (_view)
        {
            _segments.Add(next);
        }

        _active = next;
        _salt = WalFormat.Salt(_identity, next.Number);
        _offset = WalFormat.SegmentHeaderBytes;
    }

    // The last words in a segment say that another follows, so that its loss is noticed. The new one hangs on the record
    // before these words: if the power goes in between, they are missing and nothing else.
    private void CloseActive(ulong nextNumber)
    {
        _batch.Begin(_salt, _offset, _previous, _sequence, ClosedBatchBytes, recordCount: 1);
        _batch.AddClosed(nextNumber);
        try
        {
            _active.File.WriteAt(_offset, _batch.End(out _));
            _active.File.Sync();
        }
        catch (Exception failure)
        {
            // Even a full disk stops the log here: the next segment exists, and this one must not grow any more.
            _failure = failure;
            throw;
        }
    }

    private static long Sectors(long bytes)
        => (bytes + WalFormat.SectorBytes - 1) / WalFormat.SectorBytes * WalFormat.SectorBytes;

    // A segment becomes part of the log when its name is durable: its length, its zeros and its header are by then.
    private static WalSegment MakeSegment(IFileSystem files, string directory, in WalSegmentHeader header, WalSpare? spare)
    {
        var path = Path.Join(directory, WalFormat.SegmentName(header.Number));
        if (spare is null || !spare.TryTake(out var file, out var unfinished))
        {
            unfinished = Path.Join(directory, "segment" + WalFormat.UnfinishedSuffix);
            file = Reserve(files, unfinished, header.CapacityBytes);
        }

        Invariant.Holds(file is not null);
        using (file)
        {
            Span<byte> sector = stackalloc byte[WalFormat.SegmentHeaderBytes];
            WalFormat.WriteHeader(header, sector);
            file.WriteAt(0, sector);
            file.Sync();
        }

        files.Rename(unfinished, path);
        files.SyncDirectory(directory);
        return new WalSegment(header.Number, path, header.CapacityBytes, files.OpenFile(path));
    }

    private static IFile Reserve(IFileSystem files, string path, long bytes)
    {
        if (files.FileExists(path))
        {
            files.Delete(path);
        }

        var file = files.CreateFile(path);
        try
        {
            file.Preallocate(bytes);
            return file;
        }
        catch (DiskFullException)
        {
            file.Dispose();
            files.Delete(path);
            throw;
        }
    }

    private static void DeleteUnfinished(IFileSystem files, string directory)
    {
        var leftovers = new List<string>();
        WalRecovery.ListSegments(files, directory, leftovers);
        foreach (var leftover in leftovers)
        {
            files.Delete(Path.Join(directory, leftover));
        }
    }

    // Live entries lie in segments in their own order, so everything before the first one's segment is dead.
    private void ReleaseSegments()
    {
        var firstNeeded = _index.Count > 0 ? _index[_index.First].Segment : _active.Number;
        while (_segments[0].Number < firstNeeded)
        {
            var segment = _segments[0];
            _files.Delete(segment.Path);
            lock (_view)
            {
                _segments.RemoveAt(0);
                segment.IsReleased = true;
                if (segment.ReaderCount > 0)
                {
                    continue; // The last reader closes it.
                }
            }

            segment.File.Dispose();
        }
    }

    // What recovery has read may be in the page cache alone: the process died between a write and its sync, or a sync
    // failed and the kernel took the pages for clean. Anyone who is told of it from now on counts on it. The batches before
    // the last one were durable when it was begun, so the last one is written again, over itself, and synced.
    private static void MakeCertain(IFileSystem files, string directory, RecoveredLog recovered, WalSegment active)
    {
        ClearTail(files, directory, recovered, active);
        if (recovered.LastBatchBytes > 0)
        {
            var batch = new byte[recovered.LastBatchBytes];
            var offset = recovered.Offset - batch.Length;
            Invariant.Holds(active.File.ReadAt(offset, batch) == batch.Length);
            active.File.WriteAt(offset, batch);
        }

        active.File.Sync();

        // Nothing of a tail is left on the disk, so nothing needs to be remembered of it. A mark that comes back after a
        // power cut does no harm: see WalTornMark.
        foreach (var mark in WalTornMark.List(files, directory))
        {
            files.Delete(Path.Join(directory, mark.Name));
        }

        files.SyncDirectory(directory);
    }

    // Back to zeros, on which the judgement of the next torn tail leans. Cut short, this leaves more zeros than before, and
    // the tail is as torn as it was; but a sync that fails can leave zeros to be read and the tail on the disk, hence the
    // mark.
    private static void ClearTail(IFileSystem files, string directory, RecoveredLog recovered, WalSegment active)
    {
        var end = recovered.Offset;
        foreach (var mark in WalTornMark.List(files, directory))
        {
            if (mark.IsAbout(active.Number, recovered.Offset))
            {
                end = Math.Max(end, Math.Min(mark.End, active.CapacityBytes));
            }
        }

        if (recovered.TornTail is { } torn && torn.Offset + torn.Bytes > end)
        {
            end = torn.Offset + torn.Bytes;
            WalTornMark.Leave(files, directory, new WalTornMark(active.Number, recovered.Offset, end));
        }

        var zeros = new byte[Math.Min(end - recovered.Offset, 64 * 1024)];
        for (var at = recovered.Offset; at < end; at += zeros.Length)
        {
            active.File.WriteAt(at, zeros.AsSpan(0, (int)Math.Min(zeros.Length, end - at)));
        }
    }
}
