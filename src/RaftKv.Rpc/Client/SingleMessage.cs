using System.Buffers;
using RaftKv.Rpc.Framing;

namespace RaftKv.Rpc.Client;

/// <summary>Collects the one message of a response that holds one, and notices what it must not be.</summary>
internal sealed class SingleMessage(int maxMessageBytes, bool gzip) : IDisposable
{
    private readonly PooledBuffer _buffer = new(FirstBytes);
    private FrameHeader? _header;

    // Most answers are small, and every call in progress holds such an array: more of them than the pool keeps.
    private const int FirstBytes = 512;

    /// <summary>Where the next bytes go.</summary>
    /// <remarks>It grows with what has arrived rather than with what the header promises, which may be a lie.</remarks>
    public Memory<byte> Room() => _buffer.GetMemory(1);

    /// <summary>Takes note of bytes written to <see cref="Room"/>. A message that breaks the rules is refused as early as can be known.</summary>
    public bool TryAdvance(int count, out CallFailure failure)
    {
        failure = default;
        _buffer.Advance(count);
        if (_header is null && _buffer.Length >= FrameHeader.Size)
        {
            var start = new ReadOnlySequence<byte>(_buffer.Written);
            switch (FrameHeader.TryRead(start, maxMessageBytes, out var header, out _))
            {
                case FrameStatus.TooLarge:
                    failure = new(
                        RpcStatusCode.ResourceExhausted,
                        $"grpc: received message larger than max ({header.Length} vs. {maxMessageBytes})");
                    return false;
                case FrameStatus.UnknownFlag:
                    failure = new(RpcStatusCode.Internal, $"grpc: received unexpected payload format {header.Flag}");
                    return false;
            }

            _header = header;
        }

        if (_header is { } known && _buffer.Length > FrameHeader.Size + known.Length)
        {
            failure = new(RpcStatusCode.Internal, "the response must carry one message, but more bytes followed it");
            return false;
        }

        return true;
    }

    /// <summary>Reads the message, once the response has ended well.</summary>
    public bool TryRead<T>(MessageCodec<T> codec, out T message, out CallFailure failure)
    {
        message = default!;
        if (_header is not { } header || _buffer.Length < FrameHeader.Size + header.Length)
        {
            failure = new(RpcStatusCode.Internal, WhatIsMissing());
            return false;
        }

        var payload = new ReadOnlySequence<byte>(_buffer.Written[FrameHeader.Size..]);
        return header.IsCompressed ? TryReadPacked(codec, payload, out message, out failure) : TryReadPlain(codec, payload, out message, out failure);
    }

    public void Dispose() => _buffer.Dispose();

    private static bool TryReadPlain<T>(MessageCodec<T> codec, in ReadOnlySequence<byte> payload, out T message, out CallFailure failure)
    {
        failure = default;
        try
        {
            // What a unary caller gets is its own.
            message = codec.Read(codec.ReadsBorrowed ? new ReadOnlySequence<byte>(payload.ToArray()) : payload);
            return true;
        }
        catch (InvalidDataException garbage)
        {
            message = default!;
            failure = Garbage(garbage);
            return false;
        }
    }

    private bool TryReadPacked<T>(MessageCodec<T> codec, in ReadOnlySequence<byte> payload, out T message, out CallFailure failure)
    {
        message = default!;
        if (!gzip)
        {
            failure = new(RpcStatusCode.Internal, "grpc: compressed flag set with identity or empty encoding");
            return false;
        }

        using var plain = new PooledBuffer();
        try
        {
            if (!Gzip.TryDecompress(payload, maxMessageBytes, plain))
            {
                failure = new(
                    RpcStatusCode.ResourceExhausted,
                    $"grpc: received message after decompression larger than max ({plain.Length} vs. {maxMessageBytes})");
                return false;
            }
        }
        catch (InvalidDataException damaged)
        {
            failure = new(RpcStatusCode.Internal, $"grpc: failed to decompress the received message: {damaged.Message}", cause: damaged);
            return false;
        }

        return TryReadPlain(codec, new ReadOnlySequence<byte>(plain.Written), out message, out failure);
    }

    internal static CallFailure Garbage(InvalidDataException garbage)
        => new(RpcStatusCode.Internal, $"grpc: failed to unmarshal the received message: {garbage.Message}", cause: garbage);

    private string WhatIsMissing() => _header is { } header
        ? $"the response ended inside a message: {_buffer.Length - FrameHeader.Size} of {header.Length} bytes arrived"
        : _buffer.Length == 0
            ? "the response ended OK without a message"
            : $"the response ended inside a frame header: {_buffer.Length} of {FrameHeader.Size} bytes arrived";
}
