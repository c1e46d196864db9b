using System.Threading.Channels;
using RaftKv.Protocol.Etcd;
using RaftKv.Protocol.Mvcc;
using RaftKv.Rpc;
using RaftKv.Rpc.Client;
using RaftKv.Stores;

namespace RaftKv.Differential.Running;

/// <summary>
/// A watch stream and the watchers on it. Responses are taken in only while somebody waits for something, so that all
/// of it happens on one thread.
/// </summary>
internal sealed class WatchStream : IAsyncDisposable
{
    // For what is bound to come; only a store that is wrong makes anybody wait that long.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly StoreClient _client;
    private readonly RpcDuplexCall<WatchRequest, WatchResponse> _call;
    private readonly Channel<WatchResponse> _arrived = Channel.CreateUnbounded<WatchResponse>();
    private readonly Queue<Watcher> _creating = new();
    private readonly Dictionary<long, Watcher> _byId = [];
    private readonly Dictionary<long, (long Revision, bool Fragment)> _lastOfId = [];
    private readonly Task _reading;

    public WatchStream(StoreClient client, int number)
    {
        _client = client;
        Number = number;
        _call = client.OpenWatch();
        _reading = ReadAsync();
    }

    public int Number { get; }

    public List<Watcher> Watchers { get; } = [];

    /// <summary>Replies to creations and cancellations that nobody has taken yet.</summary>
    public Queue<WatchResponse> Replies { get; } = new();

    /// <summary>Revisions of stream-wide progress, in order.</summary>
    public List<long> Progress { get; } = [];

    /// <summary>Rules of every watch stream that this one broke.</summary>
    public List<string> Problems { get; } = [];

    public Watcher? Active(long id) => _byId.GetValueOrDefault(id) is { IsActive: true } watcher ? watcher : null;

    public async Task<Watcher> CreateAsync(WatchCreateRequest request)
    {
        var watcher = new Watcher(Watchers.Count, request);
        Watchers.Add(watcher);
        _creating.Enqueue(watcher);
        await SendAsync(new WatchRequest { CreateRequest = request });
        await WaitAsync(() => watcher.Created is not null, "a reply to the creation");
        return watcher;
    }

    public async Task SendAsync(WatchRequest request) => await _call.Requests.WriteAsync(request);

    /// <summary>Takes in responses until the condition holds.</summary>
    /// <returns>False, and a problem, if it does not within a time that is long for a store that works.</returns>
    public async Task<bool> WaitAsync(Func<bool> condition, string what)
    {
        if (await TryWaitAsync(condition, Patience))
        {
            return true;
        }

        Problems.Add($"stream {Number}: {what} did not come");
        return false;
    }

    public async Task<bool> TryWaitAsync(Func<bool> condition, TimeSpan patience)
    {
        using var late = new CancellationTokenSource();
        while (!condition())
        {
            if (!_arrived.Reader.TryRead(out var response))
            {
                late.CancelAfter(patience);
                try
                {
                    if (!await _arrived.Reader.WaitToReadAsync(late.Token))
                    {
                        return false;
                    }
                }
                catch (OperationCanceledException)
                {
                    return false;
                }

                continue;
            }

            Take(_client.Doctored(response));
        }

        return true;
    }

    public async ValueTask DisposeAsync()
    {
        await _call.DisposeAsync();
        await _reading;
    }

    private void Take(WatchResponse response)
    {
        if (response.Created)
        {
            if (!_creating.TryDequeue(out var watcher))
            {
                Problems.Add($"stream {Number}: a creation was answered that nobody asked for");
                return;
            }

            watcher.OnCreated(response);
            if (watcher.IsActive)
            {
                _byId[response.WatchId] = watcher;
                _lastOfId.Remove(response.WatchId);
            }

            Replies.Enqueue(response);
        }
        else if (response.Canceled)
        {
            if (_byId.GetValueOrDefault(response.WatchId) is { } watcher)
            {
                if (response.CompactRevision != 0)
                {
                    watcher.Compacted = response;
                }
                else
                {
                    watcher.IsActive = false;
                }
            }

            Replies.Enqueue(response);
        }
        else if (response.Events.Count > 0)
        {
            TakeEvents(response);
        }
        else if (response.WatchId == -1)
        {
            Progress.Add(response.Header.Revision);
        }
        else
        {
            Problems.Add($"stream {Number}: watcher {response.WatchId} got a response without events that nobody asked for");
        }
    }

    private void TakeEvents(WatchResponse response)
    {
        if (Active(response.WatchId) is not { } watcher)
        {
            Problems.Add($"stream {Number}: events for watcher {response.WatchId}, which is not there");
            return;
        }

        var first = response.Events[0].Kv.ModRevision;
        if (_lastOfId.TryGetValue(response.WatchId, out var last) && (first < last.Revision || (first == last.Revision && !last.Fragment)))
        {
            Problems.Add($"stream {Number}: watcher {response.WatchId} got revision {first} after {last.Revision}");
        }

        if (response.Header.Revision < response.Events[^1].Kv.ModRevision)
        {
            Problems.Add($"stream {Number}: events up to {response.Events[^1].Kv.ModRevision} under a header of {response.Header.Revision}");
        }

        _lastOfId[response.WatchId] = (response.Events[^1].Kv.ModRevision, response.Fragment);
        foreach (Event change in response.Events)
        {
            watcher.Received.Add(change);
        }
    }

    private async Task ReadAsync()
    {
        try
        {
            await foreach (var response in _call.Responses)
            {
                _arrived.Writer.TryWrite(response);
            }

            _arrived.Writer.Complete();
        }
        catch (Exception e) when (e is RpcException or OperationCanceledException or ObjectDisposedException)
        {
            _arrived.Writer.Complete();
        }
    }
}
