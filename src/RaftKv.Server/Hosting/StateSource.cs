using System.Buffers;
using System.Runtime.CompilerServices;
using RaftKv.Server.Peers;
using RaftKv.Server.Replica;
using RaftKv.Storage.Files;
using RaftKv.Storage.Mvcc;
using RaftKv.Storage.Snapshots;

namespace RaftKv.Server.Hosting;

/// <summary>The state as bytes, from any offset on: the same ones each time.</summary>
internal sealed class StateSource(OfferedState state, KeySpaceView view, Action<StorageException>? unreadable = null) : ISnapshotSource
{
    public Guid Id => state.Id;

    public long? Length => null;

    public async IAsyncEnumerable<ReadOnlyMemory<byte>> ReadAsync(
        long offset, [EnumeratorCancellation] CancellationToken cancellation)
    {
        var writer = new StateSnapshotWriter(state.Tables, view);
        var piece = new ArrayBufferWriter<byte>(300 * 1024);
        var at = 0L;
        while (TryWrite(writer, piece))
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

    // Whoever it is for only sees that it breaks off.
    private bool TryWrite(StateSnapshotWriter writer, ArrayBufferWriter<byte> piece)
    {
        try
        {
            return writer.TryWrite(piece);
        }
        catch (StorageException problem)
        {
            unreadable?.Invoke(problem);
            throw;
        }
    }

    public ValueTask DisposeAsync()
    {
        view.Dispose();
        state.Release();
        return ValueTask.CompletedTask;
    }
}
