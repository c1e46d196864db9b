using System.Diagnostics;
using System.Globalization;
using Google.Protobuf;
using RaftKv.Client;
using RaftKv.Faults.Checking;
using RaftKv.Faults.Histories;
using RaftKv.Protocol.Etcd;
using RaftKv.Rpc;
using RaftKv.Stores;

namespace RaftKv.Faults.Nemeses;

/// <summary>
/// Many ask for more at once than there is: a thousand lists of 50 MB, values and transactions as large as may be. Members must
/// refuse some of it, say so and why, and keep their memory; and when it is over, the next request is served.
/// </summary>
internal sealed class Overload : IAsyncDisposable
{
    private const string Prefix = "load/";
    private const int Listers = 1000;
    private const int LargeWriters = 400;
    private const int Writers = 20;
    private const int ConnectionsToOne = 4;
    private const int ConnectionsToAll = 6;
    private const int Listed = 500;
    private const int Fillers = 8;
    private const int BytesOfListed = 100_000;
    private const int BytesOfLarge = 1_500_000;
    private const int OperationsOfTxn = 128;
    private static readonly ByteString Large = ByteString.CopyFrom(new byte[BytesOfLarge]);
    private const long MostMemory = 1_500_000_000;
    private static readonly TimeSpan RestOfRefused = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan Back = TimeSpan.FromSeconds(5);
    private static readonly CallOptions Soon = new() { Timeout = TimeSpan.FromSeconds(1) };

    private readonly FaultTools _tools;
    private readonly CancellationTokenSource _stop = new();
    private readonly Dictionary<StoreMember, long> _memoryBefore;
    private readonly Task _load;
    private readonly Task _looking;
    private long _served;
    private long _refused;
    private long _silent;
    private long _mostMemory;

    private Overload(FaultTools tools)
    {
        _tools = tools;
        _memoryBefore = tools.Cluster.Running.ToDictionary(member => member, member => member.MemoryBytes);
        // What is large goes to one member, more than it takes at once.
        var one = tools.Pick(tools.Cluster.Members);
        var toOne = Enumerable.Range(0, ConnectionsToOne).Select(_ => new StoreClient(one.Client)).ToList();
        var toAll = Enumerable.Range(0, ConnectionsToAll).Select(i => new StoreClient(tools.Cluster.Members[i % tools.Cluster.Members.Count].Client)).ToList();
        var lists = new RangeRequest { Key = Bytes(Prefix), RangeEnd = Bytes("load0") };
        var listers = tools.Cluster.Members.Select(member => new CarelessLister(member.Client, lists)).ToList();
        List<Func<Task>> callers =
        [
            .. Enumerable.Range(0, Listers).Select(i => new Func<Task>(() => ListAsync(listers[i % listers.Count]))),
            .. Enumerable.Range(0, LargeWriters).Select(i => Caller(toOne[i % toOne.Count], WriteLarge)),
            .. Enumerable.Range(0, Writers).Select(i => Caller(toAll[i % toAll.Count], Write)),
        ];
        Func<Task> Caller(StoreClient client, Func<Random, (string, IMessage)> draw)
        {
            var chance = new Random(tools.Chance.Next());
            return () => CallAsync(client, () => draw(chance));
        }

        _load = LoadAsync([.. toOne, .. toAll], listers, callers);
        _looking = LookAsync();
    }

    public static readonly Fault Fault = new(FaultKinds.Client, async (tools, _) =>
    {
        if (!await FillAsync(tools))
        {
            return null;
        }

        var one = new Overload(tools);
        return new BegunFault([.. tools.Cluster.Members], "more is asked for than can be served", tools.Seconds(3, 6), async _ =>
        {
            await using (one)
            {
                return await one.EndAsync();
            }
        });
    });

    /// <returns>How much was refused: with less asked for, nothing has been shown.</returns>
    private async Task<long> EndAsync()
    {
        await _stop.CancelAsync();
        var over = Stopwatch.GetTimestamp();
        var isBack = await IsBackAsync(over);
        var took = Stopwatch.GetElapsedTime(over);
        await Task.WhenAll(_load, _looking);
        if (!isBack)
        {
            _tools.Recorder.Complain("cluster", string.Create(CultureInfo.InvariantCulture, $"After too much was asked for, nothing was served for {took.TotalSeconds:F1} s."));
        }

        // Told to people by the fault's line.
        _tools.Recorder.Add(new Invocation
        {
            Process = WatchLag.FirstOfNemeses,
            Call = "overload",
            Begin = _tools.Recorder.Now,
            End = _tools.Recorder.Now,
            Outcome = Outcome.Ok,
            Elements =
            [
                string.Create(CultureInfo.InvariantCulture, $"served {_served}"),
                string.Create(CultureInfo.InvariantCulture, $"refused {_refused}"),
                string.Create(CultureInfo.InvariantCulture, $"not answered {_silent}"),
                string.Create(CultureInfo.InvariantCulture, $"back after {took.TotalMilliseconds:F0} ms"),
                string.Create(CultureInfo.InvariantCulture, $"memory grew by {_mostMemory / 1_000_000} MB at most"),
            ],
        });
        return _refused;
    }

    public ValueTask DisposeAsync()
    {
        _stop.Dispose();
        return default;
    }

    private async Task<bool> IsBackAsync(long over)
    {
        while (true)
        {
            try
            {
                await _tools.Client.PutAsync("load?", "", new PutOptions { Timeout = Soon.Timeout });
                return Stopwatch.GetElapsedTime(over) <= Back;
            }
            catch (RaftKvException) when (Stopwatch.GetElapsedTime(over) < 4 * Back)
            {
                // Again.
            }
            catch (RaftKvException)
            {
                return false;
            }
        }
    }

    private async Task LoadAsync(List<StoreClient> clients, List<CarelessLister> listers, List<Func<Task>> callers)
    {
        var calling = callers.Select(Task.Run).ToList();
        await Task.Delay(Timeout.InfiniteTimeSpan, _stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);

        // They hang up, in the middle of what they are being told.
        listers.ForEach(lister => lister.Dispose());
        foreach (var client in clients)
        {
            await client.DisposeAsync();
        }

        await Task.WhenAll(calling);
    }

    private async Task CallAsync(StoreClient client, Func<(string, IMessage)> draw)
    {
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                var (verb, request) = draw();
                await CountAsync(verb, (await client.CallAsync(verb, request)).Status);
            }
            catch (Exception silent) when (silent is StoreException or ObjectDisposedException)
            {
                // Who hung up has no answer to expect.
                Interlocked.Add(ref _silent, _stop.IsCancellationRequested ? 0 : 1);
            }
        }
    }

    private async Task ListAsync(CarelessLister lister)
    {
        while (!_stop.IsCancellationRequested)
        {
            await CountAsync("range", await lister.ListAsync());
        }
    }

    private async Task CountAsync(string verb, RpcStatus? status)
    {
        if (status is not { } told)
        {
            Interlocked.Add(ref _silent, _stop.IsCancellationRequested ? 0 : 1);
            await Task.Delay(RestOfRefused);
        }
        else if (told.IsOk)
        {
            Interlocked.Increment(ref _served);
        }
        else if (IsDefinite(told))
        {
            Interlocked.Increment(ref _refused);
            await Task.Delay(RestOfRefused);
        }
        else
        {
            _tools.Recorder.Complain("cluster", $"Under too much load '{verb}' was refused with {told}, which says nothing.");
        }
    }

    private async Task LookAsync()
    {
        var complained = new HashSet<StoreMember>();
        while (!_stop.IsCancellationRequested)
        {
            foreach (var (member, before) in _memoryBefore)
            {
                var grown = member.MemoryBytes - before;
                _mostMemory = Math.Max(_mostMemory, grown);
                if (grown > MostMemory && complained.Add(member))
                {
                    _tools.Recorder.Complain(member.Name, $"It took {grown / 1_000_000} MB more memory when too much was asked for.");
                }
            }

            await Task.Delay(100, _stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    // Of want of room, or of time; and who has a call cancelled knows why.
    private bool IsDefinite(RpcStatus status)
        => status.Code is RpcStatusCode.ResourceExhausted or RpcStatusCode.Unavailable || status.Detail == "etcdserver: too many requests" || _stop.IsCancellationRequested;

    private static (string Verb, IMessage Request) WriteLarge(Random chance)
        => ("put", new PutRequest { Key = Bytes(string.Create(CultureInfo.InvariantCulture, $"large/{chance.Next(4)}")), Value = Large });

    private static (string Verb, IMessage Request) Write(Random chance) => ("txn", Transaction(chance));

    private static TxnRequest Transaction(Random chance)
    {
        var txn = new TxnRequest();
        var first = chance.Next(1000);
        txn.Success.AddRange(Enumerable.Range(first, OperationsOfTxn).Select(i => new RequestOp
        {
            RequestPut = new PutRequest { Key = Bytes(string.Create(CultureInfo.InvariantCulture, $"small/{i}")), Value = Bytes("small") },
        }));
        return txn;
    }

    // What is listed.
    private static async Task<bool> FillAsync(FaultTools tools)
    {
        try
        {
            if ((await tools.Client.RangeAsync(KeyRange.Prefix(Prefix), new RangeOptions { Limit = 1 })).KeyValues.Count == 0)
            {
                await Task.WhenAll(Enumerable.Range(0, Fillers).Select(async filler =>
                {
                    for (var i = filler; i < Listed; i += Fillers)
                    {
                        await tools.Client.PutAsync(string.Create(CultureInfo.InvariantCulture, $"{Prefix}{i:D3}"), new string('x', BytesOfListed));
                    }
                }));
            }

            return true;
        }
        catch (RaftKvException)
        {
            return false;
        }
    }

    private static ByteString Bytes(string text) => ByteString.CopyFromUtf8(text);
}
