using System.Text;
using RaftKv.Raft.Log;
using RaftKv.Raft.Messages;

namespace RaftKv.Raft.Tests.Scenarios;

/// <summary>
/// Some members and the network between them. Messages lie still until the story delivers or drops them. After every
/// command the members are compared: no two lead in one term, no two applied different entries at one index.
/// </summary>
internal sealed class ScenarioCluster
{
    private readonly SortedDictionary<ulong, ScenarioNode> _nodes = [];
    private readonly List<Message> _network = [];
    private readonly HashSet<(ulong, ulong)> _cut = [];
    private readonly Dictionary<ulong, NodeId> _leaders = [];
    private readonly HashSet<(ulong, NodeId)> _violations = [];
    private readonly StringBuilder _transcript = new();

    public IEnumerable<ScenarioNode> Nodes => _nodes.Values;

    public IReadOnlyList<Message> Network => _network;

    public RaftConfig Settings { get; set; } = RaftConfig.Default;

    public RaftFaults Faults { get; set; } = RaftFaults.None;

    public ScenarioNode Node(ulong id) => _nodes[id];

    public void Say(string line) => _transcript.Append(line).Append('\n');

    /// <summary>What was said since the last time.</summary>
    public string TakeTranscript()
    {
        var text = _transcript.ToString();
        _transcript.Clear();
        return text;
    }

    /// <summary>Adds the members of a new cluster, or one that has yet to be told of it (no first entry).</summary>
    public void Add(ulong id, Entry? first) => _nodes.Add(id, new ScenarioNode(new NodeId(id), Settings, Faults, first, Say));

    /// <summary>Lets every member do what it has to do; what they send lies in the network then.</summary>
    public void CarryOut()
    {
        foreach (var node in _nodes.Values)
        {
            node.CarryOut(Send);
        }

        CompareMembers();
    }

    /// <summary>Delivers the messages that lie there now and are wanted; not those sent because of them.</summary>
    public int Deliver(Func<Message, bool> isWanted)
    {
        var delivered = Take(isWanted);
        foreach (var message in delivered)
        {
            if (_nodes.TryGetValue(message.To.Value, out var node) && node.IsUp)
            {
                node.Raft.Step(message);
                node.CarryOut(Send);
            }
        }

        CompareMembers();
        return delivered.Count;
    }

    public int Drop(Func<Message, bool> isWanted) => Take(isWanted).Count;

    /// <summary>Sends again what lies there, so that it arrives twice.</summary>
    public void Duplicate(Func<Message, bool> isWanted) => _network.AddRange(_network.Where(isWanted).ToList());

    /// <summary>Delivers until nobody has anything to say.</summary>
    public void Stabilize()
    {
        for (var round = 0; Deliver(_ => true) > 0; round++)
        {
            Assert.True(round < 1000, "The cluster does not come to rest.");
        }
    }

    /// <summary>From now on nothing passes between these members and the others.</summary>
    public void Cut(IReadOnlyCollection<ulong> side)
    {
        foreach (var inside in side)
        {
            foreach (var outside in _nodes.Keys.Except(side))
            {
                _cut.Add((inside, outside));
                _cut.Add((outside, inside));
            }
        }
    }

    public void CutOneWay(ulong from, ulong to) => _cut.Add((from, to));

    public void Heal() => _cut.Clear();

    private List<Message> Take(Func<Message, bool> isWanted)
    {
        var taken = _network.Where(isWanted).ToList();
        _network.RemoveAll(message => isWanted(message));
        return taken;
    }

    private void Send(Message message)
    {
        if (_cut.Contains((message.From.Value, message.To.Value)))
        {
            Say($"{message} (lost)");
            return;
        }

        Say(message.ToString());
        _network.Add(message);
    }

    private void CompareMembers()
    {
        var entries = new Dictionary<ulong, (string Entry, NodeId By)>();
        foreach (var node in _nodes.Values)
        {
            var raft = node.Raft;
            if (node.IsUp && raft.Role == Role.Leader
                && !_leaders.TryAdd(raft.Term, node.Id) && _leaders[raft.Term] != node.Id)
            {
                Say($"VIOLATION: {_leaders[raft.Term]} and {node.Id} lead term {raft.Term}");
            }

            foreach (var (index, entry) in node.AppliedEntries)
            {
                if (!entries.TryAdd(index, (entry, node.Id)) && entries[index].Entry != entry
                    && _violations.Add((index, node.Id)))
                {
                    Say($"VIOLATION: at {index} {entries[index].By} applied {entries[index].Entry}, {node.Id} applied {entry}");
                }
            }
        }
    }
}
