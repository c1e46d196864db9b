using RaftKv.Raft;
using RaftKv.Raft.Log;
using RaftKv.Simulation.Disks;
using RaftKv.Simulation.History;
using RaftKv.Simulation.Members;
using RaftKv.Simulation.Safety;
using RaftKv.Simulation.Whole;
using RaftKv.Storage.State;

namespace RaftKv.Simulation;

/// <summary>The world of one run: machines, network, clients, and the eyes on all of it.</summary>
internal sealed class Cluster
{
    private readonly List<SimulatedNode?> _nodes = [null];
    private readonly List<SimulatedClient> _clients = [];
    private readonly Chance _chance;
    private int _operationsLeft;

    public Cluster(FaultPlan plan, Transcript? transcript)
    {
        Plan = plan;
        Transcript = transcript;
        _chance = new Chance(plan.Seed).Stream("world");
        Network = new SimulatedNetwork(Simulator, _chance.Stream("network"), Find) { Faults = plan.Network };
        _operationsLeft = plan.Workload.Operations;
        Whole = plan.Whole is null ? null : new WholeWorld(this, _chance.Stream("whole"));
        FoundMembers();
        if (Whole is not null)
        {
            Whole.Start();
            return;
        }

        for (var client = 0; client < plan.Workload.Clients; client++)
        {
            AddClient(plan.Workload, client).WantsMore = () => _operationsLeft-- > 0;
        }
    }

    public FaultPlan Plan { get; }

    public Transcript? Transcript { get; }

    public Simulator Simulator { get; } = new();

    public SimulatedNetwork Network { get; }

    public SafetyChecks Checks { get; } = new();

    /// <summary>Null in a cluster of registers.</summary>
    public WholeWorld? Whole { get; }

    /// <summary>Operations that clients know something of.</summary>
    public int OperationCount => Whole?.OperationCount ?? History.Count;

    public List<Operation> History { get; } = [];

    public IReadOnlyList<SimulatedNode?> Nodes => _nodes;

    public SimulatedNode? Find(NodeId id) => (int)id.Value < _nodes.Count ? _nodes[(int)id.Value] : null;

    /// <summary>The member that leads in the highest term, as it sees itself.</summary>
    public SimulatedNode? Leader
    {
        get
        {
            SimulatedNode? leader = null;
            for (var i = 1; i < _nodes.Count; i++)
            {
                if (_nodes[i] is { Member.Raft: { Role: Role.Leader } raft } node
                    && (leader is null || raft.Term > leader.Member!.Raft.Term))
                {
                    leader = node;
                }
            }

            return leader;
        }
    }

    public NodeId SomeMember(Chance chance) => new((ulong)chance.Between(1, _nodes.Count - 1));

    /// <summary>A machine with an empty log, for a member that is about to be added. Null if there are enough.</summary>
    public SimulatedNode? AddMachine()
    {
        if (_nodes.Count >= 12)
        {
            return null;
        }

        var node = Whole is null ? MakeNode(first: null) : MakeWhole(MembersNow(), isFounder: false);
        node.Boot();
        return node;
    }

    public SimulatedClient AddClient(Workload workload, int client)
    {
        var added = new SimulatedClient(this, _chance.Stream("client", client), workload, client);
        _clients.Add(added);
        added.Start();
        return added;
    }

    public void StopClients()
    {
        Whole?.StopClients();
        foreach (var client in _clients)
        {
            client.Stop();
        }
    }

    /// <summary>A client that looks whether the cluster serves.</summary>
    public IProbe AddProbe(int writes, long intervalNanos)
    {
        if (Whole is not null)
        {
            return Whole.AddProbe(writes);
        }

        var probe = AddClient(
            new Workload { Keys = 1, Reads = Ratio.Never, Swaps = Ratio.Never, Wandering = Ratio.Always, ThinkNanosMax = intervalNanos },
            Plan.Workload.Clients);
        probe.WantsMore = () => probe.SucceededCount < writes;
        return probe;
    }

    public void Answer(NodeId from, in Response response)
    {
        Invariant.Holds(!from.IsNone);
        _clients[response.Client].Take(response);
    }

    private void FoundMembers()
    {
        var count = Plan.Voters + Plan.Learners;
        var founders = new NodeId[count];
        for (var i = 0; i < count; i++)
        {
            founders[i] = new NodeId((ulong)i + 1);
        }

        if (Whole is not null)
        {
            var table = MemberTable.Bootstrapped(founders.Select((id, place) => WholeMember.Named(id, place >= Plan.Voters)));
            for (var i = 0; i < count; i++)
            {
                MakeWhole(table, isFounder: true).Boot();
            }

            return;
        }

        var first = RaftStart.FirstEntry(founders[..Plan.Voters], founders[Plan.Voters..]);
        for (var i = 0; i < count; i++)
        {
            MakeNode(first).Boot();
        }
    }

    // What one that joins is told by whoever it asks.
    private MemberTable MembersNow()
    {
        var config = Checks.Ledger.Config;
        return MemberTable.Bootstrapped(config.Members.ToArray().Select(id => WholeMember.Named(id, config.IsLearner(id))));
    }

    private SimulatedNode MakeNode(Entry? first)
    {
        var id = new NodeId((ulong)_nodes.Count);
        var chance = _chance.Stream("machine", (int)id.Value);
        var node = new SimulatedNode(
            this, id, chance, (world, stream, boot) => new RaftMember(world, Plan.Member, stream, boot));
        Add(node, chance, disk => RaftMember.Found(disk, id, Plan.Member, first));
        return node;
    }

    private SimulatedNode MakeWhole(MemberTable members, bool isFounder)
    {
        var id = new NodeId((ulong)_nodes.Count);
        var chance = _chance.Stream("machine", (int)id.Value);
        var node = new SimulatedNode(this, id, chance, (world, stream, boot) => new WholeMember(world, Plan, stream, boot));
        Add(node, chance, disk => WholeMember.Found(disk, id, Plan, members, isFounder));
        return node;
    }

    private void Add(SimulatedNode node, Chance chance, Action<SimulatedFileSystem> found)
    {
        _nodes.Add(node);
        node.Found = found;
        node.Disk.Now = Simulator.Now;
        found(node.Disk);
        node.Disk.Latency = Plan.DiskLatency;
        node.Disk.Faults = Plan.DiskFaults;
        var skew = chance.Between(-Plan.ClockSkewPercent, Plan.ClockSkewPercent);
        node.TickNanos = 10 * Simulator.Millisecond * (100 + skew) / 100;
    }
}
