using System.Buffers;

namespace RaftKv.Benchmarks;

/// <summary>Counts what is written, and keeps nothing.</summary>
internal sealed class Discarding : IBufferWriter<byte>
{
    private byte[] _room = new byte[64 * 1024];

    public long Responses { get; set; }

    public long Bytes { get; set; }

    public void Advance(int count) => Bytes += count;

    public Memory<byte> GetMemory(int sizeHint = 0)
    {
        if (sizeHint > _room.Length)
        {
            _room = new byte[sizeHint];
        }

        return _room;
    }

    public Span<byte> GetSpan(int sizeHint = 0) => GetMemory(sizeHint).Span;
}
