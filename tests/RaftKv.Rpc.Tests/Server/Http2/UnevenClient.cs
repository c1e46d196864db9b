using System.Buffers.Binary;
using System.Globalization;
using System.Net;
using System.Threading.Channels;
using RaftKv.Rpc.Tests.RawHttp2;

namespace RaftKv.Rpc.Tests.Server.Http2;

/// <summary>How far a client goes with a call.</summary>
internal enum CallManner
{
    Whole,

    /// <summary>It resets the call somewhere in its request.</summary>
    GivenUpWhileAsking,

    /// <summary>It resets the call somewhere in its answer.</summary>
    GivenUpWhileListening,
}

/// <summary>
/// A client of many calls at once that keeps all rules of HTTP/2 and makes the most of them: windows of a few bytes that
/// it opens by chance and changes for all streams, bodies in pieces, padding, resets in the middle of anything. It watches
/// the server as well, which must not send more than it may.
/// </summary>
/// <remarks>Frames leave in the order in which they were said under the lock; one task sends them, and one reads.</remarks>
internal sealed class UnevenClient
{
    private readonly RawConnection _connection;
    private readonly Random _random;
    private readonly Lock _gate = new();
    private readonly Channel<RawFrame> _said = Channel.CreateUnbounded<RawFrame>(new() { SingleReader = true });
    private readonly Dictionary<int, Call> _calls = [];

    // Window changes that the server has not acknowledged, and the last that it has.
    private readonly Queue<int> _changes = [];
    private long _streamWindow;
    private long _window = 65_535;

    // What the server takes.
    private long _serversWindow = 65_535;
    private long _serversStreamWindow = 65_535;
    private TaskCompletionSource _moved = New();
    private bool _knowsServer;
    private int _nextStream = 1;
    private Exception? _trouble;
    private Task _sending = Task.CompletedTask;
    private Task _reading = Task.CompletedTask;

    private UnevenClient(RawConnection connection, int seed, int streamWindow)
    {
        _connection = connection;
        connection.IsPolite = false;
        _random = new Random(seed);
        _streamWindow = streamWindow;
    }

    public static async Task<UnevenClient> ConnectAsync(IPEndPoint server, int seed)
    {
        var window = new Random(seed).Next(1, 3_000);
        var client = new UnevenClient(await RawConnection.ConnectAsync(server, (RawFrame.InitialWindowSize, (uint)window)), seed, window);
        client._changes.Enqueue(window); // The first settings, which are acknowledged as all others.
        client._sending = client.SendAsync();
        client._reading = client.ReadAsync();
        await client.UntilAsync(() => client._knowsServer, () => "the server's settings");
        return client;
    }

    /// <summary>One call, from its first byte to its last or to where it is given up.</summary>
    /// <param name="path">Of the method.</param>
    /// <param name="request">All messages, each in its frame.</param>
    /// <param name="expected">All that a whole answer has.</param>
    /// <param name="manner">How far it goes.</param>
    /// <param name="seed">Of the pieces in which it goes.</param>
    /// <param name="meanwhile">What happens while nothing more is taken of the answer than the window lets through.</param>
    public async Task CallAsync(
        string path, ReadOnlyMemory<byte> request, byte[] expected, CallManner manner, int seed, Func<Task>? meanwhile = null)
    {
        var random = new Random(seed);
        var call = Open(path, random, isHeld: meanwhile is not null);
        if (manner == CallManner.GivenUpWhileAsking)
        {
            await AskAsync(call, request[..random.Next(request.Length)], isAll: false, random);
            GiveUp(call);
            return;
        }

        await AskAsync(call, request, isAll: true, random);
        if (meanwhile is not null)
        {
            await meanwhile();
            Release(call);
        }

        var enough = manner == CallManner.Whole ? int.MaxValue : random.Next(expected.Length);
        await UntilAsync(() => call.HasEnded || call.Body.Count > enough, () => $"{call} has {call.Body.Count} bytes of {expected.Length}");
        if (manner == CallManner.GivenUpWhileListening)
        {
            GiveUp(call);
            Assert.Equal(expected[..call.Body.Count], call.Body);
            return;
        }

        Assert.Equal("200", call.Header(":status"));
        Assert.Equal("0", call.Header("grpc-status"));
        Assert.Equal(expected, call.Body);
    }

    /// <summary>Says that the windows of all streams are different from now on.</summary>
    public void ChangeWindows(int window)
    {
        lock (_gate)
        {
            _changes.Enqueue(window);
            Say(RawFrame.Settings((RawFrame.InitialWindowSize, (uint)window)));
        }
    }

    /// <summary>Leaves with a goodbye: what was said goes out, and the server closes.</summary>
    public async Task LeaveAsync()
    {
        _said.Writer.Complete();
        await _sending;
        _connection.CompleteWrites();
        await _reading;
        await _connection.DisposeAsync();
        if (_trouble is { } trouble)
        {
            throw new IOException("The connection went wrong.", trouble);
        }
    }

    /// <summary>Is gone, whatever goes on.</summary>
    public async Task VanishAsync()
    {
        _said.Writer.Complete();
        _connection.Abort();
        await Task.WhenAll(_sending, _reading).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    private Call Open(string path, Random random, bool isHeld)
    {
        lock (_gate)
        {
            var call = new Call(_nextStream) { Window = _streamWindow, ServersWindow = _serversStreamWindow, IsHeld = isHeld };
            _nextStream += 2;
            _calls.Add(call.Stream, call);
            var headers = GrpcFrames.Request(call.Stream, path);
            Say(random.Next(3) == 0 ? Padded(headers, random.Next(200)) : headers);
            KeepOpen(call);
            return call;
        }
    }

    private async Task AskAsync(Call call, ReadOnlyMemory<byte> body, bool isAll, Random random)
    {
        var endsAlone = random.Next(2) == 0;
        while (body.Length > 0)
        {
            var padding = random.Next(3) == 0 ? random.Next(256) : -1;
            var wanted = Math.Min(body.Length, random.Next(4) == 0 ? random.Next(1, 8) : random.Next(1, 4_000));
            await UntilAsync(
                () => call.HasEnded || Math.Min(_serversWindow, call.ServersWindow) >= wanted + padding + 1,
                () => $"{call} has {body.Length} bytes to say, the server takes {_serversWindow} and {call.ServersWindow} of it");
            lock (_gate)
            {
                // Another may have been faster.
                var counted = wanted + padding + 1;
                if (call.HasEnded)
                {
                    return;
                }

                if (_serversWindow < counted || call.ServersWindow < counted)
                {
                    continue;
                }

                _serversWindow -= counted;
                call.ServersWindow -= counted;
                var data = RawFrame.Data(call.Stream, body[..wanted], isAll && !endsAlone && wanted == body.Length);
                Say(padding < 0 ? data : Padded(data, padding));
                body = body[wanted..];
            }
        }

        if (isAll && endsAlone)
        {
            lock (_gate)
            {
                Say(RawFrame.Data(call.Stream, default, endStream: true));
            }
        }
    }

    private void GiveUp(Call call)
    {
        lock (_gate)
        {
            if (_calls.Remove(call.Stream))
            {
                Say(RawFrame.Reset(call.Stream, Http2Code.Cancel));
            }
        }
    }

    private void Release(Call call)
    {
        lock (_gate)
        {
            call.IsHeld = false;
            KeepOpen(call);
        }
    }

    private async Task SendAsync()
    {
        await foreach (var frame in _said.Reader.ReadAllAsync())
        {
            await _connection.WriteAsync(frame);
        }
    }

    private async Task ReadAsync()
    {
        try
        {
            while (await _connection.ReadAsync() is { } frame)
            {
                lock (_gate)
                {
                    Take(frame);
                    _moved.SetResult();
                    _moved = New();
                }
            }

            Fail(new IOException("The server has closed."), isEnd: true);
        }
        catch (Exception trouble)
        {
            Fail(trouble, isEnd: false);
        }
    }

    private void Fail(Exception trouble, bool isEnd)
    {
        lock (_gate)
        {
            if (!isEnd || _calls.Count > 0)
            {
                _trouble = trouble;
                _moved.SetResult();
                _moved = New();
            }
        }
    }

    private void Take(RawFrame frame)
    {
        _calls.TryGetValue(frame.Stream, out var call);
        switch (frame.Kind)
        {
            case FrameKind.Headers:
                Assert.True(frame.EndsHeaders);
                call?.Headers.AddRange(_connection.Incoming.Decode(frame.Payload.Span));
                if (call is null)
                {
                    _connection.Incoming.Decode(frame.Payload.Span); // Given up; but all blocks pass through the decoder.
                }

                break;
            case FrameKind.Data:
                TakeData(frame, call);
                break;
            case FrameKind.WindowUpdate when frame.Stream == 0:
                _serversWindow += BinaryPrimitives.ReadInt32BigEndian(frame.Payload.Span);
                break;
            case FrameKind.WindowUpdate when call is not null:
                call.ServersWindow += BinaryPrimitives.ReadInt32BigEndian(frame.Payload.Span);
                break;
            case FrameKind.Settings when frame.IsAck:
                TakeChange(_changes.Dequeue());
                break;
            case FrameKind.Settings:
                TakeServersWindow(frame.Payload.Span);
                _knowsServer = true;
                Say(RawFrame.SettingsAck());
                break;
            case FrameKind.Reset:
                Assert.True(call is null, $"{call} is reset: {frame.Code}");
                break;
            case FrameKind.GoAway:
                Assert.Equal(Http2Code.NoError, frame.Code);
                break;
        }

        if (frame.EndsStream && call is not null)
        {
            call.HasEnded = true;
            _calls.Remove(call.Stream);
        }
    }

    private void TakeData(RawFrame frame, Call? call)
    {
        var bytes = frame.Payload.Length;
        _window -= bytes;
        Assert.True(bytes == 0 || _window >= 0, $"{frame} is {-_window} more than the connection's window.");
        if (_window <= 0)
        {
            var more = _random.Next(1, 30_000);
            _window += more;
            Say(RawFrame.WindowUpdate(0, more));
        }

        if (call is not null)
        {
            call.Window -= bytes;
            Assert.True(bytes == 0 || call.Window >= 0, $"{frame} is {-call.Window} more than the stream's window.");
            call.Body.AddRange(frame.Payload.Span);
            if (!frame.EndsStream)
            {
                KeepOpen(call);
            }
        }
    }

    private void TakeChange(int window)
    {
        var more = window - _streamWindow;
        _streamWindow = window;
        foreach (var call in _calls.Values)
        {
            call.Window += more;
            KeepOpen(call);
        }
    }

    private void TakeServersWindow(ReadOnlySpan<byte> settings)
    {
        for (; settings.Length > 0; settings = settings[6..])
        {
            if (BinaryPrimitives.ReadUInt16BigEndian(settings) == RawFrame.InitialWindowSize)
            {
                var window = BinaryPrimitives.ReadInt32BigEndian(settings[2..]);
                foreach (var call in _calls.Values)
                {
                    call.ServersWindow += window - _serversStreamWindow;
                }

                _serversStreamWindow = window;
            }
        }
    }

    // Shut windows are opened, others only now and then.
    private void KeepOpen(Call call)
    {
        if (!call.IsHeld && (call.Window <= 0 || _random.Next(8) == 0))
        {
            var more = (int)Math.Max(0, -call.Window) + (_random.Next(6) == 0 ? 1 : _random.Next(1, 6_000));
            call.Window += more;
            Say(RawFrame.WindowUpdate(call.Stream, more));
        }
    }

    private void Say(RawFrame frame) => _said.Writer.TryWrite(frame);

    private static RawFrame Padded(RawFrame frame, int padding)
        => frame with { Flags = (byte)(frame.Flags | RawFrame.Padded), Payload = (byte[])[(byte)padding, .. frame.Payload.Span, .. new byte[padding]] };

    private async Task UntilAsync(Func<bool> condition, Func<string> waitsFor)
    {
        while (true)
        {
            Task moves;
            lock (_gate)
            {
                if (_trouble is { } trouble)
                {
                    throw new IOException(waitsFor(), trouble);
                }

                if (condition())
                {
                    return;
                }

                moves = _moved.Task;
            }

            try
            {
                await moves.WaitAsync(PlainHttp.Patience);
            }
            catch (TimeoutException)
            {
                throw new TimeoutException($"Nothing moves: {waitsFor()}.");
            }
        }
    }

    private static TaskCompletionSource New() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    private sealed class Call(int stream)
    {
        public int Stream { get; } = stream;

        public List<(string Name, string Value)> Headers { get; } = [];

        public List<byte> Body { get; } = [];

        /// <summary>What may come.</summary>
        public long Window { get; set; }

        /// <summary>What the server takes.</summary>
        public long ServersWindow { get; set; }

        /// <summary>Its window is not opened.</summary>
        public bool IsHeld { get; set; }

        public bool HasEnded { get; set; }

        public string? Header(string name) => Headers.Find(header => header.Name == name).Value;

        public override string ToString()
            => string.Create(CultureInfo.InvariantCulture, $"stream {Stream} ({Body.Count} bytes, window {Window}, {string.Join(' ', Headers)})");
    }
}
