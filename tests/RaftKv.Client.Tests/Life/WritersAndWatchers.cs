using System.Collections.Concurrent;
using System.Globalization;

namespace RaftKv.Client.Tests.Life;

/// <summary>
/// Writers that remember what they were told, watchers that remember what they saw, and the question whether the two can
/// both be true.
/// </summary>
internal sealed class WritersAndWatchers : IAsyncDisposable
{
    private const string Prefix = "life/";
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly RaftKvClient _client;
    private readonly CancellationTokenSource _stop = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
    private readonly ConcurrentDictionary<string, long> _done = [];
    private readonly ConcurrentDictionary<string, bool> _failed = [];
    private readonly ConcurrentDictionary<string, bool> _unknown = [];
    private readonly List<Task<List<(long Revision, string Value)>>> _watching = [];
    private readonly TaskCompletionSource<long> _last = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private List<Task> _writing = [];

    private WritersAndWatchers(RaftKvClient client) => _client = client;

    public int Done => _done.Count;

    public int Unknown => _unknown.Count;

    public static async Task<WritersAndWatchers> StartAsync(RaftKvClient client, int writers, int watchers)
    {
        var all = new WritersAndWatchers(client);
        var started = await Task.WhenAll(Enumerable.Range(0, watchers).Select(_ => client.StartWatchAsync(KeyRange.Prefix(Prefix), cancellation: all._stop.Token).AsTask()));
        all._watching.AddRange(started.Select(all.WatchAsync));
        all._writing = [.. Enumerable.Range(0, writers).Select(all.WriteAsync)];
        return all;
    }

    /// <summary>Waits until so many more writes were acknowledged.</summary>
    public async Task MoreAsync(int count)
    {
        var goal = Done + count;
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(_stop.Token);
        patience.CancelAfter(Patience);
        while (Done < goal)
        {
            await Task.Delay(10, patience.Token);
        }
    }

    /// <summary>Stops the writers, lets the watchers see everything, and compares.</summary>
    public async Task CheckAsync(RaftKvClient direct)
    {
        await _stop.CancelAsync();
        await Task.WhenAll(_writing);

        // What is still on its way to a leader arrives, or never will, before this does.
        await Task.Delay(TimeSpan.FromMilliseconds(500), TestContext.Current.CancellationToken);
        var last = (await direct.PutAsync($"{Prefix}last", "last", cancellation: TestContext.Current.CancellationToken)).Revision;
        _last.TrySetResult(last);
        var history = await HistoryAsync(direct, last);
        foreach (var watch in _watching)
        {
            Assert.Equal(history, await watch.WaitAsync(Patience, TestContext.Current.CancellationToken));
        }

        // Each value was written by one call, so seen twice is applied twice.
        var seen = history.ToDictionary(one => one.Value, one => one.Revision);
        foreach (var (value, revision) in _done)
        {
            Assert.Equal(revision, seen[value]);
        }

        Assert.All(_failed.Keys, value => Assert.DoesNotContain(value, seen.Keys));
        Assert.Equal(seen.Count - 1, seen.Keys.Count(value => _done.ContainsKey(value) || _unknown.ContainsKey(value)));
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _last.TrySetCanceled();
        await Task.WhenAll(_writing).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _stop.Dispose();
    }

    private static async Task<List<(long Revision, string Value)>> HistoryAsync(RaftKvClient direct, long last)
    {
        var history = new List<(long, string)>();
        var all = new WatchOptions { StartRevision = 1 };
        await foreach (var batch in direct.WatchAsync(KeyRange.Prefix(Prefix), all, TestContext.Current.CancellationToken))
        {
            history.AddRange(batch.Events.Select(one => (one.KeyValue.ModRevision, one.KeyValue.ValueText)));
            if (batch.Revision >= last)
            {
                break;
            }
        }

        return history;
    }

    private async Task WriteAsync(int writer)
    {
        for (var i = 0; !_stop.IsCancellationRequested; i++)
        {
            var value = string.Create(CultureInfo.InvariantCulture, $"{writer}:{i}");
            try
            {
                _done[value] = (await _client.PutAsync($"{Prefix}{writer}", value)).Revision;
            }
            catch (RaftKvException e) when (e.IsOutcomeUnknown)
            {
                _unknown[value] = true;
            }
            catch (RaftKvException)
            {
                _failed[value] = true;
            }

            await Task.Delay(2);
        }
    }

    private async Task<List<(long Revision, string Value)>> WatchAsync(Watcher watcher)
    {
        var seen = new List<(long Revision, string Value)>();
        await using (watcher)
        {
            await foreach (var batch in watcher)
            {
                seen.AddRange(batch.Events.Select(one => (one.KeyValue.ModRevision, one.KeyValue.ValueText)));
                if (batch.Events.Any(one => one.KeyValue.ValueText == "last"))
                {
                    break;
                }
            }
        }

        return seen;
    }
}
