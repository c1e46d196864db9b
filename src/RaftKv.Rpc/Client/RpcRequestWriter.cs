using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.IO.Pipelines;
using RaftKv.Rpc.Framing;

namespace RaftKv.Rpc.Client;

/// <summary>
/// The requests of a streaming call, in order. A server that does not read fills its flow control window, and then a
/// flush waits: a caller that awaits its flushes never grows memory.
/// </summary>
/// <remarks>Written by one caller at a time.</remarks>
/// <example><code>
/// await call.Requests.WriteAsync(message);                  // one message, on its way at once
/// call.Requests.Write(a); call.Requests.Write(b); await call.Requests.FlushAsync();   // several in one go
/// await call.Requests.CompleteAsync();
/// </code></example>
[SuppressMessage("Design", "CA1001", Justification = "Release() returns the buffers, when the requests are complete or the call is disposed.")]
public sealed class RpcRequestWriter<T>
{
    private readonly CallLifetime _lifetime;
    private readonly MessageStreamContent _content;
    private readonly MessageCodec<T> _codec;
    private readonly FrameWriter _frames = new();
    private readonly PipeWriter _pipe;
    private int _isBusy;
    private bool _isCompleted;

    internal RpcRequestWriter(CallLifetime lifetime, MessageStreamContent content, MessageCodec<T> codec, int maxMessageBytes, bool gzip)
    {
        _lifetime = lifetime;
        _content = content;
        _codec = codec;
        _pipe = PipeWriter.Create(new LateStream(content), new StreamPipeWriterOptions(leaveOpen: true));
        _frames.Reset(_pipe, maxMessageBytes, gzip);
    }

    /// <summary>Adds a message to what the next flush sends.</summary>
    /// <exception cref="RpcException">The message is larger than may be sent; the call goes on without it.</exception>
    public void Write(T message)
    {
        ThrowIfUnwritable();
        _frames.Write(_codec, message);
    }

    /// <summary>Opens a message whose bytes are written through the returned buffer, until <see cref="EndMessage"/>.</summary>
    public IBufferWriter<byte> BeginMessage()
    {
        ThrowIfUnwritable();
        _frames.Begin();
        return _frames;
    }

    /// <summary>Closes the message that <see cref="BeginMessage"/> opened.</summary>
    public void EndMessage() => _frames.End();

    /// <summary>Sends what was written, and waits while the server is behind.</summary>
    /// <returns>False when the call has ended, so that nobody will read it: the responses say how it ended.</returns>
    /// <exception cref="OperationCanceledException">The caller cancelled the call.</exception>
    /// <exception cref="RpcException">The deadline passed.</exception>
    /// <exception cref="ObjectDisposedException">The call, or its channel, was disposed.</exception>
    public async ValueTask<bool> FlushAsync()
    {
        if (Interlocked.CompareExchange(ref _isBusy, 1, 0) != 0)
        {
            throw OneAtATime();
        }

        try
        {
            if (_lifetime.End != CallEnd.None)
            {
                return Ended(null);
            }

            var result = await _frames.FlushAsync(_lifetime.Token).ConfigureAwait(false);
            return !result.IsCompleted;
        }
        catch (Exception e) when (CallFailure.IsTransport(e))
        {
            return Ended(e);
        }
        finally
        {
            Volatile.Write(ref _isBusy, 0);
        }
    }

    /// <summary>Sends one message, and waits while the server is behind.</summary>
    /// <inheritdoc cref="FlushAsync" path="/returns"/>
    /// <inheritdoc cref="FlushAsync" path="/exception"/>
    public ValueTask<bool> WriteAsync(T message)
    {
        Write(message);
        return FlushAsync();
    }

    /// <summary>Sends what was written, and tells the server that no more requests follow. The responses go on.</summary>
    public async ValueTask CompleteAsync()
    {
        if (_isCompleted)
        {
            return;
        }

        if (_frames.UnflushedBytes > 0)
        {
            await FlushAsync().ConfigureAwait(false);
        }

        Release();
        _content.Complete();
    }

    /// <summary>Returns the buffers. Nothing can be written after it.</summary>
    internal void Release()
    {
        _isCompleted = true;
        if (Interlocked.CompareExchange(ref _isBusy, 1, 0) == 0)
        {
            _frames.Dispose();

            // Completed with an exception a pipe drops what was not flushed, instead of writing it.
            _pipe.Complete(new OperationCanceledException("No more requests."));
            _isBusy = 0;
        }
    }

    private static InvalidOperationException OneAtATime()
        => new("A stream of requests is written by one caller at a time: await the last write before the next.");

    private bool Ended(Exception? cause) => _lifetime.ToException(cause) is { } stopped ? throw stopped : false;

    private void ThrowIfUnwritable()
    {
        if (_isCompleted)
        {
            throw new InvalidOperationException("The requests of this call have been completed; nothing can follow.");
        }

        if (_isBusy != 0)
        {
            throw OneAtATime();
        }
    }

    /// <summary>Stands for the stream of the request until there is one.</summary>
    private sealed class LateStream(MessageStreamContent content) : Stream
    {
        private Stream? _stream;

        public override bool CanRead => false;

        public override bool CanSeek => false;

        public override bool CanWrite => true;

        public override long Length => throw new NotSupportedException();

        public override long Position
        {
            get => throw new NotSupportedException();
            set => throw new NotSupportedException();
        }

        public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
        {
            return _stream is { } stream ? stream.WriteAsync(buffer, cancellationToken) : Await(buffer, cancellationToken);

            async ValueTask Await(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken)
            {
                _stream = await content.TakeAsync(cancellationToken).ConfigureAwait(false);
                await _stream.WriteAsync(buffer, cancellationToken).ConfigureAwait(false);
            }
        }

        public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken)
            => WriteAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

        public override Task FlushAsync(CancellationToken cancellationToken)
            => _stream?.FlushAsync(cancellationToken) ?? Task.CompletedTask;

        public override void Flush() => throw new NotSupportedException();

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    }
}
