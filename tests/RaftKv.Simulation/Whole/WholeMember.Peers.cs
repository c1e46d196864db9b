using System.Buffers;
using RaftKv.Raft;
using RaftKv.Raft.Membership;
using RaftKv.Raft.Messages;
using RaftKv.Server.Peers;
using RaftKv.Server.Replica;
using RaftKv.Simulation.Members;
using RaftKv.Storage.State;

namespace RaftKv.Simulation.Whole;

/// <summary>What a member says to the others: the messages as bytes and back, and whole states.</summary>
internal sealed partial class WholeMember : IPeerNetwork
{
    private readonly Queue<(Message Message, ISnapshotSource Source)> _outgoing = [];
    private readonly List<Message> _decoded = [];
    private (ISnapshotSink Sink, ReadOnlyMemory<byte> Missing)? _arriving;

    public bool Send(in Message message)
    {
        if (!IsWelcomeAt(message.To))
        {
            return false;
        }

        _world.HandedOut(message);
        _world.Send(OverTheWire(message), state: null);
        return true;
    }

    public void Flush()
    {
    }

    public void SendSnapshot(in Message message, ISnapshotSource source)
    {
        // The state is held for a while before it is read: what happens meanwhile must not show in it.
        _outgoing.Enqueue((message, source));
        _runs[(int)Stage.SnapshotOut].WakeWithin(_plan.Whole!.SnapshotNanosMax);
    }

    public void AddPeer(NodeId id, IReadOnlyList<Uri> urls)
    {
    }

    public void UpdatePeer(NodeId id, IReadOnlyList<Uri> urls)
    {
    }

    public void RemovePeer(NodeId id)
    {
    }

    public PeerStatus? StatusOf(NodeId id) => null;

    public IReadOnlyList<PeerStatus> Statuses() => [];

    public void Receive(in Message message, MemberState? state)
    {
        if (_stages.Store.Machine.Members.IsRemoved(message.From))
        {
            // Its connection is refused, and it is told why.
            _world.Dismiss(message.From);
            return;
        }

        if (!IsWelcomeAt(message.From))
        {
            return;
        }

        if (state is null)
        {
            _stages.Inbox.Post(ReplicaInput.Of(message));
        }
        else
        {
            Take(message, state.Bytes);
        }

        LookAtCalls();
    }

    // One that knows nothing talks and listens only to those who let it in.
    private bool IsWelcomeAt(NodeId other)
    {
        if (!Memory.IsBlank)
        {
            return true;
        }

        var welcome = _world.Knock(other);
        return welcome == Welcome.LostItsData
            ? throw new StartRefusedException($"{other} knows that this member has run before")
            : welcome == Welcome.Yes;
    }

    public void ReportUnreachable(NodeId member) => _stages.Inbox.Post(ReplicaInput.Unreachable(member));

    public void ReportGone(NodeId member) => _stages.Inbox.Post(ReplicaInput.Gone(member));

    public void ReportSnapshot(NodeId member, bool isDelivered)
        => _stages.Inbox.Post(ReplicaInput.SnapshotSent(member, isDelivered));

    public void TransferLeadership(NodeId target)
    {
        var requestId = NextRequestId();
        _ = _stages.Answers.ExpectAsync(requestId).AsTask(); // Nobody looks at what comes of it.
        _stages.Inbox.Post(ReplicaInput.Transfer(target, requestId));
    }

    public void ChangeMembership(ConfigChange change)
    {
        if (!_standing.IsLeader || change.Steps is not [var step])
        {
            return; // A follower would ask the leader.
        }

        _stages.Applier.Inbox.Post(new ApplierInput.Ask(machine => Propose(machine, step)));
    }

    // As the member itself does it: the state says whether the change is in order, the others' presence whether it is safe.
    private void Propose(StateMachine machine, ConfigStep step)
    {
        var known = machine.Members.Find(step.Member);
        var change = step.Kind switch
        {
            ConfigStepKind.Remove => MemberChange.Remove(step.Member),
            ConfigStepKind.AddVoter when known is not null => MemberChange.Promote(step.Member),
            _ => MemberChange.Add(Named(step.Member, isLearner: step.Kind == ConfigStepKind.AddLearner), maxLearners: 2),
        };
        if (machine.Members.Check(change) != StateError.None)
        {
            return;
        }

        try
        {
            MembershipRules.CheckHealth(
                change, [.. machine.Members.Members], _world.Self, id => _world.IsConnectedTo(id) ? TimeSpan.FromMinutes(1) : null);
        }
        catch (RequestRefusedException)
        {
            return;
        }

        _stages.Inbox.Post(ReplicaInput.Change(MembershipRules.Proposal(machine, change)));
    }

    // The bytes are made and read at once; what travels is what was read.
    private Message OverTheWire(in Message message)
    {
        var bytes = new byte[MessageCodec.BatchHeaderBytes + MessageCodec.BoundOf(message)];
        MessageCodec.WriteBatchHeader(bytes, messages: 1, message.Entries.Length);
        var length = MessageCodec.Write(message, bytes.AsSpan(MessageCodec.BatchHeaderBytes));
        _decoded.Clear();
        MessageCodec.Read(bytes.AsMemory(0, MessageCodec.BatchHeaderBytes + length), message.From, message.To, _decoded);
        return _decoded[0];
    }

    private void SendNextSnapshot()
    {
        var (message, source) = _outgoing.Dequeue();
        var bytes = ReadAll(source);
        _world.HandedOut(message);
        _world.Send(OverTheWire(message), new MemberState(message.Snapshot!.Position, message.Snapshot.Config, bytes));
    }

    // A half comes at once, the other later: whatever can happen to a member in between does.
    private void Take(in Message message, ReadOnlyMemory<byte> bytes)
    {
        if (_arriving is { } unfinished)
        {
            _arriving = null;
            Finished(unfinished.Sink.DisposeAsync());
        }

        var sink = _snapshots.Receive(new SnapshotOffer(message, Guid.Empty, bytes.Length));
        var half = _chance.Below(bytes.Length + 1);
        Finished(sink.WriteAsync(bytes[..half], CancellationToken.None));
        _arriving = (sink, bytes[half..]);
        _runs[(int)Stage.SnapshotIn].WakeWithin(_plan.Whole!.SnapshotNanosMax);
    }

    private void FinishArrival()
    {
        if (_arriving is not { } arriving)
        {
            return;
        }

        _arriving = null;
        Finished(arriving.Sink.WriteAsync(arriving.Missing, CancellationToken.None));
        Finished(arriving.Sink.CompleteAsync(CancellationToken.None));
        Finished(arriving.Sink.DisposeAsync());
    }

    private static byte[] ReadAll(ISnapshotSource source)
    {
        var bytes = new ArrayBufferWriter<byte>();
        var pieces = source.ReadAsync(0, CancellationToken.None).GetAsyncEnumerator();
        while (Finished(pieces.MoveNextAsync()))
        {
            bytes.Write(pieces.Current.Span);
        }

        Finished(pieces.DisposeAsync());
        Finished(source.DisposeAsync());
        return bytes.WrittenSpan.ToArray();
    }

#pragma warning disable VSTHRD002 // Nothing here waits for anything: it is done when it returns, or the simulation is wrong.
    private static void Finished(ValueTask task)
    {
        Invariant.Holds(task.IsCompleted);
        task.GetAwaiter().GetResult();
    }

    private static bool Finished(ValueTask<bool> task)
    {
        Invariant.Holds(task.IsCompleted);
        return task.GetAwaiter().GetResult();
    }
#pragma warning restore VSTHRD002
}
