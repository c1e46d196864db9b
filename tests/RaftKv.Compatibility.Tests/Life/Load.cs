using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using Google.Protobuf;
using RaftKv.Protocol.Etcd;
using RaftKv.Protocol.Mvcc;
using RaftKv.Stores;

namespace RaftKv.Compatibility.Tests.Life;

/// <summary>
/// Clients of a store that write, read and watch all the time, whatever happens to its members, and know afterwards what
/// they were promised. Each put has a key of its own, so that nothing can hide behind what came later; a put whose end
/// nobody knows may be there or not, but once at most.
/// </summary>
/// <example><code>
/// await using var load = Load.On(store, writers: 8);
/// await load.MoreAsync(100);
/// await store.Members[0].KillAsync();
/// await load.MoreAsync(100);
/// await load.StopAndCheckAsync();
/// </code></example>
internal sealed class Load : IAsyncDisposable
{
    public const string Prefix = "load/";

    private static readonly TimeSpan CallPatience = TimeSpan.FromSeconds(15);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(10);
    private static readonly TimeSpan LongPause = TimeSpan.FromMilliseconds(200);

    private static readonly TimeSpan ShortRest = TimeSpan.FromMilliseconds(2);

    private readonly StoreProcess _store;
    private readonly TimeSpan _rest;
    private readonly ConcurrentDictionary<StoreMember, StoreClient> _clients = new();
    private readonly ConcurrentDictionary<string, long> _acknowledged = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, bool> _unknown = new(StringComparer.Ordinal);
    private readonly ConcurrentQueue<string> _problems = new();
    private readonly CancellationTokenSource _stop = new();
    private readonly EventReader _events;
    private readonly List<Task> _tasks = [];
    private string _lastKey = "";
    private string _lastTrouble = "";
    private long _highest;

    private Load(StoreProcess store, TimeSpan rest)
    {
        _store = store;
        _rest = rest;
        _events = new EventReader(store);
    }

    /// <summary>Puts that were acknowledged so far.</summary>
    public int Acknowledged => _acknowledged.Count;

    /// <summary>Puts of which nobody knows whether they were done.</summary>
    public int Unknown => _unknown.Count;

    /// <param name="writers">Each has one put on its way at a time.</param>
    /// <param name="rest">What a writer does between two puts; not much, unless told otherwise, but others need the machine, too.</param>
    /// <param name="readers">Each asks for what was acknowledged last, anywhere.</param>
    public static Load On(StoreProcess store, int writers, TimeSpan? rest = null, int readers = 2)
    {
        var load = new Load(store, rest ?? ShortRest);
        load._tasks.AddRange(Enumerable.Range(0, writers).Select(load.WriteAsync));
        load._tasks.AddRange(Enumerable.Range(0, readers).Select(load.ReadAsync));
        return load;
    }

    /// <summary>Waits until so many more puts were acknowledged.</summary>
    public async Task MoreAsync(int puts)
    {
        var goal = Acknowledged + puts;
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        patience.CancelAfter(Patience);
        while (Acknowledged < goal)
        {
            try
            {
                await Task.Delay(Pause, patience.Token);
            }
            catch (OperationCanceledException)
            {
                Assert.Fail($"{puts} more puts were to be acknowledged within {Patience}, and {goal - Acknowledged} of them were not. Last refusal: {_lastTrouble}");
            }
        }
    }

    /// <summary>Ends all clients, and compares what they were told with what the members hold.</summary>
    public async Task StopAndCheckAsync()
    {
        await _stop.CancelAsync();
        await Task.WhenAll(_tasks);

        // All members are asked for one revision: a put that nobody waits for any more may still come through after it.
        var (held, revision) = await HeldAsync(_store.Members[0], 0);
        CheckPromises(held);
        foreach (var member in _store.Members.Skip(1))
        {
            var (other, _) = await HeldAsync(member, revision);
            if (other.Count != held.Count || other.Values.Any(kv => !kv.Equals(held.GetValueOrDefault(kv.Key.ToStringUtf8()))))
            {
                _problems.Enqueue($"{member.Name} holds something else than {_store.Members[0].Name}");
            }
        }

        await CheckHashesAsync(revision);
        var history = held.Values.OrderBy(kv => kv.ModRevision).Select(EventReader.Signature).ToList();
        foreach (var problem in await _events.StopAsync(history))
        {
            _problems.Enqueue(problem);
        }

        TestContext.Current.TestOutputHelper?.WriteLine(
            $"{Acknowledged} puts acknowledged, {Unknown} unknown, {held.Count} held, {_events.Reopened} watches reopened. Last refusal: {_lastTrouble}");
        Assert.True(_problems.IsEmpty, string.Join('\n', _problems.Take(20)));
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await Task.WhenAll(_tasks);
        await _events.DisposeAsync();
        foreach (var client in _clients.Values)
        {
            await client.DisposeAsync();
        }

        _stop.Dispose();
    }

    private async Task WriteAsync(int writer)
    {
        var chance = new Random(writer);
        var member = Any(chance);
        for (var number = 0; !_stop.IsCancellationRequested; number++)
        {
            var key = string.Create(CultureInfo.InvariantCulture, $"{Prefix}{writer}/{number:D8}");
            var before = Interlocked.Read(ref _highest);
            var put = new PutRequest { Key = ByteString.CopyFromUtf8(key), Value = ByteString.CopyFromUtf8($"{writer}.{number}") };
            if (await TryAsync<PutResponse>(member, "put", put) is not { } done)
            {
                _unknown[key] = true;
                member = Any(chance);
                await Task.Delay(Pause);
                continue;
            }

            // What was acknowledged before this was sent lies before it.
            if (done.Header.Revision <= before)
            {
                _problems.Enqueue($"'{key}' got revision {done.Header.Revision} after {before} had been acknowledged");
            }

            _acknowledged[key] = done.Header.Revision;
            Raise(done.Header.Revision);
            _lastKey = key;
            if (_rest > TimeSpan.Zero)
            {
                await Task.Delay(_rest);
            }
        }
    }

    private async Task ReadAsync(int reader)
    {
        var chance = new Random(-1 - reader);
        while (!_stop.IsCancellationRequested)
        {
            var key = Volatile.Read(ref _lastKey);
            if (key.Length == 0 || await TryAsync<RangeResponse>(Any(chance), "range", new RangeRequest { Key = ByteString.CopyFromUtf8(key) }) is not { } found)
            {
                await Task.Delay(Pause);
                continue;
            }

            if (found.Kvs.SingleOrDefault()?.ModRevision != _acknowledged[key])
            {
                _problems.Enqueue($"'{key}' had been acknowledged at revision {_acknowledged[key]}, and a read afterwards found {found}");
            }

            await Task.Delay(ShortRest);
        }
    }

    private void CheckPromises(Dictionary<string, KeyValue> held)
    {
        foreach (var (key, revision) in _acknowledged)
        {
            var kv = held.GetValueOrDefault(key);
            if (kv is null || kv.ModRevision != revision || kv.Version != 1)
            {
                _problems.Enqueue($"'{key}' was acknowledged at revision {revision}, but there is {kv?.ToString() ?? "none"}");
            }
        }

        foreach (var kv in held.Values.Where(kv => !_acknowledged.ContainsKey(kv.Key.ToStringUtf8())))
        {
            if (!_unknown.ContainsKey(kv.Key.ToStringUtf8()) || kv.Version != 1)
            {
                _problems.Enqueue($"{kv} was put by nobody, or more often than once");
            }
        }

        foreach (var group in held.Values.GroupBy(kv => kv.ModRevision).Where(group => group.Count() > 1))
        {
            _problems.Enqueue($"revision {group.Key} was given to {group.Count()} puts");
        }
    }

    private async Task<(Dictionary<string, KeyValue> Held, long Revision)> HeldAsync(StoreMember member, long revision)
    {
        var prefix = ByteString.CopyFromUtf8(Prefix);
        var end = ByteString.CopyFromUtf8("load0"); // The byte after the slash.
        var held = await AskAsync<RangeResponse>(member, "range", new RangeRequest { Key = prefix, RangeEnd = end, Revision = revision });
        return (held.Kvs.ToDictionary(kv => kv.Key.ToStringUtf8(), StringComparer.Ordinal), held.Header.Revision);
    }

    private async Task CheckHashesAsync(long revision)
    {
        var hashes = new List<(string Member, HashKVResponse Hash)>();
        foreach (var member in _store.Members)
        {
            hashes.Add((member.Name, await AskAsync<HashKVResponse>(member, "hashkv", new HashKVRequest { Revision = revision })));
        }

        if (hashes.Select(entry => (entry.Hash.Hash, entry.Hash.CompactRevision)).Distinct().Count() > 1)
        {
            _problems.Enqueue($"the members' hashes differ: {string.Join("; ", hashes)}");
        }
    }

    // A member that has just come back may be without a leader for a while.
    private async Task<TResponse> AskAsync<TResponse>(StoreMember member, string verb, IMessage request)
        where TResponse : class, IMessage
    {
        var since = Stopwatch.StartNew();
        while (true)
        {
            try
            {
                return await Client(member).CallAsync<TResponse>(verb, request);
            }
            catch (StoreException) when (since.Elapsed < Patience)
            {
                await Task.Delay(LongPause, TestContext.Current.CancellationToken);
            }
        }
    }

    private async Task<TResponse?> TryAsync<TResponse>(StoreMember member, string verb, IMessage request)
        where TResponse : class, IMessage
    {
        try
        {
            var answer = await Client(member).CallAsync(verb, request);
            if (answer.Message is TResponse response)
            {
                return response;
            }

            _lastTrouble = $"{verb} at {member.Name}: {answer.Status}";
        }
        catch (StoreException lost)
        {
            _lastTrouble = $"{verb} at {member.Name}: {lost.Message}";
        }

        return null;
    }

    // A writer that ends in between may be the last to see it higher.
    private void Raise(long revision)
    {
        for (var seen = Interlocked.Read(ref _highest); seen < revision;)
        {
            var before = Interlocked.CompareExchange(ref _highest, revision, seen);
            if (before == seen)
            {
                return;
            }

            seen = before;
        }
    }

    private StoreMember Any(Random chance)
    {
        var running = _store.Members.Where(member => member.IsRunning).DefaultIfEmpty(_store.Members[0]).ToList();
        return running[chance.Next(running.Count)];
    }

    private StoreClient Client(StoreMember member)
        => _clients.GetOrAdd(member, added => new StoreClient(added.Client) { Patience = CallPatience });
}
