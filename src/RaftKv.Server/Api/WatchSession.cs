using RaftKv.Protocol.Etcd;
using RaftKv.Rpc;
using RaftKv.Rpc.Server;
using RaftKv.Server.Replica;
using RaftKv.Storage.Watch;

namespace RaftKv.Server.Api;

/// <summary>
/// One client's watch stream at work. One loop reads requests; the other takes what the hub has to tell and writes it,
/// and waits while the client is behind.
/// </summary>
internal sealed class WatchSession : IWatchSignal, IDisposable
{
    // So much is written before it is sent, if there is more.
    private const int FlushedBytes = 64 * 1024;

    // With more replies than this not yet taken, no more requests are read.
    private const int MaxQueuedReplies = 1024;

    // Ticks of streams that were opened together should not come together for ever.
    private const double MaxJitter = 0.1;

    private static readonly RpcStatus Failed = new(RpcStatusCode.Unknown, "the server failed while it handled the call");

    private readonly IMember _member;
    private readonly ApiOptions _options;
    private readonly TimeProvider _time;
    private readonly RpcResponseStream<WatchResponse> _responses;
    private readonly RpcServerCall _call;
    private readonly CancellationTokenRegistration _onEnd;
    private readonly CancellationToken _cancellation;
    private readonly WakeUp _hasNews = new();
    private readonly WakeUp _hasRoom = new();
    private ITimer? _progress;
    private WatchHeader? _header;
    private ulong _headerTerm;
    private volatile bool _isEnding;

    public WatchSession(
        IMember member,
        ApiOptions options,
        TimeProvider time,
        RpcResponseStream<WatchResponse> responses,
        RpcServerCall call)
    {
        _member = member;
        _options = options;
        _time = time;
        _responses = responses;
        _call = call;

        // Asked for here, before two loops do at once.
        _cancellation = call.CancellationToken;
        Stream = member.Watches.OpenStream(this);
        _onEnd = _cancellation.UnsafeRegister(static self => ((WatchSession)self!).Wake(), this);
    }

    public WatchStream Stream { get; }

    public void Create(in WatchCreate request)
    {
        // Before the client is told that it is created: from then on it may count the time.
        if (request.ProgressNotify && _progress is null)
        {
            var interval = _options.WatchProgressInterval * (1 + (MaxJitter * Random.Shared.NextDouble()));
            _progress = _time.CreateTimer(static self => ((WatchSession)self!).Tick(), this, interval, interval);
        }

        Stream.Create(request);
    }

    /// <summary>Waits while the client asks faster than it reads the replies.</summary>
    public async ValueTask HasRoomAsync()
    {
        while (Stream.QueuedReplies > MaxQueuedReplies && !_isEnding)
        {
            await _hasRoom.SleepAsync().ConfigureAwait(false);
            _cancellation.ThrowIfCancellationRequested();
        }
    }

    /// <summary>Tells the client what there is to be told, until the session ends.</summary>
    public async Task TellAsync()
    {
        try
        {
            while (!_isEnding)
            {
                _cancellation.ThrowIfCancellationRequested();

                // Nothing is begun in the pipe before the first byte of a message, so one that is not written was never
                // there.
                var taken = Stream.Take(Header(), _responses.BeginMessage());
                if (taken == WatchTake.Response)
                {
                    _responses.EndMessage();
                }

                if (_responses.UnflushedBytes > (taken == WatchTake.Idle ? 0 : FlushedBytes))
                {
                    await _responses.FlushAsync().ConfigureAwait(false);
                    _hasRoom.Call();
                    continue;
                }

                if (taken == WatchTake.Idle)
                {
                    await _hasNews.SleepAsync().ConfigureAwait(false);
                }
                else if (taken == WatchTake.Unfinished)
                {
                    // History is read in steps, and others want to run too.
                    await Task.Yield();
                }
            }
        }
        catch (Exception trouble) when (trouble is not OperationCanceledException)
        {
            // The other loop waits for a client that may never say anything again.
            _call.EndWith(Failed);
            throw;
        }
    }

    /// <summary>Ends the telling, and waits for it.</summary>
    /// <exception cref="Exception">It had failed before.</exception>
    public Task EndAsync(Task telling)
    {
        _isEnding = true;
        Wake();
        return telling;
    }

    public void Dispose()
    {
        _progress?.Dispose();
        _onEnd.Dispose();
        Stream.Dispose();
    }

    void IWatchSignal.Ready(WatchStream stream) => _hasNews.Call();

    // A client that does not read would have a reply more in its queue each time.
    private void Tick()
    {
        if (Stream.QueuedReplies == 0)
        {
            Stream.ProgressTick();
        }
    }

    private void Wake()
    {
        _hasNews.Call();
        _hasRoom.Call();
    }

    private WatchHeader Header()
    {
        var term = _member.Status.Term;
        if (_header is null || term != _headerTerm)
        {
            _headerTerm = term;
            _header = new WatchHeader(_member.ClusterId, _member.Self.Value, term);
        }

        return _header;
    }
}
