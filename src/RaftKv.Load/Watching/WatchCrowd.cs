using System.Diagnostics;

namespace RaftKv.Load.Watching;

/// <summary>Watchers of one key, or of a range, on some streams, each stream on a connection of its own. They count what they are told.</summary>
public sealed class WatchCrowd : IAsyncDisposable
{
    private readonly List<WatchConnection> _connections = [];
    private readonly List<Task> _running = [];

    /// <summary>What all of them have been told.</summary>
    public long Events => _connections.Sum(connection => connection.Events);

    /// <param name="endpoints">Streams go to them in turn.</param>
    /// <param name="watchers">Over all streams.</param>
    /// <param name="streams">At most as many as watchers.</param>
    /// <param name="key">Which all of them watch.</param>
    /// <param name="rangeEnd">Empty for the key alone.</param>
    /// <param name="cancellation">Stops the opening.</param>
    /// <returns>When all of them watch.</returns>
    /// <exception cref="IOException">An endpoint is not there, or refused.</exception>
    public static async Task<WatchCrowd> OpenAsync(
        IReadOnlyList<LoadEndpoint> endpoints, int watchers, int streams, ReadOnlyMemory<byte> key, ReadOnlyMemory<byte> rangeEnd = default, CancellationToken cancellation = default)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(streams, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(watchers, streams);
        var crowd = new WatchCrowd();
        try
        {
            for (var i = 0; i < streams; i++)
            {
                var connection = new WatchConnection(endpoints[i % endpoints.Count]);
                crowd._connections.Add(connection);
                await connection.ConnectAsync(cancellation).ConfigureAwait(false);
                var count = (int)((long)watchers * (i + 1) / streams) - (int)((long)watchers * i / streams);
                var running = Task.Run(() => connection.RunAsync(count, key, rangeEnd), cancellation);
                crowd._running.Add(running);
                await (await Task.WhenAny(connection.Created, running).WaitAsync(cancellation).ConfigureAwait(false)).ConfigureAwait(false);
            }

            return crowd;
        }
        catch
        {
            await crowd.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>Waits until they have been told so much, and says when that was.</summary>
    /// <returns>A timestamp of <see cref="Stopwatch"/>, of the last stream's last piece.</returns>
    /// <exception cref="IOException">A stream ended.</exception>
    public async Task<long> ToldAsync(long events, CancellationToken cancellation = default)
    {
        var ended = Task.WhenAny(_running);
        while (Events < events)
        {
            if (ended.IsCompleted)
            {
                await (await ended.ConfigureAwait(false)).ConfigureAwait(false);
                throw new IOException("A watch stream ended.");
            }

            await Task.Delay(2, cancellation).ConfigureAwait(false);
        }

        return _connections.Max(connection => connection.LastTold);
    }

    /// <summary>From the time that a value carries to its arrival, of some of the events since this was last asked.</summary>
    public Latencies TakeDelays()
    {
        var delays = new Latencies();
        foreach (var connection in _connections)
        {
            delays.Add(connection.TakeDelays());
        }

        return delays;
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var connection in _connections)
        {
            await connection.DisposeAsync().ConfigureAwait(false);
        }
    }
}
