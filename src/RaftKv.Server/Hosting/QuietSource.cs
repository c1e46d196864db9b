using System.Buffers;
using System.Runtime.CompilerServices;
using System.Threading.Channels;
using RaftKv.Server.Peers;

namespace RaftKv.Server.Hosting;

/// <summary>
/// A source whose bytes are made by a thread that gives way to all others, so that requests are answered meanwhile.
/// </summary>
internal sealed class QuietSource(ISnapshotSource inner) : ISnapshotSource
{
    // One on its way while the next is made.
    private const int Pieces = 2;

    public Guid Id => inner.Id;

    public long? Length => inner.Length;

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
            // What it reads from must not go before it has ended.
            await stop.CancelAsync().ConfigureAwait(false);
            await making.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    public ValueTask DisposeAsync() => inner.DisposeAsync();

    private void Make(long offset, SemaphoreSlim free, ChannelWriter<ReadOnlyMemory<byte>> made, CancellationToken stop)
    {
        try
        {
            // A piece of the inner source is valid until the next one is asked for, and that is earlier than here.
            var rooms = Enumerable.Range(0, Pieces).Select(_ => new ArrayBufferWriter<byte>(300 * 1024)).ToArray();
            var next = 0;
            var pieces = inner.ReadAsync(offset, stop).GetAsyncEnumerator(stop);
            try
            {
                while (OwnThread.Await(pieces.MoveNextAsync()))
                {
                    free.Wait(stop);
                    rooms[next].ResetWrittenCount();
                    rooms[next].Write(pieces.Current.Span);
                    made.TryWrite(rooms[next].WrittenMemory);
                    next = (next + 1) % Pieces;
                }
            }
            finally
            {
                OwnThread.Await(pieces.DisposeAsync());
            }

            made.Complete();
        }
        catch (Exception failure)
        {
            made.Complete(failure);
        }
    }
}
