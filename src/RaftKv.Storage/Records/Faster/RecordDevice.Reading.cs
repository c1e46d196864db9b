using System.Buffers;
using System.Buffers.Binary;
using FASTER.core;
using RaftKv.Storage.Files;

namespace RaftKv.Storage.Records.Faster;

/// <summary>Reads, made by whoever asks: alone, many at once, or in the order of the log.</summary>
internal sealed unsafe partial class RecordDevice
{
    // Set by a reader that asks for many records at once: then what the page cache has is read on the spot, each other read is a
    // work item of the pool's, and those wait for the disk together. A single read is made on the spot in any case, for most are
    // answered by the page cache sooner than a thread wakes.
    [ThreadStatic]
    private static bool _readsTogether;

    [ThreadStatic]
    private static ReadAhead? _readAhead;

    /// <summary>Whether the reads of this thread shall wait for the disk together.</summary>
    public static void ReadTogether(bool together) => _readsTogether = together;

    public override void ReadAsync(
        int segmentId,
        ulong sourceAddress,
        IntPtr destinationAddress,
        uint readLength,
        DeviceIOCompletionCallback callback,
        object context)
    {
        var address = StartOf(segmentId) + (long)sourceAddress;
        if (TryReadAhead(address, new Span<byte>((void*)destinationAddress, (int)readLength)))
        {
            callback(0, readLength, context);
            return;
        }

        if (_readsTogether)
        {
            if (TryReadCached(address, new Span<byte>((void*)destinationAddress, (int)readLength)))
            {
                callback(0, readLength, context);
                return;
            }

            ThreadPool.UnsafeQueueUserWorkItem(
                job => job.Run(), new ReadJob(this, address, destinationAddress, (int)readLength, callback, context), preferLocal: false);
            return;
        }

        Read(address, new Span<byte>((void*)destinationAddress, (int)readLength));
        callback(0, readLength, context);
    }

    // Whoever goes through the log in its order finds the next blocks fetched. An opening looks at each block by itself.
    private bool TryReadAhead(long address, Span<byte> destination)
    {
        if (_recoveringUntil > 0 || destination.Length > ChunkBytes / 2)
        {
            return false;
        }

        var ahead = _readAhead ??= new ReadAhead();
        if (ahead.TryCopy(_number, address, destination))
        {
            return true;
        }

        if (!ahead.IsInRow(_number, address, destination.Length))
        {
            return false;
        }

        // What lies behind what this device has written is not yet what it will be.
        var room = ahead.Fill(address);
        var end = Math.Min(Volatile.Read(ref _writtenUntil), StartOf((int)(address >> _segmentBits) + 1));
        ahead.Filled(ReadGood(address, room[..(int)Math.Clamp(end - address, 0, room.Length)]));
        return ahead.TryCopy(_number, address, destination);
    }

    private bool TryReadCached(long address, Span<byte> destination)
        => _recoveringUntil == 0 && destination.Length <= ChunkBytes && ReadGood(address, destination, onlyCached: true) == destination.Length;

    /// <returns>How much of it was read and is as it was written. About the rest nobody has asked.</returns>
    private int ReadGood(long address, Span<byte> destination, bool onlyCached = false)
    {
        var number = (int)(address >> _segmentBits);
        var wanted = destination.Length / RecordBlocks.BlockBytes * RecordBlocks.StoredBlockBytes;
        var stored = ArrayPool<byte>.Shared.Rent(wanted);
        try
        {
            if (!_segments.TryGetValue(number, out var segment))
            {
                return 0;
            }

            var offset = RecordBlocks.StoredOffset(address - StartOf(number));
            var room = stored.AsSpan(0, wanted);
            var found = onlyCached ? segment.File.ReadCachedAt(offset, room) : segment.File.ReadAt(offset, room);
            var good = 0;
            for (var from = 0; from + RecordBlocks.StoredBlockBytes <= found; from += RecordBlocks.StoredBlockBytes)
            {
                if (!TryUnwrap(address + good, stored.AsSpan(from), destination[good..], out _, out _))
                {
                    break;
                }

                good += RecordBlocks.BlockBytes;
            }

            return good;
        }
        catch (Exception failure) when (failure is ObjectDisposedException or StorageException or IOException)
        {
            // The read that was asked for meets it again, and says so.
            return 0;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(stored);
        }
    }

    private void Read(long address, Span<byte> destination)
    {
        var stored = ArrayPool<byte>.Shared.Rent(
            Math.Min(destination.Length / RecordBlocks.BlockBytes, ChunkBlocks) * RecordBlocks.StoredBlockBytes);
        try
        {
            while (destination.Length > 0)
            {
                var count = Math.Min(destination.Length, ChunkBlocks * RecordBlocks.BlockBytes);
                ReadChunk(address, destination[..count], stored);
                address += count;
                destination = destination[count..];
            }
        }
        catch (Exception failure)
        {
            destination.Clear();
            var (path, offset) = Locate(address);
            Report(failure as RecordStoreDamagedException
                ?? new RecordStoreDamagedException(path, offset, "to read", failure.Message));
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(stored);
        }
    }

    private void ReadChunk(long address, Span<byte> destination, byte[] buffer)
    {
        var number = (int)(address >> _segmentBits);
        if (!_segments.TryGetValue(number, out var segment))
        {
            destination.Clear();
            if (number >= Volatile.Read(ref _firstSegment))
            {
                Report(new RecordStoreDamagedException(PathOf(number), 0, "a segment", "no such file"));
            }

            return; // Else it was released: whatever FASTER still looks for there is below the log's beginning.
        }

        var stored = buffer.AsSpan(0, destination.Length / RecordBlocks.BlockBytes * RecordBlocks.StoredBlockBytes);
        var offset = RecordBlocks.StoredOffset(address - StartOf(number));
        int found;
        try
        {
            found = segment.File.ReadAt(offset, stored);
        }
        catch (ObjectDisposedException) when (number < Volatile.Read(ref _firstSegment))
        {
            destination.Clear();
            return;
        }

        if (found < stored.Length && number < Volatile.Read(ref _firstSegment))
        {
            destination.Clear();
            return; // It is on its way out.
        }

        for (var at = 0; at < destination.Length; at += RecordBlocks.BlockBytes)
        {
            var block = destination.Slice(at, RecordBlocks.BlockBytes);
            var from = at / RecordBlocks.BlockBytes * RecordBlocks.StoredBlockBytes;
            if (from + RecordBlocks.StoredBlockBytes > found)
            {
                block.Clear();
                Report(new RecordStoreDamagedException(
                    segment.File.Path, offset + from, "a block and its sum", $"the end of the file at {offset + found}"));
                continue;
            }

            if (!TryUnwrap(address + at, stored[from..], block, out var expected, out var sum))
            {
                block.Clear();
                Report(new RecordStoreDamagedException(
                    segment.File.Path, offset + from, $"a block that sums to {expected:x8}", $"one that sums to {sum:x8}"));
            }
            else if (address + at < _recoveringUntil)
            {
                // Several threads read then, and the device's own has nothing to do yet.
                lock (_sums)
                {
                    AddSum(address + at, sum);
                }
            }
        }
    }

    // Copies a block from its place on the disk, and says whether it is the one that was written there.
    private bool TryUnwrap(long address, ReadOnlySpan<byte> stored, Span<byte> destination, out uint expected, out uint sum)
    {
        stored[..RecordBlocks.BlockBytes].CopyTo(destination);
        expected = BinaryPrimitives.ReadUInt32LittleEndian(stored[RecordBlocks.BlockBytes..]);
        sum = SumOf(address, destination[..RecordBlocks.BlockBytes]);
        return sum == expected;
    }

    private void Report(RecordStoreDamagedException damage)
    {
        _damage = damage;
        Interlocked.Increment(ref _damageCount);
    }

    private sealed class ReadJob(
        RecordDevice device, long address, IntPtr destination, int count, DeviceIOCompletionCallback callback, object context)
    {
        public void Run()
        {
            device.Read(address, new Span<byte>((void*)destination, count));
            callback(0, (uint)count, context);
        }
    }
}
