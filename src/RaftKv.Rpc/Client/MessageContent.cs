using System.Buffers;
using RaftKv.Rpc.Framing;

namespace RaftKv.Rpc.Client;

/// <summary>The body of a call with one request: one frame, written in one piece, again for each attempt.</summary>
internal sealed class MessageContent<T> : RequestContent
{
    private readonly MessageCodec<T> _codec;
    private readonly T _message;
    private readonly int _size;
    private readonly bool _gzip;

    /// <exception cref="RpcException">The message is larger than may be sent.</exception>
    public MessageContent(MessageCodec<T> codec, T message, bool gzip, int maxMessageBytes)
    {
        _codec = codec;
        _message = message;
        _gzip = gzip;
        _size = codec.SizeOf(message);
        if (_size > maxMessageBytes)
        {
            throw new RpcException(
                RpcStatusCode.ResourceExhausted, $"grpc: trying to send message larger than max ({_size} vs. {maxMessageBytes})");
        }
    }

    protected override async Task WriteAsync(Stream stream, CancellationToken cancellation)
    {
        if (_gzip && _size >= Gzip.WorthwhileBytes)
        {
            await WritePackedAsync(stream).ConfigureAwait(false);
        }
        else
        {
            var length = FrameHeader.Size + _size;
            var buffer = ArrayPool<byte>.Shared.Rent(length);
            FrameHeader.Write(buffer, compressed: false, _size);
            _codec.Write(_message, buffer.AsSpan(FrameHeader.Size, _size));
            await stream.WriteAsync(buffer.AsMemory(0, length), Lifetime!.Token).ConfigureAwait(false);

            // Not on the way out by an exception: a write that was cut short may still be looking at it.
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private async Task WritePackedAsync(Stream stream)
    {
        using var plain = new PooledBuffer();
        using var packed = new PooledBuffer();
        _codec.Write(_message, plain);
        packed.Write(stackalloc byte[FrameHeader.Size]);
        Gzip.Compress(new ReadOnlySequence<byte>(plain.Written), packed);
        var frame = packed.Written;
        FrameHeader.Write(System.Runtime.InteropServices.MemoryMarshal.AsMemory(frame).Span, compressed: true, frame.Length - FrameHeader.Size);
        await stream.WriteAsync(frame, Lifetime!.Token).ConfigureAwait(false);
    }
}
