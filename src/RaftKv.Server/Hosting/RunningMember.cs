using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using Microsoft.Extensions.Logging;
using RaftKv.Raft;
using RaftKv.Raft.Messages;
using RaftKv.Server.Bootstrap;
using RaftKv.Server.Metrics;
using RaftKv.Server.Peers;
using RaftKv.Server.Replica;
using RaftKv.Server.Tls;
using RaftKv.Server.Tokens;
using RaftKv.Storage.Checkpoints;
using RaftKv.Storage.Files;
using RaftKv.Storage.Leases;
using RaftKv.Storage.Mvcc;
using RaftKv.Storage.State;
using RaftKv.Storage.State.Commands;
using RaftKv.Storage.Wal;
using RaftKv.Storage.Watch;

namespace RaftKv.Server.Hosting;

/// <summary>
/// A member's stages with what runs them, and the disk under them (<see cref="MemberGround"/>). It knows no port: peers and services are put
/// around it by <see cref="RaftKvNode"/>.
/// </summary>
internal sealed partial class RunningMember : IMember, IPeerReceiver, IDisposable
{
    // Before the leader is asked again, or looked for again.
    private static readonly TimeSpan LeaderPause = TimeSpan.FromMilliseconds(20);

    // How far the log may be ahead of what is applied before new requests are refused.
    private const ulong MaxApplyLag = 5_000;

    private readonly RaftKvOptions _options;
    private readonly ILogger _log;
    private readonly MemberFile _who;
    private readonly DataDirectory _directory;
    private readonly MemberCertificates _certificates;
    private readonly MemberStages _stages;
    private readonly StateStore _store;
    private readonly IStageRunner[] _runners;
    private readonly ulong _chanceSeed;
    private readonly Applier _applier;
    private readonly Inbox<ReplicaInput> _inbox;
    private readonly PendingAnswers _answers;
    private readonly ReadGate _reads;
    private readonly LeaseKeeper _leases;
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly ulong _requestIdBase;
    private Replica.Replica? _replica;
    private IPeerNetwork? _transport;
    private ILeaderCalls? _leaderCalls;
    private SnapshotTraffic? _snapshots;
    private ITimer? _ticks;
    private long _requestCount;
    private volatile MemberStanding _standing = new(0, NodeId.None, false, false, NodeId.None);
    private volatile TaskCompletionSource _standingChanged = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private volatile bool _hasAnnounced;
    private int _isStopped;

    private RunningMember(
        RaftKvOptions options,
        ILogger log,
        MemberFile who,
        MemberGround ground,
        DataDirectory directory,
        MemberCertificates certificates,
        WriteAheadLog wal,
        StageInstruments instruments,
        Func<IStateObserver, StateStore> openStore)
    {
        Instruments = instruments;
        _options = options;
        _log = log;
        _who = who;
        _directory = directory;
        _certificates = certificates;
        _runners = [ground.NewRunner(Fail), ground.NewRunner(Fail), ground.NewRunner(Fail)];
        _requestIdBase = ground.Draw() << 32;
        _chanceSeed = ground.Draw();
        Tokens = new TokenTable(options.Time, options.TokenTimeToLive);
        var settings = new MemberSettings
        {
            Self = who.Self,
            Tokens = Tokens,
            Time = options.Time,
            ElectionTimeout = options.ElectionTimeout,
            RequestTimeout = options.RequestTimeout,
            RequestIdBase = _requestIdBase,
            Applier = options.Applier with { QuotaBytes = options.EffectiveQuotaBytes },
            ComparisonTicks = options.ComparisonInterval > TimeSpan.Zero
                ? Math.Max(1, (int)Math.Min(int.MaxValue, options.ComparisonInterval / options.HeartbeatInterval))
                : 0,
            Instruments = instruments,
            Leases = LeaseClockOptions.Default with { IsCheckpointing = true },
            Raft = RaftConfig.Default with
            {
                HeartbeatTicks = 1,
                ElectionTicks = Math.Max(2, (int)Math.Round(options.ElectionTimeout / options.HeartbeatInterval)),
            },
        };
        _stages = new MemberStages(
            settings,
            wal,
            openStore,
            new StageBells(_runners[0], _runners[1], _runners[2], ground.Background),
            MembersChanged);
        (_inbox, _answers, _reads, _leases) = (_stages.Inbox, _stages.Answers, _stages.Reads, _stages.Leases);
        (_store, _applier, Watches) = (_stages.Store, _stages.Applier, _stages.Watches);
        _stages.Mending.Told = ToldOfComparison;
        instruments.SlowApplied = (took, entries) => Log.SlowApply(_log, Math.Round(took.TotalMilliseconds, 1), entries);
    }

    public NodeId Self => _who.Self;

    public ulong ClusterId => _who.ClusterId;

    public string DataPath => _directory.Path;

    /// <summary>Ends when the member does; with what made it stop, if something did.</summary>
    public Task Ended => _ended.Task;

    public MemberStatus Status
    {
        get
        {
            var standing = _standing;
            var applied = _applier.AppliedIndex;
            return new MemberStatus(
                standing.Term, standing.Leader, standing.IsLearner, Math.Max(applied, _replica?.CommittedIndex ?? 0), applied);
        }
    }

    public MemberStanding Standing => _standing;

    public IReadOnlyList<Member> Members => [.. _applier.Published.Members.Members];

    public ImmutableSortedSet<Alarm> Alarms => _applier.Published.Alarms.Active;

    public AuthView Auth => _applier.Published.Auth.View;

    public WatchHub Watches { get; }

    /// <summary>The tokens that it has heard of.</summary>
    public TokenTable Tokens { get; }

    public IReadOnlyList<CertificateExpiry> Certificates => _certificates.Expiries;

    public StageInstruments Instruments { get; }

    public KeySpace Keys => _applier.Published.Keys;

    public int PendingProposals => _answers.Count;

    public long FailedProposals => _answers.RefusedCount;

    public long FailedReads => _reads.RefusedCount;

    public long LostReadRounds => _reads.LostCount;

    public long ExpiredLeases => _leases.ExpiredCount;

    /// <summary>States from the leader that are being taken in.</summary>
    public int SnapshotsArriving => _snapshots?.ArrivingCount ?? 0;

    public StateMending Mending => _stages.Mending;

    public bool IsOutOfService => _stages.Mending.IsOutOfService;

    /// <summary>What it remembers, of itself and of the others.</summary>
    public MemberMemory Memory => _stages.Memory;

    public TimeSpan RequestTimeout => _options.RequestTimeout;

    public TimeProvider Time => _options.Time;

    public (long Taken, long Needed) Space
    {
        get
        {
            var keys = _applier.Published.Keys;
            return (keys.DiskBytes, keys.LiveBytes);
        }
    }

    /// <summary>Opens what is on the disk, or makes it.</summary>
    public static RunningMember Open(
        RaftKvOptions options, ILogger log, MemberGround ground, DataDirectory directory, MemberFile who, MemberCertificates certificates)
    {
        var walPath = MemberLog.PathOf(ground.Files, directory, options.WalDirectory);
        var statePath = directory.Subdirectory("state");
        var instruments = new StageInstruments();
        var walOptions = (ground.Wal ?? new WalOptions()) with { Observer = instruments };
        var wal = WriteAheadLog.Open(ground.Files, walPath, directory.Identity, walOptions);
        if (wal.TornTail is { } torn)
        {
            Log.TornTail(log, torn.ToString()!);
        }

        var maker = ground.NewRecords(options);
        return new RunningMember(
            options,
            log,
            who,
            ground,
            directory,
            certificates,
            wal,
            instruments,
            observer => StateStore.Open(ground.Files, statePath, directory.Identity, maker, observer));
    }

    /// <summary>Begins to take part.</summary>
    public void Start(IPeerNetwork transport, ILeaderCalls leaderCalls)
    {
        _transport = transport;
        _leaderCalls = leaderCalls;
        _snapshots = new SnapshotTraffic(transport, _store, _inbox, hasThreads: true, problem => ReportUnreadable(problem));
        var known = _store.Machine.Members.Count > 0 ? _store.Machine.Members : _who.Members;
        SyncPeers(known);

        _replica = _stages.Begin(transport, _snapshots, new Chance(_chanceSeed), Publish);
        _runners[1].Start(_stages.Writer);
        _runners[2].Start(_applier);
        _runners[0].Start(_replica);
        _ticks = _options.Time.CreateTimer(
            _ => _inbox.Post(ReplicaInput.Tick), state: null, _options.HeartbeatInterval, _options.HeartbeatInterval);
        _inbox.Post(ReplicaInput.Tick);
    }

    public KeySpaceView OpenView()
    {
        while (true)
        {
            // A state from the leader may take the place of this one between the two.
            if (_applier.Published.Keys.TryOpenView() is { } view)
            {
                return view;
            }
        }
    }

    public ulong NextRequestId() => _requestIdBase | (uint)Interlocked.Increment(ref _requestCount);

    public ValueTask<Answer> ProposeAsync(ReadOnlyMemory<byte> payload, ulong requestId, CancellationToken cancellation)
    {
        ThrowIfOutOfUse();
        if (payload.Length > _options.MaxRequestBytes)
        {
            throw new RequestRefusedException(RequestRefusal.TooLarge);
        }

        var status = Status;
        if (status.CommitIndex - status.AppliedIndex > MaxApplyLag)
        {
            throw new RequestRefusedException(RequestRefusal.TooManyRequests);
        }

        var answer = _answers.ExpectAsync(requestId, cancellation);
        _inbox.Post(ReplicaInput.Proposal(payload, requestId));
        return answer;
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    public async ValueTask WaitUntilCurrentAsync(CancellationToken cancellation)
    {
        ThrowIfOutOfUse();
        var turn = _reads.WaitAsync();
        _inbox.Post(ReplicaInput.Read);
        await turn.WaitAsync(cancellation).ConfigureAwait(false);
    }

    public async ValueTask WaitUntilCompactedAsync(CancellationToken cancellation)
        => await _applier.WaitUntilCompactedAsync().WaitAsync(cancellation).ConfigureAwait(false);

    public async ValueTask TransferLeadershipAsync(NodeId target, CancellationToken cancellation)
    {
        ThrowIfStopped();
        if (!_standing.IsLeader)
        {
            throw new RequestRefusedException(RequestRefusal.NotLeader);
        }

        if (target == Self)
        {
            return;
        }

        var requestId = NextRequestId();
        var refusal = _answers.ExpectAsync(requestId, CancellationToken.None).AsTask();
        _inbox.Post(ReplicaInput.Transfer(target, requestId));
        try
        {
            while (_standing.Leader != target)
            {
                var changed = _standingChanged.Task;
                if (_standing.Leader == target)
                {
                    break;
                }

                var first = await Task.WhenAny(changed, refusal).WaitAsync(cancellation).ConfigureAwait(false);
                if (first == refusal)
                {
                    try
                    {
                        await refusal.ConfigureAwait(false);
                    }
                    catch (RequestRefusedException refused) when (
                        refused.Reason is RequestRefusal.TimedOut or RequestRefusal.TimedOutAfterLeaderFailure
                            or RequestRefusal.TimedOutAfterConnectionLoss)
                    {
                        throw new RequestRefusedException(RequestRefusal.TransferTimedOut);
                    }
                }
            }
        }
        finally
        {
            _answers.Forget(requestId);
        }
    }

    public void RequestReclaim() => _applier.Inbox.Post(new ApplierInput.Reclaim());

    public async ValueTask<ISnapshotSource> OpenSnapshotAsync(CancellationToken cancellation)
    {
        // The source lets go of the state; this holds it only until then.
        var state = await AskStateAsync(OfferedState.Of, cancellation).ConfigureAwait(false);
        var source = new QuietSource(new StateSource(state, state.Hold()!, problem => ReportUnreadable(problem)));
        state.Release();
        return source;
    }

    /// <summary>Tells the cluster what this member is called and where clients find it, until it has heard.</summary>
    public async Task AnnounceAsync(string name, IReadOnlyList<string> clientUrls)
    {
        while (Volatile.Read(ref _isStopped) == 0 && !_ended.Task.IsCompleted)
        {
            // From then on, whoever has its name and remembers nothing is sent away: so not before it has something that it
            // will still remember after any crash.
            var isTime = Memory.OutlivesProcess;
            _hasAnnounced |= isTime;
            if (isTime && await TryAnnounceAsync(name, clientUrls).ConfigureAwait(false))
            {
                return;
            }

            await Task.Delay(isTime ? _options.ElectionTimeout : LeaderPause, _options.Time).ConfigureAwait(false);
        }
    }

    /// <summary>Hands leadership over if it has it, so that nobody has to wait for an election when it is gone.</summary>
    public async Task HandOverAsync()
    {
        if (!_standing.IsLeader)
        {
            return;
        }

        var successor = _transport!.Statuses()
            .Where(peer => peer.IsConnected && _applier.Published.Config.IsVoter(peer.Id))
            .OrderByDescending(peer => peer.ConnectedFor)
            .FirstOrDefault();
        if (successor is null)
        {
            return;
        }

        using var limit = new CancellationTokenSource(_options.ElectionTimeout, _options.Time);
        try
        {
            await TransferLeadershipAsync(successor.Id, limit.Token).ConfigureAwait(false);
        }
        catch (Exception problem) when (problem is OperationCanceledException or RequestRefusedException)
        {
            Log.HandOverFailed(_log, successor.Id.ToString());
        }
    }

    public bool ReportUnreadable(StorageException problem)
    {
        Log.Unreadable(_log, problem.Message);
        _applier.Inbox.Post(new ApplierInput.Unreadable(problem));
        return _stages.Mending.HasOthers(_applier.Published);
    }

    /// <summary>Whether another one is known to have run; see <see cref="MemberMemory.HasRun"/>. Null if that cannot be told,
    /// because what it remembers is damaged.</summary>
    public bool? HasRun(NodeId member)
    {
        try
        {
            return Memory.HasRun(member);
        }
        catch (StorageException damaged)
        {
            Fail("log", damaged);
            return null;
        }
    }

    public void Receive(ReadOnlySpan<Message> messages)
    {
        if (messages.IsEmpty || !ListensTo(messages[0].From))
        {
            return;
        }

        foreach (ref readonly var message in messages)
        {
            _inbox.Post(ReplicaInput.Of(message));
        }
    }

    public void Unreachable(NodeId peer) => _inbox.Post(ReplicaInput.Unreachable(peer));

    public void Gone(NodeId peer) => _inbox.Post(ReplicaInput.Gone(peer));

    public void SnapshotSent(NodeId peer, bool isDelivered) => _inbox.Post(ReplicaInput.SnapshotSent(peer, isDelivered));

    public ValueTask<ISnapshotSink> BeginSnapshotAsync(SnapshotOffer offer, CancellationToken cancellation)
        => ListensTo(offer.Message.From)
            ? ValueTask.FromResult<ISnapshotSink>(_snapshots!.Receive(offer))
            : throw new InvalidOperationException($"Member {Self} does not know yet whether it is welcome, or must not go on.");

    public void Removed(NodeId by)
    {
        Log.Removed(_log, by.ToString());
        End(new MemberRemovedException());
    }

    public void LostData(NodeId by)
    {
        // Somebody who knew of no earlier start has let it in and told it what there is, and from this process the others know
        // that it has started. One that met it while it was blank, and judged when it had heard of that, means this start.
        if (_hasAnnounced)
        {
            return;
        }

        Log.LostData(_log, by.ToString());
        End(new MemberLostDataException(by));
    }

    public void Broken(Exception problem) => Fail("peers", problem);

    public void Dispose()
    {
        if (Interlocked.Exchange(ref _isStopped, 1) != 0)
        {
            return;
        }

        _ticks?.Dispose();
        _answers.RefuseAll(RequestRefusal.Stopped);
        _reads.RefuseAll(RequestRefusal.Stopped);
        foreach (var runner in _runners)
        {
            runner.Stop();
        }

        _stages.Dispose();
        _directory.Dispose();
        _ended.TrySetResult();
    }

    // Leadership is moving, or something has to be over first: soon one will know more.
    private async ValueTask WaitForNewsAsync(long since, CancellationToken cancellation)
    {
        if (_options.Time.GetElapsedTime(since) > RequestTimeout)
        {
            throw new RequestRefusedException(_standing.Leader.IsNone ? RequestRefusal.NoLeader : RequestRefusal.TimedOut);
        }

        await Task.Delay(LeaderPause, _options.Time, cancellation).ConfigureAwait(false);
    }

    private Uri? Leader()
    {
        var leader = _standing.Leader;
        var members = _store.Machine.Members;
        return members.Find(leader) is { } member && PeerAddresses.Of(member) is [var url, ..] ? url : null;
    }

    internal Task<T> AskStateAsync<T>(Func<StateMachine, T> question, CancellationToken cancellation)
    {
        ThrowIfStopped();
        var answer = new TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously);
        _applier.Inbox.Post(new ApplierInput.Ask(machine => answer.TrySetResult(question(machine))));
        return answer.Task.WaitAsync(cancellation);
    }

    private async ValueTask<bool> TryAnnounceAsync(string name, IReadOnlyList<string> clientUrls)
    {
        try
        {
            var requestId = NextRequestId();
            var command = new MemberAttributesCommand(Self, name, clientUrls);
            var answer = await ProposeAsync(CommandEnvelope.Encode(requestId, Caller.Nobody, command), requestId, CancellationToken.None)
                .ConfigureAwait(false);
            return answer.Error == StateError.None;
        }
        catch (RequestRefusedException)
        {
            // Nobody leads yet, or too much is under way.
            return false;
        }
    }

    // One that remembers nothing listens only to those who have let it in: they might know that it had promised them
    // something. Of one that it does not know it cannot ask that; then anybody's welcome will do. One that has been told to
    // end listens to nobody any more.
    private bool ListensTo(NodeId peer)
        => !_ended.Task.IsCompleted
            && (!Memory.IsBlank

                // The peers' port is open before the member has started, and whoever was faster speaks at once.
                || (_transport is { } transport
                    && (transport.StatusOf(peer) is { } known ? known.IsConnected : transport.Statuses().Any(one => one.IsConnected))));

    private void Publish(MemberStanding standing)
    {
        var before = _standing;
        _standing = standing;
        Interlocked.Exchange(ref _standingChanged, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously))
            .TrySetResult();
        if (standing.Leader != before.Leader && !standing.Leader.IsNone)
        {
            Instruments.LeaderChanges.Add();
        }

        if (standing.Leader != before.Leader || standing.IsLeader != before.IsLeader)
        {
            Log.Standing(_log, standing.Term, standing.IsLeader ? "leads" : standing.Leader.IsNone ? "knows no leader" : $"follows {standing.Leader}");
        }
    }

    private void Fail(string stage, Exception broken)
    {
        Log.Broken(_log, stage, broken);
        End(new MemberFailedException(stage, broken));
    }

    private void End(Exception reason) => _ended.TrySetException(reason);

    private void ToldOfComparison(ComparisonOutcome outcome)
    {
        switch (outcome)
        {
            case ComparisonOutcome.Differs:
                Log.StateDiffers(_log);
                break;
            case ComparisonOutcome.Undecided:
                Log.StatesUndecided(_log);
                break;
            default:
                Log.StateMended(_log);
                break;
        }
    }

    private void ThrowIfOutOfUse()
    {
        ThrowIfStopped();
        if (IsOutOfService)
        {
            throw new RequestRefusedException(RequestRefusal.OutOfService);
        }
    }

    private void ThrowIfStopped()
    {
        if (Volatile.Read(ref _isStopped) != 0 || _ended.Task.IsCompleted)
        {
            throw new RequestRefusedException(RequestRefusal.Stopped);
        }
    }
}

/// <summary>A stage of the member broke. It has stopped, so that nothing wrong is told or written.</summary>
public sealed class MemberFailedException(string stage, Exception cause)
    : Exception($"The {stage} of this member failed: {cause.Message}", cause);

/// <summary>This member has run before, and its data is gone.</summary>
public sealed class MemberLostDataException(NodeId by)
    : Exception($"Member {by} knows that this member has run before, but its data directory is new: what it had promised is lost. "
        + "Remove it from the cluster, and add it as a new member with an empty data directory.");

/// <summary>This member was removed from its cluster.</summary>
public sealed class MemberRemovedException()
    : Exception("This member was removed from the cluster. Its id is banned; to take part again, add it as a new member with an empty data directory.");
