using System.Threading.Channels;
using RaftKv.Client.Calls;
using RaftKv.Protocol.Etcd;
using RaftKv.Rpc;
using RaftKv.Rpc.Client;

namespace RaftKv.Client.Watching;

/// <summary>
/// One stream of one member, with the watchers on it. It lives as long as the stream; then the hub puts its watchers on
/// another one. What happens to cursors happens on its one reading loop.
/// </summary>
/// <remarks>
/// A shared stream never waits for a reader: a cursor that is full is taken off it. A stream for one cursor waits for the
/// reader, and through HTTP/2's flow control the member waits, too.
/// </remarks>
internal sealed class WatchStream
{
    private readonly WatchHub _hub;
    private readonly Channel<WatchRequest> _requests = Channel.CreateUnbounded<WatchRequest>(new() { SingleReader = true });
    private readonly CancellationTokenSource _stop;
    private readonly Lock _gate = new();
    private readonly Dictionary<long, WatchCursor> _cursors = [];

    // Replies to creations come in the order of the creations. Null: a sign of life was asked for.
    private readonly Queue<WatchCursor?> _creations = [];
    private long _lastId;
    private long _heardAt;
    private bool _isWaitingForRoom;
    private bool _hasEnded;
    private Task<bool>? _believesProgress;

    public WatchStream(WatchHub hub, KnownMember member, bool isShared, CancellationToken stop)
    {
        _hub = hub;
        Member = member;
        IsShared = isShared;
        _stop = CancellationTokenSource.CreateLinkedTokenSource(stop);
    }

    public KnownMember Member { get; }

    public bool IsShared { get; }

    /// <summary>Whether it has told anything.</summary>
    public bool HasAnswered { get; private set; }

    /// <summary>Puts a cursor on the stream.</summary>
    /// <returns>False: the stream is over.</returns>
    public bool TryAdd(WatchCursor cursor)
    {
        lock (_gate)
        {
            if (_hasEnded)
            {
                return false;
            }

            // Numbers of our own: that of a watcher that is gone never means another one.
            var id = ++_lastId;
            cursor.Stream = this;
            cursor.Id = id;
            _cursors.Add(id, cursor);
            _creations.Enqueue(cursor);
            return _requests.Writer.TryWrite(new WatchRequest { CreateRequest = cursor.NewRequest(id) });
        }
    }

    /// <summary>Takes a cursor off the stream.</summary>
    public void Remove(WatchCursor cursor)
    {
        lock (_gate)
        {
            if (cursor.Stream != this)
            {
                return;
            }

            cursor.Stream = null;
            if (_cursors.Remove(cursor.Id))
            {
                Cancel(cursor.Id);
            }

            // Nobody is left: the next one gets a stream that carries today's token.
            if (_cursors.Count == 0)
            {
                _hasEnded = true;
                _stop.Cancel();
            }
        }
    }

    /// <summary>Asks the member how far it is.</summary>
    public void AskForProgress()
    {
        lock (_gate)
        {
            if (!_hasEnded)
            {
                _requests.Writer.TryWrite(new WatchRequest { ProgressRequest = new WatchProgressRequest() });
            }
        }
    }

    /// <summary>What this side did not reckon with, if that ended the stream. Another one would end the same way.</summary>
    public Exception? Mistake { get; private set; }

    /// <summary>Runs to the end of the stream.</summary>
    /// <returns>Why it ended, and the cursors that it leaves behind.</returns>
    public async Task<(RpcException? Failure, List<WatchCursor> Left)> RunAsync()
    {
        RpcException? failure = null;
        Member.BeginWait();
        Telemetry.StreamOpened();
        using var onLeft = Member.Left.UnsafeRegister(static self => ((WatchStream)self!)._stop.Cancel(), this);
        try
        {
            _heardAt = _hub.Time.GetTimestamp();
            var metadata = await _hub.Caller.MetadataAsync(needsLeader: true, _stop.Token).ConfigureAwait(false);

            // Asked beside the stream, whose start is not to wait for it.
            _believesProgress = _hub.BelievesProgressAsync(Member, _stop.Token);
            var call = _hub.Channel.Duplex(
                EtcdMethods.Watch,
                new RpcCallOptions { Address = Member.Address, Metadata = metadata, CancellationToken = _stop.Token });
            await using (call.ConfigureAwait(false))
            {
                _ = SendAsync(call.Requests);
                _ = ListenForLifeAsync();
                await foreach (var response in call.Responses.WithCancellation(_stop.Token).ConfigureAwait(false))
                {
                    Volatile.Write(ref _heardAt, _hub.Time.GetTimestamp());
                    HasAnswered = true;
                    if (response is { WatchId: -1, Created: false })
                    {
                        await ProgressAsync(response.Header.Revision).ConfigureAwait(false);
                    }
                    else if (Handle(response) is { } full)
                    {
                        await WaitAsync(full).ConfigureAwait(false);
                    }
                }
            }
        }
        catch (RpcException e)
        {
            failure = e;
        }
        catch (RaftKvException e)
        {
            failure = e.InnerException as RpcException ?? new RpcException(e.Code, e.Message);
        }
        catch (Exception e) when (e is OperationCanceledException or ObjectDisposedException)
        {
            // It was stopped from this side; whoever did knows why.
        }
        catch (Exception e)
        {
            // Readers are to be told, who would wait for ever otherwise.
            Mistake = e;
        }

        Member.EndWait();
        Telemetry.StreamClosed();
        lock (_gate)
        {
            _hasEnded = true;
            _requests.Writer.TryComplete();
            _stop.Cancel();
            var left = _cursors.Values.ToList();
            _cursors.Clear();
            return (failure, left);
        }
    }

    // What comes first is sent first, by one writer.
    private async Task SendAsync(RpcRequestWriter<WatchRequest> requests)
    {
        try
        {
            while (await _requests.Reader.WaitToReadAsync(_stop.Token).ConfigureAwait(false))
            {
                while (_requests.Reader.TryRead(out var request))
                {
                    requests.Write(request);
                }

                if (!await requests.FlushAsync().ConfigureAwait(false))
                {
                    return;
                }
            }
        }
        catch (Exception e) when (e is OperationCanceledException or ObjectDisposedException or RpcException or InvalidOperationException)
        {
            // The responses say how the call ended.
        }
    }

    // A host without power, or a network that swallows everything, says nothing at all.
    private async Task ListenForLifeAsync()
    {
        var silence = _hub.Silence;
        try
        {
            while (true)
            {
                var heardAt = Volatile.Read(ref _heardAt);
                await Task.Delay(silence, _hub.Time, _stop.Token).ConfigureAwait(false);
                if (heardAt != Volatile.Read(ref _heardAt) || Volatile.Read(ref _isWaitingForRoom))
                {
                    continue;
                }

                AskForLife();
                await Task.Delay(silence, _hub.Time, _stop.Token).ConfigureAwait(false);
                if (heardAt == Volatile.Read(ref _heardAt) && !Volatile.Read(ref _isWaitingForRoom))
                {
                    _hub.Silent(this);
                    await _stop.CancelAsync().ConfigureAwait(false);
                    return;
                }
            }
        }
        catch (OperationCanceledException)
        {
            // The stream is over.
        }
    }

    // Progress is told only once all watchers of the stream have all their history, and moves the place to resume at. The
    // reply to a creation always comes.
    private void AskForLife()
    {
        lock (_gate)
        {
            _requests.Writer.TryWrite(new WatchRequest { ProgressRequest = new WatchProgressRequest() });
            _creations.Enqueue(null);
            _requests.Writer.TryWrite(new WatchRequest { CreateRequest = WatchHub.SignOfLife(++_lastId) });
        }
    }

    /// <returns>The cursor that has to be waited for, if there is one.</returns>
    private WatchCursor? Handle(WatchResponse response)
    {
        if (response.Created)
        {
            Created(response);
            return null;
        }

        WatchCursor? cursor;
        lock (_gate)
        {
            if (!_cursors.TryGetValue(response.WatchId, out cursor))
            {
                // Sent before the member knew that nobody listens any more.
                return null;
            }

            if (response.Canceled)
            {
                _cursors.Remove(response.WatchId);
                cursor.Stream = null;
            }
        }

        if (response.Canceled)
        {
            if (response.CompactRevision != 0)
            {
                // The member keeps it until it is told.
                lock (_gate)
                {
                    Cancel(response.WatchId);
                }
            }

            _hub.Cancelled(this, cursor, response);
            return null;
        }

        if (response.Events.Count == 0 && !response.Fragment)
        {
            cursor.Progress(response.Header.Revision);
            return null;
        }

        if (cursor.Take(response.Events, response.Fragment))
        {
            return null;
        }

        if (!IsShared)
        {
            return cursor;
        }

        _hub.Park(cursor);
        return null;
    }

    private async Task ProgressAsync(long revision)
    {
        if (await _believesProgress!.ConfigureAwait(false))
        {
            foreach (var one in Cursors())
            {
                one.Progress(revision);
            }
        }
    }

    private void Created(WatchResponse response)
    {
        WatchCursor? cursor;
        bool isWanted;
        lock (_gate)
        {
            if (!_creations.TryDequeue(out cursor))
            {
                return;
            }

            isWanted = cursor is not null && _cursors.TryGetValue(cursor.Id, out var known) && known == cursor && cursor.Stream == this;
            if (cursor is null && !response.Canceled)
            {
                Cancel(response.WatchId);
            }

            if (isWanted && response.Canceled)
            {
                _cursors.Remove(cursor!.Id);
                cursor.Stream = null;
            }
        }

        if (!isWanted)
        {
            return;
        }

        if (response.Canceled)
        {
            _hub.Cancelled(this, cursor!, response);
        }
        else
        {
            cursor!.Confirm(response.Header.Revision);
        }
    }

    private async Task WaitAsync(WatchCursor cursor)
    {
        Volatile.Write(ref _isWaitingForRoom, true);
        await cursor.WaitForRoomAsync().WaitAsync(_stop.Token).ConfigureAwait(false);
        Volatile.Write(ref _heardAt, _hub.Time.GetTimestamp());
        Volatile.Write(ref _isWaitingForRoom, false);
    }

    private WatchCursor[] Cursors()
    {
        lock (_gate)
        {
            // Those whose creation was not confirmed yet are not meant.
            var waiting = _creations.ToHashSet();
            return [.. _cursors.Values.Where(one => !waiting.Contains(one))];
        }
    }

    private void Cancel(long id) => _requests.Writer.TryWrite(new WatchRequest { CancelRequest = new WatchCancelRequest { WatchId = id } });
}
