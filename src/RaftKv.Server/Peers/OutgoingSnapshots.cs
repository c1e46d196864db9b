using RaftKv.Raft.Messages;

namespace RaftKv.Server.Peers;

/// <summary>What all snapshots that a member sends share.</summary>
internal sealed class SnapshotDispatch(PeerOptions options) : IDisposable
{
    public SemaphoreSlim Slots { get; } = new(options.MaxSnapshotsSent);

    public ByteRate Rate { get; } = new(options.SnapshotBytesPerSecond, options.Time);

    public void Dispose() => Slots.Dispose();
}

/// <summary>Snapshots to one peer: one at a time, the newest.</summary>
internal sealed class OutgoingSnapshots(
    Peer peer, PeerDialer dialer, PeerOptions options, IPeerReceiver receiver, SnapshotDispatch dispatch)
{
    private readonly Lock _gate = new();
    private CancellationTokenSource? _current;
    private Task _running = Task.CompletedTask;
    private bool _isStopped;
    private long _delivered;
    private long _failed;

    private enum Outcome
    {
        Delivered,
        Refused,
        Cut,
    }

    public long Delivered => Volatile.Read(ref _delivered);

    public long Failed => Volatile.Read(ref _failed);

    public bool IsSending
    {
        get
        {
            lock (_gate)
            {
                return _current is not null;
            }
        }
    }

    public void Send(Message message, ISnapshotSource source)
    {
        lock (_gate)
        {
            var mine = new CancellationTokenSource();
            if (_isStopped)
            {
                mine.Cancel();
            }

            _current?.Cancel();
            _current = mine;
            var before = _running;
            _running = Task.Run(() => RunAsync(before, message, source, mine));
        }
    }

    public Task StopAsync()
    {
        lock (_gate)
        {
            _isStopped = true;
            _current?.Cancel();
            return _running;
        }
    }

    private async Task RunAsync(Task before, Message message, ISnapshotSource source, CancellationTokenSource mine)
    {
        await before.ConfigureAwait(false);
        var isDelivered = false;
        var reason = "";
        try
        {
            await using (source.ConfigureAwait(false))
            {
                await dispatch.Slots.WaitAsync(mine.Token).ConfigureAwait(false);
                try
                {
                    (isDelivered, reason) = await TransferAsync(message, source, mine.Token).ConfigureAwait(false);
                }
                finally
                {
                    dispatch.Slots.Release();
                }
            }
        }
        catch (OperationCanceledException) when (mine.IsCancellationRequested)
        {
            reason = "It was given up for a newer one.";
        }
#pragma warning disable CA1031 // Whatever the host's source throws: the core must hear that the snapshot went nowhere.
        catch (Exception problem)
#pragma warning restore CA1031
        {
            reason = $"It could not be read: {problem.Message}";
        }

        End(mine, message, isDelivered, reason);
    }

    private void End(CancellationTokenSource mine, Message message, bool isDelivered, string reason)
    {
        bool isNewest;
        lock (_gate)
        {
            // Removed or stopping: nobody waits for the answer of one that was cancelled by that.
            isNewest = _current == mine && !mine.IsCancellationRequested;
            if (_current == mine)
            {
                _current = null;
            }
        }

        mine.Dispose();
        Interlocked.Increment(ref isDelivered ? ref _delivered : ref _failed);
        var text = $"The snapshot at {message.Snapshot!.Position} was {(isDelivered ? "delivered" : "not delivered")}. {reason}".TrimEnd();
        options.Observer?.Invoke(new PeerEvent(PeerEventKind.Snapshot, peer.Id, PeerLane.Snapshot, peer.NextUrl(PeerLane.Snapshot).Authority, text));
        if (isNewest)
        {
            receiver.SnapshotSent(peer.Id, isDelivered);
        }
    }

    private async Task<(bool IsDelivered, string Reason)> TransferAsync(Message message, ISnapshotSource source, CancellationToken cancellation)
    {
        var pause = options.BackOffMin;
        var fruitless = 0;
        var furthest = 0L;
        var transfer = Guid.NewGuid();
        while (true)
        {
            var attempt = await AttemptAsync(message, source, transfer, cancellation).ConfigureAwait(false);
            if (attempt.Outcome != Outcome.Cut)
            {
                return (attempt.Outcome == Outcome.Delivered, attempt.Reason);
            }

            peer.Note(attempt.Reason);
            if (attempt.ResumedFrom > furthest)
            {
                furthest = attempt.ResumedFrom;
                fruitless = 0;
                pause = options.BackOffMin;
            }
            else if (++fruitless >= options.SnapshotAttempts)
            {
                return (false, $"After {fruitless} attempts in a row that brought it no further: {attempt.Reason}");
            }

            await Task.Delay(pause, options.Time, cancellation).ConfigureAwait(false);
            pause = TimeSpan.FromTicks(Math.Min(pause.Ticks * 2, options.BackOffMax.Ticks));
        }
    }

    private async Task<(Outcome Outcome, string Reason, long ResumedFrom)> AttemptAsync(
        Message message, ISnapshotSource source, Guid transfer, CancellationToken cancellation)
    {
        var resumedFrom = 0L;
        try
        {
            var url = peer.NextUrl(PeerLane.Snapshot);
            var (connection, _) = await dialer.DialAsync(peer.Id, url, PeerLane.Snapshot, cancellation).ConfigureAwait(false);
            await using (connection.ConfigureAwait(false))
            {
                using var cut = cancellation.UnsafeRegister(
                    static connection => ((PeerConnection)connection!).Cut("The snapshot was given up."), connection);
                await connection.WriteAsync(SnapshotFrames.Offer(source.Id, transfer, source.Length, message)).ConfigureAwait(false);
                var answer = await connection.ReadAsync().ConfigureAwait(false);
                if (Final(answer) is { } early)
                {
                    return (early.Outcome, early.Reason, 0);
                }

                SnapshotFrames.Expect(answer, FrameKind.SnapshotResume);
                resumedFrom = SnapshotFrames.ReadNumber(answer);
                var end = await SendFromAsync(connection, source, resumedFrom, cancellation).ConfigureAwait(false);
                return (end.Outcome, end.Reason, resumedFrom);
            }
        }
        catch (Exception problem) when (problem is PeerConnectionException or PeerProtocolException)
        {
            cancellation.ThrowIfCancellationRequested();
            peer.SkipUrl(PeerLane.Snapshot);
            return (Outcome.Cut, problem.Message, resumedFrom);
        }
    }

    private async Task<(Outcome Outcome, string Reason)> SendFromAsync(
        PeerConnection connection, ISnapshotSource source, long offset, CancellationToken cancellation)
    {
        // The answer may come early, when the receiver cannot go on.
        var answering = connection.ReadAsync().AsTask();
        try
        {
            var frame = new byte[PeerFrame.HeaderBytes + SnapshotFrames.ChunkHeaderBytes + SnapshotFrames.MaxChunkBytes];
            await foreach (var piece in source.ReadAsync(offset, cancellation).ConfigureAwait(false))
            {
                for (var rest = piece; rest.Length > 0 && !answering.IsCompleted;)
                {
                    var chunk = rest[..Math.Min(rest.Length, SnapshotFrames.MaxChunkBytes)];
                    await dispatch.Rate.TakeAsync(chunk.Length, cancellation).ConfigureAwait(false);
                    var length = PeerFrame.HeaderBytes + SnapshotFrames.ChunkHeaderBytes + chunk.Length;
                    chunk.Span.CopyTo(frame.AsSpan(length - chunk.Length));
                    SnapshotFrames.SealChunk(frame.AsSpan(0, length), offset);
                    await connection.WriteAsync(frame.AsMemory(0, length)).ConfigureAwait(false);
                    offset += chunk.Length;
                    rest = rest[chunk.Length..];
                }

                if (answering.IsCompleted)
                {
                    break;
                }
            }

            if (!answering.IsCompleted)
            {
                await connection.WriteAsync(SnapshotFrames.Number(FrameKind.SnapshotEnd, offset)).ConfigureAwait(false);
            }

            var answer = await answering.ConfigureAwait(false);
            return Final(answer) ?? throw new PeerProtocolException($"A snapshot's stream has {answer.Kind} where its fate should be.");
        }
        catch
        {
            // A receiver that cannot go on says why and closes; what it said counts more than that writing failed.
            connection.Cut("The snapshot was given up.");
            await ((Task)answering).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (answering.IsCompletedSuccessfully && Final(await answering.ConfigureAwait(false)) is { } end)
            {
                return end;
            }

            throw;
        }
    }

    private static (Outcome Outcome, string Reason)? Final(ReceivedFrame answer) => answer.Kind switch
    {
        FrameKind.SnapshotDelivered => (Outcome.Delivered, ""),
        FrameKind.SnapshotRefused => (Outcome.Refused, SnapshotFrames.ReadText(answer)),
        _ => null,
    };
}
