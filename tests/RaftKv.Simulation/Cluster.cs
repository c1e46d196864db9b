using RaftKv.Raft;
using RaftKv.Raft.Log;
using RaftKv.Simulation.History;
using RaftKv.Simulation.Members;
using RaftKv.Simulation.Safety;

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
        FoundMembers();
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

        var node = MakeNode(first: null);
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
        foreach (var client in _clients)
        {
            client.Stop();
        }
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

        var first = RaftStart.FirstEntry(founders[..Plan.Voters], founders[Plan.Voters..]);
        for (var i = 0; i < count; i++)
        {
            MakeNode(first).Boot();
        }
    }

    private SimulatedNode MakeNode(Entry? first)
    {
        var id = new NodeId((ulong)_nodes.Count);
        var chance = _chance.Stream("machine", (int)id.Value);
        var node = new SimulatedNode(
            this, id, chance, (world, stream, boot) => new RaftMember(world, Plan.Member, stream, boot));
        _nodes.Add(node);
        node.Disk.Now = Simulator.Now;
        RaftMember.Found(node.Disk, id, Plan.Member, first);
        node.Disk.Latency = Plan.DiskLatency;
        node.Disk.Faults = Plan.DiskFaults;
        var skew = chance.Between(-Plan.ClockSkewPercent, Plan.ClockSkewPercent);
        node.TickNanos = 10 * Simulator.Millisecond * (100 + skew) / 100;
        return node;
    }
}
