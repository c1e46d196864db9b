using System.Buffers;
using System.Buffers.Binary;
using RaftKv.Rpc.Server.Http2.Hpack;

namespace RaftKv.Rpc.Server.Http2;

// What comes from the client. One task reads; what it shares with others is under the lock.
internal sealed partial class Http2Connection
{
    private const int InitialWindow = 65_535;

    // Each is work for every stream. Clients that measure their line change them some ten times.
    private const int WindowChangesMax = 1_000;

    private readonly HeaderDecoder _decoder;
    private readonly List<HeaderField> _fields = [];
    private readonly List<Http2Stream> _beginning = [];
    private readonly ByteBuffer _headerBlock = new();
    private int _lastStream;
    private int _windowChanges;
    private bool _hasSettings;
    private bool _knowsOurSettings;

    // Of headers that come in several frames; 0 between them.
    private int _headersOf;
    private bool _headersEndStream;

    // How much may come on all streams, and what was read of it. The second under the lock.
    private long _receiveWindow = InitialWindow;
    private long _receiveCredit;

    /// <summary>What was sent is read, and as much more may come.</summary>
    public void Consumed(Http2Stream stream, int bytes)
    {
        bool sends;
        lock (_gate)
        {
            if (_isClosed)
            {
                return;
            }

            Credit(bytes);
            if (!stream.Receiving.HasEnded && !stream.Receiving.IsReset)
            {
                stream.Receiving.Credit += bytes;
                if (stream.Receiving.Credit >= Server.Limits.StreamWindowBytes / 2)
                {
                    AppendWindowUpdate(stream.Id, stream.Receiving.Credit);
                    stream.Receiving.Window += stream.Receiving.Credit;
                    stream.Receiving.Credit = 0;
                }
            }

            sends = BeginSending();
        }

        Send(sends, isUrgent: false);
    }

    private void Credit(int bytes)
    {
        _receiveCredit += bytes;
        if (_receiveCredit >= Math.Max(InitialWindow, Server.Limits.ConnectionWindowBytes) / 2)
        {
            AppendWindowUpdate(0, (int)_receiveCredit);
            _receiveWindow += _receiveCredit;
            _receiveCredit = 0;
        }
    }

    private void Greet()
    {
        bool sends;
        lock (_gate)
        {
            Span<byte> settings = stackalloc byte[3 * 6];
            WriteSetting(settings, Http2Setting.MaxConcurrentStreams, Server.Limits.MaxStreams);
            WriteSetting(settings[6..], Http2Setting.InitialWindowSize, Server.Limits.StreamWindowBytes);
            WriteSetting(settings[12..], Http2Setting.MaxHeaderListSize, Server.Limits.MaxHeaderBytes);
            AppendFrame(FrameKind.Settings, FrameFlags.None, 0, settings);
            var more = Server.Limits.ConnectionWindowBytes - InitialWindow;
            if (more > 0)
            {
                AppendWindowUpdate(0, more);
                _receiveWindow += more;
            }

            sends = BeginSending();
        }

        Send(sends, isUrgent: true);

        static void WriteSetting(Span<byte> to, Http2Setting setting, int value)
        {
            BinaryPrimitives.WriteUInt16BigEndian(to, (ushort)setting);
            BinaryPrimitives.WriteInt32BigEndian(to[2..], value);
        }
    }

    private async Task ReadAsync()
    {
        var input = _transport.Transport.Input;
        var toSkip = Http2Server.Preface.Length;
        while (true)
        {
            var result = await input.ReadAsync().ConfigureAwait(false);
            var buffer = result.Buffer;
            try
            {
                if (toSkip > 0)
                {
                    buffer = buffer.Slice(toSkip); // Whoever chose this protocol has seen it.
                    toSkip = 0;
                }

                if (!buffer.IsEmpty)
                {
                    Volatile.Write(ref _heardAt, Environment.TickCount64);
                }

                while (TryTakeFrame(ref buffer))
                {
                }
            }
            finally
            {
                input.AdvanceTo(buffer.Start, buffer.End);
            }

            Begin();
            Reply();
            if (result.IsCompleted || IsDrained)
            {
                return;
            }
        }
    }

    // Runs the handlers of what has come, with as much of their bodies as came along.
    private void Begin()
    {
        foreach (var stream in _beginning)
        {
            bool isGone;
            lock (_gate)
            {
                isGone = stream.Receiving.IsReset;
                _handlers += isGone ? 0 : 1;
            }

            if (isGone)
            {
                // Given up before it began: no handler ever sees it, nor what came with it.
                stream.Request.Complete();
            }
            else if (stream.IsBrief)
            {
                stream.Execute();
            }
            else
            {
                ThreadPool.UnsafeQueueUserWorkItem(stream, preferLocal: false);
            }
        }

        _beginning.Clear();
    }

    private void Reply()
    {
        bool sends;
        lock (_gate)
        {
            if (_filling.Length > RepliesBytesMax)
            {
                throw new Http2Exception(Http2Error.EnhanceYourCalm, "it asks for more answers than it takes");
            }

            sends = BeginSending();
        }

        Send(sends, isUrgent: true);
    }

    private bool TryTakeFrame(ref ReadOnlySequence<byte> buffer)
    {
        if (buffer.Length < FrameHeaderBytes)
        {
            return false;
        }

        Span<byte> copy = stackalloc byte[FrameHeaderBytes];
        scoped var header = buffer.FirstSpan;
        if (header.Length < FrameHeaderBytes)
        {
            buffer.Slice(0, FrameHeaderBytes).CopyTo(copy);
            header = copy;
        }

        var length = (header[0] << 16) | (header[1] << 8) | header[2];
        var kind = (FrameKind)header[3];
        var flags = (FrameFlags)header[4];
        var stream = BinaryPrimitives.ReadInt32BigEndian(header[5..]) & int.MaxValue;
        if (length > FrameBytesMax)
        {
            throw new Http2Exception(Http2Error.FrameSize, $"a frame has {length} bytes");
        }

        if (buffer.Length < FrameHeaderBytes + length)
        {
            return false;
        }

        var payload = buffer.Slice(FrameHeaderBytes, length);
        if (payload.IsSingleSegment)
        {
            Take(kind, flags, stream, payload.FirstSpan);
        }
        else
        {
            TakeInPieces(kind, flags, stream, payload);
        }

        buffer = buffer.Slice(payload.End);
        return true;
    }

    private void TakeInPieces(FrameKind kind, FrameFlags flags, int stream, in ReadOnlySequence<byte> payload)
    {
        var whole = ArrayPool<byte>.Shared.Rent(FrameBytesMax);
        try
        {
            payload.CopyTo(whole);
            Take(kind, flags, stream, whole.AsSpan(0, (int)payload.Length));
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(whole);
        }
    }

    private void Take(FrameKind kind, FrameFlags flags, int stream, ReadOnlySpan<byte> payload)
    {
        if (_headersOf != 0 && (kind != FrameKind.Continuation || stream != _headersOf))
        {
            throw Broken("something comes between headers and their continuation");
        }

        if (!_hasSettings && kind != FrameKind.Settings)
        {
            throw Broken("it does not begin with settings");
        }

        switch (kind)
        {
            case FrameKind.Data:
                TakeData(flags, stream, payload);
                break;
            case FrameKind.Headers:
                TakeHeaders(flags, stream, payload);
                break;
            case FrameKind.Continuation:
                TakeContinuation(flags, stream, payload);
                break;
            case FrameKind.Priority:
                Demand(stream != 0, "a priority is on no stream");
                DemandSize(payload.Length == 5, kind);
                break;
            case FrameKind.Reset:
                TakeReset(stream, payload);
                break;
            case FrameKind.Settings:
                TakeSettings(flags, stream, payload);
                break;
            case FrameKind.PushPromise:
                throw Broken("a client pushes nothing");
            case FrameKind.Ping:
                TakePing(flags, stream, payload);
                break;
            case FrameKind.GoAway:
                Demand(stream == 0, "a farewell is on a stream");
                DemandSize(payload.Length >= 8, kind);
                break;
            case FrameKind.WindowUpdate:
                TakeWindowUpdate(stream, payload);
                break;
        }
    }

    private void TakeData(FrameFlags flags, int id, ReadOnlySpan<byte> payload)
    {
        DemandKnown(id);
        var counted = payload.Length;
        var data = WithoutPadding(flags, payload);
        var isEnd = flags.HasFlag(FrameFlags.EndStream);
        Http2Stream? stream;
        bool isWhole;
        lock (_gate)
        {
            _receiveWindow -= counted;
            if (_receiveWindow < 0)
            {
                throw new Http2Exception(Http2Error.FlowControl, "more data came than was asked for");
            }

            if (!_streams.TryGetValue(id, out stream))
            {
                // Of a stream that is over, which the client need not know yet.
                Credit(counted);
                return;
            }

            if (stream.Receiving.HasEnded)
            {
                throw new Http2Exception(Http2Error.StreamClosed, "data came behind the end of a stream");
            }

            stream.Receiving.Window -= counted;
            if (stream.Receiving.Window < 0)
            {
                throw new Http2Exception(Http2Error.FlowControl, "more data came on a stream than was asked for");
            }

            stream.Receiving.BodyBytes += data.Length;
            var announced = stream.BodyBytesAnnounced;
            isWhole = announced < 0 || (isEnd ? stream.Receiving.BodyBytes == announced : stream.Receiving.BodyBytes <= announced);
            stream.Receiving.HasEnded = isEnd && isWhole;
        }

        if (!isWhole)
        {
            // Not all of it, or more than all: nobody is to take it for the request.
            ResetStream(stream, Http2Error.Protocol);
            Consumed(stream, counted);
            return;
        }

        var unread = stream.Request.Append(data, isEnd) ? counted - data.Length : counted;
        if (unread > 0)
        {
            Consumed(stream, unread);
        }
    }

    private void TakeHeaders(FrameFlags flags, int id, ReadOnlySpan<byte> payload)
    {
        Demand(id % 2 == 1, "headers are on no stream of a client");
        var block = WithoutPadding(flags, payload);
        if (flags.HasFlag(FrameFlags.Priority))
        {
            DemandSize(block.Length >= 5, FrameKind.Headers);
            block = block[5..];
        }

        _headersOf = id;
        _headersEndStream = flags.HasFlag(FrameFlags.EndStream);
        if (flags.HasFlag(FrameFlags.EndHeaders))
        {
            TakeHeaderBlock(block);
        }
        else
        {
            _headerBlock.Write(block);
        }
    }

    private void TakeContinuation(FrameFlags flags, int id, ReadOnlySpan<byte> payload)
    {
        Demand(id != 0 && id == _headersOf, "headers are continued that did not begin");
        if (_headerBlock.Length + payload.Length > Server.Limits.MaxHeaderBytes)
        {
            throw new Http2Exception(Http2Error.EnhanceYourCalm, "headers are too long");
        }

        _headerBlock.Write(payload);
        if (flags.HasFlag(FrameFlags.EndHeaders))
        {
            TakeHeaderBlock(_headerBlock.Written);
            _headerBlock.Clear();
        }
    }

    private void TakeHeaderBlock(ReadOnlySpan<byte> block)
    {
        var id = _headersOf;
        _headersOf = 0;
        _fields.Clear();
        _decoder.Decode(block, _fields);
        Http2Stream? stream;
        lock (_gate)
        {
            _streams.TryGetValue(id, out stream);
        }

        if (stream is not null)
        {
            TakeTrailers(stream);
        }
        else if (id > _lastStream)
        {
            _lastStream = id;
            BeginStream(id);
        }
        else
        {
            lock (_gate)
            {
                // Behind a stream that we have given up, which the client may not have known. Anything else goes back.
                if (!_givenUp.Contains(id) || !_headersEndStream)
                {
                    throw new Http2Exception(Http2Error.StreamClosed, "a stream is begun that is over");
                }
            }
        }
    }

    private void TakeTrailers(Http2Stream stream)
    {
        Demand(_headersEndStream, "headers come in the middle of a body");
        lock (_gate)
        {
            if (stream.Receiving.HasEnded)
            {
                throw new Http2Exception(Http2Error.StreamClosed, "headers came behind the end of a stream");
            }

            stream.Receiving.HasEnded = RequestHead.AreTrailers(_fields)
                && (stream.BodyBytesAnnounced < 0 || stream.BodyBytesAnnounced == stream.Receiving.BodyBytes);
        }

        if (stream.Receiving.HasEnded)
        {
            stream.Request.Append([], isEnd: true);
        }
        else
        {
            ResetStream(stream, Http2Error.Protocol);
        }
    }

    private void BeginStream(int id)
    {
        var bytes = 0L;
        foreach (var field in _fields)
        {
            bytes += field.Bytes; // As RFC 9113 §6.5.2 counts them, so that those without a value count as well.
        }

        lock (_gate)
        {
            if (_handlers >= 2L * Server.Limits.MaxStreams)
            {
                throw new Http2Exception(Http2Error.EnhanceYourCalm, "it gives up more than it waits for");
            }

            if (_isDraining || _streams.Count >= Server.Limits.MaxStreams)
            {
                AppendReset(id, Http2Error.RefusedStream, _headersEndStream);
                return;
            }

            var stream = _idle.TryPop(out var idle) ? idle : new Http2Stream(this);
            stream.Sending = new StreamSending { Window = _streamSendWindow };
            stream.Receiving = new StreamReceiving { Window = StreamWindow, HasEnded = _headersEndStream };
            if (bytes > Server.Limits.MaxHeaderBytes
                || !stream.TryBegin(id, _fields, hasBody: !_headersEndStream)
                || (_headersEndStream && stream.BodyBytesAnnounced > 0))
            {
                AppendReset(id, Http2Error.Protocol, _headersEndStream);
                return;
            }

            if (_headersEndStream)
            {
                stream.Request.Append([], isEnd: true);
            }

            _streams.Add(id, stream);
            _beginning.Add(stream);
        }
    }

    // Before it has our settings a client takes windows to be as they always are in the beginning.
    private int StreamWindow => _knowsOurSettings ? Server.Limits.StreamWindowBytes : Math.Max(InitialWindow, Server.Limits.StreamWindowBytes);

    private void TakeReset(int id, ReadOnlySpan<byte> payload)
    {
        DemandKnown(id);
        DemandSize(payload.Length == 4, FrameKind.Reset);
        Http2Stream? stream;
        lock (_gate)
        {
            if (!_streams.TryGetValue(id, out stream))
            {
                return;
            }

            Forget(stream);
        }

        stream.Abandon(new IOException("The client has given the request up."));
    }

    private void TakeSettings(FrameFlags flags, int stream, ReadOnlySpan<byte> payload)
    {
        Demand(stream == 0, "settings are on a stream");
        if (flags.HasFlag(FrameFlags.Ack))
        {
            DemandSize(payload.Length == 0, FrameKind.Settings);
            Demand(_hasSettings, "it acknowledges settings before it has sent its own");
            _knowsOurSettings = true;
            return;
        }

        DemandSize(payload.Length % 6 == 0, FrameKind.Settings);
        _hasSettings = true;
        lock (_gate)
        {
            var window = _streamSendWindow;
            for (; payload.Length > 0; payload = payload[6..])
            {
                Apply((Http2Setting)BinaryPrimitives.ReadUInt16BigEndian(payload), BinaryPrimitives.ReadUInt32BigEndian(payload[2..]), ref window);
            }

            Widen(window);
            AppendFrame(FrameKind.Settings, FrameFlags.Ack, 0, []);
            Pump();
        }
    }

    private void Apply(Http2Setting setting, uint value, ref long window)
    {
        switch (setting)
        {
            case Http2Setting.HeaderTableSize:
                // None is used; but a client whose table is smaller than usual wants to hear that we know (RFC 7541 §4.2).
                _owesTableSize |= value < HeaderDecoder.TableBytesMax;
                break;
            case Http2Setting.EnablePush:
                Demand(value <= 1, "whether it takes pushes is neither 0 nor 1");
                break;
            case Http2Setting.MaxFrameSize:
                Demand(value is >= 16_384 and < 1 << 24, "its frames are smaller or larger than allowed");
                break;
            case Http2Setting.InitialWindowSize:
                if (value > WindowMax)
                {
                    throw new Http2Exception(Http2Error.FlowControl, "its windows are larger than allowed");
                }

                window = value;
                break;
        }
    }

    // Of all streams; the last that was said counts.
    private void Widen(long window)
    {
        var more = window - _streamSendWindow;
        if (more == 0)
        {
            return;
        }

        if (_streams.Count > 0 && ++_windowChanges > WindowChangesMax)
        {
            throw new Http2Exception(Http2Error.EnhanceYourCalm, "it changes the windows of all its streams again and again");
        }

        _streamSendWindow = window;
        foreach (var stream in _streams.Values)
        {
            Widen(stream, more);
        }
    }

    private void TakePing(FrameFlags flags, int stream, ReadOnlySpan<byte> payload)
    {
        Demand(stream == 0, "a ping is on a stream");
        DemandSize(payload.Length == 8, FrameKind.Ping);
        lock (_gate)
        {
            if (flags.HasFlag(FrameFlags.Ack))
            {
                _pingedAt = 0;
            }
            else
            {
                AppendFrame(FrameKind.Ping, FrameFlags.Ack, 0, payload);
            }
        }
    }

    private void TakeWindowUpdate(int id, ReadOnlySpan<byte> payload)
    {
        DemandSize(payload.Length == 4, FrameKind.WindowUpdate);
        var more = BinaryPrimitives.ReadInt32BigEndian(payload) & int.MaxValue;
        lock (_gate)
        {
            if (id == 0)
            {
                Demand(more != 0, "a window grows by nothing");
                _sendWindow += more;
                if (_sendWindow > WindowMax)
                {
                    throw new Http2Exception(Http2Error.FlowControl, "its window is larger than allowed");
                }
            }
            else
            {
                DemandKnown(id);
                Demand(more != 0, "a window grows by nothing");
                if (_streams.TryGetValue(id, out var stream))
                {
                    Widen(stream, more);
                }
            }

            Pump();
        }
    }

    private void Widen(Http2Stream stream, long more)
    {
        stream.Sending.Window += more;
        if (stream.Sending.Window > WindowMax)
        {
            throw new Http2Exception(Http2Error.FlowControl, "a stream's window is larger than allowed");
        }

        if (stream.Answer.FlushedBytes > 0)
        {
            Enqueue(stream);
        }
    }

    private static ReadOnlySpan<byte> WithoutPadding(FrameFlags flags, ReadOnlySpan<byte> payload)
    {
        if (!flags.HasFlag(FrameFlags.Padded))
        {
            return payload;
        }

        DemandSize(payload.Length >= 1, FrameKind.Data);
        var padding = payload[0];
        Demand(padding < payload.Length, "there is more padding than frame");
        return payload[1..^padding];
    }

    // A stream that a client has begun, now or earlier.
    private void DemandKnown(int id) => Demand(id % 2 == 1 && id <= _lastStream, "a stream did not begin");

    private static void Demand(bool holds, string what)
    {
        if (!holds)
        {
            throw Broken(what);
        }
    }

    private static void DemandSize(bool holds, FrameKind kind)
    {
        if (!holds)
        {
            throw new Http2Exception(Http2Error.FrameSize, $"a frame of kind {kind} has a wrong length");
        }
    }

    private static Http2Exception Broken(string what) => new(Http2Error.Protocol, what);
}
