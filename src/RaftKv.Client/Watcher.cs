using System.Runtime.CompilerServices;
using RaftKv.Client.Watching;

namespace RaftKv.Client;

/// <summary>
/// A watch that a member has confirmed. It tells every event of its range, in order, once, whatever becomes of connections
/// and members. Read by one reader, once; disposing of it ends it.
/// </summary>
/// <example><code>
/// await using var watcher = await client.StartWatchAsync(KeyRange.Prefix("jobs/"));
/// await client.PutAsync("jobs/1", "new");
/// await foreach (var batch in watcher) { ... } // tells of jobs/1
/// </code></example>
public sealed class Watcher : IAsyncEnumerable<WatchBatch>, IAsyncDisposable
{
    private const int PageSize = 1000;

    private readonly RaftKvClient _client;
    private readonly WatchHub _hub;
    private readonly KeyRange _range;
    private readonly WatchOptions _options;
    private WatchCursor _cursor;
    private RangeResult? _firstPage;
    private bool _isRead;
    private bool _isDisposed;

    private Watcher(RaftKvClient client, WatchHub hub, KeyRange range, WatchOptions options)
    {
        _client = client;
        _hub = hub;
        _range = range;
        _options = options;
        _cursor = new WatchCursor(range, options, options.StartRevision);
    }

    /// <summary>The first revision it tells of; of one that starts with a snapshot, the one behind the snapshot.</summary>
    public long StartRevision { get; private set; }

    internal static async ValueTask<Watcher> StartAsync(
        RaftKvClient client, WatchHub hub, KeyRange range, WatchOptions options, TimeSpan timeout, CancellationToken cancellation)
    {
        var watcher = new Watcher(client, hub, range, options);
        try
        {
            if (options.StartsWithSnapshot)
            {
                await watcher.BeginSnapshotAsync(cancellation).ConfigureAwait(false);
            }
            else
            {
                hub.Attach(watcher._cursor);
            }

            await watcher._cursor.Started.WaitAsync(timeout, hub.Time, cancellation).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            await watcher.DisposeAsync().ConfigureAwait(false);
            var why = hub.LastFailure?.Status.Detail ?? "no member has answered";
            throw new CallTimeoutException($"The watch did not start in {timeout}: {why}", hub.LastFailure) { IsTransient = true };
        }
        catch
        {
            await watcher.DisposeAsync().ConfigureAwait(false);
            throw;
        }

        watcher.StartRevision = watcher._cursor.Next;
        return watcher;
    }

    /// <summary>Reads it, for as long as the caller likes.</summary>
    /// <exception cref="CompactedException">What comes next was compacted, and the watch was told to end then.</exception>
    /// <exception cref="RaftKvException">The members refuse to be watched.</exception>
    /// <exception cref="ObjectDisposedException">The watcher or the client was disposed of.</exception>
    public IAsyncEnumerator<WatchBatch> GetAsyncEnumerator(CancellationToken cancellationToken = default)
    {
        if (_isRead)
        {
            throw new InvalidOperationException("A watcher can be read once.");
        }

        _isRead = true;
        return ReadAsync(cancellationToken).GetAsyncEnumerator(cancellationToken);
    }

    /// <summary>
    /// Asks how far the watch is: if it wants progress, it tells so in a batch, unless nothing has happened at all since it
    /// last told anything. Without a member at hand, nothing is asked.
    /// </summary>
    /// <example><code>
    /// watcher.RequestProgress(); // a batch of WatchBatchKind.Progress follows
    /// </code></example>
    public void RequestProgress() => _cursor.Stream?.AskForProgress();

    public ValueTask DisposeAsync()
    {
        if (!_isDisposed)
        {
            _isDisposed = true;
            WatchHub.Detach(_cursor, new ObjectDisposedException(nameof(Watcher)));
        }

        return default;
    }

    private async IAsyncEnumerable<WatchBatch> ReadAsync([EnumeratorCancellation] CancellationToken cancellation)
    {
        while (true)
        {
            if (_firstPage is { } page)
            {
                _firstPage = null;
                var isStart = true;
                var revision = page.Header.Revision;
                var range = _range;
                while (page is not null)
                {
                    yield return Snapshot(page, revision, isStart);
                    isStart = false;
                    if (!page.HasMore || page.KeyValues.Count == 0)
                    {
                        break;
                    }

                    range = range.After(page.KeyValues[^1].Key);
                    page = await NextPageAsync(range, revision, cancellation).ConfigureAwait(false);
                }

                if (page is null)
                {
                    // Compacted meanwhile: what was told is no start for anything.
                    await RestartAsync(cancellation).ConfigureAwait(false);
                    continue;
                }
            }

            WatchBatch? batch = null;
            try
            {
                batch = await _cursor.ReadAsync(cancellation).ConfigureAwait(false);
            }
            catch (CompactedException) when (_options.OnCompaction == WatchCompaction.Lists)
            {
                // Below.
            }

            if (batch is null)
            {
                await RestartAsync(cancellation).ConfigureAwait(false);
                continue;
            }

            yield return batch;
        }
    }

    private static WatchBatch Snapshot(RangeResult page, long revision, bool isStart) => new()
    {
        Kind = WatchBatchKind.Snapshot,
        Revision = revision,
        Events = [.. page.KeyValues.Select(one => new WatchEvent { KeyValue = one })],
        IsSnapshotStart = isStart,
        IsSnapshotEnd = !page.HasMore || page.KeyValues.Count == 0,
    };

    // The watch begins before the rest is read, so that the revision behind the snapshot cannot be lost to compaction.
    private async ValueTask BeginSnapshotAsync(CancellationToken cancellation)
    {
        _firstPage = await _client.RangeAsync(_range, new RangeOptions { Limit = PageSize }, cancellation).ConfigureAwait(false);
        _cursor = new WatchCursor(_range, _options, _firstPage.Header.Revision + 1);
        _hub.Attach(_cursor);
        if (_isDisposed)
        {
            WatchHub.Detach(_cursor, new ObjectDisposedException(nameof(Watcher)));
        }
    }

    private async ValueTask RestartAsync(CancellationToken cancellation)
    {
        WatchHub.Detach(_cursor, new OperationCanceledException("The watch begins anew."));
        while (true)
        {
            try
            {
                await BeginSnapshotAsync(cancellation).ConfigureAwait(false);
                return;
            }
            catch (RaftKvException e) when (e.IsTransient)
            {
                // A watch goes on; reading what there is has been repeated for as long as a call may be.
                ObjectDisposedException.ThrowIf(_isDisposed, this);
            }
        }
    }

    /// <returns>Null: compacted.</returns>
    private async ValueTask<RangeResult?> NextPageAsync(KeyRange range, long revision, CancellationToken cancellation)
    {
        while (true)
        {
            try
            {
                return await _client.RangeAsync(range, new RangeOptions { Limit = PageSize, Revision = revision }, cancellation)
                    .ConfigureAwait(false);
            }
            catch (CompactedException)
            {
                return null;
            }
            catch (RaftKvException e) when (e.IsTransient)
            {
                ObjectDisposedException.ThrowIf(_isDisposed, this);
            }
        }
    }
}
