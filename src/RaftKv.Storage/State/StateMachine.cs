using System.Buffers;
using System.Globalization;
using System.Text;
using RaftKv.Raft;
using RaftKv.Raft.Log;
using RaftKv.Raft.Membership;
using RaftKv.Storage.Mvcc;
using RaftKv.Storage.State.Commands;
using RaftKv.Storage.State.Requests;

namespace RaftKv.Storage.State;

/// <summary>
/// Everything that the members agree upon, and how one entry of the log after the other changes it. The same entries
/// lead to the same state and to the same answers, on every member and after every restart: nothing in here looks at a
/// clock, at a coin, or at this member in particular.
/// </summary>
/// <remarks>
/// <para>One thread applies. Others read the key space through views, and what the tables publish.</para>
/// <para>A command that cannot be read stops the member: whoever proposed it has checked it, so either a newer program
/// did, or the log is not what it was.</para>
/// </remarks>
public sealed partial class StateMachine : IDisposable
{
    private readonly WireWriter _body = new();
    private readonly IStateObserver _observer;
    private readonly ReadOnlyMemory<byte>[] _expected = new ReadOnlyMemory<byte>[KeyIndex.ExpectedMax];

    /// <summary>An empty state, before the first entry.</summary>
    /// <param name="keys">Empty.</param>
    /// <param name="observer">Null for nobody.</param>
    public StateMachine(KeySpace keys, IStateObserver? observer = null)
    {
        Keys = keys;
        _observer = observer ?? new NoObserver();
    }

    /// <summary>The last entry that was applied.</summary>
    public LogPosition Applied { get; private set; }

    /// <summary>The configuration as of <see cref="Applied"/>, in Raft's words.</summary>
    public ClusterConfig Config { get; private set; } = ClusterConfig.Empty;

    public KeySpace Keys { get; private set; }

    public LeaseTable Leases { get; private set; } = new();

    public AlarmTable Alarms { get; private set; } = new();

    public MemberTable Members { get; private set; } = new();

    public AuthTable Auth { get; private set; } = new();

    /// <summary>Requests that may come again.</summary>
    public RequestWindow Requests { get; private set; } = new();

    /// <summary>A mistake, for tests: see <see cref="Checkpoints.StateFaults.SkipsNestedRights"/>.</summary>
    internal bool SkipsNestedRights { get; init; }

    /// <summary>One number over all of it; what is equal has equal ones.</summary>
    public ulong Hash
    {
        get
        {
            var tables = new ArrayBufferWriter<byte>();
            Tables().WriteTo(tables, withLeasedKeys: true);
            return Keys.Chain ^ ((ulong)Files.Crc32C.Of(tables.WrittenSpan) << 16) ^ (ulong)Keys.Revision;
        }
    }

    /// <summary>
    /// One number over what members must agree upon after the same entry, cheap enough to be asked for at any time: the
    /// chain over all that was ever written, and where the tables stand. Programs of different versions come to the same.
    /// </summary>
    public ulong Sum
    {
        get
        {
            var sum = Mix(Keys.Chain, (ulong)Keys.Revision);
            sum = Mix(sum, (ulong)Keys.Compacted);
            sum = Mix(sum, (ulong)Leases.Count);
            sum = Mix(sum, (ulong)Members.Count);
            sum = Mix(sum, (ulong)Auth.View.Revision);
            foreach (var alarm in Alarms.Active)
            {
                sum = Mix(sum, alarm.Member.Value ^ (ulong)alarm.Kind);
            }

            return sum;
        }
    }

    /// <summary>Applies the next entries, in order; the same as one after the other, but faster.</summary>
    /// <exception cref="StateFormatException">An entry is not one that this program could have proposed. Those before it
    /// have been applied.</exception>
    public void Apply(ReadOnlySpan<Entry> entries, IAnswerSink answers)
    {
        while (!entries.IsEmpty)
        {
            var next = entries[..Math.Min(entries.Length, KeyIndex.ExpectedMax)];
            Expect(next);
            foreach (ref readonly var entry in next)
            {
                Apply(entry, answers);
            }

            entries = entries[next.Length..];
        }
    }

    /// <summary>Applies the next entry.</summary>
    /// <exception cref="StateFormatException">The entry is not one that this program could have proposed.</exception>
    public void Apply(in Entry entry, IAnswerSink answers)
    {
        Invariant.Holds(entry.Index == Applied.Index + 1);
        Invariant.Holds(entry.Term >= Applied.Term);
        if (entry.Kind == EntryKind.ConfigChange)
        {
            ApplyConfigChange(entry);
        }
        else if (!entry.Payload.IsEmpty)
        {
            ApplyCommand(entry.Payload, answers);
        }

        Applied = entry.Position;
    }

    /// <summary>Raises revisions, with nothing to be read or watched from before, and remembers nothing of what may have been
    /// done up to there. Not as an entry of the log: for whoever takes a state up again without the members that shared it.</summary>
    public void Raise(long by)
    {
        Keys.Raise(by);
        Requests.ForgetUpTo(Keys.Revision);
    }

    public void Dispose() => Keys.Dispose();

    private void Expect(ReadOnlySpan<Entry> entries)
    {
        var count = 0;
        foreach (ref readonly var entry in entries)
        {
            if (CommandEnvelope.TryPeekKey(entry.Payload, out var key))
            {
                _expected[count++] = key;
            }
        }

        if (count > 1)
        {
            Keys.Expect(_expected.AsSpan(0, count));
        }
    }

    private void ApplyCommand(ReadOnlyMemory<byte> payload, IAnswerSink answers)
    {
        var envelope = CommandEnvelope.Decode(payload);
        var isAwaited = envelope.RequestId != 0 && answers.IsAwaited(envelope.RequestId);
        if (!envelope.ClientRequest.IsNone)
        {
            ApplyOnce(envelope, isAwaited, answers);
            return;
        }

        _body.Clear();
        var error = Apply(envelope, isAwaited);
        if (isAwaited)
        {
            var body = error == StateError.None ? _body.Written.ToArray() : [];
            answers.Complete(envelope.RequestId, new Answer(error, Keys.Revision, body));
        }
    }

    private void ApplyOnce(in CommandEnvelope envelope, bool isAwaited, IAnswerSink answers)
    {
        var request = envelope.ClientRequest;
        var error = StateError.None;
        if (!Requests.TryFind(request, out var revision, out var body))
        {
            _body.Clear();
            var before = Keys.Revision;

            // The answer is kept by all members, whoever waits for it.
            error = Requests.MayBeForgotten(request) ? StateError.RequestTooOld : Apply(envelope, isAwaited: true);
            revision = Keys.Revision;
            body = error == StateError.None ? _body.Written.ToArray() : [];
            if (revision != before)
            {
                Invariant.Holds(error == StateError.None);
                Requests.Add(request, revision, body);
            }
        }

        if (isAwaited)
        {
            answers.Complete(envelope.RequestId, new Answer(error, revision, body));
        }
    }

    private StateError Apply(in CommandEnvelope envelope, bool isAwaited)
    {
        var caller = envelope.Caller;
        var command = envelope.Command.Span;
        var kind = StateCommand.KindOf(command);
        if (kind is CommandKind.Put or CommandKind.DeleteRange or CommandKind.Txn or CommandKind.Compact
                or CommandKind.CompactByItself or CommandKind.LeaseGrant or CommandKind.LeaseRevoke
            && Alarms.IsActive(AlarmKind.Corrupt))
        {
            return StateError.Corrupt;
        }

        var request = envelope.Command[1..];
        switch (kind)
        {
            case CommandKind.Put:
                return ApplyPut(PutRequest.Read(request), caller, isAwaited);
            case CommandKind.DeleteRange:
                return ApplyDeleteRange(DeleteRangeRequest.Read(request), caller, isAwaited);
            case CommandKind.Txn:
                return ApplyTxn(TxnRequest.Read(request), caller, isAwaited);
            case CommandKind.Compact:
                return Auth.View.CheckRoot(caller) is var refusal and not StateError.None
                    ? refusal
                    : ApplyCompact(CompactRequest.Read(request));
            case CommandKind.CompactByItself:
                return ApplyCompact(CompactRequest.Read(request));
            case CommandKind.LeaseGrant:
                return ApplyLeaseGrant(StateCommand.Decode<LeaseGrantCommand>(command), caller);
            case CommandKind.LeaseRevoke:
                return ApplyLeaseRevoke(StateCommand.Decode<LeaseRevokeCommand>(command));
            case CommandKind.LeaseCheckpoint:
                return ApplyLeaseCheckpoint(StateCommand.Decode<LeaseCheckpointCommand>(command));
            case CommandKind.Alarm:
                return ApplyAlarm(StateCommand.Decode<AlarmCommand>(command));
            case CommandKind.MemberAttributes:
                return ApplyMemberAttributes(StateCommand.Decode<MemberAttributesCommand>(command));
            case CommandKind.StateMark:
                StateCommand.Decode<StateMarkCommand>(command);
                return Mark();
            case CommandKind.StateSum:
                return TellSum(StateCommand.Decode<StateSumCommand>(command));
            default:
                return ApplyAuth(kind, command, isAwaited);
        }
    }

    // It stands at the entry that is being applied.
    private StateError Mark()
    {
        _observer.Marked(Applied.Index + 1, Sum);
        return StateError.None;
    }

    private StateError TellSum(in StateSumCommand told)
    {
        _observer.SumTold(told.Member, told.Index, told.Sum);
        return StateError.None;
    }

    private static ulong Mix(ulong sum, ulong fact)
    {
        var mixed = (sum ^ fact) * 0x9E3779B97F4A7C15;
        return mixed ^ (mixed >> 32);
    }

    private StateError ApplyAuth(CommandKind kind, ReadOnlySpan<byte> command, bool isAwaited)
        => kind switch
        {
            CommandKind.AuthEnable => Auth.Apply(StateCommand.Decode<AuthEnableCommand>(command)),
            CommandKind.AuthDisable => ApplyAuthDisable(StateCommand.Decode<AuthDisableCommand>(command)),
            CommandKind.Authenticate => ApplyAuthenticate(StateCommand.Decode<AuthenticateCommand>(command), isAwaited),
            CommandKind.UserAdd => Auth.Apply(StateCommand.Decode<UserAddCommand>(command)),
            CommandKind.UserDelete => Auth.Apply(StateCommand.Decode<UserDeleteCommand>(command)),
            CommandKind.UserChangePassword => Auth.Apply(StateCommand.Decode<UserChangePasswordCommand>(command)),
            CommandKind.UserGrantRole => Auth.Apply(StateCommand.Decode<UserGrantRoleCommand>(command)),
            CommandKind.UserRevokeRole => Auth.Apply(StateCommand.Decode<UserRevokeRoleCommand>(command)),
            CommandKind.RoleAdd => Auth.Apply(StateCommand.Decode<RoleAddCommand>(command)),
            CommandKind.RoleDelete => Auth.Apply(StateCommand.Decode<RoleDeleteCommand>(command)),
            CommandKind.RoleGrantPermission => Auth.Apply(StateCommand.Decode<RoleGrantPermissionCommand>(command)),
            CommandKind.RoleRevokePermission => Auth.Apply(StateCommand.Decode<RoleRevokePermissionCommand>(command)),
            _ => throw new StateFormatException("command", 0, $"its kind is {(byte)kind}, which is not known."),
        };

    private StateError ApplyAuthDisable(in AuthDisableCommand command)
    {
        var error = Auth.Apply(command);
        if (error == StateError.None)
        {
            _observer.AuthDisabled();
        }

        return error;
    }

    private StateError ApplyAuthenticate(in AuthenticateCommand command, bool isAwaited)
    {
        var error = Auth.Apply(command);
        if (error != StateError.None)
        {
            return error;
        }

        // The place in the log tells a member that is behind that it has not heard of the token yet.
        var token = string.Create(CultureInfo.InvariantCulture, $"{command.Token}.{Applied.Index + 1}");
        _observer.Authenticated(Auth.View.FindUser(command.Name)!, token);
        if (isAwaited)
        {
            _body.Bytes(2, Encoding.UTF8.GetBytes(token)); // AuthenticateResponse.token
        }

        return StateError.None;
    }

    private void ApplyConfigChange(in Entry entry)
    {
        if (!ConfigChange.TryDecode(entry.Payload, out var change))
        {
            throw new StateFormatException("configuration change", 0, "it is none.");
        }

        if (!Config.TryChange(change, out var next, out _))
        {
            // Raft lets it pass without effect on every member alike.
            return;
        }

        if (Config.IsEmpty)
        {
            // The founders' entry: who they are stands beside it.
            Members = MemberTable.ReadFrom(change.Context.Span);
        }
        else if (!change.LeavesJoint)
        {
            var error = Members.Apply(MemberChange.Of(change));
            Invariant.Holds(error == StateError.None);
        }

        Config = next;
        _observer.MembersChanged();
    }

    private StateError ApplyMemberAttributes(in MemberAttributesCommand command)
    {
        var error = Members.SetAttributes(command.Member, command.Name, command.ClientUrls);
        _observer.MembersChanged();
        return error;
    }

    private StateError ApplyAlarm(in AlarmCommand command)
    {
        Alarm[] alarms;
        switch (command.Action)
        {
            case AlarmAction.Activate:
                Alarms.Activate(command.Member, command.Alarm);
                alarms = command.Alarm == AlarmKind.None ? [] : [new Alarm(command.Member, command.Alarm)];
                break;
            case AlarmAction.Deactivate:
                alarms = Alarms.Deactivate(command.Member, command.Alarm) ? [new Alarm(command.Member, command.Alarm)] : [];
                break;
            default:
                alarms = Alarms.Get(command.Alarm);
                break;
        }

        foreach (var alarm in alarms)
        {
            var start = _body.Begin(2);
            _body.Number(1, (long)alarm.Member.Value);
            _body.Number(2, (long)alarm.Kind);
            _body.End(start);
        }

        _observer.AlarmsChanged();
        if (command.Action == AlarmAction.Activate && alarms is [var raised])
        {
            _observer.AlarmRaised(raised, Applied.Index + 1);
        }

        return StateError.None;
    }

    private sealed class NoObserver : IStateObserver;
}
