using System.Buffers;
using System.Runtime.CompilerServices;
using RaftKv.Raft.Messages;
using RaftKv.Server.Peers;
using RaftKv.Server.Replica;
using RaftKv.Storage.Checkpoints;
using RaftKv.Storage.Mvcc;
using RaftKv.Storage.Snapshots;

namespace RaftKv.Server.Hosting;

/// <summary>Whole states on their way out to members that are too far behind, and in from the leader.</summary>
internal sealed class SnapshotTraffic(IPeerNetwork peers, StateStore store, Inbox<ReplicaInput> replica) : ISnapshotCourier
{
    private readonly Lock _gate = new();

    public void Send(in Message message, OfferedState state)
    {
        // The view is taken now, while the state is certainly held.
        var view = state.Hold();
        if (view is null)
        {
            replica.Post(ReplicaInput.SnapshotSent(message.To, isDelivered: false));
            return;
        }

        peers.SendSnapshot(message, new StateSource(state, view));
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
            return new StateSink(this, offer.Message, store.BeginArrival());
        }
    }

    /// <summary>Fills a new generation with what the leader sends.</summary>
    private sealed class StateSink(SnapshotTraffic traffic, Message message, ArrivingState room) : ISnapshotSink
    {
        private readonly StateSnapshotReader _reader = new(room.Keys);
        private bool _isComplete;

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

/// <summary>The state as bytes, from any offset on: the same ones each time.</summary>
internal sealed class StateSource(OfferedState state, KeySpaceView view) : ISnapshotSource
{
    public Guid Id => state.Id;

    public long? Length => null;

    public async IAsyncEnumerable<ReadOnlyMemory<byte>> ReadAsync(
        long offset, [EnumeratorCancellation] CancellationToken cancellation)
    {
        var writer = new StateSnapshotWriter(state.Tables, view);
        var piece = new ArrayBufferWriter<byte>(300 * 1024);
        var at = 0L;
        while (writer.TryWrite(piece))
        {
            cancellation.ThrowIfCancellationRequested();
            var end = at + piece.WrittenCount;
            if (end > offset)
            {
                yield return piece.WrittenMemory[(int)Math.Max(0, offset - at)..];
            }
            else if ((at & 0xfffff) == 0)
            {
                // What was sent before the cut is made again, and should not hold a thread for long.
                await Task.Yield();
            }

            at = end;
            piece.ResetWrittenCount();
        }
    }

    public ValueTask DisposeAsync()
    {
        view.Dispose();
        state.Release();
        return ValueTask.CompletedTask;
    }
}
