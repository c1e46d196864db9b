using System.Buffers.Binary;
using System.IO.Pipelines;
using RaftKv.Rpc.Server.Http2.Hpack;

namespace RaftKv.Rpc.Server.Http2;

// What goes to the client. All of it under the lock, but for the sending itself.
internal sealed partial class Http2Connection : IThreadPoolWorkItem
{
    private const int FrameHeaderBytes = 9;

    // What clients take in one frame if they say nothing else; larger ones gain nothing.
    private const int FrameBytesMax = 16 * 1024;
    private const long WindowMax = int.MaxValue;

    // With so much waiting to be sent, bodies wait where they are.
    private const int WaitingBytesMax = 64 * 1024;

    // With so much, the client asks and does not listen.
    private const int RepliesBytesMax = 1024 * 1024;
    private const int IdleStreamsMax = 64;
    private const int GivenUpMax = 100;

    private readonly LinkedList<Http2Stream> _queue = [];

    // Those that wait for the connection's window.
    private readonly LinkedList<Http2Stream> _blocked = [];

    // Streams that we have given up while the client had more to say, the last ones.
    private readonly Queue<int> _givenUp = [];
    private bool _owesTableSize;
    private ByteBuffer _filling = new();
    private ByteBuffer _sending = new();
    private TaskCompletionSource? _sent;
    private bool _isSending;
    private long _sendWindow = 65_535;
    private long _streamSendWindow = 65_535;

    /// <summary>Sends what a handler has written.</summary>
    public ValueTask<FlushResult> FlushAsync(Http2Stream stream, CancellationToken cancellation)
    {
        bool sends;
        Task<FlushResult>? waits = null;
        lock (_gate)
        {
            if (stream.Receiving.IsReset || _isClosed)
            {
                stream.Answer.Clear(); // Whoever writes on is told, and need not listen.
                return new(new FlushResult(isCanceled: false, isCompleted: true));
            }

            stream.Answer.Flush();
            Enqueue(stream);
            Pump();
            // Until its headers are on their way they are read here, and nobody is to change them.
            if (stream.Answer.FlushedBytes > Server.Limits.ResponseBufferBytes || !stream.Sending.HasBegun)
            {
                stream.Sending.Flushing ??= new(TaskCreationOptions.RunContinuationsAsynchronously);
                waits = stream.Sending.Flushing.Task;
            }

            sends = BeginSending();
        }

        Send(sends, isUrgent: true);
        return waits is null ? new(new FlushResult(isCanceled: false, isCompleted: false)) : new(waits.WaitAsync(cancellation));
    }

    public void CancelFlush(Http2Stream stream)
    {
        lock (_gate)
        {
            stream.Sending.Flushing?.TrySetResult(new(isCanceled: true, isCompleted: false));
            stream.Sending.Flushing = null;
        }
    }

    /// <summary>Sends what there is, until there is nothing.</summary>
    void IThreadPoolWorkItem.Execute() => _ = SendAsync();

    private async Task SendAsync()
    {
        while (true)
        {
            lock (_gate)
            {
                if (_filling.Length == 0)
                {
                    // A connection that rests holds no memory.
                    _filling.Release();
                    _sending.Release();
                    _isSending = false;
                    _sent?.TrySetResult();
                    return;
                }

                (_filling, _sending) = (_sending, _filling);
            }

            try
            {
                var result = await _transport.Transport.Output.WriteAsync(_sending.WrittenMemory).ConfigureAwait(false);
                if (result.IsCompleted)
                {
                    StopSending();
                    return;
                }
            }
            catch (Exception)
            {
                // The reader hears of it as well, and sees to everything.
                StopSending();
                return;
            }

            _sending.Clear();
            lock (_gate)
            {
                Pump();
            }
        }
    }

    private void StopSending()
    {
        lock (_gate)
        {
            _isClosed = true;
            _filling.Clear();
            _isSending = false;
            _sent?.TrySetResult();
        }

        AbandonAll(new IOException("The client has gone."));
    }

    // Done when nothing is being sent.
    private Task SentAsync()
    {
        lock (_gate)
        {
            if (!_isSending)
            {
                return Task.CompletedTask;
            }

            _sent = new(TaskCreationOptions.RunContinuationsAsynchronously);
            return _sent.Task;
        }
    }

    // Whether the caller is to send. Under the lock.
    private bool BeginSending()
    {
        if (_isSending || _filling.Length == 0)
        {
            return false;
        }

        _isSending = true;
        return true;
    }

    // On this thread if nobody else is about to say something, or else on another, behind those who are.
    private void Send(bool sends, bool isUrgent)
    {
        if (!sends)
        {
            return;
        }

        if (isUrgent)
        {
            _ = SendAsync();
        }
        else
        {
            ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
        }
    }

    private void Enqueue(Http2Stream stream)
    {
        if (stream.Place.List is null)
        {
            _queue.AddLast(stream.Place);
        }
    }

    // Moves what streams have into the buffer, a frame of each in turn, as far as the connection's window and room go. Each
    // step moves something or takes a stream out of the queue for good: a client cannot make us look at all of them for a byte.
    private void Pump()
    {
        while (HasRoom && !_isClosed)
        {
            var from = _sendWindow > 0 && _blocked.Count > 0 ? _blocked : _queue;
            if (from.First is not { } first)
            {
                return;
            }

            from.Remove(first);
            switch (TryAdvance(first.Value))
            {
                case Standing.WantsItsTurn:
                    _queue.AddLast(first);
                    break;
                case Standing.WantsWindow:
                    _blocked.AddLast(first);
                    break;
            }
        }
    }

    private bool HasRoom => _filling.Length < WaitingBytesMax;

    // A handler that changes its headers while they are written fails by itself.
    private Standing TryAdvance(Http2Stream stream)
    {
        var start = _filling.Length;
        try
        {
            return Advance(stream);
        }
        catch (InvalidOperationException changed)
        {
            Server.LogRequestFailed(stream.Path, changed);
            _filling.Truncate(start);
            AppendReset(stream.Id, Http2Error.Internal, stream.Receiving.HasEnded);
            Forget(stream);
            return Standing.WantsNothing;
        }
    }

    private Standing Advance(Http2Stream stream)
    {
        ref var sending = ref stream.Sending;
        if (sending.HasEnded || stream.Receiving.IsReset)
        {
            return Standing.WantsNothing;
        }

        var answer = stream.Answer;
        var hasTrailers = sending.IsComplete && stream.Trailers.Count > 0;
        if (stream.IsBodiless)
        {
            answer.DropFlushed();
        }

        if (!sending.HasBegun)
        {
            sending.HasBegun = true;
            var isAll = sending.IsComplete && answer.FlushedBytes == 0 && !hasTrailers;
            AppendHeaders(stream, isAll, isTrailers: false);
            if (isAll)
            {
                End(stream);
                return Standing.WantsNothing;
            }
        }

        WakeFlusher(stream);
        if (answer.FlushedBytes > 0)
        {
            if (sending.Window <= 0)
            {
                return Standing.WantsNothing; // The client's word for this stream brings it back.
            }

            if (_sendWindow <= 0)
            {
                return Standing.WantsWindow;
            }

            var bytes = (int)Math.Min(Math.Min(answer.FlushedBytes, FrameBytesMax), Math.Min(sending.Window, _sendWindow));
            var isAll = sending.IsComplete && bytes == answer.FlushedBytes && !hasTrailers;
            AppendData(stream, bytes, isAll);
            if (isAll)
            {
                End(stream);
                return Standing.WantsNothing;
            }
        }

        WakeFlusher(stream);
        if (answer.FlushedBytes > 0)
        {
            return Standing.WantsItsTurn;
        }

        if (sending.IsComplete)
        {
            if (hasTrailers)
            {
                AppendHeaders(stream, isEnd: true, isTrailers: true);
            }
            else
            {
                AppendData(stream, 0, isEnd: true);
            }

            End(stream);
        }

        return Standing.WantsNothing;
    }

    private void WakeFlusher(Http2Stream stream)
    {
        if (stream.Sending.Flushing is { } flushing && stream.Answer.FlushedBytes <= Server.Limits.ResponseBufferBytes / 2)
        {
            stream.Sending.Flushing = null;
            flushing.TrySetResult(new(isCanceled: false, isCompleted: false));
        }
    }

    private enum Standing
    {
        WantsNothing,
        WantsItsTurn,
        WantsWindow,
    }

    // All of an answer is on its way.
    private void End(Http2Stream stream)
    {
        stream.Sending.HasEnded = true;
        if (!stream.Receiving.HasEnded)
        {
            // What the client still has to say interests nobody.
            AppendReset(stream.Id, Http2Error.None, hasEnded: false);
            stream.Receiving.IsReset = true;
        }

        _streams.Remove(stream.Id);
        if (!stream.Receiving.IsReset && stream.Request.IsAtRest && _idle.Count < IdleStreamsMax)
        {
            _idle.Push(stream);
        }

        StopIfDrained();
    }

    private void AppendHeaders(Http2Stream stream, bool isEnd, bool isTrailers)
    {
        var start = _filling.Length;
        _filling.Reserve(FrameHeaderBytes);
        _filling.Advance(FrameHeaderBytes);
        if (_owesTableSize)
        {
            _owesTableSize = false;
            _filling.Write([HeaderEncoder.EmptyTable]);
        }

        if (isTrailers)
        {
            HeaderEncoder.WriteTrailers(_filling, stream.Trailers);
        }
        else
        {
            HeaderEncoder.WriteAnswer(_filling, stream.StatusCode, stream.ResponseHeaders);
        }

        var length = _filling.Length - start - FrameHeaderBytes;
        var flags = isEnd ? FrameFlags.EndStream : FrameFlags.None;
        if (length <= FrameBytesMax)
        {
            WriteFrameHeader(_filling.At(start), FrameKind.Headers, flags | FrameFlags.EndHeaders, stream.Id, length);
            return;
        }

        // More than one frame takes: cut into pieces, with nothing between them.
        var block = _filling.At(start + FrameHeaderBytes).ToArray();
        _filling.Truncate(start);
        for (var at = 0; at < block.Length; at += FrameBytesMax)
        {
            var piece = block.AsSpan(at, Math.Min(FrameBytesMax, block.Length - at));
            var isLast = at + piece.Length == block.Length ? FrameFlags.EndHeaders : FrameFlags.None;
            AppendFrame(at == 0 ? FrameKind.Headers : FrameKind.Continuation, at == 0 ? flags | isLast : isLast, stream.Id, piece);
        }
    }

    private void AppendData(Http2Stream stream, int bytes, bool isEnd)
    {
        var room = _filling.Reserve(FrameHeaderBytes + bytes);
        WriteFrameHeader(room, FrameKind.Data, isEnd ? FrameFlags.EndStream : FrameFlags.None, stream.Id, bytes);
        if (bytes > 0)
        {
            stream.Answer.Take(room.Slice(FrameHeaderBytes, bytes));
        }

        _filling.Advance(FrameHeaderBytes + bytes);
        stream.Sending.Window -= bytes;
        _sendWindow -= bytes;
    }

    private void AppendReset(int stream, Http2Error error, bool hasEnded)
    {
        AppendNumber(FrameKind.Reset, stream, (int)error);
        if (!hasEnded)
        {
            _givenUp.Enqueue(stream);
            if (_givenUp.Count > GivenUpMax)
            {
                _givenUp.Dequeue();
            }
        }
    }

    private void AppendWindowUpdate(int stream, int bytes) => AppendNumber(FrameKind.WindowUpdate, stream, bytes);

    private void AppendPing() => AppendFrame(FrameKind.Ping, FrameFlags.None, 0, "still on"u8);

    private void AppendGoAway(Http2Error error, int? lastStream = null)
    {
        Span<byte> payload = stackalloc byte[8];
        BinaryPrimitives.WriteInt32BigEndian(payload, lastStream ?? _lastStream);
        BinaryPrimitives.WriteInt32BigEndian(payload[4..], (int)error);
        AppendFrame(FrameKind.GoAway, FrameFlags.None, 0, payload);
    }

    private void AppendNumber(FrameKind kind, int stream, int number)
    {
        Span<byte> payload = stackalloc byte[4];
        BinaryPrimitives.WriteInt32BigEndian(payload, number);
        AppendFrame(kind, FrameFlags.None, stream, payload);
    }

    private void AppendFrame(FrameKind kind, FrameFlags flags, int stream, ReadOnlySpan<byte> payload)
    {
        var room = _filling.Reserve(FrameHeaderBytes + payload.Length);
        WriteFrameHeader(room, kind, flags, stream, payload.Length);
        payload.CopyTo(room[FrameHeaderBytes..]);
        _filling.Advance(FrameHeaderBytes + payload.Length);
    }

    private static void WriteFrameHeader(Span<byte> to, FrameKind kind, FrameFlags flags, int stream, int length)
    {
        to[0] = (byte)(length >> 16);
        to[1] = (byte)(length >> 8);
        to[2] = (byte)length;
        to[3] = (byte)kind;
        to[4] = (byte)flags;
        BinaryPrimitives.WriteInt32BigEndian(to[5..], stream);
    }
}
