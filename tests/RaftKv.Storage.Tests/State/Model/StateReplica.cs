using System.Buffers;
using RaftKv.Raft;
using RaftKv.Raft.Log;
using RaftKv.Simulation.Disks;
using RaftKv.Storage.Checkpoints;
using RaftKv.Storage.Files;
using RaftKv.Storage.Mvcc;
using RaftKv.Storage.Records;
using RaftKv.Storage.Snapshots;
using RaftKv.Storage.State;
using RaftKv.Storage.Tests.Records;

namespace RaftKv.Storage.Tests.State.Model;

/// <summary>One entry of the log of a story, with what the model says comes of it.</summary>
internal sealed record LoggedRequest(Entry Entry, StateRequest Request, NaiveAnswer Answer, NaiveMoment After);

/// <summary>A state on a simulated disk, held against the model after everything that happens to it.</summary>
internal sealed class StateReplica : IAnswerSink
{
    private const string Folder = "/state";
    private const ulong Identity = 0x5EED;

    private readonly Chance _chance;
    private readonly SimulatedFileSystem _disk;
    private readonly IFileSystem _files;
    private readonly IRecordStoreMaker _maker;
    private readonly StateTally _tally;
    private readonly bool _isOnFaster;
    private readonly StateFaults _faults;
    private readonly List<LoggedRequest> _log;
    private readonly Dictionary<ulong, ulong> _hashes;
    private readonly List<(KeySpaceView View, NaiveMoment Moment)> _views = [];
    private StateStore _store;
    private LoggedRequest? _applying;
    private PendingCheckpoint? _checkpoint;
    private ulong _durable;
    private OutgoingState? _outgoing;
    private IncomingState? _incoming;
    private bool _isPowerCut;
    private bool _isSyncFailing;

    /// <param name="hashes">Of the state by index, as whoever came there first found it.</param>
    public StateReplica(
        Chance chance,
        List<LoggedRequest> log,
        Dictionary<ulong, ulong> hashes,
        StateTally tally,
        StateFaults faults,
        bool isOnFaster)
    {
        _tally = tally;
        _isOnFaster = isOnFaster;
        _chance = chance;
        _log = log;
        _hashes = hashes;
        _faults = faults;
        _disk = new SimulatedFileSystem(chance.Stream("disk"));
        _disk.CreateDirectory(Folder);
        _disk.SyncDirectory("/");
        _files = isOnFaster ? new OneAtATime(_disk) : _disk;
        _maker = isOnFaster
            ? new FasterRecordStoreMaker(_files, PhysicalFasterRecordStoreContract.OptionsFor(2048))
            : new LogRecordStoreMaker(
                _disk, new LogRecordStoreOptions { SegmentBytes = chance.Pick<int>([300, 1000, 8000]), BufferBytes = chance.Pick<int>([0, 500]) });
        _store = Open();
    }

    public bool HasOutgoing => _outgoing is not null;

    private ulong Applied => _store.Machine.Applied.Index;

    /// <summary>What the model says of the state as it was shown last.</summary>
    private NaiveMoment Shown => MomentAt(Applied);

    /// <param name="step">One that is this replica's.</param>
    /// <param name="other">The other one.</param>
    public void Do(StateStep step, StateReplica other)
    {
        try
        {
            DoWhilePowered(step, other);
        }
        catch (Exception cut) when (IsCut(cut))
        {
            _tally.Interrupted++;
            Recover(_isPowerCut);
        }
    }

    /// <summary>Catches up, brings everything back that can be had, and looks at it all.</summary>
    public void Settle()
    {
        _disk.CrashAtOperation = null;
        _disk.FailNextSync(count: 0);
        Recover(isPowerCut: true);
        Apply(int.MaxValue);
        for (var round = 0; round < 5; round++)
        {
            Tidy();
        }

        var needed = Shown.Changes.Where(Shown.IsNeeded).Sum(change => change.Bytes);
        Assert.Equal(needed, _store.Machine.Keys.LiveBytes);
        Assert.True(_isOnFaster || _store.Machine.Keys.DiskBytes < (4 * needed) + 10_000, $"{_store.Machine.Keys.DiskBytes} bytes on disk for {needed}");
        Look(_chance);
        Recover(isPowerCut: true);
        Look(_chance);
    }

    public bool IsAwaited(ulong requestId) => _chance.CoinToss();

    public void Complete(ulong requestId, in Answer answer)
    {
        var expected = _applying!.Answer;
        Assert.Equal(expected.Error, answer.Error);
        Assert.Equal(expected.Revision, answer.Revision);
        if (expected.Response is { } response)
        {
            var found = response.Descriptor.Parser.ParseFrom(answer.Body.Span);
            StateComparison.AssertSame(_applying.After, expected.Ranges, response, found);
        }
    }

    public void Dispose() => _store.Dispose();

    private void DoWhilePowered(StateStep step, StateReplica other)
    {
        var keys = _store.Machine.Keys;
        switch (step)
        {
            case StateStep.Apply apply:
                Apply(apply.AtMost);
                break;
            case StateStep.CompactStep compact:
                keys.CompactStep(compact.MaxKeys);
                keys.Publish();
                break;
            case StateStep.BeginCheckpoint when _checkpoint is null && _incoming?.Installation is null:
                _checkpoint = _store.BeginCheckpoint();
                break;
            case StateStep.WriteCheckpoint when _checkpoint is { IsWritten: false }:
                _checkpoint.Write();
                break;
            case StateStep.FinishCheckpoint when _checkpoint is { IsWritten: true }:
                FinishCheckpoint();
                break;
            case StateStep.Reclaim reclaim:
                _tally.BytesLetGo += keys.ReclaimStep(reclaim.MaxBytes).LetGo;
                break;
            case StateStep.Tidy:
                Tidy();
                break;
            case StateStep.OpenView when _views.Count < 5:
                _views.Add((keys.OpenView(), Shown));
                break;
            case StateStep.LookAtView look when _views.Count > 0:
                var index = (int)(look.Seed % (ulong)_views.Count);
                _tally.LooksAtCompacted += _views[index].View.Compacted < keys.Compacted ? 1 : 0;
                StateComparison.Check(_views[index].View, _views[index].Moment, new Chance(look.Seed));
                if (look.IsLast)
                {
                    _views[index].View.Dispose();
                    _views.RemoveAt(index);
                }

                break;
            case StateStep.Look look:
                Look(new Chance(look.Seed));
                break;
            case StateStep.BeginSnapshot when _outgoing is null && Applied > 0:
                var tables = new ArrayBufferWriter<byte>();
                _store.Machine.WriteTables(tables);
                _tally.SentWhileCompacting += keys.IsCompacting ? 1 : 0;
                _outgoing = new OutgoingState(keys.OpenView(), tables.WrittenMemory, Applied);
                break;
            case StateStep.SendSnapshot send when _outgoing is not null:
                Send(send.Pieces, other);
                break;
            case StateStep.InstallSnapshot when _incoming is { IsWhole: true }:
                Install();
                break;
            case StateStep.CrashLater later:
                _isPowerCut = later.IsPowerCut;
                _disk.CrashAtOperation = _disk.OperationCount + later.Operations;
                break;
            case StateStep.FailSync fail:
                _isSyncFailing = true;
                _disk.FailNextSync(count: 1, fail.After);
                break;
            case StateStep.Crash crash:
                Recover(crash.IsPowerCut);
                break;
        }
    }

    private void Apply(int atMost)
    {
        while (atMost-- > 0 && Applied < (ulong)_log.Count)
        {
            _applying = _log[(int)Applied];
            _store.Machine.Apply(_applying.Entry, this);
            _tally.Applied++;
            _tally.Refused += _applying.Answer.Error == StateError.None ? 0 : 1;
            _tally.ChangesInOneTransaction = Math.Max(_tally.ChangesInOneTransaction, (int)_applying.After.Changes.Select(change => change.Revision.Sub + 1).LastOrDefault());
            var hash = _store.Machine.Hash;
            Assert.True(_hashes.TryAdd(Applied, hash) || _hashes[Applied] == hash, $"replicas differ after entry {Applied}");
        }

        _store.Machine.Keys.Publish();
    }

    private void Checkpoint()
    {
        if (_checkpoint is null)
        {
            _checkpoint = _store.BeginCheckpoint();
        }

        if (!_checkpoint.IsWritten)
        {
            _checkpoint.Write();
        }

        FinishCheckpoint();
    }

    private void Tidy()
    {
        var keys = _store.Machine.Keys;
        while (keys.CompactStep(50))
        {
        }

        keys.Publish();
        Checkpoint();
        while (keys.ReclaimStep(10_000) is { LookedThrough: > 0 } outcome)
        {
            _tally.BytesLetGo += outcome.LetGo;
        }

        Checkpoint();
    }

    private void FinishCheckpoint()
    {
        var checkpoint = _checkpoint!;
        _checkpoint = null;
        _durable = checkpoint.Position.Index;
        _store.Finish(checkpoint);
    }

    private void Look(Chance chance)
    {
        using var view = _store.Machine.Keys.OpenView();
        StateComparison.Check(view, Shown, chance);
        StateComparison.Check(_store.Machine.Leases, Shown);
        if (!_store.Machine.Keys.IsCompacting)
        {
            Assert.Equal(Shown.Changes.Where(Shown.IsNeeded).Sum(change => change.Bytes), _store.Machine.Keys.LiveBytes);
        }
    }

    private void Send(int pieces, StateReplica to)
    {
        var outgoing = _outgoing!;
        for (; pieces > 0 && !outgoing.HasEnded; pieces--)
        {
            var bytes = outgoing.Next();
            if (bytes is not null)
            {
                to.DoIfPowered(() => to.Receive(outgoing, bytes));
            }
        }

        if (outgoing.HasEnded)
        {
            outgoing.View.Dispose();
            _outgoing = null;
        }
    }

    private void DoIfPowered(Action action)
    {
        try
        {
            action();
        }
        catch (Exception cut) when (IsCut(cut))
        {
            _tally.Interrupted++;
            Recover(_isPowerCut);
        }
    }

    private void Receive(OutgoingState from, ReadOnlySpan<byte> bytes)
    {
        if (from.IsBegin(bytes))
        {
            DropIncoming();
            _incoming = new IncomingState(from, _store.BeginArrival());
        }

        // A crash here has lost the beginning: then the rest is of no use.
        if (_incoming?.From == from)
        {
            // In pieces of any size.
            while (bytes.Length > 0)
            {
                var count = Math.Min(bytes.Length, _chance.Between(1, 3000));
                _incoming.Reader.Add(bytes[..count]);
                bytes = bytes[count..];
            }

            _incoming.IsWhole = from.HasEnded;
        }
    }

    private void Install()
    {
        var incoming = _incoming!;
        if (incoming.From.Applied <= Applied)
        {
            DropIncoming();
            return;
        }

        if (_checkpoint is not null)
        {
            Checkpoint();
        }

        incoming.Machine = incoming.Room.Complete(incoming.Reader.Finish().Span);
        Assert.Equal(_hashes[incoming.From.Applied], incoming.Machine.Hash);
        incoming.Installation = _store.BeginInstallation(incoming.Room, incoming.Machine);
        incoming.Installation.Write();
        _durable = incoming.From.Applied;
        _tally.Installed++;
        var retired = _store.FinishInstallation(incoming.Installation);
        _incoming = null;
        foreach (var (view, moment) in _views)
        {
            // What was replaced can be read as long as somebody does.
            StateComparison.Check(view, moment, _chance);
            view.Dispose();
        }

        _views.Clear();
        _outgoing?.View.Dispose();
        _outgoing = null;
        _store.Retire(retired);
        Look(_chance);
    }

    private void DropIncoming()
    {
        if (_incoming is { } incoming)
        {
            _incoming = null;
            incoming.Room.Keys.Dispose();
            _store.Discard(incoming.Room);
        }
    }

    private void Recover(bool isPowerCut)
    {
        // Of a power cut during an installation nobody knows which state comes back.
        var applied = Applied;
        var atLeast = Math.Max(_durable, _checkpoint is { IsWritten: true } written ? written.Position.Index : 0);
        _views.Clear();
        _outgoing = null;
        _checkpoint = null;
        _store.Dispose();
        _incoming?.Room.Keys.Dispose();
        _incoming = null;
        Crash(isPowerCut);

        _isSyncFailing = false;
        _disk.FailNextSync(count: 0);

        // One more in the midst of the start, now and then.
        _disk.CrashAtOperation = _chance.Happens(1, 3) ? _disk.OperationCount + _chance.Below(8) : null;
        while (true)
        {
            try
            {
                _store = Open();
                _disk.CrashAtOperation = null;
                break;
            }
            catch (Exception cut) when (IsCut(cut))
            {
                _tally.InterruptedStarts++;
                Crash(isPowerCut);
            }
        }

        Assert.True(_store.Durable.Index >= atLeast, $"what was durable is gone: {_store.Durable.Index} instead of {atLeast}");
        _durable = _store.Durable.Index;
        _tally.StartsFromCheckpoint += _durable > 0 ? 1 : 0;
        Look(_chance);
        Assert.True(_durable == 0 || _hashes[_durable] == _store.Machine.Hash, $"entry {_durable} left something else");

        // What it knows to be agreed upon is no more than before, and may be less.
        Apply((int)(Math.Max(applied, _durable) - _durable));
    }

    // FASTER's thread meets the power cut by itself, and stops.
    private bool IsCut(Exception failure)
    {
        if (_isSyncFailing && failure is FileSyncFailedException or RecordStoreStoppedException { InnerException: FileSyncFailedException })
        {
            _tally.FailedSyncs++;
            _isPowerCut = _chance.CoinToss();
            return true;
        }

        return failure is PowerCutException or RecordStoreStoppedException { InnerException: PowerCutException };
    }

    private void Crash(bool isPowerCut)
    {
        if (isPowerCut)
        {
            _tally.PowerCuts++;
            _disk.Crash();
        }
        else
        {
            _tally.EndedProcesses++;
            _disk.EndProcess();
        }
    }

    private StateStore Open() => StateStore.Open(_files, Folder, Identity, _maker, observer: null, _faults);

    private NaiveMoment MomentAt(ulong index) => index == 0 ? NaiveMoment.Empty : _log[(int)index - 1].After;

    /// <summary>A snapshot that is being written.</summary>
    private sealed class OutgoingState(KeySpaceView view, ReadOnlyMemory<byte> tables, ulong applied)
    {
        private readonly StateSnapshotWriter _writer = new(tables, view);
        private readonly ArrayBufferWriter<byte> _piece = new();

        public KeySpaceView View => view;

        public ulong Applied => applied;

        public bool HasEnded { get; private set; }

        public byte[]? Next()
        {
            _piece.ResetWrittenCount();
            if (!_writer.TryWrite(_piece))
            {
                HasEnded = true;
                return [];
            }

            return _piece.WrittenSpan.ToArray();
        }

        public bool IsBegin(ReadOnlySpan<byte> bytes) => bytes.StartsWith("RAFTKVSS"u8);
    }

    /// <summary>A snapshot that is being taken in.</summary>
    private sealed class IncomingState(OutgoingState from, ArrivingState room)
    {
        public OutgoingState From => from;

        public ArrivingState Room => room;

        public StateSnapshotReader Reader { get; } = new(room.Keys);

        public bool IsWhole { get; set; }

        public StateMachine? Machine { get; set; }

        public PendingCheckpoint? Installation { get; set; }
    }
}
