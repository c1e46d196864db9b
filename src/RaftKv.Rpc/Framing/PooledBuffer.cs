using System.Buffers;

namespace RaftKv.Rpc.Framing;

/// <summary>A growing buffer on borrowed arrays. Whoever makes it disposes it; its memory is gone after that.</summary>
internal sealed class PooledBuffer(int initialBytes = PooledBuffer.UsualBytes) : IBufferWriter<byte>, IDisposable
{
    private const int UsualBytes = 4096;

    private byte[]? _array;
    private int _length;

    public ReadOnlyMemory<byte> Written => _array.AsMemory(0, _length);

    public int Length => _length;

    public void Advance(int count)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, (_array?.Length ?? 0) - _length);
        _length += count;
    }

    public Memory<byte> GetMemory(int sizeHint = 0)
    {
        Reserve(sizeHint);
        return _array.AsMemory(_length);
    }

    public Span<byte> GetSpan(int sizeHint = 0)
    {
        Reserve(sizeHint);
        return _array.AsSpan(_length);
    }

    public void Clear() => _length = 0;

    public void Dispose()
    {
        if (_array is { } array)
        {
            _array = null;
            _length = 0;
            ArrayPool<byte>.Shared.Return(array);
        }
    }

    private void Reserve(int sizeHint)
    {
        var wanted = _length + Math.Max(sizeHint, 1);
        if (_array is null)
        {
            _array = ArrayPool<byte>.Shared.Rent(Math.Max(wanted, initialBytes));
        }
        else if (wanted > _array.Length)
        {
            var larger = ArrayPool<byte>.Shared.Rent(Math.Max(wanted, _array.Length * 2));
            _array.AsSpan(0, _length).CopyTo(larger);
            ArrayPool<byte>.Shared.Return(_array);
            _array = larger;
        }
    }
}
