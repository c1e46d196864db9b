using RaftKv.Raft;
using RaftKv.Raft.Log;
using RaftKv.Server.Bootstrap;
using RaftKv.Server.Tokens;
using RaftKv.Storage.Checkpoints;
using RaftKv.Storage.Leases;
using RaftKv.Storage.State;
using RaftKv.Storage.Wal;
using RaftKv.Storage.Watch;

namespace RaftKv.Server.Replica;

/// <summary>How the stages of a member are set up.</summary>
public sealed record MemberSettings
{
    public required NodeId Self { get; init; }

    /// <summary>Whose monotonic clock leases and time limits run on.</summary>
    public required TimeProvider Time { get; init; }

    public required TimeSpan ElectionTimeout { get; init; }

    /// <summary>After which a request is given up.</summary>
    public required TimeSpan RequestTimeout { get; init; }

    /// <summary>No other process, of this member or of another one, numbers its requests from here.</summary>
    public required ulong RequestIdBase { get; init; }

    public RaftConfig Raft { get; init; } = RaftConfig.Default;

    public ApplierOptions Applier { get; init; } = new();

    public WatchOptions Watch { get; init; } = new();

    /// <summary>After so many ticks the leader has members compare their states; 0 for never.</summary>
    public int ComparisonTicks { get; init; }

    /// <summary>Where the stages count and measure; nowhere if null.</summary>
    public Metrics.StageInstruments? Instruments { get; init; }

    public LeaseClockOptions Leases { get; init; } = LeaseClockOptions.Default;

    /// <summary>Where tokens are remembered that are given out; nowhere if null.</summary>
    internal TokenTable? Tokens { get; init; }

    /// <summary>For tests of the tests.</summary>
    public MemberFaults Faults { get; init; } = MemberFaults.None;
}

/// <summary>
/// The stages of a member and what lies between them, put together over its open log and state. There is no thread in
/// here, no port, and no clock but the one that is handed in: whoever rings for a stage has it run, a thread or the
/// simulator.
/// </summary>
/// <remarks>
/// <code>
///   requests, messages ──> replica ──> log writer ──┐
///                             ^  │                  │ what is durable
///                             │  └─> applier        │
///                             └───────┴─────────────┘
/// </code>
/// </remarks>
public sealed class MemberStages : IDisposable
{
    private readonly MemberSettings _settings;
    private readonly WriteAheadLog _wal;

    /// <param name="settings">How they are set up.</param>
    /// <param name="wal">Of which this takes possession.</param>
    /// <param name="openStore">Opens the state, of which this takes possession, with somebody who is told of what is
    /// applied.</param>
    /// <param name="bells">Who runs the stages.</param>
    /// <param name="membersChanged">Called while a change of the membership is applied.</param>
    /// <param name="persisted">What is told of durable writes; the replica itself if null.</param>
    public MemberStages(
        MemberSettings settings,
        WriteAheadLog wal,
        Func<IStateObserver, StateStore> openStore,
        StageBells bells,
        Action membersChanged,
        Inbox<ReplicaInput>? persisted = null)
    {
        _settings = settings;
        _wal = wal;
        Inbox = new Inbox<ReplicaInput>(bells.Replica);
        Answers = new PendingAnswers(settings.Time, settings.RequestTimeout);
        Reads = new ReadGate(settings.Time, settings.RequestTimeout);
        Leases = new LeaseKeeper(settings.Time, settings.ElectionTimeout, settings.Leases, settings.Faults);
        Writer = new LogWriter(wal, bells.Writer, persisted ?? Inbox);
        Mending = new StateMending(settings.Self, wal, Inbox) { OverlooksDamage = settings.Faults.OverlooksDamage };
        Store = openStore(new Observer(Leases, Mending, settings.Tokens, settings.Instruments, membersChanged));
        FinishInstallation();
        Watches = new WatchHub(Store.Machine.Keys, settings.Watch, settings.Faults.Watch);
        Applier = new Applier(
            Store, Watches, Answers, Reads, Leases, Inbox, Writer.Inbox, bells.Applier, bells.Background, settings.Applier, Mending, settings.Instruments);
        Memory = new MemberMemory(wal, Applier);
    }

    /// <summary>The replica's.</summary>
    public Inbox<ReplicaInput> Inbox { get; }

    public LogWriter Writer { get; }

    public Applier Applier { get; }

    public PendingAnswers Answers { get; }

    public ReadGate Reads { get; }

    public LeaseKeeper Leases { get; }

    public StateStore Store { get; }

    public WatchHub Watches { get; }

    public MemberMemory Memory { get; }

    public StateMending Mending { get; }

    /// <summary>Null until <see cref="Begin"/>.</summary>
    public Replica? Replica { get; private set; }

    /// <summary>What a founder's log begins with; nothing happens to a log that has begun.</summary>
    internal static void Found(WriteAheadLog wal, MemberFile who)
    {
        if (!who.IsFounder || wal.Last.Index > 0 || wal.HardState.Term > 0)
        {
            return;
        }

        var table = new System.Buffers.ArrayBufferWriter<byte>();
        who.Members.WriteTo(table);
        var first = RaftStart.FirstEntry(
            who.Members.Members.Where(member => !member.IsLearner).Select(member => member.Id),
            who.Members.Members.Where(member => member.IsLearner).Select(member => member.Id),
            context: table.WrittenSpan.ToArray());
        wal.Append(new WalBatch { HardState = RaftStart.FirstHardState, Entries = [first] });
    }

    /// <summary>Makes the replica, which is then ready to be run.</summary>
    /// <param name="peers">How it reaches the others.</param>
    /// <param name="courier">How states get there.</param>
    /// <param name="chance">Where election timeouts come from.</param>
    /// <param name="publish">Told of where the member stands, by the replica.</param>
    /// <param name="observer">Told of what is written; null for nobody.</param>
    public Replica Begin(
        Peers.IPeerNetwork peers,
        ISnapshotCourier courier,
        Chance chance,
        Action<MemberStanding> publish,
        IReplicaObserver? observer = null)
    {
        var reader = new ReplicaLog(_wal);
        var start = new RaftStart
        {
            Self = _settings.Self,
            Log = reader,
            Chance = chance,
            HardState = _wal.HardState,
            Applied = Store.Machine.Applied.Index,
            Config = Store.Machine.Config,
            Settings = _settings.Raft,
            Faults = _settings.Faults.Core,
        };
        Replica = new Replica(
            start,
            reader,
            _settings.RequestIdBase,
            Inbox,
            Writer,
            Applier,
            Answers,
            Reads,
            Leases,
            peers,
            courier,
            publish,
            _settings.ElectionTimeout,
            Mending,
            _settings.ComparisonTicks,
            observer);
        return Replica;
    }

    public void Dispose()
    {
        _wal.Dispose();
        Store.Dispose();
    }

    // The state of a snapshot becomes durable before the log is told. A crash between the two leaves a state that the log
    // does not lead to; it is the log that has to give way, for the state holds nothing that is not committed.
    private void FinishInstallation()
    {
        var position = Store.Machine.Applied;
        var isInLog = _wal.TryGetTerm(position.Index, out var term) && term == position.Term;
        if (isInLog || (position.Index == 0 && _wal.Start.Index == 0))
        {
            return;
        }

        if (position.Index < _wal.Start.Index)
        {
            throw new BootstrapException(
                $"The state of this member stands at {position}, but its log begins only after {_wal.Start}: files are missing. "
                + "Remove this member and add it anew with an empty directory.");
        }

        var hardState = _wal.HardState;
        var isTermBehind = hardState.Term < position.Term;
        _wal.Append(new WalBatch
        {
            Reset = position,
            HardState = new HardState(
                Math.Max(hardState.Term, position.Term),
                isTermBehind ? NodeId.None : hardState.Vote,
                Math.Max(hardState.Commit, position.Index)),
        });
    }

    private sealed class Observer(LeaseKeeper leases, IStateObserver mending, TokenTable? tokens, Metrics.StageInstruments? instruments, Action membersChanged) : IStateObserver
    {
        public void AlarmRaised(Alarm alarm, ulong index) => mending.AlarmRaised(alarm, index);

        public void Marked(ulong index, ulong sum) => mending.Marked(index, sum);

        public void SumTold(NodeId member, ulong index, ulong sum) => mending.SumTold(member, index, sum);

        public void LeaseGranted(long id, long ttl)
        {
            leases.Granted(id, ttl);
            instruments?.LeasesGranted.Add();
            instruments?.LeaseTtls.Observe(ttl);
        }

        public void LeaseRevoked(long id)
        {
            leases.Revoked(id);
            instruments?.LeasesRevoked.Add();
        }

        public void LeaseCheckpointed(long id, long remainingTtl) => leases.Checkpointed(id, remainingTtl);

        public void MembersChanged() => membersChanged();

        public void Authenticated(AuthUser user, string token) => tokens?.Remember(user, token);

        public void AuthDisabled() => tokens?.Clear();
    }
}

/// <summary>Who has to be woken for a stage, and who does what may take its time.</summary>
public sealed record StageBells(IDoorbell Replica, IDoorbell Writer, IDoorbell Applier, IBackground Background);
