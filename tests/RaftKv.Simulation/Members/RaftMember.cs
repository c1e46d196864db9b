using RaftKv.Raft;
using RaftKv.Raft.Log;
using RaftKv.Raft.Membership;
using RaftKv.Raft.Messages;
using RaftKv.Simulation.Disks;
using RaftKv.Storage.Wal;

namespace RaftKv.Simulation.Members;

/// <summary>
/// A member that is a consensus core, a write-ahead log and a few registers: it does what <see cref="RaftNode"/> asks of
/// its host, with the disk's part of it taking virtual time. Made anew by every start of the process.
/// </summary>
internal sealed class RaftMember : IMember
{
    public const string LogDirectory = "/wal";

    private const int WriteDone = 0;
    private const int CheckpointDone = 1;
    private const int ApplyDone = 2;
    private const int ClaimDone = 3;

    private readonly IMemberWorld _world;
    private readonly MemberSettings _settings;
    private readonly WriteAheadLog _wal;
    private readonly WalReader _reader;
    private readonly CheckpointStore _checkpoints;
    private readonly LogWriter _writer;
    private readonly RegisterMachine _machine = new();
    private readonly Ready _ready = new();

    // Committed entries that wait for the state machine, when applying takes time.
    private readonly Queue<ReadOnlyMemory<Entry>> _toApply = [];
    private bool _isApplying;

    // Requests that were proposed here and wait for their entry to be applied, and reads that wait for their index.
    private readonly Dictionary<(int Client, uint Number), Request> _proposed = [];
    private readonly Dictionary<ulong, Request> _reads = [];
    private readonly List<(ulong Index, Request Request)> _readable = [];
    private ulong _readCount;

    private MemberState? _arriving;
    private MemberState? _checkpoint;
    private MemberState? _writingCheckpoint;

    public RaftMember(IMemberWorld world, MemberSettings settings, Chance chance, ulong boot)
    {
        _world = world;
        _settings = settings;
        _readCount = boot << 32;
        _checkpoints = new CheckpointStore(world, settings.Faults);
        _wal = WriteAheadLog.Open(world.Disk, LogDirectory, world.Self.Value, WalOptionsOf(settings));
        _reader = new WalReader(_wal);
        _checkpoints.ReadInto(_machine);
        FinishInstallation();
        if (_machine.Position.Index < _wal.Start.Index)
        {
            throw new StartRefusedException($"the state is at {_machine.Position}, the log begins after {_wal.Start}");
        }

        _checkpoint = CheckpointStore.StateOf(_machine, _machine.Position);
        _reader.Offered = _machine.Position.Index > 0 ? _checkpoint : null;
        _writer = new LogWriter(world, _wal, _checkpoints);
        DurableIndex = _wal.Last.Index;
        if (_wal.HardState.Commit > _wal.Last.Index)
        {
            throw new StartRefusedException($"the log ends at {_wal.Last}, short of {_wal.HardState.Commit}");
        }

        var recovered = new RegisterMachine();
        recovered.TryDecode(_checkpoint.Bytes);
        world.Recovered(_reader, _checkpoint, recovered.Hash);
        Raft = new RaftNode(new RaftStart
        {
            Self = world.Self,
            Log = _reader,
            Chance = chance,
            HardState = _wal.HardState,
            Applied = _machine.Position.Index,
            Config = _machine.Config,
            Settings = settings.Raft,
            Faults = settings.Faults.Core,
        });
        world.Pass(Failpoint.Started);
    }

    public RaftNode Raft { get; }

    public ulong DurableIndex { get; private set; }

    public ulong AppliedIndex => _machine.Position.Index;

    public ulong StateHash => _machine.Hash;

    /// <summary>Makes what a founding member starts with, or, without an entry, one that joins later.</summary>
    public static void Found(SimulatedFileSystem disk, NodeId self, MemberSettings settings, Entry? first)
    {
        disk.CreateDirectory(LogDirectory);
        disk.CreateDirectory(CheckpointStore.Directory);
        disk.SyncDirectory("/");
        using var wal = WriteAheadLog.Create(disk, LogDirectory, self.Value, WalOptionsOf(settings));
        if (first is { } entry)
        {
            wal.Append(new WalBatch { HardState = RaftStart.FirstHardState, Entries = [entry] });
        }
    }

    public void Tick()
    {
        Raft.Tick();
        Work();
    }

    public void Receive(in Message message, MemberState? state)
    {
        if (state is not null)
        {
            _world.Pass(Failpoint.SnapshotArrived);
            _arriving = state;
        }

        Raft.Step(message);
        Work();
    }

    public void Submit(in Request request)
    {
        if (request.Kind == OperationKind.Read)
        {
            var token = ++_readCount;
            _reads.Add(token, request);
            if (Raft.ReadIndex(token) == ReadOutcome.NoLeader)
            {
                _reads.Remove(token);
                Refuse(request);
            }
        }
        else
        {
            Propose(request);
        }

        Work();
    }

    public void ChangeMembership(ConfigChange change)
    {
        Raft.ProposeConfigChange(change);
        Work();
    }

    public void TransferLeadership(NodeId target)
    {
        Raft.TransferLeadership(target);
        Work();
    }

    public void Continue(int stage, ulong argument)
    {
        switch (stage)
        {
            case WriteDone:
                FinishWrite();
                break;
            case CheckpointDone:
                FinishCheckpoint();
                break;
            case ApplyDone:
                FinishApply();
                break;
            case ClaimDone:
                WriteCheckpoint(_machine.Position);
                break;
        }

        Work();
    }

    public void ReportUnreachable(NodeId member)
    {
        Raft.ReportUnreachable(member);
        Work();
    }

    public void ReportGone(NodeId member)
    {
        Raft.ReportGone(member);
        Work();
    }

    public void ReportSnapshot(NodeId member, bool isDelivered)
    {
        Raft.ReportSnapshot(member, isDelivered);
        Work();
    }

    private static WalOptions WalOptionsOf(MemberSettings settings)
        => new() { SegmentBytes = settings.SegmentBytes, TailBytes = settings.TailBytes, Faults = settings.Faults.Wal };

    // The state of a snapshot becomes durable before the log is told. A crash between the two leaves a state that the log
    // does not lead to; it is the log that has to give way, for the state holds nothing that is not committed.
    private void FinishInstallation()
    {
        var position = _machine.Position;
        var isInLog = _wal.TryGetTerm(position.Index, out var term) && term == position.Term;
        if (isInLog || position.Index < _wal.Start.Index)
        {
            return;
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

    // All that the core wants done, until it wants nothing more.
    private void Work()
    {
        while (Raft.TryTakeReady(_ready))
        {
            var committed = _ready.Committed;
            if (_ready.Write != 0)
            {
                Write();
            }

            if (_ready.Messages.Length > 0)
            {
                Send();
            }

            foreach (ref readonly var read in _ready.Reads)
            {
                if (_reads.Remove(read.Token, out var request))
                {
                    _readable.Add((_settings.Faults.ReadsBeforeApplied ? 0 : read.Index, request));
                }
            }

            if (!committed.IsEmpty)
            {
                _toApply.Enqueue(committed);
            }

            StartApplying();
            AnswerReads();
        }

        StartApplying();
        _writer.Start(WriteDone);
    }

    private void Write()
    {
        MemberState? state = null;
        if (_ready.Snapshot is { } snapshot)
        {
            // What was handed out before belongs to the state that is about to be replaced.
            ApplyAll();
            Invariant.Holds(_arriving is not null);
            Invariant.Holds(_arriving.Position == snapshot.Position);
            state = _arriving;
        }

        _world.Writing(state?.Position, _ready.Entries.Span);
        var last = _ready.Entries.IsEmpty ? Raft.Last.Index : _ready.Entries.Span[^1].Index;
        _writer.Enqueue(_ready.Write, _ready.HardState, state, _ready.Entries, last);
    }

    private void Send()
    {
        _world.Pass(Failpoint.BeforeSend);
        var isFirst = true;
        foreach (ref readonly var message in _ready.Messages)
        {
            if (!isFirst)
            {
                _world.Pass(Failpoint.BetweenSends);
            }

            isFirst = false;
            _world.HandedOut(message);
            _world.Send(message, message.Kind == MessageKind.InstallSnapshot ? StateFor(message.Snapshot!) : null);
        }

        _world.Pass(Failpoint.AfterSend);
    }

    private MemberState StateFor(Snapshot snapshot)
    {
        Invariant.Holds(_reader.Offered is not null);
        Invariant.Holds(_reader.Offered.Position == snapshot.Position);
        return _reader.Offered;
    }

    private void FinishWrite()
    {
        _world.Pass(Failpoint.AfterSyncBeforeReport);
        var number = _writer.Finish(out var last, out var installed);
        if (number == 0)
        {
            return; // A compaction, or the disk was full and is asked again.
        }

        DurableIndex = last;
        _world.Durable();
        if (installed is not null)
        {
            Install(installed);
        }

        Raft.OnPersisted(number);
    }

    private void Install(MemberState state)
    {
        _world.Pass(Failpoint.BeforeSnapshotInstalled);
        ApplyAll();
        var isIntact = _machine.TryDecode(state.Bytes, keepsSessions: !_settings.Faults.ForgetsSessions);
        Invariant.Holds(isIntact);
        _checkpoint = state;
        _reader.Offered = state;
        _world.Installed(state, _machine.Hash);
    }

    private void StartApplying()
    {
        if (_settings.ApplyNanos == 0)
        {
            ApplyAll();
        }
        else if (!_isApplying && _toApply.Count > 0)
        {
            _isApplying = true;
            _world.Await(_world.Now + _settings.ApplyNanos, ApplyDone, argument: 0);
        }
    }

    private void FinishApply()
    {
        _isApplying = false;
        if (_toApply.TryDequeue(out var entries))
        {
            Apply(entries.Span);
        }
    }

    private void ApplyAll()
    {
        while (_toApply.TryDequeue(out var entries))
        {
            Apply(entries.Span);
        }
    }

    private void Apply(ReadOnlySpan<Entry> entries)
    {
        _world.Pass(Failpoint.BeforeApply);
        foreach (ref readonly var entry in entries)
        {
            var hasResult = _machine.Apply(entry, out var request, out var result);
            _world.Applied(entry, _machine.Hash, _machine.Config);
            if (entry.Kind == EntryKind.ConfigChange)
            {
                _world.Pass(Failpoint.AfterConfigChangeApplied);
            }

            // A number its client has left behind gets no answer: nobody waits for it.
            if (_proposed.Remove((request.Client, request.Number), out var waiting) && hasResult)
            {
                _world.Pass(Failpoint.BeforeAnswer);
                Answer(waiting, result);
            }
        }

        _world.Pass(Failpoint.AfterApply);
        Raft.OnApplied(entries[^1].Index);
        AnswerReads();
        MaybeCheckpoint();
    }

    private void AnswerReads()
    {
        for (var i = _readable.Count - 1; i >= 0; i--)
        {
            var (index, request) = _readable[i];
            if (index <= _machine.Position.Index)
            {
                _readable.RemoveAt(i);
                Answer(request, new Result(IsDone: true, _machine.Read(request.Key)));
            }
        }
    }

    private void MaybeCheckpoint()
    {
        if (_writingCheckpoint is null
            && _machine.Position.Index >= (_checkpoint?.Position.Index ?? 0) + (ulong)_settings.CheckpointEntries)
        {
            _world.Pass(Failpoint.BeforeCheckpoint);
            if (_settings.Faults.ClaimsBeforeData)
            {
                ClaimWithoutData();
                return;
            }

            WriteCheckpoint(_machine.Position);
        }
    }

    private void WriteCheckpoint(LogPosition position)
    {
        _writingCheckpoint = CheckpointStore.StateOf(_machine, position);
        _checkpoints.Write(_writingCheckpoint.Bytes);
        _world.Await(_world.Disk.BusyUntil, CheckpointDone, argument: 0);
    }

    // M2: the new position goes to disk with the old data, and the data follows.
    private void ClaimWithoutData()
    {
        var old = new RegisterMachine();
        old.TryDecode(_checkpoint!.Bytes);
        _writingCheckpoint = CheckpointStore.StateOf(old, _machine.Position);
        _checkpoints.Write(_writingCheckpoint.Bytes);
        _world.Await(_world.Disk.BusyUntil, ClaimDone, argument: 0);
    }

    private void FinishCheckpoint()
    {
        var state = _writingCheckpoint!;
        _writingCheckpoint = null;
        if (state.Position.Index <= (_checkpoint?.Position.Index ?? 0))
        {
            return; // A snapshot overtook it.
        }

        _checkpoint = state;
        _reader.Offered = state;
        var kept = (ulong)_settings.KeptEntries;
        if (state.Position.Index > _wal.Start.Index + kept
            && _wal.TryGetTerm(state.Position.Index - kept, out var term))
        {
            _writer.RequestCompaction(new LogPosition(term, state.Position.Index - kept));
        }
    }

    private void Propose(in Request request)
    {
        var payload = new byte[Request.Bytes + (int)(request.Value % (ulong)(_settings.PaddingBytes + 1))];
        request.Encode(payload);
        switch (Raft.Propose(payload).Outcome)
        {
            case ProposalOutcome.Accepted or ProposalOutcome.Forwarded:
                _proposed[(request.Client, request.Number)] = request;
                break;
            default:
                Refuse(request);
                break;
        }
    }

    private void Answer(in Request request, Result result)
        => _world.Answer(new Response(request.Client, request.Number, request.Attempt, IsRefused: false, result));

    private void Refuse(in Request request)
        => _world.Answer(new Response(request.Client, request.Number, request.Attempt, IsRefused: true, default));
}
