using System.Buffers;
using System.IO.Pipelines;
using RaftKv.Rpc.Server;

namespace RaftKv.Rpc.Framing;

/// <summary>
/// Puts messages into a pipe, each behind its header. A generated message says its size first; a caller that writes
/// bytes does so between <see cref="Begin"/> and <see cref="End"/>, straight into the pipe.
/// </summary>
/// <remarks>
/// Used by one caller at a time, who writes to the pipe through nothing else. The pipe is asked for memory seldom, and told
/// what was written there when that is full, or before a flush: a pipe of a response takes a lock each time, for which
/// whoever sends the bytes waits.
/// </remarks>
internal sealed class FrameWriter : IBufferWriter<byte>, IDisposable
{
    // Messages up to this size are written through one span together with their header.
    private const int OneSpanBytes = 4096 - FrameHeader.Size;

    private PipeWriter _pipe = null!;
    private int _maxMessageBytes;
    private IRpcMethodObserver? _observer;

    // When set, messages worth it are compressed; bytes of an open message are then staged here first.
    private bool _gzip;
    private PooledBuffer? _staged;
    private PooledBuffer? _packed;

    // Of the pipe, and how much of it is written.
    private Memory<byte> _room;
    private int _used;

    // While a message is open: where its header will go. The pipe shows its reader nothing before a flush, so the
    // five bytes may be filled in after the message behind them.
    private Memory<byte> _header;
    private int _openBytes;
    private bool _open;

    /// <summary>Whether any message has been written since the reset.</summary>
    public bool HasWritten { get; private set; }

    /// <summary>How many bytes of whole messages, before compression, wait for a flush.</summary>
    public long UnflushedBytes { get; private set; }

    /// <summary>The same, with what has been written of the message that is open.</summary>
    public long WaitingBytes => UnflushedBytes + (_open ? _openBytes : 0);

    public void Reset(PipeWriter pipe, int maxMessageBytes, bool gzip, IRpcMethodObserver? observer = null)
    {
        _observer = observer;
        _pipe = pipe;
        _maxMessageBytes = maxMessageBytes;
        _gzip = gzip;
        _open = false;
        _header = default;
        _room = default;
        _used = 0;
        HasWritten = false;
        UnflushedBytes = 0;
    }

    /// <summary>Compresses what is worth it from here on.</summary>
    public void UseGzip()
    {
        if (_open && !_header.IsEmpty)
        {
            throw new InvalidOperationException("A message that is being written cannot become a compressed one.");
        }

        _gzip = true;
    }

    /// <exception cref="RpcException">The message is larger than may be sent; nothing was written.</exception>
    public void Write<T>(MessageCodec<T> codec, T message)
    {
        var size = codec.SizeOf(message);
        if (size > _maxMessageBytes)
        {
            throw TooLarge(size);
        }

        HasWritten = true;
        UnflushedBytes += FrameHeader.Size + size;
        _observer?.MessageSent(FrameHeader.Size + size);
        if (_gzip && size >= Gzip.WorthwhileBytes)
        {
            _staged ??= new PooledBuffer();
            _staged.Clear();
            codec.Write(message, _staged);
            WritePacked(new ReadOnlySequence<byte>(_staged.Written));
            return;
        }

        if (size <= OneSpanBytes)
        {
            var span = Room(FrameHeader.Size + size).Span;
            FrameHeader.Write(span, compressed: false, size);
            codec.Write(message, span.Slice(FrameHeader.Size, size));
            _used += FrameHeader.Size + size;
            return;
        }

        WriteHeader(compressed: false, size);
        Settle();
        codec.Write(message, _pipe);
    }

    /// <summary>
    /// Opens a message whose bytes the caller writes through this object. Nothing reaches the pipe before the first
    /// of them does, so that a caller that fails instead of writing leaves no trace.
    /// </summary>
    public void Begin()
    {
        _open = true;
        _openBytes = 0;
        _header = default;
        _staged?.Clear();
    }

    /// <summary>Closes the open message; one without bytes is an empty message.</summary>
    public void End()
    {
        _open = false;
        HasWritten = true;
        UnflushedBytes += FrameHeader.Size + _openBytes;
        _observer?.MessageSent(FrameHeader.Size + _openBytes);
        if (_gzip && _openBytes >= Gzip.WorthwhileBytes)
        {
            WritePacked(new ReadOnlySequence<byte>(_staged!.Written));
            return;
        }

        if (_gzip || _header.IsEmpty)
        {
            WriteHeader(compressed: false, _openBytes);
            if (_openBytes > 0)
            {
                Settle();
                _pipe.Write(_staged!.Written.Span);
            }

            return;
        }

        FrameHeader.Write(_header.Span, compressed: false, _openBytes);
        _header = default;
    }

    /// <summary>
    /// Gives the open message up. Bytes that are in the pipe cannot be taken back, so they go out as a message; the
    /// status behind it tells the client not to believe it.
    /// </summary>
    public void Abandon()
    {
        if (_open && !_header.IsEmpty)
        {
            End();
        }

        _open = false;
    }

    public ValueTask<FlushResult> FlushAsync(CancellationToken cancellation)
    {
        UnflushedBytes = 0;
        Settle();
        return _pipe.FlushAsync(cancellation);
    }

    /// <summary>Tells the pipe what was written. Before somebody else flushes or ends it.</summary>
    public void Settle()
    {
        if (_used > 0)
        {
            _pipe.Advance(_used);
            _used = 0;
        }

        _room = default;
    }

    public void Advance(int count)
    {
        ThrowIfClosed();
        if (count == 0)
        {
            // Generated messages begin like this, before they have asked for memory; the pipe would take it amiss.
            return;
        }

        _openBytes += count;
        if (_gzip)
        {
            _staged!.Advance(count);
        }
        else
        {
            _used += count;
        }

        if (_openBytes > _maxMessageBytes)
        {
            throw TooLarge(_openBytes);
        }
    }

    public Memory<byte> GetMemory(int sizeHint = 0)
    {
        OpenBytes();
        return _gzip ? _staged!.GetMemory(sizeHint) : Room(sizeHint);
    }

    public Span<byte> GetSpan(int sizeHint = 0)
    {
        OpenBytes();
        return _gzip ? _staged!.GetSpan(sizeHint) : Room(sizeHint).Span;
    }

    public void Dispose()
    {
        _staged?.Dispose();
        _staged = null;
        _packed?.Dispose();
        _packed = null;
    }

    private void WritePacked(in ReadOnlySequence<byte> message)
    {
        _packed ??= new PooledBuffer();
        _packed.Clear();
        Gzip.Compress(message, _packed);
        WriteHeader(compressed: true, _packed.Length);
        Settle();
        _pipe.Write(_packed.Written.Span);
    }

    private void WriteHeader(bool compressed, int messageBytes)
    {
        FrameHeader.Write(Room(FrameHeader.Size).Span, compressed, messageBytes);
        _used += FrameHeader.Size;
    }

    // What of the pipe's memory is not written yet: so many bytes at least, and at least one.
    private Memory<byte> Room(int bytes)
    {
        if (_room.Length - _used < Math.Max(1, bytes))
        {
            Settle();
            _room = _pipe.GetMemory(bytes);
        }

        return _room[_used..];
    }

    // Makes room for the open message's bytes: behind a header reserved in the pipe, or in the stage.
    private void OpenBytes()
    {
        ThrowIfClosed();
        if (_gzip)
        {
            _staged ??= new PooledBuffer();
        }
        else if (_header.IsEmpty)
        {
            _header = Room(FrameHeader.Size)[..FrameHeader.Size];
            _used += FrameHeader.Size;
        }
    }

    private void ThrowIfClosed()
    {
        if (!_open)
        {
            throw new InvalidOperationException("Bytes of a message can only be written while the message is open.");
        }
    }

    private RpcException TooLarge(int size)
        => new(RpcStatusCode.ResourceExhausted, $"grpc: trying to send message larger than max ({size} vs. {_maxMessageBytes})");
}
