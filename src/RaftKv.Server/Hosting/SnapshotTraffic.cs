using RaftKv.Raft.Messages;
using RaftKv.Server.Peers;
using RaftKv.Server.Replica;
using RaftKv.Storage.Checkpoints;
using RaftKv.Storage.Files;
using RaftKv.Storage.Snapshots;

namespace RaftKv.Server.Hosting;

/// <summary>Whole states on their way out to members that are too far behind, and in from the leader.</summary>
/// <param name="peers">The way out.</param>
/// <param name="store">Takes in what arrives.</param>
/// <param name="replica">Told how it went.</param>
/// <param name="hasThreads">Whether making the bytes may have a thread of its own.</param>
/// <param name="unreadable">Told what of this member's own state cannot be sent.</param>
internal sealed class SnapshotTraffic(IPeerNetwork peers, StateStore store, Inbox<ReplicaInput> replica, bool hasThreads, Action<StorageException>? unreadable = null) : ISnapshotCourier
{
    private readonly Lock _gate = new();
    private int _arriving;

    /// <summary>How many are being taken in.</summary>
    public int ArrivingCount => Volatile.Read(ref _arriving);

    public void Send(in Message message, OfferedState state)
    {
        // The view is taken now, while the state is certainly held.
        var view = state.Hold();
        if (view is null)
        {
            replica.Post(ReplicaInput.SnapshotSent(message.To, isDelivered: false));
            return;
        }

        var source = new StateSource(state, view, unreadable);
        peers.SendSnapshot(message, hasThreads ? new QuietSource(source) : source);
    }

    public void Discard(ArrivedState state)
    {
        state.Machine.Dispose();
        lock (_gate)
        {
            store.Discard(state.Room);
        }
    }

    public ISnapshotSink Receive(SnapshotOffer offer)
    {
        lock (_gate)
        {
            var sink = new StateSink(this, offer.Message, store.BeginArrival());
            Interlocked.Increment(ref _arriving);
            return sink;
        }
    }

    /// <summary>Fills a new generation with what the leader sends.</summary>
    private sealed class StateSink(SnapshotTraffic traffic, Message message, ArrivingState room) : ISnapshotSink
    {
        private readonly StateSnapshotReader _reader = new(room.Keys);
        private bool _isComplete;
        private bool _isOver;

        public ValueTask WriteAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellation)
        {
            _reader.Add(bytes.Span);
            return ValueTask.CompletedTask;
        }

        public ValueTask CompleteAsync(CancellationToken cancellation)
        {
            var machine = room.Complete(_reader.Finish().Span);
            if (machine.Applied != message.Snapshot!.Position)
            {
                throw new SnapshotDamagedException(
                    0, $"it stands for {machine.Applied}, but was announced as {message.Snapshot.Position}.");
            }

            _isComplete = true;
            traffic.Arrived(message, new ArrivedState(room, machine));
            return ValueTask.CompletedTask;
        }

        public ValueTask DisposeAsync()
        {
            if (!_isOver)
            {
                _isOver = true;
                Interlocked.Decrement(ref traffic._arriving);
            }

            if (!_isComplete)
            {
                _isComplete = true;
                room.Keys.Dispose();
                lock (traffic._gate)
                {
                    traffic.Abandon(room);
                }
            }

            return ValueTask.CompletedTask;
        }
    }

    private void Arrived(in Message message, ArrivedState state) => replica.Post(ReplicaInput.StateArrived(message, state));

    private void Abandon(ArrivingState room) => store.Discard(room);
}
