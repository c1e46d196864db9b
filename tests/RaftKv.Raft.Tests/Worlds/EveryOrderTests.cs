using RaftKv.Raft.Log;
using RaftKv.Raft.Messages;

namespace RaftKv.Raft.Tests.Worlds;

/// <summary>
/// Three members, and every order in which a few things can happen to them: two campaigns, two proposals, one crash, and
/// the delivery of whatever lies first on any of the six ways between them. No chance involved: whatever goes wrong
/// within so many steps is found.
/// </summary>
public sealed class EveryOrderTests
{
    [Fact]
    public void From_the_beginning_no_order_of_eight_steps_breaks_anything()
    {
        var worlds = Explore(prologue: [], depth: 8);

        Assert.InRange(worlds, 10_000, 10_000_000);
    }

    [Fact]
    public void With_a_leader_and_an_entry_half_replicated_no_order_of_seven_steps_breaks_anything()
    {
        // 1 is elected by 2 and has appended an entry that nobody else has yet.
        Step[] prologue = [Campaign(1), Deliver(1, 2), Deliver(2, 1), Propose(1)];

        var worlds = Explore(prologue, depth: 7);

        Assert.InRange(worlds, 10_000, 10_000_000);
    }

    private static Step Campaign(ulong member) => new(StepKind.Campaign, member, 0);

    private static Step Propose(ulong member) => new(StepKind.Propose, member, 0);

    private static Step Deliver(ulong from, ulong to) => new(StepKind.Deliver, from, to);

    /// <summary>Plays every sequence of steps that can follow the prologue; a member cannot be copied, so each sequence
    /// is played from the start. Returns how many there were.</summary>
    private static int Explore(Step[] prologue, int depth)
    {
        var sequence = new List<Step>(prologue);
        var worlds = 0;
        Extend(depth);
        return worlds;

        void Extend(int left)
        {
            var world = World.After(sequence);
            worlds++;
            if (left == 0)
            {
                return;
            }

            foreach (var step in world.PossibleSteps())
            {
                sequence.Add(step);
                Extend(left - 1);
                sequence.RemoveAt(sequence.Count - 1);
            }
        }
    }

    private enum StepKind
    {
        Campaign,
        Propose,
        Crash,
        Deliver,
    }

    private readonly record struct Step(StepKind Kind, ulong Member, ulong To);

    private sealed class World
    {
        private static readonly Entry First = RaftStart.FirstEntry([new NodeId(1), new NodeId(2), new NodeId(3)]);
        private static readonly RaftConfig Settings = new() { PreVote = false, CheckQuorum = false };

        private readonly Member[] _members = [new(1), new(2), new(3)];
        private readonly Queue<Message>[] _ways = [.. Enumerable.Range(0, 16).Select(_ => new Queue<Message>())];
        private readonly Dictionary<ulong, NodeId> _leaders = [];
        private int _campaigns;
        private int _proposals;
        private int _crashes;

        public static World After(List<Step> steps)
        {
            var world = new World();
            foreach (var step in steps)
            {
                world.Take(step);
            }

            world.Check();
            return world;
        }

        public List<Step> PossibleSteps()
        {
            var steps = new List<Step>();
            foreach (var member in _members)
            {
                var id = member.Raft.Self.Value;
                if (_campaigns < 2 && id != 3 && member.Raft.Role != Role.Leader)
                {
                    steps.Add(new Step(StepKind.Campaign, id, 0));
                }

                if (_proposals < 2 && member.Raft.Role == Role.Leader)
                {
                    steps.Add(new Step(StepKind.Propose, id, 0));
                }

                if (_crashes < 1)
                {
                    steps.Add(new Step(StepKind.Crash, id, 0));
                }

                for (var to = 1UL; to <= 3; to++)
                {
                    if (Way(id, to).Count > 0)
                    {
                        steps.Add(new Step(StepKind.Deliver, id, to));
                    }
                }
            }

            return steps;
        }

        private Queue<Message> Way(ulong from, ulong to) => _ways[(from * 4) + to];

        private void Take(Step step)
        {
            var member = _members[step.Member - 1];
            switch (step.Kind)
            {
                case StepKind.Campaign:
                    _campaigns++;
                    member.Raft.Campaign();
                    break;
                case StepKind.Propose:
                    _proposals++;
                    member.Raft.Propose(new byte[] { (byte)_proposals });
                    break;
                case StepKind.Crash:
                    _crashes++;
                    member.Restart();
                    break;
                case StepKind.Deliver:
                    member = _members[step.To - 1];
                    member.Raft.Step(Way(step.Member, step.To).Dequeue());
                    break;
            }

            member.CarryOut(message => Way(message.From.Value, message.To.Value).Enqueue(message));
            if (member.Raft.Role == Role.Leader && !_leaders.TryAdd(member.Raft.Term, member.Raft.Self))
            {
                Assert.Equal(_leaders[member.Raft.Term], member.Raft.Self); // Election safety.
            }
        }

        private void Check()
        {
            foreach (var one in _members)
            {
                foreach (var other in _members)
                {
                    if (one.Raft.Self.CompareTo(other.Raft.Self) < 0)
                    {
                        CompareLogs(one, other);
                    }
                }
            }
        }

        private static void CompareLogs(Member one, Member other)
        {
            var isSame = false;
            for (var i = Math.Min(one.Log.Entries.Count, other.Log.Entries.Count) - 1; i >= 0; i--)
            {
                var left = one.Log.Entries[i];
                var right = other.Log.Entries[i];

                // Log matching: where two logs agree on a position, they agree on everything before it.
                isSame |= left.Position == right.Position;
                if (isSame)
                {
                    Assert.Equal(left.Position, right.Position);
                    Assert.True(left.Payload.Span.SequenceEqual(right.Payload.Span));
                }

                // State-machine safety: what both take for committed is the same.
                if (left.Index <= Math.Min(one.Raft.Committed, other.Raft.Committed))
                {
                    Assert.Equal(left.Position, right.Position);
                }
            }
        }

        private sealed class Member
        {
            private readonly Ready _ready = new();
            private HardState _hardState = RaftStart.FirstHardState;

            public Member(ulong id)
            {
                Log.Append([First]);
                Raft = Start(new NodeId(id));
            }

            public MemoryLog Log { get; } = new();

            public RaftNode Raft { get; private set; }

            public void Restart() => Raft = Start(Raft.Self);

            public void CarryOut(Action<Message> send)
            {
                while (Raft.TryTakeReady(_ready))
                {
                    foreach (ref readonly var message in _ready.Messages)
                    {
                        send(message);
                    }

                    if (_ready.Write != 0)
                    {
                        Log.Append(_ready.Entries.Span);
                        _hardState = _ready.HardState ?? _hardState;
                        Raft.OnPersisted(_ready.Write);
                    }

                    if (!_ready.Committed.IsEmpty)
                    {
                        Raft.OnApplied(_ready.Committed.Span[^1].Index);
                    }
                }
            }

            private RaftNode Start(NodeId self)
                => new(new RaftStart
                {
                    Self = self,
                    Log = Log,
                    HardState = _hardState,
                    Chance = new Chance(self.Value),
                    Settings = Settings,
                });
        }
    }
}
