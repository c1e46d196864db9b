using RaftKv.Raft;
using RaftKv.Raft.Log;
using RaftKv.Raft.Messages;
using RaftKv.Server.Peers;
using RaftKv.Storage.State;
using RaftKv.Storage.State.Commands;
using RaftKv.Storage.Wal;

namespace RaftKv.Server.Replica;

/// <summary>
/// Runs the consensus core: feeds it everything that has come in since the last time, and passes on what it wants written,
/// sent and applied. It never waits for a disk or a socket, so that ticks and heartbeats go on whatever those do.
/// </summary>
public sealed partial class Replica : IStage
{
    // A round of reads that has had no answer for so many ticks is asked again.
    private const int ReadRetryTicks = 5;

    // A learner may vote when it has this much of the leader's log, as etcd wants it.
    private const double CaughtUpShare = 0.9;

    // So often a member whose state is wrong asks for another, and one that leads with it looks for a successor.
    private const int MendingTicks = 20;

    // Proposals that wait for somebody to lead. Beyond that they are refused.
    private const int MaxHeldProposals = 10_000;

    private readonly RaftNode _raft;
    private readonly ReplicaLog _log;
    private readonly LogWriter _writer;
    private readonly Applier _applier;
    private readonly PendingAnswers _answers;
    private readonly ReadGate _reads;
    private readonly LeaseKeeper _leases;
    private readonly IPeerNetwork _peers;
    private readonly ISnapshotCourier _courier;
    private readonly Action<MemberStanding> _publish;
    private readonly IReplicaObserver? _observer;
    private readonly LostProposals _lost;
    private readonly StateMending _mending;
    private readonly int _comparisonTicks;

    // Members whose states are wrong, with how new what they need must be; and those to whom it is on its way.
    private readonly Dictionary<NodeId, ulong> _wanted = [];

    // Writes that the disk has not confirmed, with the last entry of each; and up to where the log was durable when.
    private readonly Queue<(ulong Number, ulong Last)> _unconfirmed = [];
    private readonly Queue<(ulong Last, long At)> _durable = [];
    private readonly HashSet<NodeId> _sentTo = [];
    private int _ticksSinceMark;
    private int _ticksSinceMending;
    private readonly Ready _ready = new();
    private readonly List<ReadOnlyMemory<byte>> _payloads = [];
    private readonly List<ulong> _requestIds = [];
    private readonly List<(ReadOnlyMemory<byte> Payload, ulong RequestId)> _held = [];

    // Writes behind a state that is being installed.
    private readonly List<LogWrite> _behindInstallation = [];
    private LogWrite? _installing;
    private ArrivedState? _arrived;
    private List<ReplicaInput> _taken = [];
    private MemberStanding _standing;
    private ulong _readToken;
    private int _ticksSinceRead;
    private ulong _committedIndex;

    public Replica(
        RaftStart start,
        ReplicaLog log,
        ulong readTokenBase,
        Inbox<ReplicaInput> inbox,
        LogWriter writer,
        Applier applier,
        PendingAnswers answers,
        ReadGate reads,
        LeaseKeeper leases,
        IPeerNetwork peers,
        ISnapshotCourier courier,
        Action<MemberStanding> publish,
        TimeSpan electionTimeout,
        StateMending mending,
        int comparisonTicks,
        IReplicaObserver? observer = null)
    {
        _mending = mending;
        _comparisonTicks = comparisonTicks;
        _log = log;
        _readToken = readTokenBase;
        Inbox = inbox;
        _writer = writer;
        _applier = applier;
        _answers = answers;
        _reads = reads;
        _leases = leases;
        _peers = peers;
        _courier = courier;
        _publish = publish;
        _observer = observer;
        _raft = new RaftNode(start);
        _lost = new LostProposals(answers, start.Self, electionTimeout);
        answers.ReasonForTimeout = began => _lost.WhyLate(began, _raft.Leader, _raft.Config, peers);
        _standing = Standing();
        publish(_standing);
    }

    public string Name => "replica";

    public Inbox<ReplicaInput> Inbox { get; }

    /// <summary>For those who describe it; by the thread that runs it.</summary>
    public RaftNode Raft => _raft;

    /// <summary>Up to which the log is agreed upon. Any thread may read it.</summary>
    public ulong CommittedIndex => Volatile.Read(ref _committedIndex);

    public bool Run()
    {
        if (!Inbox.TryTake(ref _taken))
        {
            return false;
        }

        foreach (ref readonly var input in System.Runtime.InteropServices.CollectionsMarshal.AsSpan(_taken))
        {
            Take(input);
        }

        _taken.Clear();
        CampaignIfAlone();
        Propose();
        AskForReads();
        Work();
        PublishStanding();
        _peers.Flush();
        _reads.StandingIsPublished();
        Volatile.Write(ref _committedIndex, _raft.Committed);
        return true;
    }

    private void Take(in ReplicaInput input)
    {
        switch (input.Kind)
        {
            case ReplicaInputKind.Tick:
                Tick();
                break;
            case ReplicaInputKind.Message:
                _raft.Step(input.Message);
                break;
            case ReplicaInputKind.Proposal or ReplicaInputKind.Note:
                _payloads.Add(input.Payload);
                _requestIds.Add(input.Number);
                break;
            case ReplicaInputKind.Read:
                break; // The gate knows.
            case ReplicaInputKind.Persisted:
                NoteDurable(input.Number);
                _raft.OnPersisted(input.Number);
                break;
            case ReplicaInputKind.Applied:
                _raft.OnApplied(input.Number);
                break;
            case ReplicaInputKind.ConfigChange:
                Change((MembershipProposal)input.Subject!);
                break;
            case ReplicaInputKind.Transfer:
                Transfer(input.Member, input.Number);
                break;
            case ReplicaInputKind.Unreachable:
                _raft.ReportUnreachable(input.Member);
                break;
            case ReplicaInputKind.Gone:
                _raft.ReportGone(input.Member);
                break;
            case ReplicaInputKind.SnapshotSent:
                _sentTo.Remove(input.Member);
                _raft.ReportSnapshot(input.Member, input.IsDelivered);
                break;
            case ReplicaInputKind.StateArrived when IsToMendWith((ArrivedState)input.Subject!):
                _applier.Inbox.Post(new ApplierInput.Mend((ArrivedState)input.Subject!));
                break;
            case ReplicaInputKind.StateArrived:
                Discard();
                _arrived = (ArrivedState)input.Subject!;
                _raft.Step(input.Message);
                break;
            case ReplicaInputKind.StateOffered:
                _log.Offer((OfferedState)input.Subject!);
                HelpOthers();
                break;
            case ReplicaInputKind.StateWanted:
                _wanted[input.Member] = input.Number;
                HelpOthers();
                break;
            case ReplicaInputKind.StateUnwanted:
                _courier.Discard((ArrivedState)input.Subject!);
                break;
            case ReplicaInputKind.StateInstalled:
                FinishInstallation();
                break;
        }
    }

    private void Tick()
    {
        _raft.Tick();
        if (_raft.Role == Role.Leader)
        {
            foreach (var id in _leases.TakeExpired())
            {
                var command = new LeaseRevokeCommand(Caller.Nobody, id, IsExpired: true);
                _payloads.Add(CommandEnvelope.Encode(0, Caller.Nobody, command));
                _requestIds.Add(0);
            }

            if (_leases.TakeCheckpoints() is { Count: > 0 } remaining)
            {
                _payloads.Add(CommandEnvelope.Encode(0, Caller.Nobody, new LeaseCheckpointCommand(remaining)));
                _requestIds.Add(0);
            }
        }

        MarkIfDue();
        MendIfDue();
        _ticksSinceRead++;
        if (_ticksSinceRead >= ReadRetryTicks)
        {
            _reads.Lost();
        }

        _log.Tick();
        _writer.Tick();
        _lost.Tick(_raft.Applied);
        _answers.Sweep();
        _reads.Sweep();
    }

    private void Propose()
    {
        if (_held.Count > 0)
        {
            // Those who have waited longest come first.
            _payloads.InsertRange(0, _held.Select(held => held.Payload));
            _requestIds.InsertRange(0, _held.Select(held => held.RequestId));
            _held.Clear();
        }

        if (_payloads.Count == 0)
        {
            return;
        }

        if (_raft.Role != Role.Leader)
        {
            // Only the clock of a leader says that a lease has run out, and this one is no leader any more.
            DropUnawaited();
        }

        var ticket = _raft.Propose(System.Runtime.InteropServices.CollectionsMarshal.AsSpan(_payloads));
        switch (ticket.Outcome)
        {
            case ProposalOutcome.Accepted or ProposalOutcome.Forwarded:
                NoteProposed(_raft.Term);
                break;
            case ProposalOutcome.NoLeader or ProposalOutcome.Transferring or ProposalOutcome.NotLeader:
                Hold();
                break;
            case ProposalOutcome.Overloaded:
                Refuse(RequestRefusal.TooManyRequests);
                break;
            default:
                Refuse(RequestRefusal.Dropped);
                break;
        }

        _payloads.Clear();
        _requestIds.Clear();
    }

    private void NoteProposed(ulong term)
    {
        var now = _answers.Now;
        foreach (var requestId in _requestIds)
        {
            _answers.Proposed(requestId, term, now);
        }
    }

    private void NoteDurable(ulong number)
    {
        var last = 0ul;
        while (_unconfirmed.TryPeek(out var write) && write.Number <= number)
        {
            last = Math.Max(last, write.Last);
            _unconfirmed.Dequeue();
        }

        if (last > 0)
        {
            _durable.Enqueue((last, _answers.Now));
        }
    }

    // Only to say later where a slow one spent its time: what was overwritten by another leader may confuse it, and nothing else.
    private long DurableAt(ulong index)
    {
        while (_durable.TryPeek(out var durable))
        {
            if (durable.Last >= index)
            {
                return durable.At;
            }

            _durable.Dequeue();
        }

        return 0;
    }

    // The only voter has nobody to wait for.
    private void CampaignIfAlone()
    {
        if (_raft.Role == Role.Follower && _raft.Config is { IsJoint: false, Voters: [var only] } && only == _raft.Self)
        {
            _raft.Campaign();
        }
    }

    private void DropUnawaited()
    {
        for (var i = _requestIds.Count - 1; i >= 0; i--)
        {
            if (_requestIds[i] == 0)
            {
                _requestIds.RemoveAt(i);
                _payloads.RemoveAt(i);
            }
        }
    }

    private void Hold()
    {
        for (var i = 0; i < _payloads.Count; i++)
        {
            if (_held.Count == MaxHeldProposals)
            {
                _answers.Refuse(_requestIds[i], RequestRefusal.TooManyRequests);
            }
            else if (_requestIds[i] != 0 && _answers.IsAwaited(_requestIds[i]))
            {
                _held.Add((_payloads[i], _requestIds[i]));
            }
        }
    }

    private void Refuse(RequestRefusal reason)
    {
        foreach (var requestId in _requestIds)
        {
            _answers.Refuse(requestId, reason);
        }
    }

    private void AskForReads()
    {
        if (!_reads.WantsRound)
        {
            return;
        }

        var token = ++_readToken;
        _reads.Asked(token);
        _ticksSinceRead = 0;
        if (_raft.ReadIndex(token) == ReadOutcome.NoLeader)
        {
            _reads.Lost();
        }
    }

    private void Change(MembershipProposal proposal)
    {
        // It was checked against what was applied then; what came after may have changed the members.
        if (_raft.Role == Role.Leader && _raft.ConfigIndex > proposal.CheckedAt)
        {
            proposal.Refuse(RequestRefusal.Unhealthy);
            return;
        }

        if (proposal.Promotes is { IsNone: false } learner && !IsCaughtUp(learner))
        {
            proposal.Refuse(RequestRefusal.LearnerNotReady);
            return;
        }

        var ticket = _raft.Role == Role.Leader
            ? _raft.ProposeConfigChange(proposal.Change)
            : new ProposalTicket(ProposalOutcome.NotLeader, default, _raft.Leader);
        var refusal = ticket.Outcome switch
        {
            ProposalOutcome.Accepted => (RequestRefusal?)null,
            ProposalOutcome.NoLeader => RequestRefusal.NoLeader,
            ProposalOutcome.NotLeader or ProposalOutcome.Forwarded => RequestRefusal.NotLeader,
            ProposalOutcome.ChangeInFlight => RequestRefusal.Unhealthy,
            _ => RequestRefusal.Dropped,
        };
        if (refusal is { } reason)
        {
            proposal.Refuse(reason);
        }
        else
        {
            _applier.ExpectChange(ticket.Position, proposal);
        }
    }

    private bool IsCaughtUp(NodeId learner)
    {
        var progress = _raft.Progress.FirstOrDefault(member => member.Id == learner);
        return progress is not null && progress.Match >= _raft.Last.Index * CaughtUpShare;
    }

    private void Transfer(NodeId target, ulong requestId)
    {
        if (_raft.Role != Role.Leader)
        {
            _answers.Refuse(requestId, RequestRefusal.NotLeader);
        }
        else if (_raft.TransferLeadership(target) == TransferOutcome.NotAVoter)
        {
            _answers.Refuse(requestId, RequestRefusal.BadTransferTarget);
        }
    }

    // All that the core wants done, until it wants nothing more.
    private void Work()
    {
        while (_raft.TryTakeReady(_ready))
        {
            if (_ready.Write != 0)
            {
                Write();
            }

            foreach (ref readonly var message in _ready.Messages)
            {
                Send(message);
            }

            foreach (ref readonly var read in _ready.Reads)
            {
                _reads.Confirmed(read.Token, read.Index);
            }

            if (!_ready.Committed.IsEmpty)
            {
                _lost.Agreed(_ready.Committed.Span);
                var durableAt = DurableAt(_ready.Committed.Span[^1].Index);
                _applier.Inbox.Post(new ApplierInput.Committed(_ready.Committed, durableAt, _answers.Now));
            }
        }

        if (_log.TakeWish())
        {
            _applier.Inbox.Post(new ApplierInput.Offer());
        }
    }

    private void Send(in Message message)
    {
        if (message.Kind == MessageKind.TimeoutNow)
        {
            _leases.GivenAway(message.Term);
        }

        if (message.Kind == MessageKind.InstallSnapshot)
        {
            if (_log.Offered is { } state && state.Snapshot.Position == message.Snapshot!.Position)
            {
                _courier.Send(message, state);
            }
            else
            {
                Inbox.Post(ReplicaInput.SnapshotSent(message.To, isDelivered: false));
            }
        }
        else if (!_peers.Send(message))
        {
            _raft.ReportUnreachable(message.To);
            if (message.Kind == MessageKind.Propose)
            {
                TakeBack(message.Entries.Span);
            }
        }
    }

    // The leader is out of reach, and knows nothing of these. So they wait, as if nobody led.
    private void TakeBack(ReadOnlySpan<Entry> entries)
    {
        foreach (ref readonly var entry in entries)
        {
            if (entry.Kind == EntryKind.Command && _held.Count < MaxHeldProposals)
            {
                var requestId = CommandEnvelope.RequestIdOf(entry.Payload.Span);
                if (_answers.IsAwaited(requestId))
                {
                    _answers.Proposed(requestId, term: 0, _answers.Now);
                    _held.Add((entry.Payload, requestId));
                }
            }
        }
    }

    private void Write()
    {
        LogPosition? installed = null;
        if (_ready.Snapshot is { } snapshot)
        {
            Invariant.Holds(_arrived is not null);
            Invariant.Holds(_arrived.Machine.Applied == snapshot.Position);
            installed = snapshot.Position;
        }

        if (!_ready.Entries.IsEmpty)
        {
            _unconfirmed.Enqueue((_ready.Write, _ready.Entries.Span[^1].Index));
            _leases.Appended(_ready.Entries.Span);
        }

        _observer?.Writing(installed, _ready.Entries.Span);
        var write = new LogWrite(_ready.Write, _ready.HardState, installed, _ready.Entries, CompactThrough: null);
        if (_installing is not null)
        {
            _behindInstallation.Add(write);
        }
        else if (installed is not null)
        {
            // The state is durable before the log says that it begins there.
            _installing = write;
            _applier.Inbox.Post(new ApplierInput.Install(_arrived!));
            _arrived = null;
        }
        else
        {
            _writer.Inbox.Post(write);
        }
    }

    private void FinishInstallation()
    {
        Invariant.Holds(_installing is not null);
        _writer.Inbox.Post(_installing.Value);
        _installing = null;
        var behind = 0;
        while (behind < _behindInstallation.Count && _behindInstallation[behind].Installed is null)
        {
            _writer.Inbox.Post(_behindInstallation[behind++]);
        }

        // A second state may have been asked for while the first was being installed.
        if (behind < _behindInstallation.Count)
        {
            Invariant.Holds(_arrived is not null);
            _installing = _behindInstallation[behind++];
            _applier.Inbox.Post(new ApplierInput.Install(_arrived));
            _arrived = null;
        }

        _behindInstallation.RemoveRange(0, behind);
    }

    // A state that the core did not want, because what is here has overtaken it.
    private void Discard()
    {
        if (_arrived is { } unwanted && _installing is null)
        {
            _courier.Discard(unwanted);
        }
    }

    private void PublishStanding()
    {
        var standing = Standing();
        if (standing == _standing)
        {
            return;
        }

        var before = _standing;
        _standing = standing;
        if (standing.IsLeader && (!before.IsLeader || before.Term != standing.Term))
        {
            _applier.Inbox.Post(new ApplierInput.Lead(_raft.Last.Index));
        }
        else if (!standing.IsLeader && before.IsLeader)
        {
            _applier.Inbox.Post(new ApplierInput.Follow());
        }

        if (standing.Leader != before.Leader)
        {
            if (!standing.Leader.IsNone)
            {
                _lost.Elected();
            }

            // What the old leader was asked it may never answer.
            _reads.Lost();
            AskForReads();
            Propose();
            Work();
        }

        _publish(standing);
    }

    private MemberStanding Standing() => new(
        _raft.Term,
        _raft.Leader,
        _raft.Role == Role.Leader,

        // One that has yet to read that it is a member counts as a learner.
        !_raft.Config.IsVoter(_raft.Self),
        _raft.TransferTarget);
}

/// <summary>Where the member stands, as its replica sees it.</summary>
public sealed record MemberStanding(ulong Term, NodeId Leader, bool IsLeader, bool IsLearner, NodeId TransferTarget);

/// <summary>Carries whole states to other members.</summary>
public interface ISnapshotCourier
{
    /// <summary>Sends a message together with the state it stands for.</summary>
    void Send(in Message message, OfferedState state);

    /// <summary>A state that had arrived is not needed.</summary>
    void Discard(ArrivedState state);
}

/// <summary>The log as the core reads it, and the state that is lent to members that are too far behind for it.</summary>
public sealed class ReplicaLog(WriteAheadLog log) : ILogReader
{
    // A state stands ready for as long as somebody may ask for it, and not much longer: it holds on to what it shows.
    private const int IdleTicks = 600;

    private bool _isWanted;
    private bool _isAsked;
    private int _idleTicks;

    public OfferedState? Offered { get; private set; }

    public LogPosition Start => log.Start;

    public LogPosition Last => log.Last;

    public bool TryGetTerm(ulong index, out ulong term) => log.TryGetTerm(index, out term);

    public LogRead Read(ulong first, ulong last, long maxBytes, out ReadOnlyMemory<Entry> entries)
        => log.Read(first, last, maxBytes, out entries) switch
        {
            WalRead.Found => LogRead.Found,
            WalRead.Compacted => LogRead.Compacted,

            // Overwritten by a shorter suffix since the core looked. It will see that soon, and ask for something else.
            _ => LogRead.Unavailable,
        };

    public Snapshot? LatestSnapshot()
    {
        _idleTicks = 0;
        if (Offered is null || Offered.Snapshot.Position.Index < log.Start.Index)
        {
            _isWanted = true;
            return null;
        }

        return Offered.Snapshot;
    }

    /// <summary>A state as of now is needed, newer than what is offered.</summary>
    public void Want() => _isWanted = true;

    /// <summary>Whether a state should be made ready.</summary>
    public bool TakeWish()
    {
        var wish = _isWanted && !_isAsked;
        _isAsked |= wish;
        return wish;
    }

    public void Offer(OfferedState state)
    {
        Offered?.Release();
        Offered = state;
        _isWanted = _isAsked = false;
        _idleTicks = 0;
    }

    public void Tick()
    {
        _idleTicks++;
        if (_idleTicks > IdleTicks && Offered is not null)
        {
            Offered.Release();
            Offered = null;
        }
    }
}
