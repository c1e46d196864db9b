using System.Buffers.Binary;
using System.Text;

namespace RaftKv.Load.Http2;

/// <summary>
/// As much HTTP/2 as gRPC calls need, and no more, so that what is measured is the server: a few hundred nanoseconds a
/// call. Headers that come back are not looked into. A good answer is therefore one with a message in it; servers answer
/// errors without.
/// </summary>
/// <remarks>Everything but connecting, receiving and flushing happens under <see cref="Gate"/>.</remarks>
internal abstract class Http2Connection(LoadEndpoint endpoint) : IAsyncDisposable
{
    public const byte EndStream = 1;
    private const int FrameHeader = 9;
    private const int Window = int.MaxValue;

    private Stream? _stream;
    private RequestBuffer _out = new(64 * 1024);
    private RequestBuffer _sending = new(64 * 1024);
    private byte[] _in = new byte[256 * 1024];
    private bool _isSending;
    private bool _isClosed;
    private long _consumed;

    protected Lock Gate { get; } = new();

    /// <summary>How many bytes may be sent on the whole connection now.</summary>
    protected long SendWindow { get; private set; } = 65_535;

    /// <summary>How many bytes may be sent on a stream that begins now.</summary>
    protected int StreamWindow { get; private set; } = 65_535;

    protected int MaxFrame { get; private set; } = 16_384;

    /// <summary>How many streams the server allows at a time.</summary>
    protected int MaxStreams { get; private set; } = int.MaxValue;

    public async Task ConnectAsync(CancellationToken cancellation)
    {
        _stream = await endpoint.ConnectAsync(cancellation).ConfigureAwait(false);
        _out.Add("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8);

        // INITIAL_WINDOW_SIZE as large as it may be, and no pushes.
        Frame(12, 4, 0, 0);
        _out.Add([0, 2, 0, 0, 0, 0]);
        _out.Add([0, 4, 0x7f, 0xff, 0xff, 0xff]);
        Frame(4, 8, 0, 0);
        _out.AddInt(Window - 65_535);
        await FlushAsync(cancellation).ConfigureAwait(false);
    }

    public async ValueTask DisposeAsync()
    {
        lock (Gate)
        {
            _isClosed = true;
        }

        if (_stream is not null)
        {
            await _stream.DisposeAsync().ConfigureAwait(false);
        }
    }

    /// <summary>Headers of a call as they are sent, all of them literals that are not to be remembered, so that the bytes are the same each time.</summary>
    public byte[] HeadersOf(string path)
    {
        var bytes = new List<byte> { 0x83, (byte)(endpoint.Tls is null ? 0x86 : 0x87) }; // :method POST, :scheme http or https
        Literal(bytes, ":path", path);
        Literal(bytes, ":authority", endpoint.Authority);
        Literal(bytes, "te", "trailers");
        Literal(bytes, "content-type", "application/grpc");
        if (endpoint.Token is { } token)
        {
            Literal(bytes, "token", token);
        }

        return [.. bytes];
    }

    /// <summary>Reads until there is nothing to wait for, or the connection is disposed.</summary>
    /// <exception cref="IOException">The server or the network ended it.</exception>
    protected async Task ReceiveAsync()
    {
        var filled = 0;
        while (!IsOver())
        {
            int read;
            try
            {
                read = await _stream!.ReadAsync(_in.AsMemory(filled)).ConfigureAwait(false);
            }
            catch (Exception) when (WasClosed())
            {
                return;
            }

            if (read == 0)
            {
                if (WasClosed())
                {
                    return;
                }

                throw new IOException($"{endpoint.Authority} closed the connection.");
            }

            filled += read;
            lock (Gate)
            {
                var used = Parse(_in.AsSpan(0, filled));
                _in.AsSpan(used, filled - used).CopyTo(_in);
                filled -= used;
                if (filled == _in.Length)
                {
                    Array.Resize(ref _in, _in.Length * 2);
                }

                if (_consumed > Window / 2)
                {
                    Frame(4, 8, 0, 0);
                    _out.AddInt((int)_consumed);
                    _consumed = 0;
                }

                OnReceived();
            }

            await FlushAsync(CancellationToken.None).ConfigureAwait(false);
        }
    }

    /// <summary>Sends what waits. Whoever comes while somebody else sends leaves it to them.</summary>
    protected async ValueTask FlushAsync(CancellationToken cancellation)
    {
        while (true)
        {
            lock (Gate)
            {
                if (_isSending || _out.Length == 0 || _isClosed)
                {
                    return;
                }

                (_out, _sending) = (_sending, _out);
                _isSending = true;
            }

            try
            {
                await _stream!.WriteAsync(_sending.WrittenMemory, cancellation).ConfigureAwait(false);
            }
            catch (Exception) when (WasClosed())
            {
                return;
            }

            lock (Gate)
            {
                _sending.Clear();
                _isSending = false;
            }
        }
    }

    protected void SendHeaders(int stream, ReadOnlySpan<byte> headers)
    {
        Frame(headers.Length, 1, 4, stream);
        _out.Add(headers);
    }

    /// <summary>A piece of a call's body; never more than <see cref="MaxFrame"/>, and than the windows allow.</summary>
    protected void SendData(int stream, ReadOnlySpan<byte> bytes, byte flags)
    {
        Frame(bytes.Length, 0, flags, stream);
        _out.Add(bytes);
        SendWindow -= bytes.Length;
    }

    /// <summary>A whole message of a call as one piece.</summary>
    protected void SendMessage(int stream, ReadOnlySpan<byte> message, byte flags)
    {
        Frame(5 + message.Length, 0, flags, stream);
        _out.AddByte(0);
        _out.AddInt(message.Length);
        _out.Add(message);
        SendWindow -= 5 + message.Length;
    }

    protected abstract bool IsOver();

    protected abstract void OnData(int stream, ReadOnlySpan<byte> bytes);

    protected abstract void OnEnded(int stream);

    /// <summary>More may be sent on this stream, or on all where it is 0.</summary>
    protected virtual void OnWindow(int stream, int more)
    {
    }

    /// <summary>Streams that are under way may send this much more (or less) than they were told at first.</summary>
    protected virtual void OnStreamWindowChanged(int more)
    {
    }

    /// <summary>What has come at once has been looked at.</summary>
    protected virtual void OnReceived()
    {
    }

    private bool WasClosed()
    {
        lock (Gate)
        {
            return _isClosed;
        }
    }

    private int Parse(ReadOnlySpan<byte> bytes)
    {
        var at = 0;
        while (bytes.Length - at >= FrameHeader)
        {
            var frame = bytes[at..];
            var length = (frame[0] << 16) | (frame[1] << 8) | frame[2];
            if (frame.Length < FrameHeader + length)
            {
                break;
            }

            Take(frame[3], frame[4], BinaryPrimitives.ReadInt32BigEndian(frame[5..]) & int.MaxValue, frame.Slice(FrameHeader, length));
            at += FrameHeader + length;
        }

        return at;
    }

    private void Take(byte kind, byte flags, int stream, ReadOnlySpan<byte> payload)
    {
        switch (kind)
        {
            case 0: // DATA
                _consumed += payload.Length;
                OnData(stream, payload);
                EndIf(stream, flags);
                break;
            case 1 or 9: // HEADERS
                EndIf(stream, flags);
                break;
            case 3: // RST_STREAM
                OnEnded(stream);
                break;
            case 4 when (flags & 1) == 0: // SETTINGS
                TakeSettings(payload);
                Frame(0, 4, 1, 0);
                break;
            case 6 when (flags & 1) == 0: // PING
                Frame(payload.Length, 6, 1, 0);
                _out.Add(payload);
                break;
            case 7: // GOAWAY
                throw new IOException($"{endpoint.Authority} says goodbye: {Encoding.ASCII.GetString(payload[8..])}");
            case 8: // WINDOW_UPDATE
                var more = BinaryPrimitives.ReadInt32BigEndian(payload);
                SendWindow += stream == 0 ? more : 0;
                OnWindow(stream, more);
                break;
        }
    }

    private void EndIf(int stream, byte flags)
    {
        if ((flags & EndStream) != 0)
        {
            OnEnded(stream);
        }
    }

    private void TakeSettings(ReadOnlySpan<byte> payload)
    {
        for (; payload.Length >= 6; payload = payload[6..])
        {
            var value = (int)Math.Min(int.MaxValue, BinaryPrimitives.ReadUInt32BigEndian(payload[2..]));
            switch (BinaryPrimitives.ReadUInt16BigEndian(payload))
            {
                case 3:
                    MaxStreams = value;
                    break;
                case 4:
                    OnStreamWindowChanged(value - StreamWindow);
                    StreamWindow = value;
                    break;
                case 5:
                    MaxFrame = value;
                    break;
            }
        }
    }

    private void Frame(int length, byte kind, byte flags, int stream)
    {
        _out.Add([(byte)(length >> 16), (byte)(length >> 8), (byte)length, kind, flags]);
        _out.AddInt(stream);
    }

    private static void Literal(List<byte> bytes, string name, string value)
    {
        bytes.Add(0);
        Text(bytes, name);
        Text(bytes, value);
    }

    // A length of up to 126 is one byte; longer ones go on in bytes of seven bits (RFC 7541, 5.1).
    private static void Text(List<byte> bytes, string text)
    {
        if (text.Length < 127)
        {
            bytes.Add((byte)text.Length);
        }
        else
        {
            bytes.Add(127);
            var rest = text.Length - 127;
            for (; rest >= 128; rest >>= 7)
            {
                bytes.Add((byte)(rest | 128));
            }

            bytes.Add((byte)rest);
        }

        bytes.AddRange(Encoding.ASCII.GetBytes(text));
    }
}
