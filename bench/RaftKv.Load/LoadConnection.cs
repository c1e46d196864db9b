using System.Buffers.Binary;
using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace RaftKv.Load;

/// <summary>What the clients of a connection ask, and whether an answer was good.</summary>
internal interface IWorkload
{
    /// <summary>The gRPC method of the next request of a client, as a path, and the request itself.</summary>
    /// <param name="client">Number of the client, over all connections.</param>
    /// <param name="random">For this connection alone.</param>
    /// <param name="request">To write to, as protobuf.</param>
    /// <returns>The path's index in <see cref="Paths"/>.</returns>
    int Next(int client, Random random, RequestBuffer request);

    IReadOnlyList<string> Paths { get; }

    /// <summary>Looks at a response message.</summary>
    /// <returns>Whether a whole operation of this client ended with it.</returns>
    bool Answered(int client, ReadOnlySpan<byte> response);
}

/// <summary>
/// One HTTP/2 connection with some clients on it, each with one call at a time. It speaks as little HTTP/2 as gRPC's unary
/// calls need, so that what is measured is the server: a few hundred nanoseconds a call. A good answer is one with a
/// message in it; both servers answer errors without.
/// </summary>
internal sealed class LoadConnection : IDisposable
{
    private const int FrameHeader = 9;
    private const int Window = int.MaxValue;

    private readonly Socket _socket = new(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
    private readonly IWorkload _work;
    private readonly byte[][] _headers;
    private readonly Random _random;
    private readonly RequestBuffer _out = new(64 * 1024);
    private readonly RequestBuffer _request = new(4096);
    private readonly Dictionary<int, Call> _calls = [];
    private readonly Stack<Call> _spare = [];
    private readonly Queue<int> _held = [];
    private readonly int _firstClient;
    private readonly int _clients;
    private byte[] _in = new byte[256 * 1024];
    private int _nextStream = 1;
    private long _sendWindow = 65_535;
    private long _consumed;

    public LoadConnection(IWorkload work, string authority, int firstClient, int clients, int seed)
    {
        _work = work;
        _firstClient = firstClient;
        _clients = clients;
        _random = new Random(seed);
        _headers = [.. work.Paths.Select(path => Headers(path, authority))];
    }

    public Latencies Latencies { get; } = new();

    public long Refused { get; private set; }

    public async Task ConnectAsync(IPEndPoint server)
    {
        await _socket.ConnectAsync(server);
        _out.Add("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8);

        // INITIAL_WINDOW_SIZE as large as it may be, and no pushes.
        Frame(12, 4, 0, 0);
        _out.Add([0, 2, 0, 0, 0, 0]);
        _out.Add([0, 4, 0x7f, 0xff, 0xff, 0xff]);
        Frame(4, 8, 0, 0);
        _out.AddInt(Window - 65_535);
        await FlushAsync();
    }

    /// <summary>Keeps every client busy until the time is over, then waits for the last answers.</summary>
    /// <param name="warm">What ends before is not counted.</param>
    /// <param name="end">After which nothing is begun.</param>
    public async Task RunAsync(long warm, long end)
    {
        for (var i = 0; i < _clients; i++)
        {
            _held.Enqueue(_firstClient + i);
        }

        SendHeld();
        await FlushAsync();
        var filled = 0;
        while (_calls.Count > 0 || _held.Count > 0)
        {
            var read = await _socket.ReceiveAsync(_in.AsMemory(filled));
            if (read == 0)
            {
                throw new IOException("The server closed the connection.");
            }

            filled += read;
            var used = Parse(_in.AsSpan(0, filled), warm, end);
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

            SendHeld();
            await FlushAsync();
        }
    }

    public void Dispose() => _socket.Dispose();

    private int Parse(ReadOnlySpan<byte> bytes, long warm, long end)
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

            Take(frame[3], frame[4], BinaryPrimitives.ReadInt32BigEndian(frame[5..]) & int.MaxValue, frame.Slice(FrameHeader, length), warm, end);
            at += FrameHeader + length;
        }

        return at;
    }

    private void Take(byte kind, byte flags, int stream, ReadOnlySpan<byte> payload, long warm, long end)
    {
        switch (kind)
        {
            case 0: // DATA
                _consumed += payload.Length;
                _calls[stream].Data(payload);
                Ended(stream, flags, warm, end);
                break;
            case 1 or 9: // HEADERS
                Ended(stream, flags, warm, end);
                break;
            case 3: // RST_STREAM
                Ended(stream, flags: 1, warm, end);
                break;
            case 4 when (flags & 1) == 0: // SETTINGS
                Frame(0, 4, 1, 0);
                break;
            case 6 when (flags & 1) == 0: // PING
                Frame(payload.Length, 6, 1, 0);
                _out.Add(payload);
                break;
            case 7: // GOAWAY
                throw new IOException($"The server says goodbye: {Encoding.ASCII.GetString(payload[8..])}");
            case 8 when stream == 0: // WINDOW_UPDATE
                _sendWindow += BinaryPrimitives.ReadInt32BigEndian(payload);
                break;
        }
    }

    private void Ended(int stream, byte flags, long warm, long end)
    {
        if ((flags & 1) == 0)
        {
            return;
        }

        if (!_calls.Remove(stream, out var call))
        {
            return;
        }

        var now = Stopwatch.GetTimestamp();
        var isWhole = true;
        if (call.Length < 5)
        {
            Refused++;
        }
        else
        {
            isWhole = _work.Answered(call.Client, call.Message);
            if (isWhole && call.FirstStarted >= warm)
            {
                Latencies.Add((long)((now - call.FirstStarted) * 1e9 / Stopwatch.Frequency));
            }
        }

        var client = call.Client;
        var started = call.FirstStarted;
        _spare.Push(call);
        if (now < end)
        {
            Send(client, isWhole ? now : started);
        }
    }

    private void SendHeld()
    {
        while (_sendWindow > 16 * 1024 && _held.TryDequeue(out var client))
        {
            Send(client, Stopwatch.GetTimestamp());
        }
    }

    private void Send(int client, long started)
    {
        if (_sendWindow <= 16 * 1024)
        {
            _held.Enqueue(client);
            return;
        }

        _request.Clear();
        var path = _work.Next(client, _random, _request);
        var call = _spare.Count > 0 ? _spare.Pop() : new Call();
        call.Begin(client, started);
        _calls.Add(_nextStream, call);
        var headers = _headers[path];
        Frame(headers.Length, 1, 4, _nextStream);
        _out.Add(headers);
        Frame(5 + _request.Length, 0, 1, _nextStream);
        _out.Add([0]);
        _out.AddInt(_request.Length);
        _out.Add(_request.Written);
        _sendWindow -= 5 + _request.Length;
        _nextStream += 2;
    }

    private void Frame(int length, byte kind, byte flags, int stream)
    {
        _out.Add([(byte)(length >> 16), (byte)(length >> 8), (byte)length, kind, flags]);
        _out.AddInt(stream);
    }

    private async ValueTask FlushAsync()
    {
        var memory = _out.WrittenMemory;
        while (memory.Length > 0)
        {
            memory = memory[await _socket.SendAsync(memory)..];
        }

        _out.Clear();
    }

    // All of them literals that are not to be remembered, so that the bytes are the same for every call.
    private static byte[] Headers(string path, string authority)
    {
        var bytes = new List<byte> { 0x83, 0x86 }; // :method POST, :scheme http
        Literal(bytes, ":path", path);
        Literal(bytes, ":authority", authority);
        Literal(bytes, "te", "trailers");
        Literal(bytes, "content-type", "application/grpc");
        return [.. bytes];
    }

    private static void Literal(List<byte> bytes, string name, string value)
    {
        bytes.Add(0);
        bytes.Add((byte)name.Length);
        bytes.AddRange(Encoding.ASCII.GetBytes(name));
        bytes.Add((byte)value.Length);
        bytes.AddRange(Encoding.ASCII.GetBytes(value));
    }

    private sealed class Call
    {
        private byte[] _bytes = new byte[512];

        public int Client { get; private set; }

        public long FirstStarted { get; private set; }

        public int Length { get; private set; }

        public ReadOnlySpan<byte> Message => _bytes.AsSpan(5, Length - 5);

        public void Begin(int client, long started)
        {
            Client = client;
            FirstStarted = started;
            Length = 0;
        }

        public void Data(ReadOnlySpan<byte> bytes)
        {
            if (_bytes.Length < Length + bytes.Length)
            {
                Array.Resize(ref _bytes, Math.Max(_bytes.Length * 2, Length + bytes.Length));
            }

            bytes.CopyTo(_bytes.AsSpan(Length));
            Length += bytes.Length;
        }
    }
}

/// <summary>Bytes to send.</summary>
internal sealed class RequestBuffer(int capacity)
{
    private byte[] _bytes = new byte[capacity];

    public int Length { get; private set; }

    public ReadOnlySpan<byte> Written => _bytes.AsSpan(0, Length);

    public ReadOnlyMemory<byte> WrittenMemory => _bytes.AsMemory(0, Length);

    public void Clear() => Length = 0;

    public void Add(ReadOnlySpan<byte> bytes)
    {
        Reserve(bytes.Length);
        bytes.CopyTo(_bytes.AsSpan(Length));
        Length += bytes.Length;
    }

    public void AddInt(int value)
    {
        Reserve(4);
        BinaryPrimitives.WriteInt32BigEndian(_bytes.AsSpan(Length), value);
        Length += 4;
    }

    public void AddByte(byte value)
    {
        Reserve(1);
        _bytes[Length++] = value;
    }

    public void AddVarint(ulong value)
    {
        while (value >= 0x80)
        {
            AddByte((byte)(value | 0x80));
            value >>= 7;
        }

        AddByte((byte)value);
    }

    /// <summary>A protobuf field of bytes; numbers up to 15.</summary>
    public void AddField(int number, ReadOnlySpan<byte> value)
    {
        AddByte((byte)((number << 3) | 2));
        AddVarint((ulong)value.Length);
        Add(value);
    }

    /// <summary>A protobuf field that is a number.</summary>
    public void AddField(int number, ulong value)
    {
        AddByte((byte)(number << 3));
        AddVarint(value);
    }

    private void Reserve(int count)
    {
        if (_bytes.Length - Length < count)
        {
            Array.Resize(ref _bytes, Math.Max(_bytes.Length * 2, Length + count));
        }
    }
}
