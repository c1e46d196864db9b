using Google.Protobuf;
using RaftKv.Protocol.Etcd;
using RaftKv.Protocol.Mvcc;
using RaftKv.Rpc;
using RaftKv.Stores;

namespace RaftKv.Compatibility.Tests.Life;

/// <summary>
/// A watcher of everything that a load puts, from the first revision on. When its member goes it continues at another one
/// behind the last event it has, as client libraries do, and so must miss nothing and get nothing twice.
/// </summary>
internal sealed class EventReader : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(10);

    private readonly StoreProcess _store;
    private readonly CancellationTokenSource _stop = new();
    private readonly List<string> _seen = [];
    private readonly List<string> _problems = [];
    private readonly Task _reading;
    private long _last;

    public EventReader(StoreProcess store)
    {
        _store = store;
        _reading = ReadAsync();
    }

    /// <summary>How often it had to continue elsewhere.</summary>
    public int Reopened { get; private set; }

    /// <summary>What an event and a key that is held have in common.</summary>
    public static string Signature(KeyValue kv) => $"{kv.Key.ToStringUtf8()}@{kv.ModRevision}";

    /// <summary>Waits for the last event of a history, and ends.</summary>
    /// <param name="history">Signatures of all that was put, in order.</param>
    /// <returns>What was wrong.</returns>
    public async Task<IReadOnlyList<string>> StopAsync(IReadOnlyList<string> history)
    {
        using var patience = new CancellationTokenSource(Patience);
        while (CountSeen() < history.Count && !patience.IsCancellationRequested)
        {
            await Task.Delay(Pause, CancellationToken.None);
        }

        await _stop.CancelAsync();
        await _reading;

        // A put that nobody waited for may have come through after the history was read.
        var seen = _seen.Take(history.Count).ToList();
        if (!seen.SequenceEqual(history))
        {
            var at = seen.Zip(history).TakeWhile(pair => pair.First == pair.Second).Count();
            _problems.Add(
                $"of {history.Count} events a watcher got {seen.Count}; the {at + 1}th is '{seen.ElementAtOrDefault(at)}' instead of '{history.ElementAtOrDefault(at)}'");
        }

        return _problems;
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _reading;
        _stop.Dispose();
    }

    private int CountSeen()
    {
        lock (_seen)
        {
            return _seen.Count;
        }
    }

    private async Task ReadAsync()
    {
        var chance = new Random(0);
        while (!_stop.IsCancellationRequested)
        {
            var running = _store.Members.Where(member => member.IsRunning).ToList();
            if (running.Count > 0)
            {
                await ReadFromAsync(running[chance.Next(running.Count)]);
                Reopened++;
            }

            await Task.Delay(Pause, CancellationToken.None);
        }

        Reopened--; // The last one was ended from here.
    }

    private async Task ReadFromAsync(StoreMember member)
    {
        try
        {
            // A member without a leader would keep the stream and be silent; so would a paused one, but that comes back.
            var requireLeader = new RpcMetadata();
            requireLeader.Add("hasleader", "true");
            await using var client = new StoreClient(member.Client);
            await using var watch = client.OpenWatch(requireLeader);
            await watch.Requests.WriteAsync(
                new WatchRequest
                {
                    CreateRequest = new WatchCreateRequest
                    {
                        Key = ByteString.CopyFromUtf8(Load.Prefix),
                        RangeEnd = ByteString.CopyFromUtf8("load0"),
                        StartRevision = _last + 1,
                    },
                });
            await foreach (var response in watch.Responses.WithCancellation(_stop.Token))
            {
                if (response.Canceled)
                {
                    return;
                }

                Take(response);
            }
        }
        catch (Exception e) when (e is RpcException or OperationCanceledException)
        {
            // Another member will do.
        }
    }

    private void Take(WatchResponse response)
    {
        lock (_seen)
        {
            foreach (Event change in response.Events)
            {
                if (change.Kv.ModRevision <= _last)
                {
                    _problems.Add($"a watcher got revision {change.Kv.ModRevision} after {_last}");
                }

                _last = change.Kv.ModRevision;
                _seen.Add(Signature(change.Kv));
            }
        }
    }
}
