using System.Buffers;
using RaftKv.Storage.Mvcc;

namespace RaftKv.Storage.State.Requests;

/// <summary>
/// Collects the bytes of an answer: protobuf, fields in order, messages within messages. Grows as needed, and is used
/// again after <see cref="Clear"/>.
/// </summary>
public sealed class WireWriter : IBufferWriter<byte>
{
    private byte[] _bytes = new byte[256];
    private int _length;

    public int Length => _length;

    public ReadOnlySpan<byte> Written => _bytes.AsSpan(0, _length);

    public void Clear()
    {
        _length = 0;

        // One answer with many values should not hold its room for ever.
        if (_bytes.Length > 1024 * 1024)
        {
            _bytes = new byte[256];
        }
    }

    public void Advance(int count) => _length += count;

    public Memory<byte> GetMemory(int sizeHint = 0)
    {
        Ensure(Math.Max(1, sizeHint));
        return _bytes.AsMemory(_length);
    }

    public Span<byte> GetSpan(int sizeHint = 0)
    {
        Ensure(Math.Max(1, sizeHint));
        return _bytes.AsSpan(_length);
    }

    /// <summary>A number; nothing if it is zero.</summary>
    public void Number(int field, long value)
    {
        if (value != 0)
        {
            Wire.Number(this, field, value);
        }
    }

    public void Flag(int field, bool value) => Number(field, value ? 1 : 0);

    /// <summary>Bytes, also if there are none.</summary>
    public void Bytes(int field, ReadOnlySpan<byte> value)
    {
        Ensure(15 + value.Length);
        Wire.Bytes(this, field, value);
    }

    /// <summary>Begins a message within this one.</summary>
    /// <returns>For <see cref="End"/>.</returns>
    public int Begin(int field)
    {
        Wire.Tag(this, field, isBytes: true);

        // Most are short. Longer ones are moved when their length is known.
        GetSpan(1)[0] = 0;
        Advance(1);
        return _length;
    }

    public void End(int start)
    {
        var length = _length - start;
        var more = RecordFormat.VarintBytes((ulong)length) - 1;
        if (more > 0)
        {
            Ensure(more);
            _bytes.AsSpan(start, length).CopyTo(_bytes.AsSpan(start + more));
            _length += more;
        }

        RecordFormat.WriteVarint(_bytes.AsSpan(start - 1), (ulong)length);
    }

    private void Ensure(int room)
    {
        if (room > _bytes.Length - _length)
        {
            Array.Resize(ref _bytes, (int)Math.Min(Math.Max(2L * _bytes.Length, _length + (long)room), Array.MaxLength));
        }
    }
}

/// <summary>Fields of protobuf messages, written to anything.</summary>
internal static class Wire
{
    // A pipe has no pieces that are longer, and would get itself an array for each.
    private const int OnePieceBytes = 2048;

    public static void Tag(IBufferWriter<byte> to, int field, bool isBytes)
        => to.Advance(RecordFormat.WriteVarint(to.GetSpan(5), ((ulong)field << 3) | (isBytes ? 2ul : 0)));

    public static void Number(IBufferWriter<byte> to, int field, long value)
    {
        Tag(to, field, isBytes: false);
        to.Advance(RecordFormat.WriteVarint(to.GetSpan(10), (ulong)value));
    }

    public static void Bytes(IBufferWriter<byte> to, int field, ReadOnlySpan<byte> value)
    {
        var inOne = value.Length <= OnePieceBytes ? value.Length : 0;
        var span = to.GetSpan(15 + inOne);
        var at = RecordFormat.WriteVarint(span, ((ulong)field << 3) | 2);
        at += RecordFormat.WriteVarint(span[at..], (ulong)value.Length);
        value[..inOne].CopyTo(span[at..]);
        to.Advance(at + inOne);
        for (value = value[inOne..]; value.Length > 0;)
        {
            var room = to.GetSpan(1);
            var count = Math.Min(room.Length, value.Length);
            value[..count].CopyTo(room);
            to.Advance(count);
            value = value[count..];
        }
    }
}
