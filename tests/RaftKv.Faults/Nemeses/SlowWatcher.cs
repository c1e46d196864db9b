using System.Globalization;
using System.Net.Sockets;
using Google.Protobuf;
using RaftKv.Client;
using RaftKv.Faults.Checking;
using RaftKv.Faults.Histories;
using RaftKv.Faults.Running;
using RaftKv.Faults.Workloads;
using RaftKv.Protocol.Etcd;
using RaftKv.Rpc;
using RaftKv.Stores;

namespace RaftKv.Faults.Nemeses;

/// <summary>
/// Somebody watches a range in which much is written, lists it on the same connection, and reads a kilobyte a second, until what
/// it has not read is compacted: then its watch must be ended, and say where the next one can begin, which must be told all from
/// there. Nobody else may suffer, of ten thousand that watch at the same member, and the member not keep it all in memory.
/// </summary>
internal sealed class SlowWatcher : IAsyncDisposable
{
    private const string Prefix = "bulk/";
    private const int Keys = 20;
    private const int BytesOfAValue = 200_000;

    // More than a member keeps in memory for watchers that are a little behind: those a compaction does not cut off.
    private const long LeastWritten = 64_000_000;
    private const int BytesASecond = 1_000;
    private const long MostMemory = 256_000_000;
    private static readonly TimeSpan BetweenWrites = TimeSpan.FromMilliseconds(25);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly FaultTools _tools;
    private readonly StoreMember _member;
    private readonly NarrowProxy _way;
    private readonly CancellationTokenSource _stopWriting = new();
    private readonly CancellationTokenSource _stopWatching = new();
    private readonly long _memoryBefore;
    private readonly Task _writing;
    private readonly Task _watching;
    private long _written;
    private long _bytes;
    private long _told;
    private int _cut;

    private SlowWatcher(FaultTools tools, StoreMember member)
    {
        _tools = tools;
        _member = member;
        _way = new NarrowProxy(member.Client, BytesASecond);
        _memoryBefore = member.MemoryBytes;
        _writing = WriteAsync();
        _watching = WatchAsync();
    }

    public static readonly Fault Fault = new(FaultKinds.Client, async (tools, cancellation) =>
    {
        var member = tools.Pick(tools.Cluster.Running);
        var crowd = await WatchCrowd.OpenAsync(tools, member, cancellation);
        var one = new SlowWatcher(tools, member);
        return new BegunFault([one._member], $"one of {WatchCrowd.Watches} watchers reads a kilobyte a second", tools.Seconds(8, 12), async _ =>
        {
            await using (crowd)
            {
                await using (one)
                {
                    var hits = await one.EndAsync();
                    await crowd.EndAsync();
                    return hits;
                }
            }
        });
    });

    /// <returns>How often it was cut off: as long as it never was, nothing has been shown.</returns>
    private async Task<long> EndAsync()
    {
        await Eventually.IsSoAsync(() => Interlocked.Read(ref _bytes) >= LeastWritten, Patience, BetweenWrites);
        await _stopWriting.CancelAsync();
        await _writing;
        await CompactAsync();
        var grown = _member.MemoryBytes - _memoryBefore;
        if (grown > MostMemory)
        {
            _tools.Recorder.Complain(_member.Name, $"It took {grown / 1_000_000} MB more memory while one watcher read slowly.");
        }

        _way.Widen();
        await Eventually.IsSoAsync(() => Interlocked.Read(ref _told) >= _written, Patience, BetweenWrites);
        await _stopWatching.CancelAsync();
        await _watching;
        if (Interlocked.Read(ref _told) < _written)
        {
            _tools.Recorder.Complain(_member.Name, $"A slow watcher was told everything up to {_told} within {Patience} after it read fast again, and not up to {_written}.");
        }

        return _cut;
    }

    public async ValueTask DisposeAsync()
    {
        await _way.DisposeAsync();
        _stopWriting.Dispose();
        _stopWatching.Dispose();
    }

    // What was written last stays, so that there is something left to tell.
    private async Task CompactAsync()
    {
        for (var until = DateTime.UtcNow + Patience; DateTime.UtcNow < until;)
        {
            try
            {
                await _tools.Client.CompactAsync(_written);
                return;
            }
            catch (RaftKvException)
            {
                await Task.Delay(BetweenWrites);
            }
        }
    }

    private async Task WriteAsync()
    {
        var filling = new string('x', BytesOfAValue);
        for (var i = 0; !_stopWriting.IsCancellationRequested; i++)
        {
            var value = string.Create(CultureInfo.InvariantCulture, $"bulk-{_tools.Recorder.Now}-{i}");
            var asked = Recorder.Asked(WatchLag.FirstOfNemeses, "write", string.Create(CultureInfo.InvariantCulture, $"{Prefix}{i % Keys}")) with { Value = value };
            var put = await _tools.Recorder.RunAsync(asked, isRead: false, async operation =>
            {
                var done = await _tools.Client.PutAsync(operation.Key!, $"{value} {filling}");
                return operation with { Revision = done.Revision, Wrote = true };
            });
            _written = Math.Max(_written, put.Revision ?? 0);
            Interlocked.Add(ref _bytes, put.IsOk ? BytesOfAValue : 0);
            await Task.Delay(BetweenWrites, _stopWriting.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task WatchAsync()
    {
        var from = (await _tools.Client.RangeAsync("bulk?")).Header.Revision + 1;
        Interlocked.Exchange(ref _told, from - 1);
        while (!_stopWatching.IsCancellationRequested)
        {
            var log = new WatchLog(from, () => _tools.Recorder.Now, isLarge: true);
            var asked = Recorder.Asked(WatchLag.FirstOfNemeses + 1, "watch", Prefix) with { Member = _member.Name, AtRevision = from };
            await _tools.Recorder.RunAsync(asked, isRead: true, async operation =>
            {
                var error = await ReadAsync(log);
                return operation with { Watch = [.. log.Parts], Error = error, Outcome = log.Parts.Count == 0 ? Outcome.Fail : Outcome.Ok };
            });
            from = log.Next;
            await Task.Delay(BetweenWrites, CancellationToken.None);
        }
    }

    private async Task<string?> ReadAsync(WatchLog log)
    {
        var range = (Key: ByteString.CopyFromUtf8(Prefix), End: ByteString.CopyFromUtf8("bulk0"));
        await using var client = new StoreClient(_way.Address) { Patience = TimeSpan.FromSeconds(5) };
        try
        {
            await using var watch = client.OpenWatch();
            await watch.Requests.WriteAsync(new WatchRequest { CreateRequest = new WatchCreateRequest { Key = range.Key, RangeEnd = range.End, StartRevision = log.From, PrevKv = true } });
            var list = ListAsync(client, new RangeRequest { Key = range.Key, RangeEnd = range.End });
            await foreach (var response in watch.Responses.WithCancellation(_stopWatching.Token))
            {
                log.Take(response);
                Interlocked.Exchange(ref _told, log.Next - 1);
                if (response.Canceled)
                {
                    _cut += response.CompactRevision > 0 ? 1 : 0;
                    return $"cancelled: {response.CancelReason}";
                }
            }

            await list;
            return "ended";
        }
        catch (Exception over) when (over is RpcException or OperationCanceledException)
        {
            return over.Message;
        }
    }

    private static async Task ListAsync(StoreClient client, RangeRequest range)
    {
        try
        {
            await client.CallAsync("range", range);
        }
        catch (StoreException)
        {
            // It takes longer than anybody would wait, and is only there to be in the way.
        }
    }

    /// <summary>A way on which little comes from the member, until it is made wider.</summary>
    private sealed class NarrowProxy(Uri member, int bytesASecond) : TcpProxy(new System.Net.DnsEndPoint(member.Host, member.Port, AddressFamily.InterNetwork))
    {
        private const int SmallBuffer = 4_096;
        private readonly TaskCompletionSource _isWide = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Uri Address => new($"http://127.0.0.1:{Port}");

        public void Widen() => _isWide.TrySetResult();

        protected override async Task PassAsync(Socket incoming, Socket outgoing)
        {
            // The kernel would take in what the watcher does not.
            outgoing.ReceiveBufferSize = SmallBuffer;
            await ConnectAsync(outgoing);
            await Task.WhenAny(
                CopyAsync(incoming, outgoing, _ => ValueTask.FromResult(true)),
                CopyAsync(outgoing, incoming, async piece =>
                {
                    await Task.WhenAny(_isWide.Task, Task.Delay(TimeSpan.FromSeconds((double)piece.Length / bytesASecond), Stopping));
                    return true;
                }));
        }
    }
}
