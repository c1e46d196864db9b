namespace KubeStore.Queues;

/// <summary>
/// Work to be done, each item in line once however often it is added. What is added again while somebody works on it comes
/// into line when they are done: no item is worked on by two at a time, and none is forgotten.
/// </summary>
/// <example><code>
/// var item = await queue.TakeAsync(stop);
/// try { … } finally { queue.Done(item); }
/// </code></example>
public class WorkQueue<T>
    where T : notnull
{
    private readonly Lock _gate = new();
    private readonly Queue<T> _line = new();
    private readonly HashSet<T> _wanted = [];
    private readonly HashSet<T> _underWay = [];
    private readonly Queue<TaskCompletionSource> _takers = new();

    /// <summary>How many are in line.</summary>
    public int Count
    {
        get
        {
            lock (_gate)
            {
                return _line.Count;
            }
        }
    }

    public void Add(T item)
    {
        lock (_gate)
        {
            if (_wanted.Add(item) && !_underWay.Contains(item))
            {
                _line.Enqueue(item);
                CallNext();
            }
        }
    }

    /// <summary>Waits for an item. Whoever takes one has to say <see cref="Done"/>.</summary>
    public async Task<T> TakeAsync(CancellationToken cancellation)
    {
        while (true)
        {
            cancellation.ThrowIfCancellationRequested();
            TaskCompletionSource taker;
            lock (_gate)
            {
                if (_line.TryDequeue(out var item))
                {
                    _wanted.Remove(item);
                    _underWay.Add(item);
                    return item;
                }

                taker = new(TaskCreationOptions.RunContinuationsAsynchronously);
                _takers.Enqueue(taker);
            }

            try
            {
                await taker.Task.WaitAsync(cancellation).ConfigureAwait(false);
            }
            catch (OperationCanceledException)
            {
                PassOn(taker);
                throw;
            }
        }
    }

    /// <summary>Work on an item has ended, well or not.</summary>
    public void Done(T item)
    {
        lock (_gate)
        {
            if (_underWay.Remove(item) && _wanted.Contains(item))
            {
                _line.Enqueue(item);
                CallNext();
            }
        }
    }

    // Who goes away does not take the call with them that was meant for whoever waits.
    private void PassOn(TaskCompletionSource gone)
    {
        lock (_gate)
        {
            if (!gone.TrySetResult())
            {
                CallNext();
            }
        }
    }

    // The first who is still there. Those who wait go on elsewhere, not under the gate.
    private void CallNext()
    {
        while (_takers.TryDequeue(out var taker) && !taker.TrySetResult())
        {
        }
    }
}
