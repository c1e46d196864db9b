using System.Text;
using RaftKv.Raft;
using RaftKv.Storage.Watch;
using WatchResponse = RaftKv.Protocol.Etcd.WatchResponse;

namespace RaftKv.Simulation.Whole;

/// <summary>
/// A client that does nothing but watch: one range, on one member after another, going on where it stopped. Members end,
/// are cut off and are replaced by snapshots; what it is told must not show any of it.
/// </summary>
internal sealed class WatchClient : IActor
{
    private const int Connect = 0;
    private const int ResponseArrives = 1;
    private const int LookAround = 2;

    private readonly Cluster _cluster;
    private readonly WholeWorld _world;
    private readonly Chance _chance;
    private readonly Storage.Mvcc.KeyRange _range;
    private WatchGuarantees _guarantees;
    private readonly List<(int Attempt, WatchResponse Response)> _responses = [];
    private readonly string _key;
    private readonly string _end;
    private readonly bool _wantsBefore;
    private readonly bool _noDelete;
    private readonly int _client;

    // Every connection has a number; what comes over an earlier one is no longer of interest.
    private int _attempt;
    private NodeId _member;
    private ulong _boot;
    private bool _isConnected;
    private long _lastArrival;
    private bool _isFinal;

    public WatchClient(Cluster cluster, WholeWorld world, Chance chance, int client)
    {
        _cluster = cluster;
        _world = world;
        _chance = chance;
        _client = client;
        var first = (char)('a' + chance.Below(cluster.Plan.Workload.Keys));
        _key = chance.Happens(1, 3) ? "a" : first.ToString();
        _end = chance.Pick<string>(["", "\0", "\0", _key + "~"]);
        _wantsBefore = chance.CoinToss();
        _noDelete = chance.Happens(1, 6);
        _range = Storage.Mvcc.KeyRange.Of(Encoding.Latin1.GetBytes(_key), Encoding.Latin1.GetBytes(_end));
        _guarantees = NewWatch();
    }

    public void Start() => Schedule(_chance.Between(1, 300 * Simulator.Millisecond), Connect, 0);

    /// <summary>Nothing is broken any more, and it has been told everything.</summary>
    public bool IsUpToDate => _isConnected && _guarantees.IsUpToDate;

    /// <summary>From now on it stays where it is, as long as that is there and belongs to the cluster.</summary>
    public void Settle() => _isFinal = true;

    public override string ToString() => $"watch client {_client} at {_member}, {(_isConnected ? "connected" : "not connected")}, {_guarantees}";

    public void Happen(int what, ulong argument)
    {
        switch (what)
        {
            case Connect:
                TryConnect();
                break;
            case ResponseArrives:
                Take((int)argument);
                break;
            case LookAround:
                Look((int)argument);
                break;
        }
    }

    /// <summary>A member sends; in order, some time later.</summary>
    public void Send(int attempt, ReadOnlySpan<byte> response)
    {
        var at = Math.Max(_lastArrival, _cluster.Simulator.Now + _chance.Between(1, _cluster.Plan.Workload.DelayNanosMax));
        _lastArrival = at;
        _responses.Add((attempt, WatchResponse.Parser.ParseFrom(response)));
        _cluster.Simulator.Schedule(at, this, ResponseArrives, (ulong)_responses.Count - 1);
    }

    private void TryConnect()
    {
        _attempt++;
        _isConnected = false;
        _member = _isFinal && _cluster.Leader?.Member is { } leader ? _chance.Pick(leader.Raft.Config.Members) : _cluster.SomeMember(_chance);
        var node = _cluster.Find(_member);
        _boot = node?.BootNumber ?? 0;
        long start;
        if (!_isFinal && _world.Replay.Compacted > 0 && _chance.Happens(_world.Settings.Workload.WatchesFromCompacted))
        {
            // Somebody who has no idea yet, and wants all there is.
            _guarantees = NewWatch();
            start = _world.Replay.Compacted;
        }
        else
        {
            start = _guarantees.Resume(_chance);
        }

        node?.Do("watch", member =>
        {
            _isConnected = true;
            ((WholeMember)member).Watch(this, _attempt, new WatchCreate(Encoding.Latin1.GetBytes(_key), Encoding.Latin1.GetBytes(_end))
            {
                StartRevision = start,
                PrevKv = _wantsBefore,
                NoDelete = _noDelete,
                ProgressNotify = true,
            });
        });
        _guarantees.Begin(start);
        _cluster.Transcript?.Said(_cluster.Simulator.Now, $"watch client {_client} asks {_member} from {start} on: {_isConnected}");
        Schedule(_chance.Between(20, 200) * Simulator.Millisecond, LookAround, (ulong)_attempt);
    }

    private WatchGuarantees NewWatch() => new(_world.Replay, _range, noDelete: _noDelete, $"watch client {_client}");

    private void Take(int place)
    {
        var (attempt, response) = _responses[place];
        _responses[place] = default;
        if (attempt != _attempt)
        {
            return;
        }

        _guarantees.Take(response);
        if (response.Canceled)
        {
            _isConnected = false;
        }
    }

    // Connections end, now and then for no reason.
    private void Look(int attempt)
    {
        if (attempt != _attempt)
        {
            return;
        }

        var node = _cluster.Find(_member);
        var isThere = _isConnected && node is { IsUp: true, IsRetired: false } && node.BootNumber == _boot;
        if (_isFinal && _cluster.Leader?.Member is { } leader)
        {
            // One that belongs to the cluster no more has nothing to tell.
            isThere &= leader.Raft.Config.IsMember(_member);
        }

        if (!isThere || (!_isFinal && _chance.Happens(1, 10)))
        {
            // It is closed where it was; whatever was on its way is lost.
            node?.Do("close watch", member => ((WholeMember)member).Unwatch(this));
            TryConnect();
            return;
        }

        if (_chance.Happens(1, 3))
        {
            node!.Do("ask for progress", member => ((WholeMember)member).AskForProgress(this));
        }

        Schedule(_chance.Between(20, 200) * Simulator.Millisecond, LookAround, (ulong)_attempt);
    }

    private void Schedule(long inNanos, int what, ulong argument)
        => _cluster.Simulator.Schedule(_cluster.Simulator.Now + inNanos, this, what, argument);
}
