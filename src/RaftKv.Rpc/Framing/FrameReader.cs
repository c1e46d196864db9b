using System.Buffers;
using System.IO.Pipelines;
using RaftKv.Rpc.Server;

namespace RaftKv.Rpc.Framing;

/// <summary>
/// Takes messages out of a pipe one at a time. A message is a slice of the pipe's own memory, lent until the next call;
/// only a compressed one is unpacked into a buffer of the reader's.
/// </summary>
/// <remarks>Used by one caller at a time. Reset, not reallocated, where a call object is reused.</remarks>
internal sealed class FrameReader : IDisposable
{
    private PipeReader _pipe = null!;
    private int _maxMessageBytes;
    private bool _gzip;
    private IRpcMethodObserver? _observer;

    private PooledBuffer? _unpacked;

    // While a message is lent: where the pipe goes on once it is given back.
    private SequencePosition _resumeAt;
    private bool _lent;

    /// <summary>The message last read. Valid until the next read, <see cref="Release"/> or <see cref="Dispose"/>.</summary>
    public ReadOnlySequence<byte> Message { get; private set; }

    public void Reset(PipeReader pipe, int maxMessageBytes, bool gzip, IRpcMethodObserver? observer = null)
    {
        _observer = observer;
        _pipe = pipe;
        _maxMessageBytes = maxMessageBytes;
        _gzip = gzip;
        _lent = false;
        Message = default;
    }

    /// <summary>Takes the one message of a unary request if all of it, and the end of the stream, have arrived.</summary>
    /// <exception cref="RpcException">The stream holds no message, half a one, more than one, or one that breaks the rules.</exception>
    public bool TryReadOnlyMessage() => _pipe.TryRead(out var result) && TakeOnly(result);

    /// <summary>Waits for the one message of a unary request, and that nothing follows it.</summary>
    /// <exception cref="RpcException">The stream holds no message, half a one, more than one, or one that breaks the rules.</exception>
    public async ValueTask ReadOnlyMessageAsync(CancellationToken cancellation)
    {
        while (!TakeOnly(await _pipe.ReadAsync(cancellation).ConfigureAwait(false)))
        {
        }
    }

    /// <summary>Reads the next message of a stream.</summary>
    /// <returns>False at a clean end of the stream.</returns>
    /// <exception cref="RpcException">The stream ends inside a message, or the message breaks the rules.</exception>
    public ValueTask<bool> ReadNextAsync(CancellationToken cancellation)
    {
        Release();
        if (_pipe.TryRead(out var result) && TakeNext(result, out var any))
        {
            return new(any);
        }

        return Await(cancellation);

        async ValueTask<bool> Await(CancellationToken cancellation)
        {
            while (true)
            {
                if (TakeNext(await _pipe.ReadAsync(cancellation).ConfigureAwait(false), out var any))
                {
                    return any;
                }
            }
        }
    }

    /// <summary>Gives the last message back to the pipe.</summary>
    public void Release()
    {
        if (_lent)
        {
            _lent = false;
            Message = default;
            _pipe.AdvanceTo(_resumeAt);
        }
    }

    public void Dispose()
    {
        Release();
        _unpacked?.Dispose();
        _unpacked = null;
    }

    private bool TakeOnly(in ReadResult result)
    {
        ThrowIfCancelled(result);
        var buffer = result.Buffer;
        var status = FrameHeader.TryRead(buffer, _maxMessageBytes, out var header, out var message);
        if (status is FrameStatus.Incomplete)
        {
            return GoOn(result, buffer.IsEmpty ? "a unary request ended without a message" : InsideMessage(buffer, header));
        }

        ThrowIfRefused(status, header, buffer);
        if (buffer.Length > FrameHeader.Size + message.Length)
        {
            throw Refuse(buffer, RpcStatusCode.Internal, "a unary request carries one message, but more bytes followed it");
        }

        if (!result.IsCompleted)
        {
            // All of the message is here, but only the end of the stream proves that it is the only one. The two
            // usually arrive together.
            _pipe.AdvanceTo(buffer.Start, buffer.End);
            return false;
        }

        Lend(header, message, buffer.End, buffer);
        return true;
    }

    private bool TakeNext(in ReadResult result, out bool any)
    {
        ThrowIfCancelled(result);
        var buffer = result.Buffer;
        var status = FrameHeader.TryRead(buffer, _maxMessageBytes, out var header, out var message);
        if (status is FrameStatus.Incomplete)
        {
            any = false;
            if (result.IsCompleted && buffer.IsEmpty)
            {
                _pipe.AdvanceTo(buffer.End);
                return true;
            }

            return GoOn(result, InsideMessage(buffer, header));
        }

        ThrowIfRefused(status, header, buffer);
        Lend(header, message, message.End, buffer);
        any = true;
        return true;
    }

    private bool GoOn(in ReadResult result, string troubleAtEnd)
    {
        if (result.IsCompleted)
        {
            throw Refuse(result.Buffer, RpcStatusCode.Internal, troubleAtEnd);
        }

        _pipe.AdvanceTo(result.Buffer.Start, result.Buffer.End);
        return false;
    }

    private void Lend(FrameHeader header, in ReadOnlySequence<byte> message, SequencePosition resumeAt, in ReadOnlySequence<byte> buffer)
    {
        Message = header.IsCompressed ? Unpack(message, buffer) : message;
        _resumeAt = resumeAt;
        _lent = true;
        _observer?.MessageReceived(FrameHeader.Size + Message.Length);
    }

    private ReadOnlySequence<byte> Unpack(in ReadOnlySequence<byte> message, in ReadOnlySequence<byte> buffer)
    {
        if (!_gzip)
        {
            throw Refuse(buffer, RpcStatusCode.Internal, "grpc: compressed flag set with identity or empty encoding");
        }

        _unpacked ??= new PooledBuffer();
        _unpacked.Clear();
        try
        {
            if (!Gzip.TryDecompress(message, _maxMessageBytes, _unpacked))
            {
                throw Refuse(
                    buffer,
                    RpcStatusCode.ResourceExhausted,
                    $"grpc: received message after decompression larger than max ({_unpacked.Length} vs. {_maxMessageBytes})");
            }
        }
        catch (InvalidDataException damaged)
        {
            throw Refuse(buffer, RpcStatusCode.Internal, $"grpc: failed to decompress the received message: {damaged.Message}");
        }

        return new ReadOnlySequence<byte>(_unpacked.Written);
    }

    private void ThrowIfRefused(FrameStatus status, FrameHeader header, in ReadOnlySequence<byte> buffer)
    {
        switch (status)
        {
            case FrameStatus.TooLarge:
                throw Refuse(
                    buffer,
                    RpcStatusCode.ResourceExhausted,
                    $"grpc: received message larger than max ({header.Length} vs. {_maxMessageBytes})");
            case FrameStatus.UnknownFlag:
                throw Refuse(buffer, RpcStatusCode.Internal, $"grpc: received unexpected payload format {header.Flag}");
        }
    }

    private void ThrowIfCancelled(in ReadResult result)
    {
        if (result.IsCanceled)
        {
            _pipe.AdvanceTo(result.Buffer.Start);
            throw new OperationCanceledException("The read was cancelled.");
        }
    }

    private static string InsideMessage(in ReadOnlySequence<byte> buffer, FrameHeader header)
        => buffer.Length < FrameHeader.Size
            ? $"the stream ended inside a frame header: {buffer.Length} of {FrameHeader.Size} bytes arrived"
            : $"the stream ended inside a message: {buffer.Length - FrameHeader.Size} of {header.Length} bytes arrived";

    // A read must be answered by AdvanceTo before anything else happens to the pipe, also on the way out.
    private RpcException Refuse(in ReadOnlySequence<byte> buffer, RpcStatusCode code, string text)
    {
        _pipe.AdvanceTo(buffer.Start);
        return new RpcException(code, text);
    }
}
