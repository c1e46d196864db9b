using RaftKv.Raft;

namespace RaftKv.Simulation.Whole;

/// <summary>What surrounds a cluster of whole members: their clients, and the history that everything is held
/// against.</summary>
internal sealed class WholeWorld
{
    private static readonly KvWorkload OnlyPuts = new()
    {
        Get = 0,
        Range = 0,
        Local = 0,
        Old = 0,
        Delete = 0,
        DeleteRange = 0,
        Swap = 0,
        Txn = 0,
        Compact = 0,
    };

    private readonly Cluster _cluster;
    private readonly Chance _chance;
    private readonly List<KvClient> _clients = [];
    private readonly List<WatchClient> _watchers = [];
    private int _operationsLeft;

    public WholeWorld(Cluster cluster, Chance chance)
    {
        _cluster = cluster;
        _chance = chance;
        Replay = new Replay(() => cluster.Simulator.Now);
        Answers = new AnswersAgree(Replay);
        LeaseTimes = new LeaseTimes(Replay, cluster);
        cluster.Checks.LooksAtSomeStates = true;
        cluster.Checks.Now = () => cluster.Simulator.Now;
        cluster.Checks.Agreed = (entry, writtenAt) =>
        {
            Replay.Play(entry, writtenAt);
            Answers.Agreed();
            if (Replay.LastEnded is { } ended)
            {
                LeaseTimes.Ended(ended);
            }
        };
        cluster.Network.PassesOnOnce = true;
        _operationsLeft = cluster.Plan.Workload.Operations;
    }

    public Replay Replay { get; }

    public AnswersAgree Answers { get; }

    public LeaseTimes LeaseTimes { get; }

    public WholeSettings Settings => _cluster.Plan.Whole!;

    /// <summary>The leases that clients have been granted and not given up.</summary>
    public List<(long Id, long Ttl)> Leases { get; } = [];

    /// <summary>The lease that a client has given up last.</summary>
    public long? GivenUpLease { get; set; }

    public void Start()
    {
        for (var client = 0; client < _cluster.Plan.Workload.Clients; client++)
        {
            AddClient(Settings.Workload).WantsMore = () => _operationsLeft-- > 0;
        }

        for (var client = 0; client < Settings.Workload.Watchers; client++)
        {
            var watcher = new WatchClient(_cluster, this, _chance.Stream("watcher", client), client);
            _watchers.Add(watcher);
            watcher.Start();
        }
    }

    public KvClient AddClient(KvWorkload workload)
    {
        var client = new KvClient(_cluster, this, _chance.Stream("client", _clients.Count), workload, _clients.Count);
        _clients.Add(client);
        client.Start();
        return client;
    }

    /// <summary>The clients stop, all but those that watch.</summary>
    public void StopClients()
    {
        foreach (var client in _clients)
        {
            client.Stop();
        }

        foreach (var watcher in _watchers)
        {
            watcher.Settle();
        }
    }

    /// <summary>Whether everything has come to its end that must.</summary>
    public bool IsSettled => _watchers.TrueForAll(watcher => watcher.IsUpToDate) && Replay.Leases.Count == 0;

    /// <summary>What has not come to its end.</summary>
    public string Unsettled
        => string.Join("; ", _watchers.Where(watcher => !watcher.IsUpToDate).Select(watcher => watcher.ToString()))
            + string.Concat(Replay.Leases.Values.Select(lease => $"; lease {lease.Id:x} of {lease.Ttl} s, granted at {lease.GrantedAt / 1000} us"));

    /// <summary>How much later the leases that are there may end because a new leader lets only so many end in a second.</summary>
    public long LeaseSpreadNanos => Replay.Leases.Count >= Settings.Leases.SpreadFromCount
        ? Replay.Leases.Count * Simulator.Second / Settings.Leases.SpreadPerSecond
        : 0;

    /// <summary>When all trouble is over.</summary>
    public void CheckAfterTrouble()
    {
        if (Settings.LeasesEndWithin is { } bound)
        {
            LeaseTimes.CheckGone(_cluster.Simulator.Now - bound);
        }
    }

    /// <summary>A client that writes until a number of its writes were acknowledged.</summary>
    public KvClient AddProbe(int writes)
    {
        var probe = new KvClient(_cluster, this, _chance.Stream("probe"), OnlyPuts, _clients.Count) { AlwaysWanders = true };
        _clients.Add(probe);
        probe.WantsMore = () => probe.SucceededCount < writes;
        probe.Start();
        return probe;
    }

    public int OperationCount => _clients.Sum(client => client.SucceededCount);
}
