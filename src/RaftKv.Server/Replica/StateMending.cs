using RaftKv.Raft;
using RaftKv.Storage.State;
using RaftKv.Storage.State.Commands;
using RaftKv.Storage.Wal;

namespace RaftKv.Server.Replica;

/// <summary>
/// What a member does about a state of its own that is not what the cluster agreed upon: it takes itself out of service,
/// raises the CORRUPT alarm, waits for a state of the leader, brings that as far as its own log goes, and takes the alarm
/// back. By the applier, but for what is said to be read by any thread.
/// </summary>
/// <remarks>
/// <para>Whether members differ is seen in the log: at a mark every one says its sum, and all hear all of them
/// (<see cref="StateComparison"/>). Most voters are right. The leader may be the one that is not; then it hands leadership
/// over first, which the <see cref="Replica"/> sees to.</para>
/// <para>A raised alarm is also the request for a state: whoever leads when it applies one of CORRUPT sends its state to the
/// member that raised it. It is raised again until the state has come. It stands in the log, so a member that ends meanwhile
/// finds it at its next start, and goes on.</para>
/// </remarks>
public sealed class StateMending : IStateObserver
{
    private const long ReplayBytes = 1024 * 1024;

    private readonly NodeId _self;
    private readonly WriteAheadLog _log;
    private readonly Inbox<ReplicaInput> _replica;
    private readonly StateComparison _comparison = new();
    private readonly List<ulong> _news = [];
    private ArrivedState? _arrived;
    private bool _isByAlarm;
    private volatile bool _isOutOfService;
    private volatile bool _takesBack;

    public StateMending(NodeId self, WriteAheadLog log, Inbox<ReplicaInput> replica)
    {
        _self = self;
        _log = log;
        _replica = replica;
    }

    /// <summary>Told of what comparing has come to, if it is bad, and when the state is mended.</summary>
    public Action<ComparisonOutcome>? Told { get; set; }

    /// <summary>Whether this member must not answer clients, because its state is known to be wrong. Any thread may read
    /// it.</summary>
    public bool IsOutOfService => _isOutOfService;

    /// <summary>How often a state of the leader has taken the place of one that was wrong. Any thread may read it.</summary>
    public long MendedCount { get; private set; }

    /// <summary>The mistake that <see cref="MemberFaults.OverlooksDamage"/> describes.</summary>
    public bool OverlooksDamage { get; init; }

    /// <summary>What the alarm of this member should be told; null if it is as it should be. Any thread may ask.</summary>
    public AlarmAction? WantedAlarm(AlarmTable alarms)
        => _isOutOfService ? AlarmAction.Activate
            : _takesBack && alarms.Active.Contains(new Alarm(_self, AlarmKind.Corrupt)) ? AlarmAction.Deactivate
            : null;

    /// <summary>The state as it was found at a start: an alarm of this member says that it was being mended.</summary>
    public void Begin(StateMachine machine)
    {
        if (machine.Alarms.Active.Contains(new Alarm(_self, AlarmKind.Corrupt)) && machine.Config.Voters.Length > 1)
        {
            _isOutOfService = _isByAlarm = true;
        }
    }

    void IStateObserver.AlarmRaised(Alarm alarm, ulong index)
    {
        if (alarm.Kind == AlarmKind.Corrupt && alarm.Member != _self)
        {
            _replica.Post(ReplicaInput.StateWanted(alarm.Member, index));
        }
    }

    void IStateObserver.Marked(ulong index, ulong sum)
    {
        _comparison.Marked(index, sum);
        _news.Add(index);
        _replica.Post(ReplicaInput.Note(CommandEnvelope.Encode(
            PendingAnswers.NobodyWaits, Caller.Nobody, new StateSumCommand(_self, index, sum))));
    }

    void IStateObserver.SumTold(NodeId member, ulong index, ulong sum)
    {
        _comparison.Told(member, index, sum);
        _news.Add(index);
    }

    /// <summary>A batch was applied.</summary>
    public void Applied(StateMachine machine)
    {
        if (_isByAlarm && !machine.Alarms.Active.Contains(new Alarm(_self, AlarmKind.Corrupt)))
        {
            // Taken back further on in the log: what a start found there is history.
            _isOutOfService = _isByAlarm = false;
        }

        foreach (var index in _news)
        {
            if (!_isOutOfService && !machine.Config.IsJoint)
            {
                Act(_comparison.Judge(index, machine.Config.Voters));
            }
        }

        _news.Clear();
    }

    /// <summary>Whether others have what this member cannot read any more.</summary>
    public bool HasOthers(StateMachine machine) => machine.Config.Voters.Length > (machine.Config.IsVoter(_self) ? 1 : 0);

    /// <summary>Something that the state counts on cannot be read. What is alone in having it goes on with the rest.</summary>
    public void Unreadable(StateMachine machine)
    {
        if (!_isOutOfService && !OverlooksDamage && HasOthers(machine))
        {
            _takesBack = false;
            _isOutOfService = true;
        }
    }

    /// <summary>A state of the leader has come.</summary>
    public void Arrived(ArrivedState state)
    {
        if (_arrived is { } older)
        {
            _replica.Post(ReplicaInput.StateUnwanted(older));
        }

        _arrived = state;
    }

    /// <summary>A state that can take the place of this one now, brought to the same entry; null if there is none yet.</summary>
    /// <param name="machine">The state in use.</param>
    /// <param name="isLeading">Whether leases run on this member's clock, which must not hear of anything twice.</param>
    public ArrivedState? TakeMended(StateMachine machine, bool isLeading)
    {
        if (_arrived is not { } arrived)
        {
            return null;
        }

        var fresh = arrived.Machine;
        if (!_isOutOfService)
        {
            _arrived = null;
            _replica.Post(ReplicaInput.StateUnwanted(arrived));
            return null;
        }

        // What the disk holds at the end must be what was applied here, or all before it may be something else as well.
        var end = machine.Applied;
        if (isLeading
            || end.Index < fresh.Applied.Index
            || !_log.TryGetTerm(end.Index, out var term)
            || term != end.Term)
        {
            return null;
        }

        _arrived = null;
        while (fresh.Applied.Index < end.Index)
        {
            if (_log.Read(fresh.Applied.Index + 1, end.Index, ReplayBytes, out var entries) != WalRead.Found)
            {
                // Too old by now. The next one will be newer.
                _replica.Post(ReplicaInput.StateUnwanted(arrived));
                return null;
            }

            fresh.Apply(entries.Span, new NobodyAsks());
        }

        Invariant.Holds(fresh.Applied == end);
        return arrived;
    }

    /// <summary>Whether one waits for the log, or for this member to lead no more.</summary>
    public bool IsWaiting => _arrived is not null;

    /// <summary>A state of the leader has taken the place of this one, for whatever reason.</summary>
    public void Replaced()
    {
        _comparison.Forget();
        _news.Clear();
        if (_isOutOfService)
        {
            _takesBack = true;
            _isOutOfService = _isByAlarm = false;
            MendedCount++;
            Told?.Invoke(ComparisonOutcome.Agrees);
        }
    }

    private void Act(ComparisonOutcome outcome)
    {
        if (outcome is ComparisonOutcome.Pending or ComparisonOutcome.Agrees || OverlooksDamage)
        {
            return;
        }

        Told?.Invoke(outcome);
        if (outcome == ComparisonOutcome.Differs)
        {
            _takesBack = false;
            _isOutOfService = true;
            return;
        }

        // Each of them raises its own: nothing more is written until somebody has looked.
        _replica.Post(ReplicaInput.Note(AlarmPayload(AlarmAction.Activate)));
    }

    /// <summary>The command by which this member's alarm is raised or taken back.</summary>
    public byte[] AlarmPayload(AlarmAction action)
        => CommandEnvelope.Encode(PendingAnswers.NobodyWaits, Caller.Nobody, new AlarmCommand(action, _self, AlarmKind.Corrupt));

    private sealed class NobodyAsks : IAnswerSink
    {
        public bool IsAwaited(ulong requestId) => false;

        public void Complete(ulong requestId, in Answer answer)
        {
        }
    }
}
