using System.Buffers;
using RaftKv.Raft.Log;
using RaftKv.Storage.Mvcc;
using RaftKv.Storage.State;

namespace RaftKv.Server.Replica;

/// <summary>
/// The state as of one position, held so that it can be sent to other members while this one goes on. Shared by all who
/// send it; let go of when the last one has.
/// </summary>
public sealed class OfferedState
{
    private readonly Lock _gate = new();
    private readonly KeySpaceView _view;
    private int _holders = 1;

    private OfferedState(Snapshot snapshot, byte[] tables, KeySpaceView view)
    {
        Snapshot = snapshot;
        Tables = tables;
        _view = view;
    }

    /// <summary>What Raft calls it.</summary>
    public Snapshot Snapshot { get; }

    /// <summary>See <see cref="StateMachine.WriteTables"/>.</summary>
    public ReadOnlyMemory<byte> Tables { get; }

    /// <summary>Names the bytes.</summary>
    public Guid Id { get; } = Guid.NewGuid();

    /// <summary>The state as it is between two batches. By the applier.</summary>
    public static OfferedState Of(StateMachine machine)
    {
        var tables = new ArrayBufferWriter<byte>();
        machine.WriteTables(tables);
        return new OfferedState(
            new Snapshot(machine.Applied, machine.Config), tables.WrittenSpan.ToArray(), machine.Keys.OpenView());
    }

    /// <summary>A view of its own for one who sends.</summary>
    /// <returns>Null if it was let go of already.</returns>
    public KeySpaceView? Hold()
    {
        lock (_gate)
        {
            if (_holders == 0)
            {
                return null;
            }

            _holders++;
            return _view.Again();
        }
    }

    public void Release()
    {
        lock (_gate)
        {
            _holders--;
            if (_holders == 0)
            {
                _view.Dispose();
            }
        }
    }
}
