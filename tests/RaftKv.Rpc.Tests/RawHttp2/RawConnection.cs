using System.Net;
using System.Net.Sockets;

namespace RaftKv.Rpc.Tests.RawHttp2;

/// <summary>A request or a response as it came: its headers and the bytes of its body.</summary>
internal sealed record RawMessage(int Stream, List<(string Name, string Value)> Headers, byte[] Body)
{
    public string? Header(string name) => Headers.Find(header => header.Name == name).Value;
}

/// <summary>
/// One end of an HTTP/2 connection, frame by frame, for tests that need a peer which does exactly what it is told: a
/// server against our client, or a client against our server.
/// </summary>
/// <remarks>One reader and one writer at a time.</remarks>
/// <example><code>
/// await using var connection = await RawConnection.ConnectAsync(endPoint);
/// await connection.WriteAsync(RawFrame.Headers(1, endStream: false, ...));
/// var frame = await connection.NextAsync(FrameKind.Headers);
/// </code></example>
internal sealed class RawConnection : IAsyncDisposable
{
    public static readonly byte[] Preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8.ToArray();

    // Longer than anything takes; a test that waits this long is stuck, and says what it waited for.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private readonly Socket _socket;
    private readonly NetworkStream _stream;
    // The last frames received, for the story a failure tells.
    private readonly Queue<RawFrame> _seen = [];
    private readonly Dictionary<int, RawMessage> _partial = [];

    private RawConnection(Socket socket)
    {
        _socket = socket;
        _stream = new NetworkStream(socket, ownsSocket: true);
        socket.NoDelay = true;
    }

    /// <summary>Decodes what the other end sends. Each header block must pass through it once, in order.</summary>
    public HeaderBlock Incoming { get; } = new();

    /// <summary>Answers SETTINGS and PING of the other end while reading. Off for tests of what happens without.</summary>
    public bool IsPolite { get; set; } = true;

    /// <summary>Connects as a client, with the preface and these settings sent.</summary>
    public static async Task<RawConnection> ConnectAsync(IPEndPoint server, params (ushort Id, uint Value)[] settings)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(server);
        var connection = new RawConnection(socket);
        await connection.WriteBytesAsync(Preface);
        await connection.WriteAsync(RawFrame.Settings(settings));
        return connection;
    }

    /// <summary>Takes a client's connection as a server, with its preface read and these settings sent.</summary>
    public static async Task<RawConnection> AcceptAsync(Socket accepted, params (ushort Id, uint Value)[] settings)
    {
        var connection = new RawConnection(accepted);
        var preface = new byte[Preface.Length];
        await connection._stream.ReadExactlyAsync(preface);
        Assert.Equal(Preface, preface);
        await connection.WriteAsync(RawFrame.Settings(settings));
        return connection;
    }

    public ValueTask WriteAsync(RawFrame frame) => WriteBytesAsync(frame.ToBytes());

    public async ValueTask WriteAsync(params RawFrame[] frames)
    {
        // In one segment, so that the other end finds them all at once.
        await WriteBytesAsync(frames.SelectMany(frame => frame.ToBytes()).ToArray());
    }

    public ValueTask WriteBytesAsync(ReadOnlyMemory<byte> bytes) => _stream.WriteAsync(bytes);

    /// <summary>The next frame, whatever it is. Null when the other end has closed.</summary>
    public async Task<RawFrame?> ReadAsync()
    {
        using var patience = new CancellationTokenSource(Patience);
        try
        {
            var header = new byte[RawFrame.HeaderSize];
            if (await _stream.ReadAtLeastAsync(header, header.Length, throwOnEndOfStream: false, patience.Token) < header.Length)
            {
                return null;
            }

            var (kind, flags, stream, length) = RawFrame.ParseHeader(header);
            var payload = new byte[length];
            await _stream.ReadExactlyAsync(payload, patience.Token);
            var frame = new RawFrame(kind, flags, stream, payload);
            _seen.Enqueue(frame);
            if (_seen.Count > 50)
            {
                _seen.Dequeue();
            }

            if (IsPolite && kind is FrameKind.Settings or FrameKind.Ping && !frame.IsAck)
            {
                await WriteAsync(kind is FrameKind.Settings ? RawFrame.SettingsAck() : frame with { Flags = RawFrame.Ack });
            }

            return frame;
        }
        catch (OperationCanceledException)
        {
            throw new TimeoutException($"Nothing came for {Patience}. So far: {Story()}");
        }
        catch (IOException e) when (e is EndOfStreamException || e.InnerException is SocketException)
        {
            return null;
        }
    }

    /// <summary>The next frame of a kind, on a stream if one is given; others are skipped.</summary>
    public async Task<RawFrame> NextAsync(FrameKind kind, int? stream = null)
    {
        while (true)
        {
            var frame = await ReadAsync() ?? throw new IOException($"The other end closed before a {kind} came. So far: {Story()}");
            if (frame.Kind == kind && !frame.IsAck && (stream is null || frame.Stream == stream))
            {
                return frame;
            }
        }
    }

    /// <summary>The next headers of a request or response, on a stream if one is given, decoded. Frames before them are
    /// skipped.</summary>
    public async Task<(RawFrame Frame, List<(string Name, string Value)> Headers)> NextHeadersAsync(int? stream = null)
    {
        while (true)
        {
            // All blocks pass through the decoder, also those of other streams: they share one table.
            var frame = await NextAsync(FrameKind.Headers);
            var headers = await DecodeAsync(frame);
            if (stream is null || frame.Stream == stream)
            {
                return (frame, headers);
            }
        }
    }

    /// <summary>The next request or response to be complete, however its frames mix with those of others.</summary>
    public async Task<RawMessage> NextMessageAsync()
    {
        while (true)
        {
            var frame = await ReadAsync() ?? throw new IOException($"The other end closed before a message was complete. So far: {Story()}");
            if (frame.Kind is FrameKind.Headers)
            {
                var headers = await DecodeAsync(frame);
                if (_partial.TryGetValue(frame.Stream, out var known))
                {
                    known.Headers.AddRange(headers); // Trailers.
                }
                else
                {
                    _partial.Add(frame.Stream, new RawMessage(frame.Stream, headers, []));
                }
            }
            else if (frame.Kind is FrameKind.Data && _partial.TryGetValue(frame.Stream, out var message))
            {
                _partial[frame.Stream] = message with { Body = [.. message.Body, .. frame.Payload.Span] };
            }

            if (frame.EndsStream && _partial.Remove(frame.Stream, out var complete))
            {
                return complete;
            }
        }
    }

    /// <summary>Says that nothing more will be sent; reading goes on.</summary>
    public void CompleteWrites()
    {
        try
        {
            _socket.Shutdown(SocketShutdown.Send);
        }
        catch (SocketException)
        {
            // The other end has closed already.
        }
    }

    /// <summary>Closes at once: the other end sees the connection reset.</summary>
    public void Abort()
    {
        _socket.LingerState = new LingerOption(enable: true, seconds: 0);
        _socket.Dispose();
    }

    public ValueTask DisposeAsync() => _stream.DisposeAsync();

    private async Task<List<(string Name, string Value)>> DecodeAsync(RawFrame frame)
    {
        var payload = frame.Payload;
        if ((frame.Flags & RawFrame.Padded) != 0)
        {
            payload = payload[1..^payload.Span[0]];
        }

        if ((frame.Flags & RawFrame.HasPriority) != 0)
        {
            payload = payload[5..];
        }

        // Nothing may come between the parts of one block (RFC 9113 §6.10).
        var block = payload.ToArray();
        for (var last = frame; !last.EndsHeaders;)
        {
            last = await NextAsync(FrameKind.Continuation, frame.Stream);
            block = [.. block, .. last.Payload.Span];
        }

        return Incoming.Decode(block);
    }

    private string Story() => _seen.Count == 0 ? "nothing" : string.Join("; ", _seen);
}
