using System.Runtime.CompilerServices;

namespace RaftKv.Client;

public sealed partial class RaftKvClient
{
    /// <summary>Watches a range, from when reading begins. See <see cref="Watcher"/>.</summary>
    /// <exception cref="CompactedException">What comes next was compacted, and the watch was told to end then.</exception>
    /// <example><code>
    /// await foreach (var batch in client.WatchAsync(KeyRange.Prefix("jobs/"), new WatchOptions { StartsWithSnapshot = true }, stop))
    /// {
    ///     foreach (var one in batch.Events) { ... }
    /// }
    /// </code></example>
    public async IAsyncEnumerable<WatchBatch> WatchAsync(
        KeyRange range, WatchOptions? options = null, [EnumeratorCancellation] CancellationToken cancellation = default)
    {
        var watcher = await StartWatchAsync(range, options, cancellation).ConfigureAwait(false);
        await using (((IAsyncDisposable)watcher).ConfigureAwait(false))
        {
            await foreach (var batch in watcher.WithCancellation(cancellation).ConfigureAwait(false))
            {
                yield return batch;
            }
        }
    }

    /// <summary>Starts to watch a range, and completes when a member has confirmed that it does: what happens from then on is told.</summary>
    /// <exception cref="CallTimeoutException">No member has confirmed it in time.</exception>
    /// <exception cref="RaftKvException">The members refuse.</exception>
    public async ValueTask<Watcher> StartWatchAsync(KeyRange range, WatchOptions? options = null, CancellationToken cancellation = default)
    {
        ObjectDisposedException.ThrowIf(_isDisposed != 0, this);
        options ??= new();
        if (options is { StartsWithSnapshot: true, StartRevision: not 0 })
        {
            throw new ArgumentException("A watch starts with a snapshot or at a revision, not both.", nameof(options));
        }

        return await Watcher.StartAsync(this, _watches, range, options, options.StartTimeout ?? _options.Timeout, cancellation)
            .ConfigureAwait(false);
    }
}
