using System.Diagnostics;
using RaftKv.Client;
using RaftKv.Rpc.Client;
using RaftKv.Server;

namespace RaftKv.Testing;

/// <summary>
/// A RaftKv cluster for the tests of what uses one. Its members are real ones, in this process, with disks in memory and no
/// ports. Time stands still until the test moves it; as long as nobody has to wait for time, calls are answered without.
/// </summary>
/// <remarks>
/// Elections, expiry of leases, repetitions and time limits take time that only <see cref="AdvanceTimeAsync"/> lets go by: a
/// call that needs some of it is awaited by <see cref="AdvanceUntilAsync{T}"/>. Code of yours that is to live on the same
/// clock takes <see cref="Time"/>.
/// </remarks>
/// <example><code>
/// await using var server = await RaftKvTestServer.StartAsync();
/// var lease = await server.Client.GrantLeaseAsync(TimeSpan.FromSeconds(30));
/// await server.Client.PutAsync("session", "mine", new PutOptions { Lease = lease.Id });
/// await server.AdvanceTimeAsync(TimeSpan.FromSeconds(35));
/// Assert.Null(await server.Client.GetAsync("session"));
/// </code></example>
public sealed class RaftKvTestServer : IAsyncDisposable
{
    // Rounds through a pool that is never at rest without news, before everybody is believed to wait for time; and how often,
    // and for how long in real time, that may come to pass with as many threads at work, before these are believed to work on
    // nothing of ours: one of ours may be among them that the machine does not get round to.
    private const int QuietRounds = 8;
    private const int FutileWaits = 8;
    private static readonly TimeSpan OthersPatience = TimeSpan.FromSeconds(1);

    // A cluster that has not found a leader by then never will.
    private static readonly TimeSpan StartPatience = TimeSpan.FromMinutes(1);

    // In real time, for a thread that the machine did not get round to: while a call is under way, and while the pool has
    // work that need not be ours.
    private static readonly TimeSpan CallPatience = TimeSpan.FromMilliseconds(20);
    private static readonly TimeSpan PoolPatience = TimeSpan.FromMilliseconds(5);

    private readonly RaftKvTestServerOptions _options;
    private readonly ManualClock _clock;
    private readonly Pump _pump = new();
    private readonly TestNetwork _network;
    private readonly List<TestMember> _members = [];
    private readonly SemaphoreSlim _moving = new(1);
    private readonly SemaphoreSlim _passed = new(0);
    private readonly List<(RaftKvClient Client, RpcChannel Channel)> _clients = [];
    private readonly Lazy<RaftKvClient>[] _clientsOfMembers;
    private int _isDisposed;

    // Threads of the pool that work, or block, whatever happens here: those of a test runner, for one.
    private int _othersAtWork;
    private int _lastAtWork;
    private int _futileWaits;
    private long _futileSince;

    private RaftKvTestServer(RaftKvTestServerOptions options)
    {
        _options = options;
        _clock = new ManualClock(options.Start);
        _network = new TestNetwork(_clock);
        var cluster = Enumerable.Range(0, options.Members).Select(i => ($"m{i}", new Uri($"http://m{i}:2380"))).ToArray();
        for (var i = 0; i < options.Members; i++)
        {
            var member = new RaftKvOptions
            {
                Name = cluster[i].Item1,
                ListenClient = [],
                ListenPeer = [],
                AdvertiseClientUrls = [new Uri($"http://m{i}:2379")],
                AdvertisePeerUrls = [cluster[i].Item2],
                InitialCluster = cluster,
                HeartbeatInterval = options.HeartbeatInterval,
                ElectionTimeout = options.ElectionTimeout,
                QuotaBytes = options.QuotaBytes,
                Applier = options.Applier,
                Time = _clock,
                Loggers = options.Loggers,
            };
            _members.Add(new TestMember(member, new TestGround(_network, _pump, options.Seed + ((ulong)i << 32))));
        }

        _clientsOfMembers = [.. _members.Select(member => new Lazy<RaftKvClient>(() => NewClient([member])))];
        Client = NewClient(_members);
    }

    /// <summary>A client that knows all members.</summary>
    public RaftKvClient Client { get; }

    /// <summary>The clock of members and clients.</summary>
    public TimeProvider Time => _clock;

    /// <summary>How many members there are.</summary>
    public int Members => _members.Count;

    /// <summary>Which member leads, if one does; of two that believe it, the one that was elected last.</summary>
    public int? Leader => _members
        .Select((member, index) => (member.Node, Index: index))
        .Where(one => one.Node is { } node && node.Member.Status.Leader == node.Member.Self)
        .OrderByDescending(one => one.Node!.Member.Status.Term)
        .Select(one => (int?)one.Index)
        .FirstOrDefault();

    internal long SnapshotsDelivered => _network.SnapshotsDelivered;

    /// <summary>Starts a cluster, and lets time go by until it has a leader.</summary>
    public static async Task<RaftKvTestServer> StartAsync(RaftKvTestServerOptions? options = null, CancellationToken cancellation = default)
    {
        options ??= new();
        ArgumentOutOfRangeException.ThrowIfLessThan(options.Members, 1, nameof(options));
        var server = new RaftKvTestServer(options);
        try
        {
            foreach (var member in server._members)
            {
                await member.StartAsync(cancellation).ConfigureAwait(false);
            }

            await server.AdvanceToAsync(server.HasSettled, StartPatience, "agree on a leader", cancellation).ConfigureAwait(false);
            return server;
        }
        catch
        {
            await server.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>A client that knows one member only. It is the server's.</summary>
    /// <param name="member">From 0.</param>
    public RaftKvClient ClientOf(int member) => _clientsOfMembers[member].Value;

    /// <summary>
    /// Lets time go by: heartbeat by heartbeat, so that whoever is to do something at a moment has done it when the next one
    /// comes. What your own code makes of it may still be under way when this returns.
    /// </summary>
    public Task AdvanceTimeAsync(TimeSpan by, CancellationToken cancellation = default)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(by, TimeSpan.Zero);
        return MoveAsync(by, until: null, cancellation);
    }

    /// <summary>Lets time go by until a task has ended, and gives what came of it.</summary>
    /// <param name="task">Such as a call that waits for a new leader.</param>
    /// <param name="atMost">For which it may go by; a minute if null.</param>
    /// <param name="cancellation">Ends the waiting.</param>
    /// <exception cref="TimeoutException">It has not ended by then.</exception>
    /// <example><code>await server.AdvanceUntilAsync(server.Client.PutAsync("k", "v").AsTask());</code></example>
    public async Task<T> AdvanceUntilAsync<T>(Task<T> task, TimeSpan? atMost = null, CancellationToken cancellation = default)
    {
        await AdvanceUntilAsync((Task)task, atMost, cancellation).ConfigureAwait(false);
        return await task.ConfigureAwait(false);
    }

    /// <inheritdoc cref="AdvanceUntilAsync{T}"/>
    public async Task AdvanceUntilAsync(Task task, TimeSpan? atMost = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(task);
        await AdvanceToAsync(() => task.IsCompleted, atMost ?? TimeSpan.FromMinutes(1), "end the task", cancellation).ConfigureAwait(false);
        await task.ConfigureAwait(false);
    }

    /// <summary>Ends a lease as though its time had run out, without any time going by. Who keeps it alive hears of it with the
    /// next attempt to.</summary>
    public ValueTask ExpireLeaseAsync(long id, CancellationToken cancellation = default) => Client.RevokeLeaseAsync(id, cancellation: cancellation);

    /// <summary>Cuts members from all others, not from each other nor from clients. What was cut before is joined again.</summary>
    /// <example><code>server.Partition(server.Leader!.Value);</code></example>
    public void Partition(params ReadOnlySpan<int> members)
    {
        var names = new List<string>();
        foreach (var member in members)
        {
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(member, _members.Count, nameof(members));
            names.Add($"m{member}");
        }

        _network.Cut(names);
    }

    /// <summary>Joins what was cut.</summary>
    public void Heal() => _network.Cut([]);

    /// <summary>Ends a member as though its process had been killed. Its disk stays.</summary>
    public Task KillAsync(int member) => _members[member].KillAsync();

    /// <summary>Starts a member again that was killed.</summary>
    public Task RestartAsync(int member, CancellationToken cancellation = default) => _members[member].StartAsync(cancellation);

    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _isDisposed, 1) != 0)
        {
            return;
        }

        foreach (var (client, channel) in _clients)
        {
            await client.DisposeAsync().ConfigureAwait(false);
            await channel.DisposeAsync().ConfigureAwait(false);
        }

        foreach (var member in _members.Where(member => member.Node is not null))
        {
            await member.KillAsync().ConfigureAwait(false);
        }

        _pump.Dispose();
        _moving.Dispose();
        _passed.Dispose();
    }

    private bool HasSettled()
    {
        foreach (var member in _members)
        {
            if (member.Node!.Ended.IsFaulted)
            {
                throw new InvalidOperationException("A member has ended.", member.Node.Ended.Exception.InnerException);
            }
        }

        return Leader is not null && _members.All(member => !member.Node!.Member.Status.Leader.IsNone
            && member.Node.Member.Members.Count == _members.Count
            && member.Node.Member.Members.All(one => one.HasStarted));
    }

    private async Task AdvanceToAsync(Func<bool> isThere, TimeSpan atMost, string purpose, CancellationToken cancellation)
    {
        await MoveAsync(atMost, isThere, cancellation).ConfigureAwait(false);
        if (!isThere())
        {
            throw new TimeoutException($"{atMost} of the cluster's time was not enough to {purpose}.");
        }
    }

    private async Task MoveAsync(TimeSpan by, Func<bool>? until, CancellationToken cancellation)
    {
        await _moving.WaitAsync(cancellation).ConfigureAwait(false);
        try
        {
            // On a thread of its own, because the pool is to be at rest, and timers are to fire in nobody's context.
            Task moving;
            using (ExecutionContext.SuppressFlow())
            {
                moving = Task.Factory.StartNew(
                    () => Move(by, until, cancellation), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
            }

            await moving.ConfigureAwait(false);
        }
        finally
        {
            _moving.Release();
        }
    }

    private void Move(TimeSpan by, Func<bool>? until, CancellationToken cancellation)
    {
        var end = _clock.GetTimestamp() + by.Ticks;
        Settle(cancellation);
        while (until?.Invoke() != true)
        {
            cancellation.ThrowIfCancellationRequested();
            if (!_clock.GoOn(end))
            {
                return;
            }

            Settle(cancellation);
        }
    }

    // Until members and clients do nothing but wait for time. What clients do is done in the pool, among the work of whoever
    // else uses it: if the pool is at rest, so are they; if it never is, they are believed to be after a while without news.
    private void Settle(CancellationToken cancellation)
    {
        var seen = Activity();
        var quiet = 0;
        var since = Stopwatch.GetTimestamp();
        while (true)
        {
            _pump.WaitUntilIdle();
            cancellation.ThrowIfCancellationRequested();
            var isAtRest = quiet == 0 ? SpinWait.SpinUntil(IsPoolAtRest, TimeSpan.FromMilliseconds(1)) : IsPoolAtRest();
            var now = Activity();
            if (now != seen)
            {
                (seen, quiet, since) = (now, 0, Stopwatch.GetTimestamp());
                continue;
            }

            // Whatever the pump was given since it was idle would be news.
            var isUnderWay = IsAnythingUnderWay();
            if (isAtRest && !isUnderWay)
            {
                return;
            }

            if (++quiet > QuietRounds && Stopwatch.GetElapsedTime(since) >= (isUnderWay ? CallPatience : PoolPatience))
            {
                LearnWhoIsAlwaysAtWork();
                return;
            }

            GoThroughPool();
        }
    }

    private long Activity() => _pump.Activity + _clock.Activity + _members.Sum(member => member.Activity);

    private bool IsAnythingUnderWay() => _network.SnapshotsUnderWay > 0 || _members.Any(member => member.CallsUnderWay > 0);

    // Nobody works there for the members and clients, and nothing waits.
    private bool IsPoolAtRest()
    {
        var atWork = ThreadsAtWork();
        _othersAtWork = Math.Min(_othersAtWork, atWork);
        return atWork == _othersAtWork && ThreadPool.PendingWorkItemCount == 0;
    }

    private void LearnWhoIsAlwaysAtWork()
    {
        var atWork = ThreadsAtWork();
        if (atWork != _lastAtWork)
        {
            (_lastAtWork, _futileWaits, _futileSince) = (atWork, 0, Stopwatch.GetTimestamp());
            return;
        }

        if (++_futileWaits >= FutileWaits && Stopwatch.GetElapsedTime(_futileSince) >= OthersPatience)
        {
            _othersAtWork = atWork;
        }
    }

    private static int ThreadsAtWork()
    {
        ThreadPool.GetMaxThreads(out var most, out _);
        ThreadPool.GetAvailableThreads(out var idle, out _);
        return most - idle;
    }

    // Once through the queue of the pool.
    private void GoThroughPool()
    {
        ThreadPool.UnsafeQueueUserWorkItem(static passed => passed.Release(), _passed, preferLocal: false);
        _passed.Wait();
    }

    private RaftKvClient NewClient(IReadOnlyList<TestMember> members)
    {
        var byAddress = members.ToDictionary(member => member.ClientUrl);
        var channel = new RpcChannel(new RpcChannelOptions
        {
            Addresses = [.. byAddress.Keys],
            Handlers = address => byAddress[address].NewHandler(),
            MaxReceiveMessageBytes = int.MaxValue,
            Time = _clock,
            Chance = NewChance(),
        });
        var client = RaftKvClient.Over(channel, _options.Client with
        {
            ElectionTimeout = _options.ElectionTimeout,
            Time = _clock,
            Chance = NewChance(),
            Loggers = _options.Client.Loggers ?? _options.Loggers,
        });
        lock (_clients)
        {
            _clients.Add((client, channel));
        }

        return client;
    }

#pragma warning disable CA5394 // Not for security: for the same test again.
    private Random NewChance() => new((int)_options.Seed);
#pragma warning restore CA5394
}
