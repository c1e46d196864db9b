using RaftKv.Raft.Messages;
using RaftKv.Server.Peers;
using RaftKv.Server.Replica;
using RaftKv.Storage.Checkpoints;

namespace RaftKv.Server.Hosting;

/// <summary>Whole states on their way out to members that are too far behind, and in from the leader.</summary>
internal sealed class SnapshotTraffic(IPeerNetwork peers, StateStore store, Inbox<ReplicaInput> replica) : ISnapshotCourier
{
    public void Send(in Message message, OfferedState state) => peers.SendSnapshot(message, new StateSource(state));

    public void Discard(ArrivedState state)
    {
        state.Machine.Dispose();
        store.Discard(state.Room);
    }

    public ISnapshotSink Receive(SnapshotOffer offer) => throw new NotSupportedException(offer.ToString() + replica.Count);
}

internal sealed class StateSource(OfferedState state) : ISnapshotSource
{
    public Guid Id => state.Id;

    public long? Length => null;

    public IAsyncEnumerable<ReadOnlyMemory<byte>> ReadAsync(long offset, CancellationToken cancellation) => throw new NotSupportedException();

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;
}
