using RaftKv.Raft;
using RaftKv.Raft.Messages;

namespace RaftKv.Server.Peers;

/// <summary>
/// Snapshots that come in: one at a time, since each replaces everything. One that was cut is kept for a while, so that its
/// sender can go on with it; a newer one takes the place of an older one at once.
/// </summary>
internal sealed class IncomingSnapshots(PeerOptions options, IPeerReceiver receiver) : IAsyncDisposable
{
    // Held while it is decided what happens to the current one; never while bytes move.
    private readonly SemaphoreSlim _gate = new(1, 1);
    private readonly CancellationTokenSource _stopping = new();
    private Intake? _current;

    // Its sender may not have heard that it arrived.
    private volatile Delivery? _delivered;

    /// <summary>Serves one connection to its end.</summary>
    public async Task ServeAsync(PeerConnection connection, NodeId from)
    {
        var (offer, transfer) = SnapshotFrames.ReadOffer(await connection.ReadAsync().ConfigureAwait(false), from, options.Self);
        Intake? intake;
        try
        {
            intake = await EnterAsync(connection, new Delivery(from, transfer), offer).ConfigureAwait(false);
        }
#pragma warning disable CA1031 // Whatever the host throws to refuse: the sender is told, and stops.
        catch (Exception refusal)
#pragma warning restore CA1031
        {
            await RefuseAsync(connection, refusal.Message).ConfigureAwait(false);
            return;
        }

        if (intake is null)
        {
            await connection.WriteAsync(PeerConnection.Frame(FrameKind.SnapshotDelivered, [])).ConfigureAwait(false);
            await WaitForEndAsync(connection).ConfigureAwait(false);
            return;
        }

        try
        {
            await TakeInAsync(connection, intake).ConfigureAwait(false);
        }
        finally
        {
            Leave(intake);
        }

        await WaitForEndAsync(connection).ConfigureAwait(false);
    }

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync().ConfigureAwait(false);
        await _gate.WaitAsync().ConfigureAwait(false);
        try
        {
            await DropCurrentAsync("The member is stopping.").ConfigureAwait(false);
        }
        finally
        {
            _gate.Release();
        }

        _gate.Dispose();
        _stopping.Dispose();
    }

    private async Task<Intake?> EnterAsync(PeerConnection connection, Delivery delivery, SnapshotOffer offer)
    {
        var from = delivery.From;
        await _gate.WaitAsync(_stopping.Token).ConfigureAwait(false);
        try
        {
            if (_delivered == delivery)
            {
                return null;
            }

            if (_current is { IsWorthless: false } kept && kept.From == from && kept.Offer.Id == offer.Id)
            {
                // The sender has given up the earlier connection, and its end was waited for.
                Invariant.Holds(kept.Left.IsCompleted);
                kept.Resume(connection, delivery, offer);
                return kept;
            }

            if (_current is { IsWorthless: false } other && !other.Left.IsCompleted && IsNewer(other.Offer.Message, offer.Message))
            {
                throw new InvalidOperationException($"A newer snapshot is being received, from member {other.From}.");
            }

            await DropCurrentAsync("A newer snapshot takes its place.").ConfigureAwait(false);
            var sink = await receiver.BeginSnapshotAsync(offer, _stopping.Token).ConfigureAwait(false);
            _current = new Intake(delivery, offer, sink, connection, _stopping.Token);
            return _current;
        }
        finally
        {
            _gate.Release();
        }
    }

    private async Task TakeInAsync(PeerConnection connection, Intake intake)
    {
        await connection.WriteAsync(SnapshotFrames.Number(FrameKind.SnapshotResume, intake.Position)).ConfigureAwait(false);
        var isComplete = false;
        while (!isComplete)
        {
            var frame = await connection.ReadAsync().ConfigureAwait(false);
            try
            {
                isComplete = await TakeAsync(intake, frame).ConfigureAwait(false);
            }
            catch (Exception problem) when (problem is not PeerProtocolException)
            {
                // What the sink holds now is anybody's guess.
                intake.IsWorthless = true;
                await RefuseAsync(connection, problem.Message).ConfigureAwait(false);
                Tell(intake, $"was not taken in: {problem.Message}");
                return;
            }
        }

        _delivered = intake.Delivery;
        intake.IsWorthless = true;
        Tell(intake, $"was received, {intake.Position} bytes.");
        await connection.WriteAsync(PeerConnection.Frame(FrameKind.SnapshotDelivered, [])).ConfigureAwait(false);
    }

    private void Tell(Intake intake, string how) => options.Observer?.Invoke(new PeerEvent(
        PeerEventKind.Snapshot, intake.From, PeerLane.Snapshot, "", $"The snapshot at {intake.Offer.Message.Snapshot!.Position} {how}"));

    private static async Task<bool> TakeAsync(Intake intake, ReceivedFrame frame)
    {
        var offset = SnapshotFrames.ReadNumber(frame);
        if (offset != intake.Position)
        {
            throw new PeerProtocolException($"A snapshot goes on at byte {offset} where {intake.Position} is next.");
        }

        if (frame.Kind == FrameKind.SnapshotEnd)
        {
            if (intake.Offer.Length is { } announced && announced != offset)
            {
                throw new InvalidDataException($"A snapshot of {announced} bytes ends after {offset}.");
            }

            await intake.Sink.CompleteAsync(intake.Given).ConfigureAwait(false);
            return true;
        }

        SnapshotFrames.Expect(frame, FrameKind.SnapshotChunk);
        var bytes = frame.Body[SnapshotFrames.ChunkHeaderBytes..];
        try
        {
            await intake.Sink.WriteAsync(bytes, intake.Given).ConfigureAwait(false);
        }
        catch (PeerProtocolException stray)
        {
            throw new InvalidOperationException(stray.Message, stray);
        }

        intake.Position += bytes.Length;
        return false;
    }

    private void Leave(Intake intake)
    {
        if (!intake.IsWorthless)
        {
            intake.KeepFor(options.SnapshotResumeWindow, options.Time, ForgetAsync);
            intake.Leave();
            return;
        }

        intake.Leave();
        _ = ForgetAsync(intake);
    }

    // Nobody came back for it in time, or nobody needs it any more.
    private async Task ForgetAsync(Intake intake)
    {
        try
        {
            await _gate.WaitAsync(_stopping.Token).ConfigureAwait(false);
        }
        catch (Exception stopping) when (stopping is OperationCanceledException or ObjectDisposedException)
        {
            return; // Disposal takes care of it.
        }

        try
        {
            if (_current == intake && intake.Left.IsCompleted)
            {
                await DropCurrentAsync("").ConfigureAwait(false);
            }
        }
        finally
        {
            _gate.Release();
        }
    }

    private async Task DropCurrentAsync(string reason)
    {
        if (_current is { } intake)
        {
            _current = null;
            await intake.DropAsync(reason).ConfigureAwait(false);
        }
    }

    // A later leader knows better; the same leader only ever sends later states.
    private static bool IsNewer(in Message one, in Message other)
        => one.Term != other.Term
            ? one.Term > other.Term
            : one.Snapshot!.Position.Index > other.Snapshot!.Position.Index;

    private static async Task RefuseAsync(PeerConnection connection, string reason)
    {
        await connection.WriteAsync(SnapshotFrames.Text(FrameKind.SnapshotRefused, reason)).ConfigureAwait(false);
        await WaitForEndAsync(connection).ConfigureAwait(false);
    }

    // Whoever closes first might destroy the last word on its way; so the one who hears it closes. What was sent in the
    // meantime is passed over.
    private static async Task WaitForEndAsync(PeerConnection connection)
    {
        try
        {
            while (true)
            {
                await connection.ReadAsync().ConfigureAwait(false);
            }
        }
        catch (PeerConnectionException)
        {
            // As it should be.
        }
    }

    /// <summary>What one call of the sender's host asked for.</summary>
    private sealed record Delivery(NodeId From, Guid Transfer);

    /// <summary>One snapshot on its way in, over one or several connections.</summary>
    private sealed class Intake(
        Delivery delivery, SnapshotOffer offer, ISnapshotSink sink, PeerConnection connection, CancellationToken stopping)
    {
        private readonly CancellationTokenSource _given = CancellationTokenSource.CreateLinkedTokenSource(stopping);
        private TaskCompletionSource _left = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private PeerConnection _connection = connection;
        private ITimer? _expiry;

        public NodeId From => Delivery.From;

        /// <summary>The one that goes on with it now.</summary>
        public Delivery Delivery { get; private set; } = delivery;

        public SnapshotOffer Offer { get; private set; } = offer;

        public ISnapshotSink Sink => sink;

        public long Position { get; set; }

        /// <summary>Delivered, or broken: there is nothing to go on with.</summary>
        public bool IsWorthless { get; set; }

        /// <summary>Cancelled when it is given up.</summary>
        public CancellationToken Given => _given.Token;

        /// <summary>No connection works on it.</summary>
        public Task Left => _left.Task;

        public void Resume(PeerConnection connection, Delivery delivery, SnapshotOffer offer)
        {
            _expiry?.Dispose();
            _expiry = null;
            _connection = connection;
            Delivery = delivery;

            // The message may be of a later term now.
            Offer = offer;
            _left = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        }

        public void KeepFor(TimeSpan time, TimeProvider clock, Func<Intake, Task> forget)
            => _expiry = clock.CreateTimer(_ => _ = forget(this), null, time, Timeout.InfiniteTimeSpan);

        public void Leave() => _left.TrySetResult();

        public async Task DropAsync(string reason)
        {
            IsWorthless = true;
            if (!Left.IsCompleted)
            {
                await _given.CancelAsync().ConfigureAwait(false);
                _connection.Cut(reason);
                await Left.ConfigureAwait(false);
            }

            if (_expiry is not null)
            {
                await _expiry.DisposeAsync().ConfigureAwait(false);
            }

            _given.Dispose();
            await sink.DisposeAsync().ConfigureAwait(false);
        }
    }
}
