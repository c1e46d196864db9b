using KubeStore.Objects;

namespace KubeStore.Informers;

/// <summary>
/// What has happened and has not been dealt with, object by object: each is in line once, with all that has happened to it
/// since it was last served.
/// </summary>
/// <remarks>
/// Between the deltas of different objects no order is kept, and none is needed. What is kept is the version that
/// everything before it has been said of: <see cref="PopAsync"/> hands it out once nothing older waits.
/// </remarks>
internal sealed class DeltaQueue(IndexedStore known)
{
    private readonly Lock _gate = new();
    private readonly Dictionary<ObjectKey, List<Delta>> _deltas = [];
    private readonly Queue<ObjectKey> _line = new();
    private TaskCompletionSource _more = New();
    private long _version;
    private long _told;
    private bool _hasInitial;
    private int _initialLeft;

    /// <summary>Whether all that the first list found has been handed out.</summary>
    public bool IsSynced
    {
        get
        {
            lock (_gate)
            {
                return _hasInitial && _initialLeft == 0;
            }
        }
    }

    public void Add(DeltaType type, KubeObject value)
    {
        lock (_gate)
        {
            _version = Math.Max(_version, value.Revision);
            Enqueue(ObjectKey.Of(value), new(type, value));
            _more.TrySetResult();
        }
    }

    /// <summary>All that there is as of a version. What is known and is not there has been deleted.</summary>
    public void Replace(IReadOnlyList<KubeObject> values, long version)
    {
        lock (_gate)
        {
            var there = new HashSet<ObjectKey>();
            foreach (var value in values)
            {
                there.Add(ObjectKey.Of(value));
                Enqueue(ObjectKey.Of(value), new(DeltaType.Replaced, value));
            }

            foreach (var (key, waiting) in _deltas.Where(one => !there.Contains(one.Key)).ToList())
            {
                Enqueue(key, new(DeltaType.Deleted, waiting[^1].Object, IsFinal: false));
            }

            foreach (var value in known.All())
            {
                if (!there.Contains(ObjectKey.Of(value)) && !_deltas.ContainsKey(ObjectKey.Of(value)))
                {
                    Enqueue(ObjectKey.Of(value), new(DeltaType.Deleted, value, IsFinal: false));
                }
            }

            // A store that was restored from a backup is at an earlier version than before.
            _version = version;
            _told = Math.Min(_told, version - 1);
            if (!_hasInitial)
            {
                _hasInitial = true;
                _initialLeft = _line.Count;
            }

            _more.TrySetResult();
        }
    }

    /// <summary>Nothing has happened up to a version but what was said.</summary>
    public void Reached(long version)
    {
        lock (_gate)
        {
            _version = Math.Max(_version, version);
            _more.TrySetResult();
        }
    }

    /// <summary>Lets handlers see again what is known, where nothing else waits to be told of it.</summary>
    public void Resync()
    {
        lock (_gate)
        {
            foreach (var value in known.All())
            {
                if (!_deltas.ContainsKey(ObjectKey.Of(value)))
                {
                    Enqueue(ObjectKey.Of(value), new(DeltaType.Sync, value));
                }
            }

            _more.TrySetResult();
        }
    }

    /// <summary>Waits until there is something, and gives it to <paramref name="serve"/>: the deltas of one object, or the version that
    /// has been reached. While that runs nothing is queued, so that what is known does not change under a list.</summary>
    public async Task PopAsync(Action<IReadOnlyList<Delta>> serve, Action<long> reached, CancellationToken cancellation)
    {
        while (true)
        {
            Task more;
            lock (_gate)
            {
                if (_line.TryDequeue(out var key))
                {
                    _deltas.Remove(key, out var deltas);
                    serve(deltas!);
                    _initialLeft -= _initialLeft > 0 ? 1 : 0;
                    return;
                }

                if (_told < _version)
                {
                    _told = _version;
                    reached(_version);
                    return;
                }

                if (_more.Task.IsCompleted)
                {
                    _more = New();
                }

                more = _more.Task;
            }

            await more.WaitAsync(cancellation).ConfigureAwait(false);
        }
    }

    private void Enqueue(ObjectKey key, Delta delta)
    {
        if (!_deltas.TryGetValue(key, out var waiting))
        {
            // What nobody knows of has not to be forgotten.
            if (delta.Type == DeltaType.Deleted && known.Find(key) is null)
            {
                return;
            }

            _deltas[key] = waiting = [];
            _line.Enqueue(key);
        }

        if (delta.Type == DeltaType.Deleted && waiting is [.., { Type: DeltaType.Deleted } last])
        {
            // Once is enough; the one that has seen the end is the better one.
            if (!last.IsFinal)
            {
                waiting[^1] = delta;
            }

            return;
        }

        waiting.Add(delta);
    }

    private static TaskCompletionSource New() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
