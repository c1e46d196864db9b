using RaftKv.Raft;
using RaftKv.Raft.Log;
using RaftKv.Raft.Membership;
using RaftKv.Raft.Messages;
using RaftKv.Server.Bootstrap;
using RaftKv.Simulation.Disks;
using RaftKv.Simulation.Members;
using RaftKv.Simulation.Safety;
using RaftKv.Storage.Checkpoints;
using RaftKv.Storage.Files;

namespace RaftKv.Simulation;

/// <summary>How a process ends.</summary>
internal enum CrashKind
{
    /// <summary>The process alone: what it had written is still in the machine's memory.</summary>
    Process,

    /// <summary>The machine: what was not synced may be lost.</summary>
    Power,
}

/// <summary>
/// A machine: a disk, a clock of its own rate, and, while it is up, a process with a member in it. Whatever ends the process
/// ends here; a machine that may come back does so by itself after a while.
/// </summary>
internal sealed class SimulatedNode : IActor, IMemberWorld
{
    private const int TickDue = 0;
    private const int StageDone = 1;
    private const int BootDue = 2;
    private const int Ready = 3;
    private const int LeaveDue = 4;

    // So that word of its removal gets away first.
    private const long LeavesAfter = 100 * Simulator.Millisecond;

    private readonly Cluster _cluster;
    private readonly Chance _chance;
    private readonly Func<IMemberWorld, Chance, ulong, IMember> _start;

    // Every start of the process has a number; what was scheduled for an earlier one is no longer of interest.
    private ulong _boot;
    private IMember? _member;
    private bool _isReady;
    private Ambush? _ambush;
    private bool _isDiskDamaged;

    public SimulatedNode(Cluster cluster, NodeId self, Chance chance, Func<IMemberWorld, Chance, ulong, IMember> start)
    {
        _cluster = cluster;
        _chance = chance;
        _start = start;
        Self = self;
        Disk = new SimulatedFileSystem(chance.Stream("disk"));
        Time = new NodeClock(this);
    }

    public NodeId Self { get; }

    public SimulatedFileSystem Disk { get; }

    public long Now => _cluster.Simulator.Now;

    public TimeProvider Time { get; }

    /// <summary>How far the clock on its wall is off.</summary>
    public long WallOffsetNanos { get; set; }

    /// <summary>Which start of the process this is.</summary>
    public ulong BootNumber => _boot;

    public long TickNanos { get; set; } = 10 * Simulator.Millisecond;

    public long RestartNanos { get; set; } = 50 * Simulator.Millisecond;

    /// <summary>Until then the process stands still.</summary>
    public long PausedUntil { get; private set; }

    /// <summary>Its disk is destroyed, or holds something it refuses to start on. It never comes back.</summary>
    public bool IsLost { get; private set; }

    /// <summary>Why it does not come back.</summary>
    public string LossReason { get; private set; } = "";

    /// <summary>It was removed from the cluster and switched off for good.</summary>
    public bool IsRetired { get; private set; }

    /// <summary>Its disk was replaced by an empty one, and it was started again as if it had never run.</summary>
    public bool HasForgotten { get; private set; }

    /// <summary>Switched off, for as long as anybody looks.</summary>
    public bool IsAway { get; private set; }

    /// <summary>Makes its directory as whoever starts it for the first time does.</summary>
    public Action<SimulatedFileSystem>? Found { get; set; }

    /// <summary>A process runs and has read back what it needs.</summary>
    public bool IsUp => _member is not null && _isReady;

    public IMember? Member => IsUp ? _member : null;

    public void Boot()
    {
        if (_member is not null || IsLost || IsRetired || IsAway)
        {
            return;
        }

        _boot++;
        Disk.Now = Now;
        try
        {
            _member = _start(this, _chance.Stream("elections", (int)_boot), _boot);
            // What it read back, and made certain, took the disk a while.
            _cluster.Simulator.Schedule(Math.Max(Now, Disk.BusyUntil), this, Ready, _boot);
        }
        catch (Exception trouble)
        {
            EndProcess(trouble);
        }
    }

    public void Crash(CrashKind kind)
    {
        if (_member is null && kind == CrashKind.Process)
        {
            return;
        }

        End(kind, "ordered");
    }

    /// <summary>The process will end when it next gets to a place, or after a number of changes to its disk.</summary>
    public void LieInWait(Ambush ambush)
    {
        _ambush = ambush;
        if (ambush.DiskOperations is { } count)
        {
            Disk.CrashAtOperation = Disk.OperationCount + count;
        }
    }

    public void Disarm()
    {
        _ambush = null;
        Disk.CrashAtOperation = null;
    }

    /// <summary>The process stands still: messages wait, its clock does not tick.</summary>
    public void Pause(long until) => PausedUntil = Math.Max(PausedUntil, until);

    public void Resume() => PausedUntil = 0;

    /// <summary>The disk is replaced by an empty one. Its member must not go on under its old name, and does not.</summary>
    public void Wipe()
    {
        End(CrashKind.Power, "its disk was replaced");
        Disk.Wipe();
        _isDiskDamaged = true;
        Lose("its disk was replaced");
    }

    /// <summary>The disk is replaced by an empty one, and whoever looks after the machine starts the member on it just as
    /// they did the first time.</summary>
    public void Forget()
    {
        End(CrashKind.Power, "its disk was replaced by an empty one");
        Disk.Wipe();
        Found!(Disk);
        _isDiskDamaged = true;
        HasForgotten = true;
        _cluster.Checks.Forgotten(Self);
    }

    public void SwitchOff()
    {
        if (_member is not null)
        {
            End(CrashKind.Process, "switched off for long");
        }

        IsAway = true;
    }

    /// <summary>A stored bit rots, or the end of a file is gone. The process finds out when it reads it; the next one, at
    /// the latest.</summary>
    public void Damage(string directory, bool cutsTail, Chance chance)
    {
        if (!Disk.DirectoryExists(directory))
        {
            return;
        }

        _isDiskDamaged = true;
        if (cutsTail)
        {
            Disk.CutSomeFile(directory, chance);
        }
        else
        {
            Disk.FlipSomeBit(directory, chance);
        }
    }

    /// <summary>Something on the disk is not what was written any more.</summary>
    public void Damage(Action<SimulatedFileSystem> harm)
    {
        _isDiskDamaged = true;
        harm(Disk);
    }

    public void Retire()
    {
        if (_member is not null)
        {
            End(CrashKind.Process, "switched off");
        }

        IsRetired = true;
    }

    public void Happen(int what, ulong argument)
    {
        if (what == BootDue)
        {
            if (argument == _boot)
            {
                Boot();
            }

            return;
        }

        if (argument >> 8 != _boot && what == StageDone)
        {
            return;
        }

        if (what != StageDone && argument != _boot)
        {
            return;
        }

        if (_member is null)
        {
            return;
        }

        if (what == LeaveDue)
        {
            Retire();
            return;
        }

        if (Now < PausedUntil)
        {
            _cluster.Simulator.Schedule(PausedUntil, this, what, argument);
            return;
        }

        Enter();
        try
        {
            switch (what)
            {
                case TickDue:
                    _cluster.Simulator.Schedule(Now + TickNanos, this, TickDue, _boot);
                    _member.Tick();
                    break;
                case Ready:
                    _isReady = true;
                    _cluster.Simulator.Schedule(Now + _chance.Between(1, TickNanos), this, TickDue, _boot);
                    break;
                case StageDone:
                    _member.Continue((int)(argument & 0x7F) >> 1, argument & 1);
                    break;
            }

            Leave(what switch { TickDue => "tick", Ready => "started", _ => "disk" });
        }
        catch (Exception trouble)
        {
            EndProcess(trouble);
        }
    }

    public void Receive(in Message message, MemberState? state)
    {
        if (!IsUp)
        {
            return;
        }

        if (Now < PausedUntil)
        {
            _cluster.Network.Redeliver(message, state, PausedUntil);
            return;
        }

        Enter();
        try
        {
            _member!.Receive(message, state);
            Leave("receive", message);
        }
        catch (Exception trouble)
        {
            EndProcess(trouble);
        }
    }

    public void Submit(in Request request)
    {
        if (!IsUp || Now < PausedUntil)
        {
            return;
        }

        Enter();
        try
        {
            _member!.Submit(request);
            Leave("submit");
        }
        catch (Exception trouble)
        {
            EndProcess(trouble);
        }
    }

    public void Do(string what, Action<IMember> action)
    {
        if (!IsUp || Now < PausedUntil)
        {
            return;
        }

        Enter();
        try
        {
            action(_member!);
            Leave(what);
        }
        catch (Exception trouble)
        {
            EndProcess(trouble);
        }
    }

    public void ReportUnreachable(NodeId member) => Do("unreachable", process => process.ReportUnreachable(member));

    public void ReportGone(NodeId member) => Do("gone", process => process.ReportGone(member));

    public void ReportSnapshot(NodeId member, bool isDelivered)
        => Do("snapshot report", process => process.ReportSnapshot(member, isDelivered));

    void IMemberWorld.Send(in Message message, MemberState? state) => _cluster.Network.Send(message, state);

    void IMemberWorld.Answer(in Response response) => _cluster.Answer(Self, response);

    void IMemberWorld.Await(long at, int stage, ulong argument)
        => _cluster.Simulator.Schedule(Math.Max(at, Now), this, StageDone, (_boot << 8) | ((ulong)stage << 1) | argument);

    void IMemberWorld.Pass(Failpoint failpoint)
    {
        if (_ambush is { } ambush && ambush.Failpoint == failpoint)
        {
            if (ambush.Skips > 0)
            {
                _ambush = ambush with { Skips = ambush.Skips - 1 };
                return;
            }

            throw new ProcessEndedException(failpoint);
        }
    }

    void IMemberWorld.Recovered(ILogReader log, MemberState state, ulong stateHash)
        => _cluster.Checks.Recovered(Self, log, state, stateHash);

    void IMemberWorld.HandedOut(in Message message) => _cluster.Checks.Sent(message);

    void IMemberWorld.Writing(LogPosition? reset, ReadOnlySpan<Entry> entries)
        => _cluster.Checks.Writing(Self, reset, entries);

    void IMemberWorld.Durable() => _cluster.Checks.Durable(Self, _member!.DurableIndex);

    void IMemberWorld.Applied(in Entry entry, ulong stateHash, ClusterConfig config)
    {
        // The core says so before it hands out: what is committed must be known to be before it is applied.
        _cluster.Checks.Stepped(_member!.Raft);
        _cluster.Checks.Applied(Self, entry, stateHash, config);
    }

    void IMemberWorld.Installed(MemberState state, ulong stateHash)
    {
        _cluster.Checks.Stepped(_member!.Raft);
        _cluster.Checks.Installed(Self, state, stateHash);
    }

    void IMemberWorld.Leave() => _cluster.Simulator.Schedule(Now + LeavesAfter, this, LeaveDue, _boot);

    void IMemberWorld.Dismiss(NodeId removed)
    {
        if (_cluster.Find(removed) is { } other)
        {
            _cluster.Simulator.Schedule(Now + LeavesAfter, other, LeaveDue, other._boot);
        }
    }

    bool IMemberWorld.IsConnectedTo(NodeId other)
        => _cluster.Find(other) is { IsUp: true }
            && !_cluster.Network.IsCut(Self, other)
            && !_cluster.Network.IsCut(other, Self);

    Welcome IMemberWorld.Knock(NodeId other)
        => _cluster.Network.IsCut(Self, other) || _cluster.Network.IsCut(other, Self) || _cluster.Find(other) is not { } node
            ? Welcome.NoAnswer
            : node.Judge(this);

    // What it remembers may turn out to be damaged; then it ends, and nobody has answered.
    private Welcome Judge(SimulatedNode visitor)
    {
        if (Member is not Whole.WholeMember member)
        {
            return Welcome.NoAnswer;
        }

        try
        {
            return member.Members.IsRemoved(visitor.Self) ? Welcome.Removed
                : visitor._member is Whole.WholeMember { Memory.IsBlank: true } && member.Memory.HasRun(visitor.Self) ? Welcome.LostItsData
                : Welcome.Yes;
        }
        catch (StorageException trouble)
        {
            EndProcess(trouble);
            return Welcome.NoAnswer;
        }
    }

    private void Enter() => Disk.Now = Now;

    private void Leave(string what) => Leave(what, default);

    private void Leave(string what, in Message message)
    {
        var raft = _member!.Raft;
        _cluster.Checks.Stepped(raft);
        _cluster.Simulator.Note(raft.Term ^ (raft.Committed << 20) ^ (raft.Last.Index << 40));
        _cluster.Transcript?.Stepped(Now, this, what, message);
    }

    // Whatever a process may end of; anything else is a mistake of the simulator's, or of the member's.
    private void EndProcess(Exception trouble)
    {
        switch (trouble)
        {
            case ProcessEndedException end:
                End(_ambush?.Kind ?? CrashKind.Power, end.Failpoint.ToString());
                break;
            case PowerCutException cut:
                End(_ambush?.Kind ?? CrashKind.Power, cut.Message);
                break;
            case StartRefusedException or Storage.Wal.WalDamagedException or CheckpointDamagedException or BootstrapException:
                End(CrashKind.Power, trouble.Message);
                Lose(trouble.Message);
                break;
            case StorageException when _isDiskDamaged:
                // It has noticed, and does not go on with what is not what it wrote.
                End(CrashKind.Process, trouble.Message);
                Lose(trouble.Message);
                break;
            case StorageException:
                End(CrashKind.Process, trouble.Message);
                break;
            case InvariantBrokenException:
                _cluster.Transcript?.Said(Now, this, trouble.ToString());
                throw new Violation("Invariant", $"{Self}: {trouble.Message}");
            default:
                System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(trouble);
                break;
        }
    }

    private void End(CrashKind kind, string reason)
    {
        _cluster.Transcript?.Said(Now, this, $"ends ({kind}): {reason}");
        Disarm();
        Disk.Now = Now;
        if (kind == CrashKind.Power)
        {
            Disk.Crash();
        }
        else
        {
            Disk.EndProcess();
        }

        _member = null;
        _isReady = false;
        PausedUntil = 0;
        _boot++;
        _cluster.Network.Ended(Self, _cluster.Nodes);
        if (!IsLost && !IsRetired)
        {
            _cluster.Simulator.Schedule(Now + RestartNanos, this, BootDue, _boot);
        }
    }

    private void Lose(string reason)
    {
        ComesBack.Refused(Self, reason, _isDiskDamaged);
        IsLost = true;
        LossReason = reason;
        _cluster.Checks.Lost(Self);
        _cluster.Transcript?.Said(Now, this, $"is lost: {reason}");
    }
}

/// <summary>Where a process is going to end.</summary>
/// <param name="Kind">How.</param>
/// <param name="Failpoint">At this place,</param>
/// <param name="Skips">after having passed it so many times;</param>
/// <param name="DiskOperations">or in the middle of this one of its next changes to the disk.</param>
internal sealed record Ambush(CrashKind Kind, Failpoint? Failpoint, int Skips, int? DiskOperations);
