using System.Buffers;

namespace RaftKv.Rpc.Server;

/// <summary>
/// The messages a handler streams out. A client that does not read fills its flow control window and then this
/// stream's small buffer; after that a flush waits. A handler that awaits its flushes therefore never grows memory.
/// </summary>
/// <remarks>Written by one caller at a time.</remarks>
/// <example><code>
/// await responses.WriteAsync(message);                   // one message, on its way at once
/// responses.Write(a); responses.Write(b); await responses.FlushAsync();   // several in one go
/// </code></example>
public sealed class RpcResponseStream<T>
{
    private readonly RpcServerCall _call;
    private readonly MessageCodec<T> _codec;
    private bool _headersPrepared;

    internal RpcResponseStream(RpcServerCall call, MessageCodec<T> codec)
    {
        _call = call;
        _codec = codec;
    }

    /// <summary>How many bytes the next flush sends, before compression; to decide when there should be one.</summary>
    public long UnflushedBytes => _call.Writer.UnflushedBytes;

    /// <summary>Adds a message to what the next flush sends.</summary>
    /// <exception cref="RpcException">The message is larger than may be sent.</exception>
    public void Write(T message)
    {
        PrepareHeaders();
        _call.Writer.Write(_codec, message);
    }

    /// <summary>Opens a message whose bytes are written through the returned buffer, until <see cref="EndMessage"/>.</summary>
    public IBufferWriter<byte> BeginMessage()
    {
        PrepareHeaders();
        _call.Writer.Begin();
        return _call.Writer;
    }

    /// <summary>Closes the message that <see cref="BeginMessage"/> opened.</summary>
    public void EndMessage() => _call.Writer.End();

    /// <summary>Sends what was written, and waits while the client is behind.</summary>
    /// <exception cref="OperationCanceledException">The client went away, or the deadline passed.</exception>
    public ValueTask FlushAsync()
    {
        var cancellation = _call.CancellationToken;
        cancellation.ThrowIfCancellationRequested();
        var flush = _call.Writer.FlushAsync(cancellation);
        if (flush.IsCompletedSuccessfully)
        {
            var result = flush.Result;
            return result.IsCompleted || result.IsCanceled ? Gone(cancellation) : default;
        }

        return Await(flush, cancellation);

        static async ValueTask Await(ValueTask<System.IO.Pipelines.FlushResult> flush, CancellationToken cancellation)
        {
            var result = await flush.ConfigureAwait(false);
            if (result.IsCompleted || result.IsCanceled)
            {
                await Gone(cancellation).ConfigureAwait(false);
            }
        }
    }

    /// <summary>Sends one message, and waits while the client is behind.</summary>
    /// <exception cref="OperationCanceledException">The client went away, or the deadline passed.</exception>
    /// <exception cref="RpcException">The message is larger than may be sent.</exception>
    public ValueTask WriteAsync(T message)
    {
        Write(message);
        return FlushAsync();
    }

    // The transport has closed the response: nobody will read what is written from here on.
    private static ValueTask Gone(CancellationToken cancellation)
        => ValueTask.FromException(new OperationCanceledException("The client has gone.", cancellation));

    private void PrepareHeaders()
    {
        if (!_headersPrepared)
        {
            _headersPrepared = true;
            _call.PrepareHeaders();
        }
    }
}
