using System.Collections.Concurrent;
using System.Globalization;
using Google.Protobuf;
using RaftKv.Client;
using RaftKv.Faults.Running;
using RaftKv.Protocol.Etcd;
using RaftKv.Rpc;
using RaftKv.Stores;

namespace RaftKv.Faults.Nemeses;

/// <summary>
/// Ten thousand watches at one member, each of a key of its own, of a hundred clients. Some of the keys change all the time; who
/// watches one of those must be told of its last change.
/// </summary>
internal sealed class WatchCrowd : IAsyncDisposable
{
    public const int Watches = 10_000;

    private const string Prefix = "crowd/";
    private const int Clients = 100;
    private static readonly TimeSpan BetweenWrites = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly FaultTools _tools;
    private readonly StoreMember _member;
    private readonly ConcurrentDictionary<string, long> _told = new(StringComparer.Ordinal);
    private readonly Dictionary<string, long> _written = new(StringComparer.Ordinal);
    private readonly CancellationTokenSource _stopWriting = new();
    private readonly CancellationTokenSource _stopWatching = new();
    private readonly TaskCompletionSource _isWhole = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Task _watching;
    private Task _writing = Task.CompletedTask;
    private int _created;

    private WatchCrowd(FaultTools tools, StoreMember member)
    {
        _tools = tools;
        _member = member;
        _watching = Task.WhenAll(Enumerable.Range(0, Clients).Select(WatchAsync));
    }

    /// <summary>All of them are there.</summary>
    public static async Task<WatchCrowd> OpenAsync(FaultTools tools, StoreMember member, CancellationToken cancellation)
    {
        var crowd = new WatchCrowd(tools, member);
        await Task.WhenAny(crowd._isWhole.Task, crowd._watching, Task.Delay(Patience, cancellation));
        if (!crowd._isWhole.Task.IsCompleted && !cancellation.IsCancellationRequested)
        {
            tools.Recorder.Complain(member.Name, $"Of {Watches} watches only {crowd._created} were there within {Patience}.");
        }

        crowd._writing = crowd.WriteAsync();
        return crowd;
    }

    /// <summary>Nothing is written any more, and all that was must be told.</summary>
    public async Task EndAsync()
    {
        await _stopWriting.CancelAsync();
        await _writing;
        await Eventually.IsSoAsync(() => Missing().Count == 0, Patience, BetweenWrites);
        if (Missing() is [var key, ..] missing)
        {
            _tools.Recorder.Complain(_member.Name, $"Of {_written.Count} keys that {Watches} watch, {missing.Count} have changes that were not told within {Patience}: '{key}' for one, of revision {_written[key]}.");
        }

        await _stopWatching.CancelAsync();
        await _watching;
    }

    public ValueTask DisposeAsync()
    {
        _stopWriting.Dispose();
        _stopWatching.Dispose();
        return default;
    }

    private List<string> Missing() => [.. _written.Where(one => _told.GetValueOrDefault(one.Key) < one.Value).Select(one => one.Key)];

    private async Task WriteAsync()
    {
        var chance = new Random(_tools.Chance.Next());
        while (!_stopWriting.IsCancellationRequested)
        {
            var key = Key(chance.Next(Clients) * (Watches / Clients));
            try
            {
                _written[key] = (await _tools.Client.PutAsync(key, "")).Revision;
            }
            catch (RaftKvException)
            {
                // Then nobody has to be told.
            }

            await Task.Delay(BetweenWrites, _stopWriting.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task WatchAsync(int client)
    {
        const int OfEach = Watches / Clients;
        await using var connection = new StoreClient(_member.Client);
        try
        {
            await using var watch = connection.OpenWatch();
            for (var i = 0; i < OfEach; i++)
            {
                var key = ByteString.CopyFromUtf8(Key((client * OfEach) + i));
                await watch.Requests.WriteAsync(new WatchRequest { CreateRequest = new WatchCreateRequest { Key = key } });
            }

            await foreach (var response in watch.Responses.WithCancellation(_stopWatching.Token))
            {
                if (response.Created && Interlocked.Increment(ref _created) == Watches)
                {
                    _isWhole.TrySetResult();
                }

                foreach (var told in response.Events)
                {
                    _told[told.Kv.Key.ToStringUtf8()] = told.Kv.ModRevision;
                }
            }
        }
        catch (Exception over) when (over is RpcException or OperationCanceledException)
        {
            if (!_stopWatching.IsCancellationRequested)
            {
                _tools.Recorder.Complain(_member.Name, $"A watch of a hundred keys ended: {over.Message}");
            }
        }
    }

    private static string Key(int number) => string.Create(CultureInfo.InvariantCulture, $"{Prefix}{number:D5}");
}
