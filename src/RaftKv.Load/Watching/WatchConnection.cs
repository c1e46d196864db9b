using System.Diagnostics;
using RaftKv.Load.Http2;

namespace RaftKv.Load.Watching;

/// <summary>One stream of watchers on a connection.</summary>
internal sealed class WatchConnection : Http2Connection
{
    // Requests go out some at a time, so that they fit into any stream's first window.
    private const int AtOnce = 100;

    // Looking into an event costs more than counting it.
    private const int SampledOf = 61;

    private readonly MessageSplitter _splitter;
    private readonly TaskCompletionSource _created = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly RequestBuffer _request = new(256);
    private byte[] _create = [];
    private int _wanted;
    private int _asked;
    private int _answered;
    private bool _isOver;
    private long _events;
    private long _eventsBefore;
    private long _lastTold;
    private int _messages;
    private Latencies _delays = new();

    public WatchConnection(LoadEndpoint endpoint)
        : base(endpoint) => _splitter = new MessageSplitter(Take);

    /// <summary>All watchers are there.</summary>
    public Task Created => _created.Task;

    public long Events => Volatile.Read(ref _events);

    public long LastTold => Volatile.Read(ref _lastTold);

    /// <exception cref="IOException">The stream ended, though nobody had asked for that.</exception>
    public async Task RunAsync(int watchers, ReadOnlyMemory<byte> key, ReadOnlyMemory<byte> rangeEnd)
    {
        lock (Gate)
        {
            _wanted = watchers;
            _create = CreateRequest(key.Span, rangeEnd.Span);
            SendHeaders(1, HeadersOf("/etcdserverpb.Watch/Watch"));
            Ask();
        }

        await FlushAsync(CancellationToken.None).ConfigureAwait(false);
        await ReceiveAsync().ConfigureAwait(false);
        if (_isOver)
        {
            throw new IOException("The server ended a watch stream.");
        }
    }

    public Latencies TakeDelays()
    {
        lock (Gate)
        {
            var taken = _delays;
            _delays = new Latencies();
            return taken;
        }
    }

    protected override bool IsOver() => _isOver;

    protected override void OnData(int stream, ReadOnlySpan<byte> bytes) => _splitter.Add(bytes);

    protected override void OnEnded(int stream) => _isOver = true;

    protected override void OnReceived()
    {
        if (_events > _eventsBefore)
        {
            _eventsBefore = _events;
            Volatile.Write(ref _lastTold, Stopwatch.GetTimestamp());
        }
    }

    private byte[] CreateRequest(ReadOnlySpan<byte> key, ReadOnlySpan<byte> rangeEnd)
    {
        _request.Clear();
        _request.AddField(1, key);
        if (!rangeEnd.IsEmpty)
        {
            _request.AddField(2, rangeEnd);
        }

        var create = _request.Written.ToArray();
        _request.Clear();
        _request.AddField(1, create);
        return _request.Written.ToArray();
    }

    private void Ask()
    {
        for (var i = 0; i < AtOnce && _asked < _wanted; i++)
        {
            SendMessage(1, _create, flags: 0);
            _asked++;
        }
    }

    private void Take(ReadOnlySpan<byte> message)
    {
        var told = WatchAnswer.Read(message);
        Volatile.Write(ref _events, _events + told.Events);
        if (told.Events > 0 && ++_messages % SampledOf == 0 && StampedValue.TimeOf(told.LastEvent) is { } put)
        {
            _delays.Add((long)((Stopwatch.GetTimestamp() - put) * 1e9 / Stopwatch.Frequency));
        }

        if (told.IsCanceled)
        {
            _created.TrySetException(new IOException("The server refused a watcher."));
            _isOver = true;
        }
        else if (told.IsCreated && ++_answered == _asked)
        {
            Ask();
            if (_answered == _wanted)
            {
                _created.TrySetResult();
            }
        }
    }
}
