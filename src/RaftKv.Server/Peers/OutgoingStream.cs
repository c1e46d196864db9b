using System.Runtime.CompilerServices;
using RaftKv.Raft.Messages;

namespace RaftKv.Server.Peers;

/// <summary>
/// One stream to one peer: keeps a connection, and writes what waits for it. Whatever gathered while a write was under way
/// leaves with the next one.
/// <para>While a connection is up or being made, messages are taken; between attempts they are dropped at once. Raft sends
/// again what matters, and what is old when the peer returns would only be in the way.</para>
/// </summary>
#pragma warning disable CA1001 // Its turn has nothing to give back, and whoever comes late must find it.
internal sealed class OutgoingStream(Peer peer, PeerLane lane, PeerDialer dialer, PeerOptions options, IPeerReceiver receiver)
#pragma warning restore CA1001
{
    // One write takes about this much, so that a long queue is encoded while the earlier part travels.
    private const int WriteBytes = 256 * 1024;

    // A connection that lived shorter than this was none worth speaking of: the back-off goes on growing.
    private static readonly TimeSpan WorthwhileLife = TimeSpan.FromSeconds(1);

    private readonly OutgoingQueue _queue = new(options.MaxQueuedMessages, options.MaxQueuedBytes);
    private readonly AsyncSignal _wake = new();

    // Held by whoever writes, with the queue's second half and the writer below.
    private readonly SemaphoreSlim _turn = new(1, 1);
    private readonly MessageBatchWriter _writer = new();

    // Changed under this, by the loop and by those who hurry or cut it.
    private readonly Lock _gate = new();
    private CancellationTokenSource? _pause;
    private bool _isHurried;
    private volatile PeerConnection? _connection;
    private Uri? _url;
    private long _connectedAt;

    // Whether there ever was a connection, and how many addresses in a row have refused another since.
    private bool _hasMet;
    private int _refusals;

    private string _lastFailure = "";
    private long _sentMessages;
    private long _sentBytes;
    private long _droppedMessages;
    private long _disconnects;

    public OutgoingQueue Queue => _queue;

    public long SentMessages => Volatile.Read(ref _sentMessages);

    public long SentBytes => Volatile.Read(ref _sentBytes);

    public long DroppedMessages => Volatile.Read(ref _droppedMessages);

    public long Disconnects => Volatile.Read(ref _disconnects);

    public TimeSpan? RoundTrip
    {
        get
        {
            lock (_gate)
            {
                return _connection?.RoundTrip;
            }
        }
    }

    public TimeSpan? HeardAgo
    {
        get
        {
            lock (_gate)
            {
                return _connection?.HeardAgo;
            }
        }
    }

    public TimeSpan? ConnectedFor
    {
        get
        {
            lock (_gate)
            {
                return _connection is null ? null : options.Time.GetElapsedTime(_connectedAt);
            }
        }
    }

    /// <summary>See <see cref="IPeerNetwork.Send"/>.</summary>
    public bool TrySend(in Message message)
    {
        var bytes = MessageCodec.BoundOf(message);
        if (bytes > options.MaxFrameBytes - MessageCodec.BatchHeaderBytes || !_queue.TryAdd(message, bytes))
        {
            Interlocked.Increment(ref _droppedMessages);
            return false;
        }

        return true;
    }

    /// <summary>Writes what waits, on the caller's thread as far as the connection takes it at once. A little is written
    /// sooner than somebody else is woken for it; a lot is left to the loop.</summary>
    public void Flush()
    {
        var waiting = _queue.WaitingBytes;
        var connection = _connection;
        if (waiting == 0 || connection is null)
        {
            return; // The loop looks for itself when it has connected.
        }

        if (waiting > WriteBytes)
        {
            _wake.Set();
            return;
        }

        // Whoever has the turn looks again when he has given it back.
        if (_turn.Wait(0, CancellationToken.None))
        {
            var writing = WriteWithTurnAsync(connection);
#pragma warning disable CA2012 // Its only use.
            if (!writing.IsCompletedSuccessfully)
            {
                _ = FinishAsync(writing);
            }
#pragma warning restore CA2012
        }
    }

    /// <summary>The peer gave a sign of life: no reason to wait longer with the next attempt, nor to wait long should that fail,
    /// or should one that is under way.</summary>
    public void Hurry()
    {
        lock (_gate)
        {
            _isHurried = true;
            _pause?.Cancel();
        }
    }

    /// <summary>Gives up a connection to an address that is not the peer's any more.</summary>
    public void KeepOnly(IReadOnlyList<Uri> urls)
    {
        PeerConnection? stale;
        lock (_gate)
        {
            stale = _url is not null && !urls.Contains(_url) ? _connection : null;
        }

        stale?.Cut("The peer has another address now.");
        Hurry();
    }

    public void Cut(string reason)
    {
        PeerConnection? connection;
        lock (_gate)
        {
            connection = _connection;
        }

        connection?.Cut(reason);
    }

    /// <summary>Runs until it is stopped; then sends what still waits, and ends.</summary>
    public async Task RunAsync(CancellationToken stopping)
    {
        var pause = options.BackOffMin;
        while (!stopping.IsCancellationRequested)
        {
            var begun = options.Time.GetTimestamp();
            var wasUp = await ConnectAndPumpAsync(stopping).ConfigureAwait(false);
            var dropped = await CloseQueueAsync().ConfigureAwait(false);
            Interlocked.Add(ref _droppedMessages, dropped);
            if (stopping.IsCancellationRequested)
            {
                break;
            }

            // What was written last may not have arrived either.
            if (wasUp || dropped > 0)
            {
                receiver.Unreachable(peer.Id);
            }

            var isWorthwhile = wasUp && options.Time.GetElapsedTime(begun) >= WorthwhileLife;
            pause = isWorthwhile ? options.BackOffMin : pause;
            var isHurried = await PauseAsync(pause, stopping).ConfigureAwait(false);
            pause = isHurried ? options.BackOffMin : TimeSpan.FromTicks(Math.Min(pause.Ticks * 2, options.BackOffMax.Ticks));
        }

        Interlocked.Add(ref _droppedMessages, await CloseQueueAsync().ConfigureAwait(false));
    }

    // Somebody may be in the middle of writing; the connection being gone, not for long.
    private async Task<int> CloseQueueAsync()
    {
        await _turn.WaitAsync(CancellationToken.None).ConfigureAwait(false);
        var dropped = _queue.Close();
        _turn.Release();
        return dropped;
    }

    private async Task<bool> ConnectAndPumpAsync(CancellationToken stopping)
    {
        var wasUp = false;
        var url = peer.NextUrl(lane);
        _queue.Open();
        try
        {
            var (connection, welcome) = await dialer.DialAsync(peer.Id, url, lane, stopping).ConfigureAwait(false);
            await using (connection.ConfigureAwait(false))
            {
                wasUp = _hasMet = true;
                _refusals = 0;
                _lastFailure = "";
                Enter(connection, url, welcome);
                await PumpAsync(connection, stopping).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
            // As asked.
        }
        catch (PeerRefusedException refusal)
        {
            Failed(url, $"Member {peer.Id} refuses this member: {refusal.Message}");
            peer.SkipUrl(lane);
            if (refusal.Verdict == PeerVerdict.Removed)
            {
                receiver.Removed(peer.Id);
            }
            else if (refusal.Verdict == PeerVerdict.LostItsData)
            {
                receiver.LostData(peer.Id);
            }
        }
        catch (Exception problem) when (problem is PeerConnectionException or PeerProtocolException)
        {
            if (wasUp)
            {
                Leave(url, problem.Message, stopping);
            }
            else
            {
                Failed(url, problem.Message);
                peer.SkipUrl(lane);
                CountRefusal(problem);
            }
        }

        return wasUp;
    }

    private void Enter(PeerConnection connection, Uri url, PeerWelcome welcome)
    {
        lock (_gate)
        {
            _connection = connection;
            _url = url;
            _connectedAt = options.Time.GetTimestamp();
        }

        if (lane == PeerLane.Prompt && options.RoundTripped is { } told)
        {
            connection.RoundTripped = took => told(peer.Id, took);
        }

        peer.Met(welcome);
        options.Observer?.Invoke(new PeerEvent(PeerEventKind.Connected, peer.Id, lane, url.Authority, ""));
    }

    private void Leave(Uri url, string reason, CancellationToken stopping)
    {
        lock (_gate)
        {
            _connection = null;
            _isHurried = false;
        }

        if (!stopping.IsCancellationRequested)
        {
            Interlocked.Increment(ref _disconnects);
            peer.Note(reason);
            options.Observer?.Invoke(new PeerEvent(PeerEventKind.Disconnected, peer.Id, lane, url.Authority, reason));
        }
    }

    private void Failed(Uri url, string reason)
    {
        peer.Note(reason);
        if (reason != _lastFailure)
        {
            _lastFailure = reason;
            options.Observer?.Invoke(new PeerEvent(PeerEventKind.CannotConnect, peer.Id, lane, url.Authority, reason));
        }
    }

    // A machine that is there and a process that is not. What ends without an answer says nothing: networks do that, too.
    private void CountRefusal(Exception problem)
    {
        _refusals = problem is PeerAbsentException ? _refusals + 1 : 0;
        if (lane == PeerLane.Prompt && _hasMet && _refusals >= peer.UrlCount)
        {
            receiver.Gone(peer.Id);
        }
    }

    private async Task PumpAsync(PeerConnection connection, CancellationToken stopping)
    {
        using var ended = connection.Ended.UnsafeRegister(static wake => ((AsyncSignal)wake!).Set(), _wake);
        using var stopped = stopping.UnsafeRegister(static wake => ((AsyncSignal)wake!).Set(), _wake);
        var reading = ReadAsync(connection);
        try
        {
            while (!connection.Ended.IsCancellationRequested)
            {
                await WriteWaitingAsync(connection).ConfigureAwait(false);
                if (stopping.IsCancellationRequested)
                {
                    await connection.EndAsync(peer.IsRemoved
                        ? $"Member {peer.Id} was removed from the cluster."
                        : $"Member {options.Self} is stopping.").ConfigureAwait(false);
                    break;
                }

                await _wake.WaitAsync().ConfigureAwait(false);
            }
        }
        catch (PeerConnectionException)
        {
            // The reader knows the reason, too.
        }

        await reading.ConfigureAwait(false);
    }

    private async ValueTask WriteWaitingAsync(PeerConnection connection)
    {
        await _turn.WaitAsync(CancellationToken.None).ConfigureAwait(false);
        await WriteWithTurnAsync(connection).ConfigureAwait(false);
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    private async ValueTask WriteWithTurnAsync(PeerConnection connection)
    {
        do
        {
            try
            {
                if (connection.Ended.IsCancellationRequested)
                {
                    return; // What it was writing is still in the queue, and counts as dropped.
                }

                while (_queue.Take() is { Length: > 0 } batch)
                {
                    for (var i = 0; i < batch.Length; i++)
                    {
                        _writer.Add(batch.Span[i]);
                        if (_writer.Length >= WriteBytes)
                        {
                            await WriteAsync(connection).ConfigureAwait(false);
                        }
                    }

                    await WriteAsync(connection).ConfigureAwait(false);
                    _queue.Written();
                    Interlocked.Add(ref _sentMessages, batch.Length);
                }
            }
            finally
            {
                _turn.Release();
            }
        }
        while (_queue.WaitingBytes > 0 && _turn.Wait(0, CancellationToken.None));
    }

    private async Task FinishAsync(ValueTask writing)
    {
        try
        {
            await writing.ConfigureAwait(false);
        }
        catch (PeerConnectionException)
        {
            // The loop knows.
        }
#pragma warning disable CA1031 // A mistake on this side: the host decides what becomes of the member.
        catch (Exception problem)
#pragma warning restore CA1031
        {
            receiver.Broken(problem);
        }
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    private async ValueTask WriteAsync(PeerConnection connection)
    {
        var bytes = _writer.Finish();
        try
        {
            await connection.WriteAsync(bytes).ConfigureAwait(false);
            Interlocked.Add(ref _sentBytes, bytes.Length);
        }
        finally
        {
            _writer.Clear();
        }
    }

    // Nothing but keep-alives comes back on this stream.
    private static async Task ReadAsync(PeerConnection connection)
    {
        try
        {
            var frame = await connection.ReadAsync().ConfigureAwait(false);
            throw new PeerProtocolException($"A frame of kind {frame.Kind} came on a stream that only goes the other way.");
        }
        catch (PeerProtocolException problem)
        {
            connection.Cut(problem.Message);
            throw;
        }
    }

    /// <returns>Whether the peer has given a sign of life.</returns>
    private async Task<bool> PauseAsync(TimeSpan time, CancellationToken stopping)
    {
        using var pause = CancellationTokenSource.CreateLinkedTokenSource(stopping);
        lock (_gate)
        {
            if (TakeHurry())
            {
                return true;
            }

            _pause = pause;
        }

        await Task.Delay(time, options.Time, pause.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        lock (_gate)
        {
            _pause = null;
            return TakeHurry();
        }
    }

    private bool TakeHurry()
    {
        var isHurried = _isHurried;
        _isHurried = false;
        return isHurried;
    }
}
