using System.Buffers;
using System.Runtime.CompilerServices;
using System.Threading.Channels;
using RaftKv.Server.Peers;
using RaftKv.Server.Replica;
using RaftKv.Storage.Mvcc;
using RaftKv.Storage.Snapshots;

namespace RaftKv.Server.Hosting;

/// <summary>
/// The state as bytes, from any offset on: the same ones each time. They are made by a thread that gives way to all others,
/// so that requests are answered meanwhile.
/// </summary>
internal sealed class StateSource(OfferedState state, KeySpaceView view) : ISnapshotSource
{
    // One on its way while the next is made.
    private const int Pieces = 2;

    public Guid Id => state.Id;

    public long? Length => null;

    public async IAsyncEnumerable<ReadOnlyMemory<byte>> ReadAsync(
        long offset, [EnumeratorCancellation] CancellationToken cancellation)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        using var free = new SemaphoreSlim(Pieces);
        var made = Channel.CreateUnbounded<ReadOnlyMemory<byte>>(new UnboundedChannelOptions { SingleReader = true, SingleWriter = true });
        var making = QuietThread.Run("raftkv snapshot", () => Make(offset, free, made.Writer, stop.Token));
        try
        {
            await foreach (var piece in made.Reader.ReadAllAsync(cancellation).ConfigureAwait(false))
            {
                yield return piece;
                free.Release();
            }
        }
        finally
        {
            // The view must not go before its reader has.
            await stop.CancelAsync().ConfigureAwait(false);
            await making.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    public ValueTask DisposeAsync()
    {
        view.Dispose();
        state.Release();
        return ValueTask.CompletedTask;
    }

    private void Make(long offset, SemaphoreSlim free, ChannelWriter<ReadOnlyMemory<byte>> made, CancellationToken stop)
    {
        try
        {
            var writer = new StateSnapshotWriter(state.Tables, view);
            var rooms = Enumerable.Range(0, Pieces).Select(_ => new ArrayBufferWriter<byte>(300 * 1024)).ToArray();
            var next = 0;
            var at = 0L;
            free.Wait(stop);
            while (writer.TryWrite(rooms[next]))
            {
                stop.ThrowIfCancellationRequested();
                var room = rooms[next];
                var end = at + room.WrittenCount;
                if (end > offset)
                {
                    made.TryWrite(room.WrittenMemory[(int)Math.Max(0, offset - at)..]);
                    free.Wait(stop);
                    next = (next + 1) % Pieces;
                }

                at = end;
                rooms[next].ResetWrittenCount();
            }

            made.Complete();
        }
        catch (Exception failure)
        {
            made.Complete(failure);
        }
    }
}
