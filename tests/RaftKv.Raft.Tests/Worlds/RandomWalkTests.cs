using System.Globalization;
using System.Text;
using RaftKv.Raft.Log;
using RaftKv.Raft.Membership;
using RaftKv.Raft.Messages;
using RaftKv.Raft.Replication;

namespace RaftKv.Raft.Tests.Worlds;

/// <summary>
/// Clusters to which anything happens in any order: messages lost, repeated and overtaken, disks that lag, crashes,
/// compactions, membership changes, transfers. Each seed is one history. The simulator does this with far more reality;
/// this walk is small enough to run with every build of the core, and to be read.
/// </summary>
public sealed class RandomWalkTests
{
    [Theory]
    [InlineData(3, 0)]
    [InlineData(5, 1000)]
    [InlineData(1, 2000)]
    [InlineData(2, 3000)]
    [InlineData(4, 4000)]
    public void Nothing_wrong_happens_and_healed_clusters_converge(int members, int firstSeed)
    {
        for (var seed = firstSeed; seed < firstSeed + 150; seed++)
        {
            var walk = new Walk((ulong)seed, members);
            try
            {
                walk.Wander(steps: 3000);
                walk.HealAndConverge();
            }
            catch (Exception broken)
            {
                throw new InvalidOperationException(
                    string.Create(CultureInfo.InvariantCulture, $"Seed {seed} with {members} members: {broken.Message}"), broken);
            }
        }
    }

    /// <summary>
    /// Each mistake must be noticed within 6000 histories. Each has its own first seed, found by walking from zero, so
    /// that the suite does not walk through thousands of histories in which the rarer ones do no harm.
    /// Not among them: committing entries of earlier terms by counting, which takes a longer conspiracy than chance
    /// brings about here. The story figure_3_7_with_the_mistake brings it about.
    /// </summary>
    public static TheoryData<string, ulong> Faults => new()
    {
        { nameof(RaftFaults.AnswersBeforeDurable), 0 },
        { nameof(RaftFaults.ForgetsVote), 200 },
        { nameof(RaftFaults.ReadsWithoutRound), 0 },
        { nameof(RaftFaults.ReadsBeforeOwnCommit), 0 },
        { nameof(RaftFaults.CountsLearners), 2600 },
        { nameof(RaftFaults.TruncatesAlways), 0 },
        { nameof(RaftFaults.RepeatsConfigChanges), 0 },
        { nameof(RaftFaults.TrustsOverwrittenWrites), 500 },
        { nameof(RaftFaults.IgnoresCandidateLog), 0 },
        { nameof(RaftFaults.AllowsConcurrentChanges), 1200 },
    };

    [Theory]
    [MemberData(nameof(Faults))]
    public void A_known_mistake_is_noticed(string fault, ulong firstSeed)
    {
        var faults = Named(fault);
        for (var seed = firstSeed; seed < firstSeed + 6000; seed++)
        {
            try
            {
                new Walk(seed, members: 3, faults).Wander(steps: 3000);
            }
            catch (Exception noticed)
            {
                TestContext.Current.TestOutputHelper?.WriteLine($"{fault}: seed {seed}: {noticed.Message}");
                return;
            }
        }

        Assert.Fail($"{fault} survives.");
    }

    private static RaftFaults Named(string fault)
    {
        var faults = new RaftFaults();
        typeof(RaftFaults).GetProperty(fault)!.SetValue(faults, true);
        return faults;
    }

    [Fact]
    public void The_same_seed_is_the_same_history()
    {
        var one = new Walk(seed: 7, members: 3);
        var other = new Walk(seed: 7, members: 3);

        one.Wander(steps: 2000);
        other.Wander(steps: 2000);

        Assert.Equal(one.Describe(), other.Describe());
    }

    private sealed class Walk
    {
        private readonly Chance _chance;
        private readonly List<Member> _members = [];
        private readonly List<Message> _network = [];

        // What is true of the whole cluster, for ever: who led a term, what was committed at an index, which reads must
        // see how much.
        private readonly Dictionary<ulong, NodeId> _leaders = [];
        private readonly Dictionary<ulong, string> _committed = [];
        private readonly Dictionary<ulong, ulong> _reads = [];
        private readonly RaftConfig _settings;
        private readonly RaftFaults _faults;
        private ulong _token;
        private ulong _highestCommitted;
        private int _proposal;

        public Walk(ulong seed, int members, RaftFaults? faults = null)
        {
            _faults = faults ?? RaftFaults.None;
            _chance = new Chance(seed);
            _settings = new RaftConfig
            {
                PreVote = _chance.Happens(3, 4),
                CheckQuorum = _chance.Happens(3, 4),
                MaxInflightAppends = _chance.Between(1, 8),
                MaxAppendBytes = _chance.Between(1, 300),
                MaxCommittedBytesPerReady = _chance.Between(1, 300),
                MaxApplyingBytes = _chance.Between(1, 1000),
                RecentEntries = _chance.Between(0, 40),
            };
            var ids = Enumerable.Range(1, members).Select(id => new NodeId((ulong)id)).ToList();
            var first = RaftStart.FirstEntry(ids);
            foreach (var id in ids)
            {
                _members.Add(new Member(id, this, first));
            }
        }

        public void Wander(int steps)
        {
            for (var step = 0; step < steps; step++)
            {
                Something();
            }
        }

        public void HealAndConverge()
        {
            foreach (var member in _members)
            {
                member.Restart();
                member.IsSlow = false;
            }

            for (var round = 0; round < 400; round++)
            {
                foreach (var member in _members)
                {
                    member.Raft.Tick();
                    member.CarryOut();
                    member.FinishWrites();
                    member.ApplyAll();
                    member.CarryOut();
                }

                while (_network.Count > 0)
                {
                    DeliverAt(0);
                }

                foreach (var member in _members)
                {
                    member.GiveUpSnapshots();
                }
            }

            if (!_settings.PreVote || !_settings.CheckQuorum)
            {
                return; // Members that were removed may disrupt for ever: that is what the two are for.
            }

            var leader = _members.SingleOrDefault(member => member.Raft.Role == Role.Leader);
            Assert.True(leader is not null, "Nobody leads.\n" + Describe());
            foreach (var member in _members.Where(member => leader.Raft.Config.IsMember(member.Id)))
            {
                Assert.True(leader.Raft.Committed == member.Raft.Applied, "Somebody lags.\n" + Describe());
            }
        }

        public string Describe() => string.Concat(_members.Select(member => member.Raft.Describe()));

        private void Something()
        {
            var member = _members[(int)_chance.Below((ulong)_members.Count)];
            switch (_chance.Between(0, 99))
            {
                case < 12:
                    member.IfUp(raft => raft.Tick());
                    break;
                case < 60 when _network.Count > 0:
                    DeliverAt((int)_chance.Below((ulong)_network.Count));
                    break;
                case < 64 when _network.Count > 0:
                    _network.RemoveAt((int)_chance.Below((ulong)_network.Count));
                    break;
                case < 66 when _network.Count > 0:
                    _network.Add(_network[(int)_chance.Below((ulong)_network.Count)]);
                    break;
                case < 76:
                    member.IfUp(raft => raft.Propose(Encoding.UTF8.GetBytes($"p{_proposal++}")));
                    break;
                case < 84:
                    member.FinishOneWrite();
                    break;
                case < 89:
                    member.ApplyAll();
                    break;
                case < 90:
                    member.IsSlow = !member.IsSlow;
                    break;
                case < 91:
                    member.Crash();
                    break;
                case < 94:
                    member.Restart();
                    break;
                case < 95:
                    member.Compact();
                    break;
                case < 96:
                    member.IfUp(raft => raft.ProposeConfigChange(AnyChange(raft.Config)));
                    break;
                case < 97:
                    var other = _members[(int)_chance.Below((ulong)_members.Count)];
                    member.IfUp(raft => raft.TransferLeadership(other.Id));
                    break;
                case < 98:
                    var unreachable = _members[(int)_chance.Below((ulong)_members.Count)];
                    member.IfUp(raft => raft.ReportUnreachable(unreachable.Id));
                    member.IfUp(raft => raft.ReportGone(unreachable.Id));
                    break;
                case < 99:
                    member.IfUp(Read);
                    break;
                default:
                    member.IfUp(raft => raft.Campaign());
                    break;
            }

            member.CarryOut();
        }

        private ConfigChange AnyChange(ClusterConfig config)
        {
            if (config.IsJoint)
            {
                return ConfigChange.LeaveJoint;
            }

            if (_members.Count < 8 && _chance.Happens(1, 3))
            {
                _members.Add(new Member(new NodeId((ulong)_members.Count + 1), this, first: null));
            }

            var steps = new List<ConfigStep>();
            for (var count = _chance.Between(1, 3); count > 0; count--)
            {
                var member = new NodeId(_chance.Below((ulong)_members.Count) + 1);
                steps.Add(new ConfigStep((ConfigStepKind)_chance.Between(0, 2), member));
            }

            return new ConfigChange((ConfigTransition)_chance.Between(0, 2), [.. steps]);
        }

        private void Read(RaftNode raft)
        {
            // Whatever anybody has applied by now was acknowledged, and must be seen.
            _reads[++_token] = _highestCommitted;
            raft.ReadIndex(_token);
        }

        private void DeliverAt(int position)
        {
            var message = _network[position];
            _network.RemoveAt(position);
            var to = _members.Find(member => member.Id == message.To);
            to?.Receive(message);
        }

        private void Check(Member member)
        {
            if (member.Raft.Role == Role.Leader && !_leaders.TryAdd(member.Raft.Term, member.Id))
            {
                Assert.Equal(_leaders[member.Raft.Term], member.Id);
            }
        }

        private void Applied(in Entry entry)
        {
            var text = $"{entry.Position} {Encoding.UTF8.GetString(entry.Payload.Span)}";
            if (!_committed.TryAdd(entry.Index, text))
            {
                Assert.Equal(_committed[entry.Index], text);
            }

            _highestCommitted = Math.Max(_highestCommitted, entry.Index);
        }

        private void Answered(ReadState read) => Assert.True(read.Index >= _reads[read.Token]);

        private sealed class Member
        {
            private readonly Walk _walk;
            private readonly MemoryLog _log = new();
            private readonly Ready _ready = new();
            private readonly Queue<(ulong Number, HardState? State, Snapshot? Snapshot, ReadOnlyMemory<Entry> Entries)> _writes = [];
            private readonly Queue<ReadOnlyMemory<Entry>> _toApply = [];
            private HardState _hardState;
            private ulong _applied;
            private ClusterConfig _config = ClusterConfig.Empty;
            private bool _isUp = true;

            public Member(NodeId id, Walk walk, Entry? first)
            {
                Id = id;
                _walk = walk;
                if (first is { } entry)
                {
                    _log.Append([entry]);
                    _hardState = RaftStart.FirstHardState;
                }

                Raft = Start();
            }

            public NodeId Id { get; }

            public RaftNode Raft { get; private set; }

            public bool IsSlow { get; set; }

            public void IfUp(Action<RaftNode> act)
            {
                if (_isUp)
                {
                    act(Raft);
                }
            }

            public void Receive(in Message message)
            {
                if (_isUp)
                {
                    Raft.Step(message);
                    CarryOut();
                }
            }

            public void CarryOut()
            {
                while (_isUp && Raft.TryTakeReady(_ready))
                {
                    foreach (ref readonly var message in _ready.Messages)
                    {
                        _walk._network.Add(message);
                        if (message.Kind == MessageKind.InstallSnapshot && _walk._chance.Happens(1, 2))
                        {
                            Raft.ReportSnapshot(message.To, isDelivered: _walk._chance.Happens(1, 2));
                        }
                    }

                    if (_ready.Write != 0)
                    {
                        _writes.Enqueue((_ready.Write, _ready.HardState, _ready.Snapshot, _ready.Entries));
                    }

                    if (!_ready.Committed.IsEmpty)
                    {
                        _toApply.Enqueue(_ready.Committed);
                    }

                    foreach (var read in _ready.Reads)
                    {
                        _walk.Answered(read);
                    }

                    _walk.Check(this);
                    if (!IsSlow && _walk._chance.Happens(1, 2))
                    {
                        FinishWrites();
                        ApplyAll();
                    }
                }
            }

            public void FinishWrites()
            {
                while (_writes.Count > 0)
                {
                    FinishOneWrite();
                }
            }

            public void FinishOneWrite()
            {
                if (!_isUp || !_writes.TryDequeue(out var write))
                {
                    return;
                }

                if (write.Snapshot is { } snapshot)
                {
                    ApplyAll();
                    _log.Install(snapshot);
                    _applied = snapshot.Position.Index;
                    _config = snapshot.Config;
                }

                _log.Append(write.Entries.Span);
                _hardState = write.State ?? _hardState;
                if (_writes.Count == 0 || _walk._chance.Happens(2, 3))
                {
                    Raft.OnPersisted(write.Number);
                }
            }

            public void ApplyAll()
            {
                while (_isUp && _toApply.TryDequeue(out var entries))
                {
                    foreach (ref readonly var entry in entries.Span)
                    {
                        Assert.Equal(_applied + 1, entry.Index);
                        _applied = entry.Index;
                        _walk.Applied(entry);
                        if (entry.Kind == EntryKind.ConfigChange)
                        {
                            Assert.True(ConfigChange.TryDecode(entry.Payload, out var change));
                            Assert.True(_config.TryChange(change, out _config, out _));
                        }
                    }

                    Raft.OnApplied(_applied);
                }
            }

            /// <summary>A host always says at last how a transmission went.</summary>
            public void GiveUpSnapshots()
            {
                foreach (var follower in Raft.Progress.Where(follower => follower.State == ProgressState.Snapshot))
                {
                    Raft.ReportSnapshot(follower.Id, isDelivered: false);
                }
            }

            public void Compact()
            {
                if (_isUp && _applied > _log.Start.Index && _log.TryGetTerm(_applied, out var term))
                {
                    _log.Offer(new Snapshot(new LogPosition(term, _applied), _config));
                    _log.Compact(_log.Start.Index + 1 + _walk._chance.Below(_applied - _log.Start.Index));
                }
            }

            public void Crash()
            {
                _isUp = false;
                _writes.Clear();
                _toApply.Clear();
            }

            public void Restart()
            {
                if (!_isUp)
                {
                    _isUp = true;
                    Raft = Start();
                }
            }

            private RaftNode Start()
                => new(new RaftStart
                {
                    Self = Id,
                    Log = _log,
                    HardState = _hardState,
                    Applied = _applied,
                    Config = _config,
                    Chance = new Chance(_walk._chance.Next()),
                    Settings = _walk._settings,
                    Faults = _walk._faults,
                });
        }
    }
}
