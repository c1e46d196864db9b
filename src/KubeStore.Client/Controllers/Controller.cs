using KubeStore.Failures;
using KubeStore.Informers;
using KubeStore.Objects;
using KubeStore.Queues;

namespace KubeStore.Controllers;

/// <summary>How a controller works.</summary>
public sealed record ControllerOptions
{
    /// <summary>How many keys are worked on at a time.</summary>
    public int Workers { get; init; } = 1;

    public TimeProvider Time { get; init; } = TimeProvider.System;

    public RetryOptions Retry { get; init; } = new();

    /// <summary>Told what went wrong, and with which key. It will be tried again.</summary>
    public Action<ObjectKey, Exception>? Failed { get; init; }
}

/// <summary>
/// Brings what is to what should be: whenever something has happened to an object, or to what belongs to it, its key is
/// reconciled. What happened is not said, because it may be over: look at what is now.
/// </summary>
/// <remarks>
/// One key is never worked on twice at a time. What fails is tried again, later each time.
/// </remarks>
/// <example><code>
/// await using var controller = new Controller(async (key, stop) =>
/// {
///     …                 // informers say what there is, the client makes what there should be
///     return null;      // or: when to have a look again although nothing has happened
/// });
/// controller.Watch(replicaSets);
/// controller.WatchOwned(pods, "ReplicaSet");
/// await controller.RunAsync(stop);
/// </code></example>
public sealed class Controller(Func<ObjectKey, CancellationToken, Task<TimeSpan?>> reconcile, ControllerOptions? options = null) : IAsyncDisposable
{
    private readonly ControllerOptions _options = options ?? new();
    private readonly RetryQueue<ObjectKey> _queue = new(options?.Time, options?.Retry);
    private readonly List<InformerRegistration> _handlers = [];
    private readonly List<SharedInformer> _informers = [];

    /// <summary>Each object of the informer is a key.</summary>
    public void Watch(SharedInformer informer) => Watch(informer, value => [ObjectKey.Of(value)]);

    /// <summary>The key is that of the controlling owner, if it is of this kind.</summary>
    public void WatchOwned(SharedInformer informer, string ownerKind)
        => Watch(informer, value => Owners.ControllerOf(value) is { } owner && owner.Kind == ownerKind ? [new(value.Namespace, owner.Name)] : []);

    /// <summary>Whatever happens to an object, before and after, is something to some keys.</summary>
    public void Watch(SharedInformer informer, Func<KubeObject, IEnumerable<ObjectKey>> keys)
    {
        void Add(KubeObject value)
        {
            foreach (var key in keys(value))
            {
                _queue.Add(key);
            }
        }

        _informers.Add(informer);
        _handlers.Add(informer.AddHandler(new()
        {
            Added = (value, _) => Add(value),
            Updated = (before, now) =>
            {
                Add(before);
                Add(now);
            },
            Deleted = (value, _) => Add(value),
        }));
    }

    /// <summary>Has a key reconciled, although nothing has happened.</summary>
    public void Enqueue(ObjectKey key) => _queue.Add(key);

    /// <summary>Starts the informers, waits until they know what there is, and works until told to stop.</summary>
    public async Task RunAsync(CancellationToken stop)
    {
        foreach (var informer in _informers)
        {
            informer.Start();
        }

        try
        {
            await Task.WhenAll(_handlers.Select(handler => handler.SyncedAsync(stop))).ConfigureAwait(false);
            await Task.WhenAll(Enumerable.Range(0, _options.Workers).Select(_ => Task.Run(() => WorkAsync(stop), stop))).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            // That is how it ends.
        }
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var handler in _handlers)
        {
            await handler.DisposeAsync().ConfigureAwait(false);
        }

        _queue.Dispose();
    }

    private async Task WorkAsync(CancellationToken stop)
    {
        while (true)
        {
            var key = await _queue.TakeAsync(stop).ConfigureAwait(false);
            try
            {
                var after = await reconcile(key, stop).ConfigureAwait(false);
                _queue.Forget(key);
                if (after is { } later)
                {
                    _queue.AddAfter(key, later);
                }
            }
            catch (OperationCanceledException) when (stop.IsCancellationRequested)
            {
                throw;
            }
#pragma warning disable CA1031 // Whatever went wrong with one key, the others go on, and it is tried again.
            catch (Exception failed)
#pragma warning restore CA1031
            {
                // That somebody was faster is no failure to speak of: what they have written is on its way to us.
                if (failed is not StatusException { Status.Reason: "Conflict" })
                {
                    _options.Failed?.Invoke(key, failed);
                }

                _queue.AddFailed(key);
            }
            finally
            {
                _queue.Done(key);
            }
        }
    }
}
