using System.Threading.Channels;

namespace KubeStore.Informers;

/// <summary>A handler of an informer, until it is disposed of. It is told in its own time: however slow it is, nobody else
/// waits for it.</summary>
public sealed class InformerRegistration : IAsyncDisposable
{
    private readonly SharedInformer _informer;
    private readonly Action<Exception>? _trouble;
    private readonly Channel<Action> _queue = Channel.CreateUnbounded<Action>(new UnboundedChannelOptions { SingleReader = true });
    private readonly TaskCompletionSource _synced = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Task _telling;

    internal InformerRegistration(SharedInformer informer, InformerHandler handler, Action<Exception>? trouble)
    {
        _informer = informer;
        Handler = handler;
        _trouble = trouble;
        _telling = Task.Run(TellAsync);
    }

    internal InformerHandler Handler { get; }

    /// <summary>Ends when the handler has been told of everything that was there in the beginning.</summary>
    public Task SyncedAsync(CancellationToken cancellation = default) => _synced.Task.WaitAsync(cancellation);

    /// <summary>Tells it what waits, and nothing after that.</summary>
    public async ValueTask DisposeAsync()
    {
        _informer.Remove(this);
        _queue.Writer.TryComplete();
        await _telling.ConfigureAwait(false);
        _synced.TrySetCanceled();
    }

    internal void Tell(Action what) => _queue.Writer.TryWrite(what);

    internal void TellSynced() => Tell(() => _synced.TrySetResult());

    private async Task TellAsync()
    {
        await foreach (var what in _queue.Reader.ReadAllAsync().ConfigureAwait(false))
        {
            try
            {
                what();
            }
#pragma warning disable CA1031 // What a handler throws is its own; the next change is told all the same.
            catch (Exception failed)
#pragma warning restore CA1031
            {
                _trouble?.Invoke(failed);
            }
        }
    }
}
