using System.Text.Json;
using KubeStore.Objects;
using KubeStore.Storage;

namespace KubeStore.Cache;

/// <summary>
/// All objects of one resource in memory, and their newest changes: one list and one watch on the store, however many
/// clients list and watch here.
/// </summary>
/// <remarks>
/// When the watch on the store breaks, everything begins again: whoever watched is told to come back, because the changes
/// in between are not known.
/// </remarks>
internal sealed class ResourceCache : IAsyncDisposable
{
    private const int PageSize = 1000;
    private static readonly TimeSpan ShortestPause = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan ShortPatience = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan ProgressInterval = TimeSpan.FromMilliseconds(100);

    private readonly IKubeStorage _storage;
    private readonly TimeProvider _time;
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _filling;
    private readonly Lock _gate = new();

    // Under the gate.
    private EventRing _ring = new();
    private CacheSnapshot _snapshot = CacheSnapshot.Empty;
    private long _listed;
    private long _life;
    private bool _isReady;
    private volatile bool _isSilent;
    private IStorageWatch? _watch;
    private TaskCompletionSource _moved = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public ResourceCache(IKubeStorage storage, string prefix, bool isNamespaced, TimeProvider time)
    {
        _storage = storage;
        Prefix = $"/registry/{prefix}/";
        IsNamespaced = isNamespaced;
        _time = time;
        _filling = Task.Run(FillAsync);
    }

    /// <summary>What the keys of its objects begin with.</summary>
    public string Prefix { get; }

    public bool IsNamespaced { get; }

    /// <summary>Waits until it holds what the store held when it was asked, or later.</summary>
    /// <exception cref="ObjectDisposedException">It ended first.</exception>
    public async Task<CacheSnapshot> ReadyAsync(CancellationToken cancellation)
    {
        while (true)
        {
            Task moved;
            lock (_gate)
            {
                ObjectDisposedException.ThrowIf(_stop.IsCancellationRequested, this);
                if (_isReady)
                {
                    return _snapshot;
                }

                moved = _moved.Task;
            }

            await moved.WaitAsync(cancellation).ConfigureAwait(false);
        }
    }

    /// <summary>What it holds, if it has been filled.</summary>
    public CacheSnapshot? Current()
    {
        lock (_gate)
        {
            return _isReady ? _snapshot : null;
        }
    }

    /// <summary>Waits for a revision; null if it does not come in time.</summary>
    public async Task<CacheSnapshot?> ReachAsync(long revision, TimeSpan patience, CancellationToken cancellation)
    {
        var deadline = _time.GetTimestamp();
        while (true)
        {
            Task moved;
            IStorageWatch? watch;
            lock (_gate)
            {
                ObjectDisposedException.ThrowIf(_stop.IsCancellationRequested, this);
                if (_isReady && _snapshot.Revision >= revision)
                {
                    return _snapshot;
                }

                moved = _moved.Task;
                watch = _watch;
            }

            var left = patience - _time.GetElapsedTime(deadline);
            if (left <= TimeSpan.Zero)
            {
                return null;
            }

            // A quiet resource does not move by itself when others do.
            if (watch is not null)
            {
                await AskForProgressAsync(watch).ConfigureAwait(false);
            }

            using var pause = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
            await Task.WhenAny(moved, Task.Delay(left < ProgressInterval ? left : ProgressInterval, _time, pause.Token)).ConfigureAwait(false);
            await pause.CancelAsync().ConfigureAwait(false);
            cancellation.ThrowIfCancellationRequested();
        }
    }

    /// <summary>What is there now, seen by nobody earlier than by us.</summary>
    public async Task<CacheSnapshot?> CurrentAsync(TimeSpan patience, CancellationToken cancellation)
    {
        await ReadyAsync(cancellation).ConfigureAwait(false);
        var now = await _storage.RangeAsync(Prefix, null, 0, 1, cancellation).ConfigureAwait(false);

        // A store that does not say how far its watches are, such as an old etcd, is not waited for each time anew.
        var reached = await ReachAsync(now.Revision, _isSilent && patience > ShortPatience ? ShortPatience : patience, cancellation).ConfigureAwait(false);
        _isSilent = reached is null;
        return reached;
    }

    /// <summary>A place among the changes: after those that the snapshot has.</summary>
    public (CacheSnapshot Snapshot, CacheCursor Cursor)? StartHere()
    {
        lock (_gate)
        {
            return _isReady ? (_snapshot, new CacheCursor(this, _life, _ring.End)) : null;
        }
    }

    /// <summary>A place among the changes: after a revision; the oldest that can be named, if it is older than all that is
    /// known.</summary>
    public (CacheCursor? Cursor, long Oldest) StartAfter(long revision)
    {
        lock (_gate)
        {
            var oldest = _ring.HasForgotten ? _ring.Oldest!.Revision : _listed + 1;
            return revision < oldest - 1
                ? (null, oldest)
                : (new CacheCursor(this, _life, _ring.NumberAfter(revision)), oldest);
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync().ConfigureAwait(false);
        await _filling.ConfigureAwait(false);

        // Whoever waits for something to come learns that nothing does.
        Update(() => _isReady = false);
        _stop.Dispose();
    }

    /// <summary>The next events of a cursor, none if there are none yet, and what to wait for then. Null: it cannot go on.</summary>
    internal CacheEvent[]? Take(long life, long number, int limit, out long revision, out Task moved)
    {
        lock (_gate)
        {
            moved = _moved.Task;
            revision = _snapshot.Revision;
            return life == _life && !_stop.IsCancellationRequested ? _ring.Take(number, limit) : null;
        }
    }

    private async Task FillAsync()
    {
        var pause = ShortestPause;
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                await ListAsync().ConfigureAwait(false);
                pause = ShortestPause;
                await FollowAsync().ConfigureAwait(false);
            }
            catch (Exception broken) when (broken is HistoryGoneException or StorageUnavailableException or FutureRevisionException
                or OperationCanceledException or ObjectDisposedException)
            {
                // It begins again below.
            }

            Update(() =>
            {
                _isReady = false;
                _watch = null;
                _life++;
            });
            await Task.Delay(pause, _time, _stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            pause = pause * 2 < LongestPause ? pause * 2 : LongestPause;
        }
    }

    private async Task ListAsync()
    {
        var objects = new List<(string, string, KubeObject)>();
        var from = Prefix;
        var end = KeyRanges.EndOf(Prefix);
        var revision = 0L;
        while (true)
        {
            var page = await _storage.RangeAsync(from, end, revision, PageSize, _stop.Token).ConfigureAwait(false);
            revision = revision == 0 ? page.Revision : revision;
            foreach (var value in page.Values)
            {
                if (TryRead(value.Value, value.Revision) is { } read && TryNames(value.Key, out var ns, out var name))
                {
                    objects.Add((ns, name, read));
                }
            }

            if (!page.HasMore)
            {
                break;
            }

            from = page.Values[^1].Key + "\0";
        }

        var snapshot = CacheSnapshot.Of(objects, revision);
        Update(() =>
        {
            _snapshot = snapshot;
            _ring = new();
            _listed = revision;
            _isReady = true;
        });
    }

    private async Task FollowAsync()
    {
        var watch = await _storage.WatchAsync(Prefix, _listed + 1, _stop.Token).ConfigureAwait(false);
        await using (watch.ConfigureAwait(false))
        {
            Update(() => _watch = watch);
            while (true)
            {
                var batch = await watch.NextAsync().ConfigureAwait(false);
                Update(() => Apply(batch));
            }
        }
    }

    private void Apply(ChangeBatch batch)
    {
        foreach (var change in batch.Changes)
        {
            if (!TryNames(change.Key, out var ns, out var name))
            {
                continue;
            }

            var now = change.Value is { } value ? TryRead(value, change.Revision) : null;
            var before = _snapshot.Find(ns, name);
            if (now is not null || before is not null)
            {
                _ring.Add(new(now, before, change.Revision, (long)_time.GetElapsedTime(0).TotalMilliseconds));
                _snapshot = _snapshot.With(ns, name, now, change.Revision);
            }
        }

        if (batch.Revision > _snapshot.Revision)
        {
            _snapshot = _snapshot with { Revision = batch.Revision };
        }
    }

    private void Update(Action change)
    {
        TaskCompletionSource moved;
        lock (_gate)
        {
            change();
            moved = _moved;
            _moved = new(TaskCreationOptions.RunContinuationsAsynchronously);
        }

        moved.SetResult();
    }

    private bool TryNames(string key, out string ns, out string name)
    {
        var rest = key[Prefix.Length..];
        var slash = rest.IndexOf('/', StringComparison.Ordinal);
        ns = IsNamespaced && slash > 0 ? rest[..slash] : "";
        name = IsNamespaced ? rest[(slash + 1)..] : rest;

        // Another resource may lie below ours: services/endpoints and services/specs do not, but custom ones might.
        return name.Length > 0 && slash > 0 == IsNamespaced && !name.Contains('/', StringComparison.Ordinal);
    }

    // What is no object was not put there by us; it is as good as not there.
    private static KubeObject? TryRead(ReadOnlyMemory<byte> value, long revision)
    {
        try
        {
            return KubeObject.Read(value, revision);
        }
        catch (JsonException)
        {
            return null;
        }
    }

    /// <summary>A change from the store's history, as the ring would have it.</summary>
    internal CacheEvent? Event(StoredChange change)
    {
        if (!TryNames(change.Key, out _, out _))
        {
            return null;
        }

        var now = change.Value is { } value ? TryRead(value, change.Revision) : null;
        var before = change.Previous is { } previous ? TryRead(previous, change.Revision) : null;
        return now is null && before is null ? null : new(now, before, change.Revision, 0);
    }

    private static async Task AskForProgressAsync(IStorageWatch watch)
    {
        try
        {
            await watch.RequestProgressAsync().ConfigureAwait(false);
        }
        catch (Exception broken) when (broken is StorageUnavailableException or ObjectDisposedException or OperationCanceledException
            or InvalidOperationException)
        {
            // The watch has just ended; its loop deals with that.
        }
    }
}

/// <summary>A place among the changes of a resource.</summary>
internal sealed class CacheCursor(ResourceCache cache, long life, long number)
{
    private const int Bite = 256;

    /// <summary>The next changes, none if there are none yet, and what to wait for then. Null: the place is gone.</summary>
    public CacheEvent[]? Take(out long revision, out Task moved)
    {
        var taken = cache.Take(life, number, Bite, out revision, out moved);
        number += taken?.Length ?? 0;
        if (taken is { Length: > 0 })
        {
            revision = taken[^1].Revision;
        }

        return taken;
    }
}
