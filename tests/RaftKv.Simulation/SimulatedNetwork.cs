using RaftKv.Raft;
using RaftKv.Raft.Messages;
using RaftKv.Simulation.Members;

namespace RaftKv.Simulation;

/// <summary>
/// The lines between members, one for each direction of each pair. A line may be cut, and loses what is on it; or clogged,
/// and keeps it until it flows again.
/// </summary>
internal sealed class SimulatedNetwork(Simulator simulator, Chance chance, Func<NodeId, SimulatedNode?> find) : IActor
{
    public const int MembersMax = 32;

    private const int Deliver = 0;
    private const int TellUnreachable = 1;
    private const int TellSnapshotLost = 2;
    private const int TellSnapshotDelivered = 3;
    private const int TellGone = 4;

    // A sender finds its connection broken, pauses, and finds that nobody accepts another.
    private const long GoneNanosMax = 60 * Simulator.Millisecond;

    // How long it takes a sender to find out that a snapshot did not get through.
    private const long SnapshotTimeout = 150 * Simulator.Millisecond;

    // Of its own, so that what it decides leaves the rest of a history as it was.
    private readonly Chance _gone = chance.Stream("gone");
    private readonly Line[] _lines = new Line[MembersMax * MembersMax];
    private readonly List<Envelope> _envelopes = [];
    private readonly Stack<int> _free = [];

    public NetworkFaults Faults { get; set; } = new();

    /// <summary>Whether proposals that are passed on are never duplicated.</summary>
    public bool PassesOnOnce { get; set; }

    public long DeliveredCount { get; private set; }

    public void Cut(NodeId from, NodeId to)
    {
        LineOf(from, to).Cuts++;
        if (_gone.Happens(Faults.TakenForEnd))
        {
            TellThatGone(from, to);
        }
    }

    public void Mend(NodeId from, NodeId to)
    {
        ref var line = ref LineOf(from, to);
        line.Cuts = Math.Max(0, line.Cuts - 1);
    }

    public void Clog(NodeId from, NodeId to, long until)
    {
        ref var line = ref LineOf(from, to);
        line.CloggedUntil = Math.Max(line.CloggedUntil, until);
    }

    /// <summary>All lines are as new. What is clogged flows at once.</summary>
    public void HealAll()
    {
        for (var i = 0; i < _lines.Length; i++)
        {
            _lines[i].Cuts = 0;
            _lines[i].CloggedUntil = 0;
        }
    }

    /// <summary>A process has ended. Its machine refuses connections, and says so to whoever it can reach.</summary>
    public void Ended(NodeId member, IReadOnlyList<SimulatedNode?> all)
    {
        foreach (var other in all)
        {
            if (other is not null && other.Self != member && _gone.Happens(Faults.ToldOfEnd))
            {
                TellThatGone(other.Self, member);
            }
        }
    }

    public bool IsCut(NodeId from, NodeId to) => LineOf(from, to).Cuts > 0;

    public void Send(in Message message, MemberState? state)
    {
        ref var line = ref LineOf(message.From, message.To);
        if (line.Cuts > 0 || line.Count >= Faults.QueueLimit || chance.Happens(Faults.Loss))
        {
            Drop(message);
            return;
        }

        Put(ref line, message, state);
        // What is passed on to a leader comes over a stream that never says a thing twice, and nobody is prepared for it.
        if (chance.Happens(Faults.Duplication) && !(PassesOnOnce && message.Kind == MessageKind.Propose))
        {
            Put(ref line, message, state);
        }
    }

    /// <summary>The receiver stands still; the message waits in its socket.</summary>
    public void Redeliver(in Message message, MemberState? state, long at)
    {
        LineOf(message.From, message.To).Count++;
        simulator.Schedule(at, this, Deliver, (ulong)Keep(message, state));
    }

    public void Happen(int what, ulong argument)
    {
        switch (what)
        {
            case Deliver:
                Arrive((int)argument);
                break;
            case TellUnreachable:
                find(new NodeId(argument >> 32))?.ReportUnreachable(new NodeId(argument & uint.MaxValue));
                break;
            case TellGone:
                find(new NodeId(argument >> 32))?.ReportGone(new NodeId(argument & uint.MaxValue));
                break;
            case TellSnapshotLost or TellSnapshotDelivered:
                TellAboutSnapshot(what, argument);
                break;
        }
    }

    private void TellThatGone(NodeId told, NodeId gone)
        => simulator.Schedule(simulator.Now + _gone.Between(0, GoneNanosMax), this, TellGone, PairOf(told, gone));

    private void Put(ref Line line, in Message message, MemberState? state)
    {
        var delay = chance.Between(Faults.DelayNanosMin, Faults.DelayNanosMax);
        if (chance.Happens(Faults.Slow))
        {
            delay *= chance.Between(10, 50);
        }

        var at = Math.Max(simulator.Now, line.CloggedUntil) + delay;
        if (!chance.Happens(Faults.Reordering))
        {
            at = Math.Max(at, line.LastArrival);
            line.LastArrival = at;
        }

        line.Count++;
        simulator.Schedule(at, this, Deliver, (ulong)Keep(message, state));
    }

    private int Keep(in Message message, MemberState? state)
    {
        if (!_free.TryPop(out var place))
        {
            place = _envelopes.Count;
            _envelopes.Add(default);
        }

        _envelopes[place] = new Envelope(message, state);
        return place;
    }

    private void Arrive(int place)
    {
        var (message, state) = _envelopes[place];
        _envelopes[place] = default;
        _free.Push(place);
        ref var line = ref LineOf(message.From, message.To);
        line.Count--;
        var receiver = find(message.To);
        if (line.Cuts > 0 || receiver is null || !receiver.IsUp)
        {
            Drop(message);
            return;
        }

        DeliveredCount++;
        receiver.Receive(message, state);
        if (message.Kind == MessageKind.InstallSnapshot)
        {
            simulator.Schedule(simulator.Now, this, TellSnapshotDelivered, PairOf(message));
        }
    }

    private void Drop(in Message message)
    {
        if (message.Kind == MessageKind.InstallSnapshot)
        {
            simulator.Schedule(simulator.Now + SnapshotTimeout, this, TellSnapshotLost, PairOf(message));
        }
        else if (chance.Happens(Faults.ToldOfLoss))
        {
            simulator.Schedule(simulator.Now + Faults.DelayNanosMax, this, TellUnreachable, PairOf(message));
        }
    }

    // The sender's host owes its member this word. If the process stands still, it is said when it goes on.
    private void TellAboutSnapshot(int what, ulong pair)
    {
        if (find(new NodeId(pair >> 32)) is not { } sender)
        {
            return;
        }

        if (simulator.Now < sender.PausedUntil)
        {
            simulator.Schedule(sender.PausedUntil, this, what, pair);
            return;
        }

        sender.ReportSnapshot(new NodeId(pair & uint.MaxValue), isDelivered: what == TellSnapshotDelivered);
    }

    private static ulong PairOf(in Message message) => PairOf(message.From, message.To);

    private static ulong PairOf(NodeId from, NodeId to) => (from.Value << 32) | to.Value;

    private ref Line LineOf(NodeId from, NodeId to) => ref _lines[((int)from.Value * MembersMax) + (int)to.Value];

    private readonly record struct Envelope(Message Message, MemberState? State);

    private struct Line
    {
        public int Cuts;
        public int Count;
        public long CloggedUntil;
        public long LastArrival;
    }
}
