using System.Diagnostics.CodeAnalysis;
using Microsoft.Extensions.Configuration;
using RaftKv.Client;

namespace RaftKv.Extensions.Configuration;

/// <summary>
/// Settings out of the store: read at the start, from a file if the store is away, and followed from then on. See
/// <see cref="RaftKvConfigurationExtensions"/>.
/// </summary>
[SuppressMessage("Usage", "CA2213", Justification = "A source without a timer holds nothing, and the loop still looks at it when Dispose has stopped it.")]
internal sealed class RaftKvConfigurationProvider : ConfigurationProvider, IDisposable
{
    private static readonly TimeSpan RetryPause = TimeSpan.FromSeconds(1);

    private readonly RaftKvConfigurationOptions _options;
    private readonly Func<RaftKvClient> _connect;
    private readonly bool _ownsClient;
    private readonly LastGoodFile? _file;
    private readonly CancellationTokenSource _stop = new();
    private readonly TaskCompletionSource _loaded = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Lock _gate = new();

    // By key, in the order of keys: of two that differ in case alone, the later one counts.
    private readonly SortedDictionary<string, string> _found = new(StringComparer.Ordinal);
    private Exception? _lastFailure;
    private Task? _following;

    public RaftKvConfigurationProvider(RaftKvConfigurationOptions options, Func<RaftKvClient> connect, bool ownsClient)
    {
        _options = options;
        _connect = connect;
        _ownsClient = ownsClient;
        _file = options.LastGoodFile is { } path ? new LastGoodFile(path, options.Prefix) : null;
    }

    public override void Load()
    {
        // Called again by IConfigurationRoot.Reload: what is followed is current already.
        lock (_gate)
        {
            if (_following is not null)
            {
                return;
            }

            _following = Task.Run(FollowAsync);
        }

        if (WaitUntilLoaded())
        {
            return;
        }

        var away = new TimeoutException(
            $"The settings under '{_options.Prefix}' could not be read in {_options.LoadTimeout}: {_lastFailure?.Message ?? "there was no answer"}", _lastFailure);
        if (TryReadFile() || _options.IsOptional)
        {
            _options.OnFailure?.Invoke(away);
            return;
        }

        _stop.Cancel();
        throw away;
    }

    public void Dispose() => _stop.Cancel();

    public override string ToString() => $"RaftKv '{_options.Prefix}'";

    // Configuration is read by a program that has not begun yet, and has no other thread to wait on.
    [SuppressMessage("Usage", "VSTHRD002", Justification = "The interface is synchronous; what is waited for runs in the pool.")]
    private bool WaitUntilLoaded()
    {
        try
        {
            _loaded.Task.WaitAsync(_options.LoadTimeout, _options.Time).GetAwaiter().GetResult();
            return true;
        }
        catch (TimeoutException)
        {
            return false;
        }
    }

    private bool TryReadFile()
    {
        try
        {
            if (_file?.Read() is not { } settings)
            {
                return false;
            }

            lock (_gate)
            {
                if (!_loaded.Task.IsCompleted)
                {
                    Data = Named(settings);
                }
            }

            return true;
        }
        catch (Exception e) when (e is InvalidDataException or IOException or UnauthorizedAccessException)
        {
            _options.OnFailure?.Invoke(e);
            return false;
        }
    }

    private async Task FollowAsync()
    {
        RaftKvClient? client = null;
        try
        {
            client = _connect();
            while (!_stop.IsCancellationRequested && !(_loaded.Task.IsCompleted && !_options.ReloadsOnChange))
            {
                try
                {
                    await FollowAsync(client).ConfigureAwait(false);
                }
                catch (RaftKvException e)
                {
                    _lastFailure = e;
                    _options.OnFailure?.Invoke(e);
                    await Task.Delay(RetryPause, _options.Time, _stop.Token).ConfigureAwait(false);
                }
            }
        }
        catch (Exception e) when (e is OperationCanceledException or ObjectDisposedException && _stop.IsCancellationRequested)
        {
            // Nobody wants the settings any more.
        }
        catch (Exception e)
        {
            _loaded.TrySetException(e);
            _options.OnFailure?.Invoke(e);
        }
        finally
        {
            if (_ownsClient && client is not null)
            {
                await client.DisposeAsync().ConfigureAwait(false);
            }
        }
    }

    private async Task FollowAsync(RaftKvClient client)
    {
        var watch = new WatchOptions { StartsWithSnapshot = true, OnCompaction = WatchCompaction.Lists };
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(_stop.Token);
        var batches = client.WatchAsync(KeyRange.Prefix(_options.Prefix), watch, stop.Token).GetAsyncEnumerator(stop.Token);
        var next = batches.MoveNextAsync().AsTask();
        try
        {
            while (await next.ConfigureAwait(false))
            {
                var isWhole = Take(batches.Current);
                next = batches.MoveNextAsync().AsTask();
                if (isWhole && _loaded.Task.IsCompleted)
                {
                    // What follows at once belongs to the same change, as far as whoever reads settings is concerned.
                    var settled = Task.Delay(_options.Settle, _options.Time, stop.Token);
                    while (await Task.WhenAny(settled, next).ConfigureAwait(false) == next && await next.ConfigureAwait(false))
                    {
                        isWhole = Take(batches.Current);
                        next = batches.MoveNextAsync().AsTask();
                    }

                    await settled.ConfigureAwait(false);
                }

                if (isWhole)
                {
                    Publish();
                }

                if (isWhole && !_options.ReloadsOnChange)
                {
                    return;
                }
            }
        }
        finally
        {
            // An enumerator is not disposed of while it is asked for more.
            await stop.CancelAsync().ConfigureAwait(false);
            await ((Task)next).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            await batches.DisposeAsync().ConfigureAwait(false);
        }
    }

    /// <returns>Whether what was found is a state of the store, and not part of one.</returns>
    private bool Take(WatchBatch batch)
    {
        if (batch.IsSnapshotStart)
        {
            _found.Clear();
        }

        foreach (var one in batch.Events)
        {
            var key = one.KeyValue.KeyText;
            if (one.IsDelete)
            {
                _found.Remove(key);
            }
            else
            {
                _found[key] = one.KeyValue.ValueText;
            }
        }

        return batch.Kind != WatchBatchKind.Snapshot || batch.IsSnapshotEnd;
    }

    private void Publish()
    {
        lock (_gate)
        {
            Data = Named(_found);
            _loaded.TrySetResult();
        }

        try
        {
            _file?.Save(_found);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            _options.OnFailure?.Invoke(e);
        }

        OnReload();
    }

    private Dictionary<string, string?> Named(IReadOnlyDictionary<string, string> found)
    {
        var named = new Dictionary<string, string?>(StringComparer.OrdinalIgnoreCase);
        foreach (var (key, value) in found)
        {
            var name = key[_options.Prefix.Length..].Replace(_options.KeyDelimiter, ':').Trim(':');
            if (name.Length > 0)
            {
                named[name] = value;
            }
        }

        return named;
    }
}
