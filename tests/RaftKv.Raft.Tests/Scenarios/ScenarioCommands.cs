using System.Globalization;
using System.Text;
using RaftKv.Raft.Membership;
using RaftKv.Raft.Messages;

namespace RaftKv.Raft.Tests.Scenarios;

/// <summary>
/// The words of the scenario language. Plain arguments come first, then options as name=value; members are single
/// numbers or lists like (1,2,3). "quietly" before a command leaves out its transcript.
/// </summary>
internal sealed class ScenarioCommands(ScenarioCluster cluster)
{
    private string[] _arguments = [];
    private Dictionary<string, string> _options = [];

    public string Run(string line)
    {
        var words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        var isQuiet = words[0] == "quietly";
        if (isQuiet)
        {
            words = words[1..];
        }

        _arguments = [.. words[1..].Where(word => !word.Contains('=', StringComparison.Ordinal))];
        _options = words[1..].Where(word => word.Contains('=', StringComparison.Ordinal))
            .ToDictionary(word => word[..word.IndexOf('=', StringComparison.Ordinal)], word => word[(word.IndexOf('=', StringComparison.Ordinal) + 1)..]);
        try
        {
            Do(words[0]);
            cluster.CarryOut();
        }
        catch (InvariantBrokenException broken)
        {
            cluster.Say($"STOPPED: {broken.Message}");
        }

        var transcript = cluster.TakeTranscript();
        if (!isQuiet)
        {
            return transcript;
        }

        // What must never happen is never passed over.
        var loud = transcript.Split('\n').Where(said => said.StartsWith("VIOLATION", StringComparison.Ordinal)
            || said.StartsWith("STOPPED", StringComparison.Ordinal));
        return string.Join('\n', [.. loud, "ok"]);
    }

    private void Do(string command)
    {
        switch (command)
        {
            // Who is there.
            case "nodes": Nodes(); break;
            case "join": cluster.Add(Number(0), first: null); break;
            case "crash": Node(0).Crash(); cluster.Say("ok"); break;
            case "restart": Node(0).Restart(); break;

            // What they are asked for.
            case "campaign": Node(0).Raft.Campaign(); break;
            case "elect": Node(0).Raft.Campaign(); cluster.CarryOut(); cluster.Stabilize(); break;
            case "propose": Propose(); break;
            case "change": Change(); break;
            case "read": Say(Node(0).Raft.ReadIndex(Number(1))); break;
            case "transfer": Say(Node(0).Raft.TransferLeadership(new NodeId(Number(1)))); break;
            case "forget-leader": Node(0).Raft.ForgetLeader(); break;
            case "unreachable": Node(0).Raft.ReportUnreachable(new NodeId(Number(1))); break;
            case "gone": Node(0).Raft.ReportGone(new NodeId(Number(1))); break;
            case "snapshot-arrived": Node(0).Raft.ReportSnapshot(new NodeId(Number(1)), isDelivered: true); break;
            case "snapshot-failed": Node(0).Raft.ReportSnapshot(new NodeId(Number(1)), isDelivered: false); break;

            // Time, network, disks.
            case "tick": Tick(); break;
            case "timeout": Node(0).Raft.ElectionTimeoutTicks = (int)Number(1); cluster.Say("ok"); break;
            case "deliver": cluster.Deliver(Wanted()); break;
            case "drop": cluster.Say($"{cluster.Drop(Wanted())} dropped"); break;
            case "duplicate": cluster.Duplicate(Wanted()); cluster.Say("ok"); break;
            case "stabilize": cluster.Stabilize(); break;
            case "cut": cluster.Cut([.. _arguments.Select(Parse)]); cluster.Say("ok"); break;
            case "cut-one-way": cluster.CutOneWay(Number(0), Number(1)); cluster.Say("ok"); break;
            case "heal": cluster.Heal(); cluster.Say("ok"); break;
            case "slow-disk": Node(0).IsDiskSlow = true; cluster.Say("ok"); break;
            case "fast-disk": FastDisk(); break;
            case "finish-write" when !Node(0).HasWrites: cluster.Say("no write is under way"); break;
            case "finish-write": Node(0).FinishWrite(); break;
            case "compact": Node(0).Compact(Number(1)); cluster.Say("ok"); break;

            // What can be seen.
            case "logs": Logs(); break;
            case "roles": Roles(); break;
            case "progress": Progress(); break;
            case "describe": cluster.Say(Node(0).Raft.Describe().TrimEnd()); break;
            case "network": Network(); break;
            case "states": States(); break;
            default: throw new ArgumentException($"There is no command '{command}'.");
        }
    }

    private void Nodes()
    {
        cluster.Settings = new RaftConfig
        {
            PreVote = Option("prevote", "on") == "on",
            CheckQuorum = Option("checkquorum", "on") == "on",
            ForwardProposals = Option("forward", "on") == "on",
            Reads = Option("reads", "quorum") == "lease" ? ReadMode.Lease : ReadMode.Quorum,
            ElectionTicks = Option("election", 10),
            MaxInflightAppends = Option("inflight", 256),
            MaxAppendBytes = Option("append-bytes", 1 << 20),
            MaxUncommittedBytes = Option("uncommitted-bytes", 1 << 20),
            MaxCommittedBytesPerReady = Option("committed-bytes", 1 << 20),
            RecentEntries = Option("recent", 8192),
        };
        cluster.Faults = Option("fault", "") switch
        {
            "" => RaftFaults.None,
            nameof(RaftFaults.CommitsOldTerms) => new RaftFaults { CommitsOldTerms = true },
            nameof(RaftFaults.TrustsOverwrittenWrites) => new RaftFaults { TrustsOverwrittenWrites = true },
            nameof(RaftFaults.AllowsConcurrentChanges) => new RaftFaults { AllowsConcurrentChanges = true },
            nameof(RaftFaults.ForgetsVote) => new RaftFaults { ForgetsVote = true },
            nameof(RaftFaults.ReadsWithoutRound) => new RaftFaults { ReadsWithoutRound = true },
            nameof(RaftFaults.ReadsBeforeOwnCommit) => new RaftFaults { ReadsBeforeOwnCommit = true },
            nameof(RaftFaults.CountsLearners) => new RaftFaults { CountsLearners = true },
            nameof(RaftFaults.TruncatesAlways) => new RaftFaults { TruncatesAlways = true },
            nameof(RaftFaults.AnswersBeforeDurable) => new RaftFaults { AnswersBeforeDurable = true },
            var unknown => throw new ArgumentException($"There is no fault '{unknown}'."),
        };

        var voters = List(Option("voters", "(1,2,3)"));
        var learners = List(Option("learners", "()"));
        var first = RaftStart.FirstEntry(voters, learners);
        foreach (var id in voters.Concat(learners))
        {
            cluster.Add(id.Value, first);
        }

        cluster.CarryOut();
        cluster.TakeTranscript();
        cluster.Say("ok");
    }

    private void Propose()
    {
        ReadOnlyMemory<byte>[] payloads = [.. _arguments[1..].Select(word => (ReadOnlyMemory<byte>)Encoding.UTF8.GetBytes(word))];
        Say(Node(0).Raft.Propose(payloads));
    }

    private void Change()
    {
        if (_arguments[1] == "leave")
        {
            Say(Node(0).Raft.ProposeConfigChange(ConfigChange.LeaveJoint));
            return;
        }

        var steps = new List<ConfigStep>();
        for (var i = 1; i + 1 < _arguments.Length; i += 2)
        {
            var kind = _arguments[i] switch
            {
                "voter" => ConfigStepKind.AddVoter,
                "learner" => ConfigStepKind.AddLearner,
                "remove" => ConfigStepKind.Remove,
                var unknown => throw new ArgumentException($"There is no step '{unknown}'."),
            };
            steps.Add(new ConfigStep(kind, new NodeId(Parse(_arguments[i + 1]))));
        }

        var transition = Option("through", "auto") switch
        {
            "joint" => ConfigTransition.JointImplicit,
            "explicit-joint" => ConfigTransition.JointExplicit,
            _ => ConfigTransition.Auto,
        };
        Say(Node(0).Raft.ProposeConfigChange(new ConfigChange(transition, [.. steps])));
    }

    private void Tick()
    {
        var count = _arguments.Length > 1 ? (int)Number(1) : 1;
        var nodes = _arguments[0] == "all" ? cluster.Nodes.ToList() : [Node(0)];
        for (var i = 0; i < count; i++)
        {
            foreach (var node in nodes.Where(node => node.IsUp))
            {
                node.Raft.Tick();
            }

            cluster.CarryOut();
        }
    }

    private void FastDisk()
    {
        var node = Node(0);
        while (node.HasWrites)
        {
            node.FinishWrite();
        }

        node.IsDiskSlow = false;
        cluster.Say("ok");
    }

    private void Logs()
    {
        foreach (var node in cluster.Nodes)
        {
            cluster.Say($"{node.DescribeLog()}{(node.Raft.Committed > 0 ? $"  committed={node.Raft.Committed}" : "")}");
        }
    }

    private void Roles()
    {
        foreach (var node in cluster.Nodes)
        {
            cluster.Say(node.IsUp
                ? $"{node.Id} {node.Raft.Role} term={node.Raft.Term} leader={node.Raft.Leader} committed={node.Raft.Committed}"
                : $"{node.Id} is down");
        }
    }

    private void Progress()
    {
        foreach (var member in Node(0).Raft.Progress.Where(member => member.Id != Node(0).Id))
        {
            cluster.Say(member.ToString());
        }
    }

    private void Network()
    {
        foreach (var message in cluster.Network)
        {
            cluster.Say(message.ToString());
        }
    }

    private void States()
    {
        foreach (var node in cluster.Nodes)
        {
            cluster.Say($"{node.Id}: {string.Join(' ', node.Commands)}");
        }
    }

    /// <summary>"deliver 2 from=1 kind=Append": by receiver, sender and kind, each optional.</summary>
    private Func<Message, bool> Wanted()
    {
        ulong? to = _arguments.Length > 0 ? Number(0) : null;
        ulong? from = _options.TryGetValue("from", out var sender) ? Parse(sender) : null;
        MessageKind? kind = _options.TryGetValue("kind", out var name) ? Enum.Parse<MessageKind>(name) : null;
        ulong? term = _options.TryGetValue("term", out var number) ? Parse(number) : null;
        return message => (to is null || message.To.Value == to)
            && (from is null || message.From.Value == from)
            && (kind is null || message.Kind == kind)
            && (term is null || message.Term == term);
    }

    private void Say(ProposalTicket ticket)
    {
        if (ticket.Outcome != ProposalOutcome.Accepted)
        {
            cluster.Say($"{ticket.Outcome}{(ticket.Problem.Length > 0 ? $": {ticket.Problem}" : "")}");
        }
    }

    private void Say(Enum outcome) => cluster.Say(outcome.ToString());

    private ScenarioNode Node(int argument) => cluster.Node(Number(argument));

    private ulong Number(int argument) => Parse(_arguments[argument]);

    private static ulong Parse(string number) => ulong.Parse(number, CultureInfo.InvariantCulture);

    private string Option(string name, string otherwise) => _options.GetValueOrDefault(name, otherwise);

    private int Option(string name, int otherwise)
        => _options.TryGetValue(name, out var value) ? int.Parse(value, CultureInfo.InvariantCulture) : otherwise;

    private static List<NodeId> List(string members)
        => [.. members.Trim('(', ')').Split(',', StringSplitOptions.RemoveEmptyEntries).Select(id => new NodeId(Parse(id)))];
}
