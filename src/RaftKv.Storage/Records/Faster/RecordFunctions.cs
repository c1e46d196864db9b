using System.Runtime.ExceptionServices;
using FASTER.core;

namespace RaftKv.Storage.Records.Faster;

/// <summary>How FASTER writes a record for the store's one writer: the sum, then the bytes, straight into the log.</summary>
internal sealed class RecordWriting : FunctionsBase<RecordKey, SpanByte, byte, byte, byte>
{
    /// <summary>The sum of the record that is being put.</summary>
    public uint Sum { get; set; }

    // The source's length counts the sum, its pointer leads to the record alone.
    public override bool SingleWriter(
        ref RecordKey key,
        ref byte input,
        ref SpanByte src,
        ref SpanByte dst,
        ref byte output,
        ref UpsertInfo upsertInfo,
        WriteReason reason)
    {
        var destination = dst.AsSpan();
        BitConverter.TryWriteBytes(destination, Sum);
        RecordOf(src).CopyTo(destination[RecordBlocks.RecordSumBytes..]);
        return true;
    }

    // The same record put again while the first is still in the newest page: it is there. Nothing is ever changed in place,
    // for a reader may be looking.
    public override bool ConcurrentWriter(
        ref RecordKey key, ref byte input, ref SpanByte src, ref SpanByte dst, ref byte output, ref UpsertInfo upsertInfo)
    {
        var there = dst.AsReadOnlySpan();
        return there.Length == src.Length
            && BitConverter.ToUInt32(there) == Sum
            && there[RecordBlocks.RecordSumBytes..].SequenceEqual(RecordOf(src));
    }

    private static unsafe ReadOnlySpan<byte> RecordOf(in SpanByte source)
        => new(source.ToPointer(), source.Length - RecordBlocks.RecordSumBytes);
}

/// <summary>
/// How FASTER hands a record to one reader: where it lies in memory it goes to the sink from there, under the protection of
/// FASTER's epoch. Exceptions are kept and thrown once FASTER has been left.
/// </summary>
internal sealed class RecordReading(RecordDevice device) : FunctionsBase<RecordKey, SpanByte, int, byte, int>
{
    private byte[][] _slots = [];
    private int[] _lengths = [];

    public IRecordSink? Sink { get; set; }

    /// <summary>Whether records go to the sink, rather than into their slots to wait for those before them.</summary>
    public bool IsDirect { get; set; }

    public ExceptionDispatchInfo? Failure { get; private set; }

    /// <summary>What became of each read that was not answered at once.</summary>
    public ReadFate[] Fates { get; private set; } = [];

    public void Begin(int slotCount)
    {
        Failure = null;
        if (_slots.Length < slotCount)
        {
            Array.Resize(ref _slots, slotCount);
            Array.Resize(ref _lengths, slotCount);
            Fates = new ReadFate[slotCount];
        }
    }

    public ReadOnlySpan<byte> Slot(int slot) => _slots[slot].AsSpan(0, _lengths[slot]);

    /// <summary>Does not keep memory for the largest records for ever.</summary>
    public void ShrinkSlot(int slot)
    {
        if (_slots[slot]?.Length > 64 * 1024)
        {
            _slots[slot] = [];
        }
    }

    public override bool SingleReader(ref RecordKey key, ref int input, ref SpanByte value, ref byte dst, ref ReadInfo readInfo)
    {
        Take(key, input, value.AsReadOnlySpan(), readInfo.Address);
        return true;
    }

    public override bool ConcurrentReader(
        ref RecordKey key, ref int input, ref SpanByte value, ref byte dst, ref ReadInfo readInfo)
    {
        Take(key, input, value.AsReadOnlySpan(), readInfo.Address);
        return true;
    }

    public override void ReadCompletionCallback(
        ref RecordKey key, ref int input, ref byte output, int ctx, Status status, RecordMetadata recordMetadata)
        => Fates[ctx] = status.Found ? ReadFate.Kept : ReadFate.Missing;

    private void Take(in RecordKey key, int slot, ReadOnlySpan<byte> value, long address)
    {
        try
        {
            if (!RecordValue.TryUnwrap(key, value, out var record, out var problem))
            {
                var (path, offset) = device.Locate(address);
                throw new RecordCorruptException(path, offset, key.Revision, problem);
            }

            if (IsDirect)
            {
                Sink!.Accept(key.Revision, record);
                return;
            }

            if (_slots[slot] is not { } bytes || bytes.Length < record.Length)
            {
                _slots[slot] = new byte[Math.Max(record.Length, 512)];
            }

            record.CopyTo(_slots[slot]);
            _lengths[slot] = record.Length;
        }
        catch (Exception failure)
        {
            Failure ??= ExceptionDispatchInfo.Capture(failure);
        }
    }
}

/// <summary>What became of a read.</summary>
internal enum ReadFate : byte
{
    /// <summary>It was handed to the sink.</summary>
    HandedOut,

    /// <summary>It is in its slot.</summary>
    Kept,

    Missing,
}

/// <summary>The value that FASTER keeps for a record.</summary>
internal static class RecordValue
{
    public static bool TryUnwrap(
        scoped in RecordKey key,
        ReadOnlySpan<byte> value,
        out ReadOnlySpan<byte> record,
        [System.Diagnostics.CodeAnalysis.NotNullWhen(false)] out string? problem)
    {
        record = default;
        if (value.Length < RecordBlocks.RecordSumBytes)
        {
            problem = $"it has {value.Length} bytes";
            return false;
        }

        record = value[RecordBlocks.RecordSumBytes..];
        var expected = BitConverter.ToUInt32(value);
        var sum = RecordBlocks.SumOf(key, record);
        problem = sum == expected ? null : $"its sum is {sum:x8} and should be {expected:x8}";
        return sum == expected;
    }
}
