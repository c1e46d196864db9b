using KubeStore.Objects;

namespace KubeStore.Informers;

/// <summary>
/// A copy of all objects of a kind that keeps itself up to date, however often the connection breaks, and tells any number
/// of handlers what has changed. One list and one watch, for everybody in the program.
/// </summary>
/// <remarks>Objects are shared by all who see them; <see cref="KubeObject"/> cannot be changed.</remarks>
/// <example><code>
/// await using var pods = new SharedInformer(kube, KubeResource.Pods);
/// pods.AddHandler(new() { Added = (pod, _) => Console.WriteLine(pod.Name) });
/// pods.Start();
/// await pods.SyncedAsync();
/// var here = pods.Store.InNamespace("default");
/// </code></example>
public sealed class SharedInformer : IAsyncDisposable
{
    private readonly InformerOptions _options;
    private readonly DeltaQueue _queue;
    private readonly Reflector _reflector;
    private readonly CancellationTokenSource _stop = new();
    private readonly Lock _gate = new();

    // Under the gate.
    private readonly List<InformerRegistration> _handlers = [];
    private readonly List<Task> _running = [];
    private TaskCompletionSource _moved = New();
    private ITimer? _resync;
    private long _revision;
    private bool _isDisposed;

    public SharedInformer(IKubeClient client, KubeResource resource, InformerOptions? options = null)
    {
        _options = options ?? new();
        Resource = resource;
        _queue = new(Store);
        _reflector = new(client, resource, _options, _queue);
    }

    public KubeResource Resource { get; }

    /// <summary>What there is.</summary>
    public IndexedStore Store { get; } = new();

    /// <summary>Up to which version the store says everything there is to be said.</summary>
    public long Revision
    {
        get
        {
            lock (_gate)
            {
                return _revision;
            }
        }
    }

    /// <summary>Whether the store has had everything that the first list found.</summary>
    public bool IsSynced => _queue.IsSynced;

    /// <summary>Begins. More than once is once.</summary>
    public void Start()
    {
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_isDisposed, this);
            if (_running.Count > 0)
            {
                return;
            }

            _running.Add(Task.Run(() => _reflector.RunAsync(_stop.Token)));
            _running.Add(Task.Run(PumpAsync));
            if (_options.Resync is { } period)
            {
                _resync = _options.Time.CreateTimer(_ => _queue.Resync(), null, period, period);
            }
        }
    }

    /// <summary>Has somebody told of all there is, and of everything that happens from then on.</summary>
    public InformerRegistration AddHandler(InformerHandler handler)
    {
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_isDisposed, this);
            var added = new InformerRegistration(this, handler, _options.Trouble);
            foreach (var there in Store.All())
            {
                added.Tell(() => handler.Added?.Invoke(there, true));
            }

            if (IsSynced)
            {
                added.TellSynced();
            }

            _handlers.Add(added);
            return added;
        }
    }

    /// <summary>Waits until the store has had everything that the first list found.</summary>
    public Task SyncedAsync(CancellationToken cancellation = default) => UntilAsync(_ => IsSynced, cancellation);

    /// <summary>Waits until the store is as somebody wants it: has, for one, what they have just written.</summary>
    /// <example><code>
    /// var made = await kube.CreateAsync(KubeResource.Pods, "default", pod);
    /// await pods.UntilAsync(store => store.Find(ObjectKey.Of(made)) is not null || pods.Revision >= made.Revision);
    /// </code></example>
    /// <exception cref="ObjectDisposedException">The informer ended first.</exception>
    public async Task UntilAsync(Func<IndexedStore, bool> isSo, CancellationToken cancellation = default)
    {
        while (true)
        {
            Task moved;
            lock (_gate)
            {
                ObjectDisposedException.ThrowIf(_isDisposed, this);
                moved = _moved.Task;
            }

            if (isSo(Store))
            {
                return;
            }

            await moved.WaitAsync(cancellation).ConfigureAwait(false);
        }
    }

    public async ValueTask DisposeAsync()
    {
        List<InformerRegistration> handlers;
        lock (_gate)
        {
            if (_isDisposed)
            {
                return;
            }

            _isDisposed = true;
            handlers = [.. _handlers];
            _moved.TrySetResult();
        }

        await _stop.CancelAsync().ConfigureAwait(false);
        if (_resync is not null)
        {
            await _resync.DisposeAsync().ConfigureAwait(false);
        }

        await Task.WhenAll(_running).ConfigureAwait(false);
        foreach (var handler in handlers)
        {
            await handler.DisposeAsync().ConfigureAwait(false);
        }

        _stop.Dispose();
    }

    internal void Remove(InformerRegistration handler)
    {
        lock (_gate)
        {
            _handlers.Remove(handler);
        }
    }

    private async Task PumpAsync()
    {
        var wasSynced = false;
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                await _queue.PopAsync(Serve, Reached, _stop.Token).ConfigureAwait(false);
            }
            catch (OperationCanceledException)
            {
                return;
            }

            lock (_gate)
            {
                if (!wasSynced && IsSynced)
                {
                    wasSynced = true;
                    _handlers.ForEach(handler => handler.TellSynced());
                }

                _moved.TrySetResult();
                _moved = New();
            }
        }
    }

    private void Serve(IReadOnlyList<Delta> deltas)
    {
        // The queue waits meanwhile, and so does who wants to be a handler: nobody is told twice, and nobody misses anything.
        lock (_gate)
        {
            var isInitial = !IsSynced;
            foreach (var delta in deltas)
            {
                Serve(delta, isInitial);
            }
        }
    }

    private void Serve(Delta delta, bool isInitial)
    {
        if (delta.Type == DeltaType.Deleted)
        {
            // What came and went while nobody looked was never there.
            if (Store.Remove(ObjectKey.Of(delta.Object)) is not null)
            {
                Tell(handler => handler.Deleted?.Invoke(delta.Object, delta.IsFinal));
            }

            return;
        }

        if (delta.Type == DeltaType.Sync)
        {
            Tell(handler => handler.Updated?.Invoke(delta.Object, delta.Object));
            return;
        }

        var before = Store.Put(delta.Object);
        if (before is not null && before.Uid != delta.Object.Uid)
        {
            // Another of the same name: its predecessor's end was missed.
            Tell(handler => handler.Deleted?.Invoke(before, false));
            Tell(handler => handler.Added?.Invoke(delta.Object, isInitial));
        }
        else if (before is null)
        {
            Tell(handler => handler.Added?.Invoke(delta.Object, isInitial));
        }
        else if (before.Revision != delta.Object.Revision)
        {
            Tell(handler => handler.Updated?.Invoke(before, delta.Object));
        }
    }

    private void Reached(long version)
    {
        lock (_gate)
        {
            _revision = version;
        }
    }

    private void Tell(Action<InformerHandler> what) => _handlers.ForEach(one => one.Tell(() => what(one.Handler)));

    private static TaskCompletionSource New() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
