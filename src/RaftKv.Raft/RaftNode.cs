using System.Globalization;
using System.Text;
using RaftKv.Raft.Log;
using RaftKv.Raft.Membership;
using RaftKv.Raft.Messages;
using RaftKv.Raft.Quorum;
using RaftKv.Raft.Reads;
using RaftKv.Raft.Replication;

namespace RaftKv.Raft;

/// <summary>
/// One member of a Raft cluster: a state machine that is fed messages, ticks and requests, and hands back what is to be
/// persisted, sent and applied. It owns no thread, clock, disk, socket or randomness, and is not safe for use by two
/// callers at once.
/// <para><b>What the host owes the core.</b> After feeding it anything, the host calls <see cref="TryTakeReady"/> until it
/// returns false, and for each <see cref="Ready"/>:</para>
/// <list type="number">
/// <item><b>Write.</b> If <see cref="Ready.Write"/> is not zero: install <see cref="Ready.Snapshot"/> if there is one (in
/// place of the whole log and state machine, after what was handed out before it has been applied), write
/// <see cref="Ready.Entries"/> (the first replaces what stands at its index, and everything after it) and
/// <see cref="Ready.HardState"/> if there is one. Several writes may be under way; they take effect in the order of their
/// numbers. When a write is durable, and all before it are, report its number to <see cref="OnPersisted"/>; reporting
/// only the newest of several is enough. A write that fails stops the member: it is never reported.</item>
/// <item><b>Send.</b> Send <see cref="Ready.Messages"/> at once, in parallel with the write. The core holds back by itself
/// whatever claims something that is not durable yet (votes, acknowledgements, the term they are made in) and hands it
/// out after <see cref="OnPersisted"/>; the host has nothing to sort. Messages may be lost, repeated and reordered.
/// An <see cref="MessageKind.InstallSnapshot"/> travels together with the state of exactly that position; the host says
/// with <see cref="ReportSnapshot"/> how it went, always and at last: until then, or until the follower acknowledges it,
/// nothing else is sent there. The receiving host first takes in the whole state, then steps the
/// message, and keeps the state if a Ready asks to install it. A message that could not be handed to the network at
/// all is reported with <see cref="ReportUnreachable"/>.</item>
/// <item><b>Apply.</b> Apply <see cref="Ready.Committed"/> in order, each entry once, and report progress to
/// <see cref="OnApplied"/>. They are durable on this member. Membership changes among them are already in force; the
/// application records the configuration after them (<see cref="ClusterConfig.TryChange"/>) beside its state, because a
/// restart needs both as of the same index.</item>
/// <item><b>Answer.</b> A read in <see cref="Ready.Reads"/> may be answered once its index is applied.</item>
/// </list>
/// <para><b>After a restart</b> the core is made anew from <see cref="RaftStart"/>: the newest durable hard state, the durable
/// log, and the state machine's index and configuration. The commit index in the hard state is a head start only; it
/// may lag behind what was applied.</para>
/// <para>
/// Messages to followers are made as the Ready is taken, so whatever was proposed and committed since the last one
/// travels together: batching is what happens when inputs queue up, not a timer.
/// </para>
/// </summary>
public sealed partial class RaftNode
{
    private readonly RaftConfig _settings;
    private readonly RaftFaults _faults;
    private readonly IRaftObserver? _observer;
    private readonly Chance _chance;
    private readonly RaftLog _log;
    private readonly ConfigHistory _configs;
    private readonly ProgressTable _progress;
    private readonly PendingReads _reads = new();
    private readonly VoteTally _votes = new();

    // Ready to leave, and waiting for a write to become durable. Whatever waits is of the current term: an answer given
    // in an earlier one is of no use to anybody any more.
    private List<Message> _outgoing = [];
    private readonly List<(ulong Write, Message Message)> _heldBack = [];
    private List<ReadState> _answeredReads = [];

    // The hard state as last handed out, and the write that made its term and vote durable.
    private HardState _handedOut;
    private ulong _termWrite;

    // The term this member started in, now that it was started for the last time.
    private readonly ulong _firstTerm;

    private int _electionTimeoutTicks;
    private int _ticksSinceLeaderHeard;

    // What the next election timeout is at least. Less than usual while the leader is believed to be gone.
    private int _leastTimeout;
    private bool _isLeaderGone;
    private ulong _ticks;

    // Leader only, from here to the next line -----------------------------------------------------------------------

    // The first entry of the own term. Nothing before it is committed by counting.
    private ulong _firstOwnIndex;

    // Payload of own entries that are not committed yet.
    private long _uncommittedBytes;
    private int _heartbeatTicks;
    private int _ticksSinceQuorumChecked;

    // The newest heartbeat round, and when each unanswered one was sent (leases only).
    private ulong _round;
    private readonly Queue<(ulong Round, ulong Tick)> _roundTicks = [];

    // Once somebody was told to campaign regardless of the leader, promises to this leader mean nothing any more.
    private bool _isLeaseBroken;
    private NodeId _transferTarget;
    private int _transferTicks;

    // ---------------------------------------------------------------------------------------------------------------

    /// <exception cref="ArgumentException">The settings contradict themselves.</exception>
    /// <exception cref="InvalidOperationException">The log cannot be read.</exception>
    public RaftNode(RaftStart start)
    {
        if (start.Settings.Problems() is { Count: > 0 } problems)
        {
            throw new ArgumentException(string.Join(' ', problems), nameof(start));
        }

        Invariant.Holds(!start.Self.IsNone);
        if (start.Applied == 0)
        {
            Invariant.Holds(start.Config.IsEmpty);
        }

        Self = start.Self;
        Term = start.HardState.Term;
        Vote = start.HardState.Vote;
        _firstTerm = Term;
        _settings = start.Settings;
        _faults = start.Faults;
        _observer = start.Observer;
        _chance = start.Chance;
        _handedOut = start.HardState;
        _progress = new ProgressTable(Self, _settings);

        // A commit index beyond the log means that entries which others count as stored here are lost.
        _log = new RaftLog(start.Log, _settings, _faults, start.Applied, start.HardState.Commit);
        _configs = new ConfigHistory(start.Applied, start.Config);
        if (_faults.RepeatsConfigChanges)
        {
            RepeatConfigChanges(start);
        }

        _log.Load(entry => _configs.Adopt(entry));
        _configs.CommitThrough(_log.Committed);
        if (HeldByLoneVoter(_log.Durable) is var held and > 0)
        {
            // Nobody else could tell it.
            _log.CommitTo(held);
            _configs.CommitThrough(held);
        }

        CountedConfig = Counted(_configs.Current);
        Invariant.Holds(Term >= _log.Last.Term);
        _leastTimeout = _settings.ElectionTicks;
        _electionTimeoutTicks = NextElectionTimeout();
        CheckInvariants();
    }

    public NodeId Self { get; }

    public Role Role { get; private set; }

    public ulong Term { get; private set; }

    /// <summary>Whom this member voted for in this term.</summary>
    public NodeId Vote { get; private set; }

    /// <summary>Who leads this term, as far as is known.</summary>
    public NodeId Leader { get; private set; }

    /// <summary>The configuration in force: the newest in the log, committed or not.</summary>
    public ClusterConfig Config => _configs.Current;

    /// <summary>Where <see cref="Config"/> stands in the log. It is committed if this is not above <see cref="Committed"/>.</summary>
    public ulong ConfigIndex => _configs.CurrentIndex;

    public LogPosition Last => _log.Last;

    public ulong Committed => _log.Committed;

    public ulong Applied => _log.Applied;

    /// <summary>This member's log is durable up to this entry.</summary>
    public ulong Durable => _log.Durable;

    /// <summary>To whom leadership is being handed over; none if it is not.</summary>
    public NodeId TransferTarget => _transferTarget;

    /// <summary>What a leader believes about each member, itself included, in order of identifiers; empty on others.</summary>
    public IReadOnlyList<FollowerProgress> Progress => _progress.Members;

    /// <summary>The silence after which this member campaigns. Settable for tests that play a certain story.</summary>
    public int ElectionTimeoutTicks
    {
        get => _electionTimeoutTicks;
        internal set => _electionTimeoutTicks = value;
    }

    // The configuration whose majorities decide: the one in force, unless a test makes learners count.
    private ClusterConfig CountedConfig { get; set; }

    /// <summary>Advances logical time by one step. A timer calls this in production, a loop in the simulator.</summary>
    public void Tick()
    {
        CheckInvariants();
        _ticks++;
        if (Role == Role.Leader)
        {
            TickAsLeader();
        }
        else if (++_ticksSinceLeaderHeard >= _electionTimeoutTicks)
        {
            _leastTimeout = Math.Min(2 * _leastTimeout, _settings.ElectionTicks);
            Campaign(isTransfer: false);
        }

        CheckInvariants();
    }

    /// <summary>Fills <paramref name="ready"/> with what the host must do now. False if that is nothing.</summary>
    public bool TryTakeReady(Ready ready)
    {
        CheckInvariants();
        ready.Clear();
        if (Role == Role.Leader)
        {
            StartReadRound();
            SendToFollowers();
        }

        ready.Exchange(ref _outgoing, ref _answeredReads);
        HandOutWrite(ready);
        ready.Committed = _log.HandOutCommitted();
        CheckInvariants();
        return !ready.IsEmpty;
    }

    /// <summary>The writes up to and including this number are durable.</summary>
    public void OnPersisted(ulong write)
    {
        CheckInvariants();
        if (write <= _log.DurableWrite)
        {
            return; // Reported out of order; a later report has said it already.
        }

        var wasTermDurable = IsTermDurable;
        _log.WriteDurable(write);
        ReleaseHeldBack();

        if (Role == Role.Candidate && !wasTermDurable && IsTermDurable)
        {
            CountVote(Self, isGranted: true);
        }

        if (Role == Role.Leader && _progress.Find(Self) is { } self && self.Match < _log.Durable)
        {
            self.Acknowledge(_log.Durable);
            CommitWhatAQuorumHolds();
        }

        CheckInvariants();
    }

    /// <summary>Everything handed out up to this index has been applied.</summary>
    public void OnApplied(ulong index)
    {
        CheckInvariants();
        _log.AppliedTo(index);
        CheckInvariants();
    }

    /// <summary>Draws the member's state for humans; a leader adds where the quorum stands and what it knows of each
    /// follower.</summary>
    public string Describe()
    {
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"{Self} {Role} term={Term} vote={Vote} leader={Leader} ");
        text.Append(CultureInfo.InvariantCulture, $"log={_log.FirstIndex}..{_log.Last} durable={Durable} ");
        text.Append(CultureInfo.InvariantCulture, $"committed={Committed} applied={Applied}\n");
        text.Append(CultureInfo.InvariantCulture, $"{Config} since {ConfigIndex}\n");
        if (Role == Role.Leader)
        {
            text.Append(JointQuorum.Describe(CountedConfig, _progress.Matches));
            foreach (var member in _progress.Members)
            {
                if (member.Id != Self)
                {
                    text.Append(CultureInfo.InvariantCulture, $"{member}\n");
                }
            }
        }

        return text.ToString();
    }

    private void TickAsLeader()
    {
        if (!_transferTarget.IsNone && ++_transferTicks >= _settings.ElectionTicks)
        {
            EndTransfer();
        }

        if (++_ticksSinceQuorumChecked >= _settings.ElectionTicks)
        {
            _ticksSinceQuorumChecked = 0;
            ForgetWhoLeft();
            if (_settings.CheckQuorum)
            {
                CheckQuorum();
            }
        }

        if (Role == Role.Leader && ++_heartbeatTicks >= _settings.HeartbeatTicks)
        {
            BroadcastHeartbeat();
        }
    }

    private void BecomeFollower(ulong term, NodeId leader)
        => EnterRole(Role.Follower, term, term == Term ? Vote : NodeId.None, leader);

    /// <summary>The only place where role, term and leader change: whatever belonged to the old role ends here.</summary>
    private void EnterRole(Role role, ulong term, NodeId vote, NodeId leader)
    {
        Invariant.Holds(term >= Term);
        if (term == Term)
        {
            Invariant.Holds(Vote.IsNone || vote == Vote);
        }
        else
        {
            _heldBack.Clear();
        }

        var before = (Role, Term, Leader);
        if (Role == Role.Leader && !_transferTarget.IsNone)
        {
            EndTransfer();
        }

        Role = role;
        Term = term;
        Vote = vote;
        Leader = leader;
        _votes.Clear();
        _reads.Clear();
        _progress.Clear();
        _ticksSinceLeaderHeard = 0;
        _isLeaderGone = false;
        if (!leader.IsNone)
        {
            _leastTimeout = _settings.ElectionTicks;
        }

        _electionTimeoutTicks = NextElectionTimeout();

        if (before.Role != role || before.Term != term)
        {
            _observer?.On(new RoleChanged(before.Role, role, term));
        }

        if (before.Leader != leader)
        {
            _observer?.On(new LeaderChanged(leader, term));
        }
    }

    // Drawn once per role change rather than per tick, so that one seed always replays to the same elections; from the
    // timeout to just below twice as much (thesis §3.4 and §9.3), so that candidates rarely collide. When a leader was
    // reported gone the first is shorter; it doubles, up to the usual, with each that ends without a leader.
    private int NextElectionTimeout() => _chance.Between(_leastTimeout, (2 * _leastTimeout) - 1);

    private bool IsTermHandedOut => _handedOut.Term == Term && _handedOut.Vote == Vote;

    private bool IsTermDurable => IsTermHandedOut && _termWrite <= _log.DurableWrite;

    private void HandOutWrite(Ready ready)
    {
        if (!_log.AwaitsWrite && IsTermHandedOut)
        {
            // A commit index alone is not worth a write: it travels with the next one.
            return;
        }

        // Only as far as this disk has confirmed already. So a commit index beyond the log can be taken, after a
        // restart, as proof that entries were lost, in whatever order the host writes the parts of a batch.
        var hardState = new HardState(Term, Vote, Math.Min(_log.Committed, _log.Durable));
        if (hardState != _handedOut)
        {
            ready.HardState = _faults.ForgetsVote ? hardState with { Vote = NodeId.None } : hardState;
        }

        ready.Write = _log.HandOutWrite(out var snapshot, out var entries);
        ready.Snapshot = snapshot;
        ready.Entries = entries;
        if (!IsTermHandedOut)
        {
            _termWrite = ready.Write;
        }

        _handedOut = hardState;
    }

    private void Send(in Message message) => _outgoing.Add(message with { From = Self });

    /// <summary>For what is said in the name of this term, or of the vote in it.</summary>
    private void SendOnceTermIsDurable(in Message message)
        => SendAfter(WriteThatMakesTermDurable, message);

    private ulong WriteThatMakesTermDurable => IsTermHandedOut ? _termWrite : _log.LastWrite + 1;

    private void SendAfter(ulong write, in Message message)
    {
        if (write <= _log.DurableWrite || _faults.AnswersBeforeDurable)
        {
            Send(message);
            return;
        }

        // The later acknowledgement says everything the earlier one would have said.
        if (message is { Kind: MessageKind.AppendResponse, IsRejected: false }
            && _heldBack.Count > 0
            && _heldBack[^1] is { Message: { Kind: MessageKind.AppendResponse, IsRejected: false } earlier } held
            && held.Write == write
            && earlier.To == message.To
            && earlier.Position.Index <= message.Position.Index)
        {
            _heldBack.RemoveAt(_heldBack.Count - 1);
        }

        _heldBack.Add((write, message));
    }

    private void ReleaseHeldBack()
    {
        var kept = 0;
        for (var i = 0; i < _heldBack.Count; i++)
        {
            if (_heldBack[i].Write <= _log.DurableWrite)
            {
                Send(_heldBack[i].Message);
            }
            else
            {
                _heldBack[kept++] = _heldBack[i];
            }
        }

        _heldBack.RemoveRange(kept, _heldBack.Count - kept);
    }

    private void Ignore(in Message message, string reason)
        => _observer?.On(new MessageIgnored(message, reason));

    // Called on entry to and on exit from every public method. All of it is cheap, so it stays on in production: a
    // member that stops is better than one that lies.
    private void CheckInvariants()
    {
        _log.CheckInvariants();
        Invariant.Holds(Term >= _log.Last.Term);
        Invariant.Holds(Term >= _handedOut.Term);
        Invariant.Holds(_electionTimeoutTicks > 0);
        Invariant.Holds(_leastTimeout <= _settings.ElectionTicks);
        if (_isLeaderGone)
        {
            Invariant.Holds(Role == Role.Follower && !Leader.IsNone);
            Invariant.Holds(!KeepsPromises || _electionTimeoutTicks >= _settings.ElectionTicks);
        }

        switch (Role)
        {
            case Role.Leader:
                Invariant.Holds(Leader == Self);
                Invariant.Holds(_log.Last.Index >= _firstOwnIndex);
                Invariant.Holds(_log.Last.Term == Term);
                Invariant.Holds(!_log.IsInstallingSnapshot);
                Invariant.Holds(_uncommittedBytes >= 0);
                break;

            case Role.Candidate:
                Invariant.Holds(Vote == Self);
                Invariant.Holds(Leader.IsNone);
                break;

            case Role.PreCandidate:
                Invariant.Holds(Leader.IsNone);
                break;

            default:
                Invariant.Holds(Leader != Self);
                break;
        }

        if (Role != Role.Leader)
        {
            Invariant.Holds(_transferTarget.IsNone);
            Invariant.Holds(_progress.Members.Count == 0);
        }
    }
}
