using System.Globalization;
using RaftKv.Raft;
using RaftKv.Raft.Log;
using RaftKv.Server.Bootstrap;
using RaftKv.Server.Hosting;
using RaftKv.Server.Replica;
using RaftKv.Simulation.Disks;
using RaftKv.Simulation.Members;
using RaftKv.Storage.Checkpoints;
using RaftKv.Storage.Files;
using RaftKv.Storage.State;
using RaftKv.Storage.State.Commands;
using RaftKv.Storage.Wal;
using IMember = RaftKv.Simulation.Members.IMember;

namespace RaftKv.Simulation.Whole;

/// <summary>
/// A member as it is in life, stage by stage, without its threads: a stage that was rung for runs a little later, by
/// chance, and not again before the disk has done what it asked for. Made anew by every start of the process.
/// </summary>
[System.Diagnostics.CodeAnalysis.SuppressMessage(
    "Design", "CA1001", Justification = "A process ends without saying goodbye; its disk sees to it that nothing of it goes on.")]
internal sealed partial class WholeMember : IMember, IReplicaObserver, IBackground
{
    public const string LogPath = Home + "/wal";

    private const string Home = "/member";
    private const string StatePath = Home + "/state";

    // So often a member says who it is, until the cluster knows.
    private const int TicksBetweenAnnouncements = 20;

    private readonly IMemberWorld _world;
    private readonly FaultPlan _plan;
    private readonly Chance _chance;
    private readonly MemberStages _stages;
    private readonly WriteAheadLog _wal;
    private readonly Replica _replica;
    private readonly SnapshotTraffic _snapshots;
    private readonly SimulatedStage[] _runs;

    // Whom it knows before it has been told of anybody.
    private readonly MemberTable _foundedWith;

    // What the log writer has reported, and when the disk will really have done it.
    private readonly Inbox<ReplicaInput> _reported;
    private readonly Queue<Reported> _reports = [];
    private List<ReplicaInput> _takenReports = [];

    // Work beside the stages, one piece after the other.
    private readonly Queue<Action> _background = [];

    private MemberStanding _standing = new(0, NodeId.None, false, false, NodeId.None);
    private ulong _requestCount;
    private ulong _checkedIndex;
    private bool _hasLeft;

    // The state that was harmed, until another takes its place.
    private StateMachine? _harmed;

    public WholeMember(IMemberWorld world, FaultPlan plan, Chance chance, ulong boot)
    {
        _world = world;
        _plan = plan;
        _chance = chance.Stream("stages");
        var whole = plan.Whole!;
        var faults = plan.Member.Faults;
        var directory = DataDirectory.Open(world.Disk, Home, world.Self.Value);
        var who = MemberFile.TryRead(world.Disk, Home) ?? throw new StartRefusedException("the directory says nothing of a member");
        _foundedWith = who.Members;
        var walPath = directory.Subdirectory("wal");
        var statePath = directory.Subdirectory("state");
        _wal = WriteAheadLog.Open(world.Disk, walPath, directory.Identity, WalOptionsOf(plan.Member));
        var settings = new Server.Replica.MemberSettings
        {
            Self = world.Self,
            Time = world.Time,
            ElectionTimeout = TimeSpan.FromMilliseconds(10 * plan.Member.Raft.ElectionTicks),
            RequestTimeout = TimeSpan.FromTicks(whole.RequestTimeoutNanos / 100),
            RequestIdBase = (world.Self.Value << 48) | (boot << 32),
            Raft = plan.Member.Raft,
            Applier = whole.Applier,
            Watch = whole.Watch,
            Leases = whole.Leases,
            ComparisonTicks = whole.ComparisonTicks,
            Faults = faults.Stages with { Core = faults.Core },
        };
        RequestIdBase = settings.RequestIdBase;
        _runs = new SimulatedStage[(int)Stage.Count];
        for (var stage = 0; stage < _runs.Length; stage++)
        {
            _runs[stage] = new SimulatedStage(this, (Stage)stage);
        }

        var maker = new LogRecordStoreMaker(world.Disk, whole.Records with { Faults = faults.Records });
        _reported = new Inbox<ReplicaInput>(new NoBell());
        _stages = new MemberStages(
            settings,
            _wal,
            observer => StateStore.Open(world.Disk, statePath, directory.Identity, maker, observer, faults.Checkpoints),
            new StageBells(_runs[(int)Stage.Replica], _runs[(int)Stage.Writer], _runs[(int)Stage.Applier], this),
            MembersChanged,
            _reported);
        _stages.Mending.Told = LookAtComparison;
        _snapshots = new SnapshotTraffic(this, _stages.Store, _stages.Inbox, hasThreads: false);
        DurableIndex = _wal.Last.Index;
        world.Recovered(new ReplicaLog(_wal), StateNow(), StateHash);
        _checkedIndex = AppliedIndex;
        _replica = _stages.Begin(this, _snapshots, chance, Publish, this);
        _stages.Inbox.Post(ReplicaInput.Tick);
    }

    /// <summary>What is run by turns, or comes to its end later.</summary>
    private enum Stage
    {
        Replica,
        Writer,
        Applier,
        Reports,
        Background,
        SnapshotOut,
        SnapshotIn,
        Streams,
        Count,
    }

    public RaftNode Raft => _replica.Raft;

    public ulong DurableIndex { get; private set; }

    public ulong AppliedIndex => _stages.Store.Machine.Applied.Index;

    public ulong StateHash => _stages.Store.Machine.Hash;

    public MemberMemory Memory => _stages.Memory;

    /// <summary>Whether its state was harmed and has not been replaced.</summary>
    public bool IsHarmed => _harmed is not null && _harmed == _stages.Store.Machine;

    /// <summary>Whether its state was harmed, or it thinks so.</summary>
    public bool IsOfDoubtfulState
        => IsHarmed || _stages.Mending.IsOutOfService || _stages.Mending.WantedAlarm(_stages.Store.Machine.Alarms) is not null;

    public ulong RequestIdBase { get; }

    public MemberStanding Standing => _standing;

    public MemberTable Members => _stages.Store.Machine.Members;

    /// <summary>Whom it would connect to.</summary>
    public MemberTable Known => Members.Count > 0 ? Members : _foundedWith;

    public MemberStages Stages => _stages;

    /// <summary>Makes the directory of a founder, or, if the cluster is there already, of one that joins it.</summary>
    public static void Found(SimulatedFileSystem disk, NodeId self, FaultPlan plan, MemberTable members, bool isFounder)
    {
        using var directory = DataDirectory.Open(disk, Home, self.Value);
        var who = new MemberFile(self, ClusterId: 1, isFounder, members);
        MemberLog.Make(disk, directory, who, WalOptionsOf(plan.Member));
        who.Write(disk, Home);
        directory.Subdirectory("state");
    }

    /// <summary>Where the records of one of its generations are.</summary>
    public static string RecordsPath(SimulatedFileSystem disk)
    {
        foreach (var name in disk.DirectoryExists(StatePath) ? disk.List(StatePath) : [])
        {
            if (name.StartsWith("records-", StringComparison.Ordinal))
            {
                return Path.Join(StatePath, name);
            }
        }

        return StatePath;
    }

    /// <summary>What the cluster knows of a member before it has started.</summary>
    public static Member Named(NodeId id, bool isLearner)
        => new(id, "", [string.Create(CultureInfo.InvariantCulture, $"http://{id.Value}:2380")], [], isLearner);

    /// <summary>Its state is another one than it should be.</summary>
    public void Harm()
    {
        _harmed = _stages.Store.Machine;
        _harmed.Keys.BreakChain();
    }

    public ulong NextRequestId() => RequestIdBase | ++_requestCount;

    public void Tick()
    {
        _stages.Inbox.Post(ReplicaInput.Tick);
        TickStreams();
        if (_ticks % TicksBetweenAnnouncements == 0 && DurableIndex > MemberMemory.FoundedIndex && Members.Find(_world.Self) is { HasStarted: false })
        {
            Announce();
        }

        if (_ticks % TicksBetweenAnnouncements == 0)
        {
            KnockSomewhere();
        }

        LookAtCalls();
    }

    void IMember.Submit(in Request request) => throw new InvalidOperationException("This member has no registers.");

    public void Continue(int stage, ulong argument)
    {
        _runs[stage].Run();
        LookAtCalls();
    }

    void IReplicaObserver.Writing(LogPosition? installed, ReadOnlySpan<Entry> entries)
    {
        // What is replaced now is no longer what the disk is about to report.
        var kept = installed is { } position ? position.Index - 1 : entries.IsEmpty ? ulong.MaxValue : entries[0].Index - 1;
        for (var left = _reports.Count; left > 0; left--)
        {
            var report = _reports.Dequeue();
            _reports.Enqueue(report with { Last = Math.Min(report.Last, kept) });
        }

        DurableIndex = Math.Min(DurableIndex, kept);
        _world.Writing(installed, entries);
    }

    void IBackground.Run(Action work)
    {
        _background.Enqueue(work);
        _runs[(int)Stage.Background].WakeWithin(_plan.Whole!.SnapshotNanosMax);
    }

    private static WalOptions WalOptionsOf(Members.MemberSettings settings)
        => new() { SegmentBytes = settings.SegmentBytes, TailBytes = settings.TailBytes, Faults = settings.Faults.Wal };

    private void Announce()
        => Propose(new KvCall
        {
            LeaseCommand = requestId => CommandEnvelope.Encode(
                requestId, Caller.Nobody, new MemberAttributesCommand(_world.Self, $"member {_world.Self}", [])),
            Answer = static _ => { },
        });

    private MemberState StateNow()
    {
        var machine = _stages.Store.Machine;
        return new MemberState(machine.Applied, machine.Config, []);
    }

    private bool RunStage(Stage stage)
    {
        switch (stage)
        {
            case Stage.Replica:
                return _replica.Run();
            case Stage.Writer:
                return RunWriter();
            case Stage.Applier:
                var isMore = _stages.Applier.Run();
                LookAtState();
                return isMore;
            case Stage.Reports:
                HandReports();
                return false;
            case Stage.Background:
                _background.Dequeue()();
                return _background.Count > 0;
            case Stage.SnapshotOut:
                SendNextSnapshot();
                return _outgoing.Count > 0;
            case Stage.SnapshotIn:
                FinishArrival();
                return false;
            default:
                return DrainStreams();
        }
    }

    // What the writer calls durable is so when the disk has done it, and nobody may hear of it before.
    private bool RunWriter()
    {
        var isMore = _stages.Writer.Run();
        if (_reported.TryTake(ref _takenReports))
        {
            foreach (var report in _takenReports)
            {
                _reports.Enqueue(new Reported(_world.Disk.BusyUntil, report, _wal.Last.Index));
            }

            _runs[(int)Stage.Reports].WakeAt(_world.Disk.BusyUntil);
        }

        return isMore;
    }

    private void HandReports()
    {
        while (_reports.TryPeek(out var report))
        {
            if (report.At > _world.Now)
            {
                _runs[(int)Stage.Reports].WakeAt(report.At);
                return;
            }

            _reports.Dequeue();
            DurableIndex = report.Last;
            _world.Durable();
            _stages.Inbox.Post(report.Input);
        }
    }

    private void LookAtState()
    {
        if (AppliedIndex != _checkedIndex && !IsHarmed)
        {
            _checkedIndex = AppliedIndex;
            _world.Installed(StateNow(), StateHash);
        }
    }

    private void LookAtComparison(ComparisonOutcome outcome)
    {
        if (outcome != ComparisonOutcome.Agrees && !IsHarmed)
        {
            throw new Violation(nameof(StateComparison), $"{_world.Self} takes its state for wrong ({outcome}), and it is not");
        }
    }

    private void Publish(MemberStanding standing) => _standing = standing;

    // A member connects to all others, whether or not it has anything to say. One that is down or cut off does not answer.
    private void KnockSomewhere()
    {
        var others = Known.Members.ToArray();
        if (!_hasLeft
            && others.Length > 0
            && others[_ticks / TicksBetweenAnnouncements % others.Length].Id is var other
            && other != _world.Self
            && _world.Knock(other) == Welcome.Removed)
        {
            _hasLeft = true;
            _world.Leave();
        }
    }

    private void MembersChanged()
    {
        if (!_hasLeft && _stages is not null && _stages.Store.Machine.Members.IsRemoved(_world.Self))
        {
            _hasLeft = true;
            _world.Leave();
        }
    }

    /// <summary>A stage, and when its turn is.</summary>
    private sealed class SimulatedStage(WholeMember member, Stage stage) : IDoorbell
    {
        private bool _isAwake;
        private long _busyUntil;

        public void Ring() => WakeWithin(member._plan.Whole!.StageDelayNanosMax);

        public void WakeWithin(long nanos) => WakeAt(member._world.Now + member._chance.Between(0L, nanos));

        public void WakeAt(long at)
        {
            if (!_isAwake)
            {
                _isAwake = true;
                member._world.Await(Math.Max(at, _busyUntil), (int)stage, argument: 0);
            }
        }

        public void Run()
        {
            _isAwake = false;
            var disk = member._world.Disk;
            var before = disk.BusyUntil;
            var isMore = member.RunStage(stage);
            if (disk.BusyUntil != before)
            {
                _busyUntil = disk.BusyUntil;
            }

            if (stage == Stage.Applier)
            {
                _busyUntil = Math.Max(_busyUntil, member._world.Now + member._plan.Member.ApplyNanos);
            }

            if (isMore)
            {
                Ring();
            }
        }
    }

    private sealed class NoBell : IDoorbell
    {
        public void Ring()
        {
        }
    }

    private readonly record struct Reported(long At, ReplicaInput Input, ulong Last);
}
