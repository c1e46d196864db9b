using System.Buffers.Binary;
using System.Diagnostics;
using RaftKv.Load.Http2;

namespace RaftKv.Load;

/// <summary>
/// One connection with some clients on it, each with one call at a time. Clients begin again as soon as they are answered;
/// or, where a pacer says when, as soon as one is free, and the time counts from when it should have begun.
/// </summary>
internal sealed class CallConnection : Http2Connection
{
    // Below this there is no room for a usual request, and waiting calls are not even begun.
    private const int LeastWindow = 16 * 1024;

    private readonly IWorkload _work;
    private readonly OperationBudget _budget;
    private readonly byte[][] _headers;
    private readonly Random _random;
    private readonly RequestBuffer _request = new(4096);
    private readonly Dictionary<int, Call> _calls = [];
    private readonly Stack<Call> _spare = [];
    private readonly Queue<(int Client, long Started)> _held = [];
    private readonly List<Call> _unsent = [];
    private readonly Dictionary<int, Call> _idle = [];
    private readonly Stack<int> _free = [];
    private readonly Queue<long> _due = [];
    private readonly bool _isPaced;
    private int _nextStream = 1;
    private bool _isStopping;
    private Latencies _latencies = new();
    private long _refused;

    public CallConnection(LoadEndpoint endpoint, IWorkload work, OperationBudget budget, bool isPaced, int firstClient, int clients, int seed)
        : base(endpoint)
    {
        _work = work;
        _budget = budget;
        _isPaced = isPaced;
        _random = new Random(seed);
        _headers = [.. work.Paths.Select(HeadersOf)];
        for (var client = firstClient; client < firstClient + clients; client++)
        {
            _free.Push(client);
        }
    }

    /// <summary>Ends when it was stopped and the last answers are there, or when there is nothing left to do.</summary>
    public async Task RunAsync()
    {
        lock (Gate)
        {
            for (var i = _isPaced ? 0 : _free.Count; i > 0; i--)
            {
                Begin(_free.Pop(), Stopwatch.GetTimestamp());
            }
        }

        await FlushAsync(CancellationToken.None).ConfigureAwait(false);
        await ReceiveAsync().ConfigureAwait(false);
    }

    /// <summary>An operation should begin at this time, which is now or a little ago.</summary>
    public void Due(long intended)
    {
        lock (Gate)
        {
            if (_free.TryPop(out var client))
            {
                Begin(client, intended);
            }
            else
            {
                _due.Enqueue(intended);
            }
        }

        // What cannot be sent at once is sent by whoever is sending.
        _ = FlushAsync(CancellationToken.None).AsTask();
    }

    /// <summary>Begins nothing more.</summary>
    public void Stop(bool isAbandoning)
    {
        bool isOver;
        lock (Gate)
        {
            _isStopping = true;
            if (isAbandoning)
            {
                _due.Clear();
            }

            isOver = _calls.Count == 0 && _due.Count == 0;
        }

        if (isOver)
        {
            // Nothing more will come that would end the reading.
            _ = DisposeAsync().AsTask();
        }
    }

    /// <summary>What has ended since this was last asked.</summary>
    public (Latencies Latencies, long Refused) Take()
    {
        lock (Gate)
        {
            var taken = (_latencies, _refused);
            (_latencies, _refused) = (new Latencies(), 0);
            return taken;
        }
    }

    protected override bool IsOver()
    {
        lock (Gate)
        {
            return _calls.Count == 0 && _held.Count == 0 && _due.Count == 0 && (!_isPaced || _isStopping);
        }
    }

    protected override void OnData(int stream, ReadOnlySpan<byte> bytes)
    {
        if (!_calls.TryGetValue(stream, out var call))
        {
            return;
        }

        call.Take(bytes);
        if (_work.IsStreaming && call.HasMessage)
        {
            _ = Answered(call);
            _calls.Remove(stream);
            if (TryContinue(out var started))
            {
                Ask(call, started);
            }
            else
            {
                _idle.Add(call.Client, call);
                _free.Push(call.Client);
            }
        }
    }

    protected override void OnEnded(int stream)
    {
        if (!_calls.Remove(stream, out var call))
        {
            return;
        }

        var isWhole = true;
        if (call.HasMessage)
        {
            isWhole = Answered(call);
        }
        else
        {
            _refused++;
        }

        if (call.IsUnsent)
        {
            _unsent.Remove(call);
        }

        var (client, started) = (call.Client, call.Started);
        _spare.Push(call);
        if (!isWhole || TryContinue(out started))
        {
            Send(client, started);
        }
        else
        {
            _free.Push(client);
        }
    }

    protected override void OnWindow(int stream, int more)
    {
        if (stream != 0 && _calls.TryGetValue(stream, out var call))
        {
            call.Window += more;
        }
    }

    protected override void OnStreamWindowChanged(int more)
    {
        foreach (var call in _calls.Values)
        {
            call.Window += more;
        }
    }

    protected override void OnReceived()
    {
        for (var i = 0; i < _unsent.Count; i++)
        {
            SendRest(_unsent[i]);
            if (!_unsent[i].IsUnsent)
            {
                _unsent.RemoveAt(i--);
            }
        }

        while (HasRoom && _held.TryDequeue(out var held))
        {
            Send(held.Client, held.Started);
        }
    }

    private bool HasRoom => SendWindow > LeastWindow && _calls.Count < MaxStreams;

    // At once; or, where paced, if another is late already.
    private bool TryContinue(out long started)
    {
        if (_isPaced)
        {
            return _due.TryDequeue(out started) && _budget.TryTake();
        }

        started = Stopwatch.GetTimestamp();
        return !_isStopping && _budget.TryTake();
    }

    private bool Answered(Call call)
    {
        var isWhole = _work.Answered(call.Client, call.Message);
        if (isWhole)
        {
            _latencies.Add((long)((Stopwatch.GetTimestamp() - call.Started) * 1e9 / Stopwatch.Frequency));
        }

        return isWhole;
    }

    private void Begin(int client, long started)
    {
        if (!_budget.TryTake())
        {
            _free.Push(client);
        }
        else if (_idle.Remove(client, out var call))
        {
            Ask(call, started);
        }
        else
        {
            Send(client, started);
        }
    }

    // The next message of a stream that is open.
    private void Ask(Call call, long started)
    {
        call.Ask(started);
        _calls.Add(call.Stream, call);
        _request.Clear();
        _work.Next(call.Client, _random, _request);
        SendMessage(call.Stream, _request.Written, flags: 0);
    }

    private void Send(int client, long started)
    {
        if (!HasRoom)
        {
            _held.Enqueue((client, started));
            return;
        }

        _request.Clear();
        var path = _work.Next(client, _random, _request);
        var call = _spare.Count > 0 ? _spare.Pop() : new Call();
        call.Begin(_nextStream, client, started, StreamWindow);
        _calls.Add(_nextStream, call);
        _nextStream += 2;
        SendHeaders(call.Stream, _headers[path]);
        var length = 5 + _request.Length;
        if (length <= MaxFrame && length <= call.Window && length <= SendWindow)
        {
            SendMessage(call.Stream, _request.Written, _work.IsStreaming ? (byte)0 : EndStream);
            return;
        }

        call.Hold(_request.Written);
        SendRest(call);
        if (call.IsUnsent)
        {
            _unsent.Add(call);
        }
    }

    private void SendRest(Call call)
    {
        while (call.IsUnsent)
        {
            var length = (int)Math.Min(Math.Min(call.Unsent.Length, MaxFrame), Math.Min(call.Window, SendWindow));
            if (length <= 0)
            {
                return;
            }

            SendData(call.Stream, call.Unsent[..length], length == call.Unsent.Length && !_work.IsStreaming ? EndStream : (byte)0);
            call.Sent(length);
        }
    }

    private sealed class Call
    {
        private byte[] _bytes = new byte[512];
        private byte[] _body = [];
        private int _length;
        private int _bodyFrom;
        private int _bodyEnd;

        public int Stream { get; private set; }

        public int Client { get; private set; }

        public long Started { get; private set; }

        public long Window { get; set; }

        /// <summary>A whole message has come.</summary>
        public bool HasMessage => _length >= 5 && _length >= 5 + BinaryPrimitives.ReadInt32BigEndian(_bytes.AsSpan(1));

        public ReadOnlySpan<byte> Message => _bytes.AsSpan(5, _length - 5);

        public bool IsUnsent => _bodyFrom < _bodyEnd;

        public ReadOnlySpan<byte> Unsent => _body.AsSpan(_bodyFrom, _bodyEnd - _bodyFrom);

        public void Begin(int stream, int client, long started, int window)
        {
            (Stream, Client, Started, Window) = (stream, client, started, window);
            (_length, _bodyFrom, _bodyEnd) = (0, 0, 0);
        }

        public void Ask(long started) => (Started, _length) = (started, 0);

        /// <summary>Keeps a message that is too large to be sent at once.</summary>
        public void Hold(ReadOnlySpan<byte> message)
        {
            if (_body.Length < 5 + message.Length)
            {
                _body = new byte[5 + message.Length];
            }

            BinaryPrimitives.WriteInt32BigEndian(_body.AsSpan(1), message.Length);
            message.CopyTo(_body.AsSpan(5));
            _bodyEnd = 5 + message.Length;
        }

        public void Sent(int length)
        {
            _bodyFrom += length;
            Window -= length;
        }

        public void Take(ReadOnlySpan<byte> bytes)
        {
            if (_bytes.Length < _length + bytes.Length)
            {
                Array.Resize(ref _bytes, Math.Max(_bytes.Length * 2, _length + bytes.Length));
            }

            bytes.CopyTo(_bytes.AsSpan(_length));
            _length += bytes.Length;
        }
    }
}
