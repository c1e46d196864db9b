using System.Buffers;

namespace RaftKv.Rpc.Server.Http2;

/// <summary>Bytes on a borrowed array that grows.</summary>
internal sealed class ByteBuffer
{
    private const int UsualBytes = 4096;

    private byte[] _array = [];

    public int Length { get; private set; }

    public ReadOnlySpan<byte> Written => _array.AsSpan(0, Length);

    public ReadOnlyMemory<byte> WrittenMemory => _array.AsMemory(0, Length);

    /// <summary>Room behind what is written, so much at least.</summary>
    public Span<byte> Reserve(int bytes)
    {
        if (_array.Length - Length < bytes)
        {
            var larger = ArrayPool<byte>.Shared.Rent(Math.Max(Length + bytes, Math.Max(UsualBytes, 2 * Length)));
            Written.CopyTo(larger);
            Return();
            _array = larger;
        }

        return _array.AsSpan(Length);
    }

    public void Advance(int bytes) => Length += bytes;

    public void Write(ReadOnlySpan<byte> bytes)
    {
        bytes.CopyTo(Reserve(bytes.Length));
        Length += bytes.Length;
    }

    /// <summary>What is written already, to be filled in later.</summary>
    public Span<byte> At(int offset) => _array.AsSpan(offset, Length - offset);

    /// <summary>Forgets what is written behind an offset.</summary>
    public void Truncate(int length) => Length = length;

    /// <summary>Forgets what is written, and gives up an array that has grown large.</summary>
    public void Clear()
    {
        Length = 0;
        if (_array.Length > 64 * 1024)
        {
            Return();
            _array = [];
        }
    }

    /// <summary>Gives everything up.</summary>
    public void Release()
    {
        Return();
        _array = [];
        Length = 0;
    }

    private void Return()
    {
        if (_array.Length > 0)
        {
            ArrayPool<byte>.Shared.Return(_array);
        }
    }
}
