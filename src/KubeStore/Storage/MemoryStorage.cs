namespace KubeStore.Storage;

/// <summary>
/// A store in memory, for tests and for objects that may be forgotten: one revision after the other, whole history until
/// it is compacted, nothing left to chance.
/// </summary>
internal sealed class MemoryStorage(TimeProvider? time = null) : IKubeStorage
{
    private readonly Lock _gate = new();
    private readonly TimeProvider _time = time ?? TimeProvider.System;
    private readonly List<StoredChange> _history = [];
    private readonly SortedDictionary<string, StoredValue> _now = new(StringComparer.Ordinal);
    private long _revision = 1;
    private long _compacted;
    private TaskCompletionSource _moved = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>When set, every call fails with it: a store that is away.</summary>
    public Exception? Trouble { get; set; }

    public Task<StoredRange> RangeAsync(string from, string? to, long revision, long limit, CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        lock (_gate)
        {
            ThrowIfAway();
            if (revision > _revision)
            {
                throw new FutureRevisionException(_revision);
            }

            if (revision > 0 && revision < _compacted)
            {
                throw new HistoryGoneException(_compacted);
            }

            var source = revision == 0 || revision == _revision ? _now : At(revision);
            var found = source.Values.Where(value => to is null
                ? value.Key == from
                : string.CompareOrdinal(value.Key, from) >= 0 && string.CompareOrdinal(value.Key, to) < 0).ToList();
            var taken = limit > 0 && found.Count > limit ? found[..(int)limit] : found;
            return Task.FromResult(new StoredRange(taken, _revision, taken.Count < found.Count, found.Count));
        }
    }

    public Task<WriteOutcome> PutAsync(string key, ReadOnlyMemory<byte> value, long expected, TimeSpan? timeToLive, CancellationToken cancellation)
    {
        var outcome = Write(key, value, expected);
        if (outcome.Succeeded && timeToLive is { } life)
        {
            _ = ExpireAsync(key, outcome.Revision, life);
        }

        return Task.FromResult(outcome);
    }

    public Task<WriteOutcome> DeleteAsync(string key, long expected, CancellationToken cancellation)
        => Task.FromResult(Write(key, null, expected));

    public ValueTask<IStorageWatch> WatchAsync(string prefix, long fromRevision, CancellationToken cancellation)
        => new(new Watch(this, prefix, fromRevision, cancellation));

    public Task CompactAsync(long revision, CancellationToken cancellation)
    {
        lock (_gate)
        {
            _compacted = Math.Max(_compacted, Math.Min(revision, _revision));
            return Task.CompletedTask;
        }
    }

    private async Task ExpireAsync(string key, long revision, TimeSpan life)
    {
        await Task.Delay(life, _time).ConfigureAwait(false);
        Write(key, null, revision);
    }

    private WriteOutcome Write(string key, ReadOnlyMemory<byte>? value, long expected)
    {
        TaskCompletionSource moved;
        WriteOutcome outcome;
        lock (_gate)
        {
            ThrowIfAway();
            var exists = _now.TryGetValue(key, out var current);
            if ((exists ? current.Revision : 0) != expected || (value is null && !exists))
            {
                return new(false, _revision, exists ? current : null);
            }

            _revision++;
            _history.Add(new(key, value, exists ? current.Value : (ReadOnlyMemory<byte>?)null, _revision));
            if (value is { } bytes)
            {
                _now[key] = new(key, bytes, _revision);
            }
            else
            {
                _now.Remove(key);
            }

            outcome = new(true, _revision, null);
            moved = Moved();
        }

        moved.SetResult();
        return outcome;
    }

    private TaskCompletionSource Moved()
    {
        var moved = _moved;
        _moved = new(TaskCreationOptions.RunContinuationsAsynchronously);
        return moved;
    }

    private SortedDictionary<string, StoredValue> At(long revision)
    {
        var then = new SortedDictionary<string, StoredValue>(StringComparer.Ordinal);
        foreach (var change in _history.TakeWhile(change => change.Revision <= revision))
        {
            if (change.Value is { } value)
            {
                then[change.Key] = new(change.Key, value, change.Revision);
            }
            else
            {
                then.Remove(change.Key);
            }
        }

        return then;
    }

    private void ThrowIfAway()
    {
        if (Trouble is { } trouble)
        {
            throw trouble;
        }
    }

    private sealed class Watch(MemoryStorage store, string prefix, long next, CancellationToken cancellation) : IStorageWatch
    {
        private bool _progressAsked;

        public async ValueTask<ChangeBatch> NextAsync()
        {
            while (true)
            {
                Task moved;
                lock (store._gate)
                {
                    store.ThrowIfAway();
                    if (next <= store._compacted)
                    {
                        throw new HistoryGoneException(store._compacted);
                    }

                    var changes = store._history
                        .Where(change => change.Revision >= next && change.Key.StartsWith(prefix, StringComparison.Ordinal)).ToList();
                    if (changes.Count > 0 || _progressAsked)
                    {
                        _progressAsked = false;
                        next = Math.Max(next, store._revision + 1);
                        return new(changes, changes.Count > 0 ? changes[^1].Revision : next - 1);
                    }

                    moved = store._moved.Task;
                }

                await moved.WaitAsync(cancellation).ConfigureAwait(false);
            }
        }

        public ValueTask RequestProgressAsync()
        {
            TaskCompletionSource moved;
            lock (store._gate)
            {
                _progressAsked = true;
                moved = store.Moved();
            }

            moved.SetResult();
            return default;
        }

        public ValueTask DisposeAsync() => default;
    }
}
