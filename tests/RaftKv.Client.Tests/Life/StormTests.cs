using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace RaftKv.Client.Tests.Life;

/// <summary>Runs alone: it counts what the process has.</summary>
[CollectionDefinition(nameof(StormTests), DisableParallelization = true)]
public sealed class StormCollection;

/// <summary>What is left in the process when all connections were lost again and again: nothing.</summary>
[Collection(nameof(StormTests))]
public sealed class StormTests
{
    private const int Watchers = 500;
    private const int Storms = 20;

    // A hundred bytes for each time that a watcher had to move.
    private const long BytesMax = 100L * Watchers * Storms;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan SettlingPatience = TimeSpan.FromSeconds(20);

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Twenty_reconnect_storms_leave_no_sockets_streams_timers_or_memory_behind()
    {
        await using var node = await TestNode.StartAsync(listens: true);
        await using var link = new LinkProxy(node.Node.ClientEndPoints[0]);
        using var streams = new OpenStreams();
        await using var client = RaftKvClient.Connect(new RaftKvClientOptions { Endpoints = [link.Address] });
        await using var lease = await client.KeepLeaseAsync(TimeSpan.FromMinutes(10), Stop);
        await using var held = await client.AcquireLockAsync("lock", cancellation: Stop);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Stop);
        var seen = new long[Watchers];
        var watching = new List<Task>();
        for (var i = 0; i < Watchers; i++)
        {
            var watcher = await client.StartWatchAsync("k", cancellation: Stop);
            watching.Add(WatchAsync(watcher, i));
        }

        // What is made once and kept is made in the first ones.
        for (var storm = 0; storm < 5; storm++)
        {
            await StormAsync();
        }

        var before = Count();
        for (var storm = 0; storm < Storms; storm++)
        {
            await StormAsync();
        }

        // While a connection comes up, a second one may be opened beside it, and stays until the next storm.
        var after = await SettleAsync(before);
        for (var more = 0; !IsNoMore(after, before) && more < 3; more++)
        {
            await StormAsync();
            after = await SettleAsync(before);
        }

        Assert.True(IsNoMore(after, before), $"Before there were {before}, and after {Storms} storms there are {after}.");
        TestContext.Current.TestOutputHelper?.WriteLine($"{before}, then {after}");
        Assert.InRange(link.Connections, 1, 6);

        // One for the watchers and one for whoever holds the lock, or both on the same.
        Assert.InRange(streams.Count, 1, 2);
        Assert.False(lease.Lost.IsCancellationRequested);
        Assert.False(held.Lost.IsCancellationRequested);
        await stop.CancelAsync();
        await Task.WhenAll(watching);

        async Task StormAsync()
        {
            link.Cut();
            long revision;
            while (true)
            {
                try
                {
                    revision = (await client.PutAsync("k", "v", cancellation: Stop)).Revision;
                    break;
                }
                catch (RaftKvException e) when (e.IsTransient || e.IsOutcomeUnknown)
                {
                    // The way is not back yet.
                }
            }

            using var patience = CancellationTokenSource.CreateLinkedTokenSource(Stop);
            patience.CancelAfter(Patience);
            while (!Array.TrueForAll(seen, one => one >= revision))
            {
                await Task.Delay(TimeSpan.FromMilliseconds(5), patience.Token);
            }
        }

        async Task WatchAsync(Watcher watcher, int place)
        {
            await using (watcher)
            {
                try
                {
                    await foreach (var batch in watcher.WithCancellation(stop.Token))
                    {
                        Volatile.Write(ref seen[place], batch.Revision);
                    }
                }
                catch (OperationCanceledException)
                {
                    // Over.
                }
            }
        }
    }

    // The other ends of connections and what waits to be finalized take their time.
    private static async Task<(int Handles, long Timers, long Bytes)> SettleAsync((int Handles, long Timers, long Bytes) before)
    {
        var since = Stopwatch.StartNew();
        var now = Count();
        while (!IsNoMore(now, before) && since.Elapsed < SettlingPatience)
        {
            await Task.Delay(TimeSpan.FromMilliseconds(100), Stop);
            now = Count();
        }

        return now;
    }

    private static bool IsNoMore((int Handles, long Timers, long Bytes) now, (int Handles, long Timers, long Bytes) before)
        => now.Handles <= before.Handles && now.Timers <= before.Timers + 5 && now.Bytes <= before.Bytes + BytesMax;

    private static (int Handles, long Timers, long Bytes) Count()
    {
        for (var i = 0; i < 3; i++)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
        }

        var handles = OperatingSystem.IsLinux() ? Directory.GetFileSystemEntries("/proc/self/fd").Length : 0;
        return (handles, Timer.ActiveCount, GC.GetTotalMemory(forceFullCollection: true));
    }

    /// <summary>Watch streams that the client says are open.</summary>
    private sealed class OpenStreams : IDisposable
    {
        private readonly MeterListener _listener = new();
        private long _count;

        public OpenStreams()
        {
            _listener.InstrumentPublished = (instrument, listener) =>
            {
                if (instrument.Name == "raftkv.client.watch.streams")
                {
                    listener.EnableMeasurementEvents(instrument);
                }
            };
            _listener.SetMeasurementEventCallback<long>((_, change, _, _) => Interlocked.Add(ref _count, change));
            _listener.Start();
        }

        public long Count => Interlocked.Read(ref _count);

        public void Dispose() => _listener.Dispose();
    }
}
