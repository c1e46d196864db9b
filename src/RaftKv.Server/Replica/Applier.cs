using System.Diagnostics;
using RaftKv.Raft.Log;
using RaftKv.Server.Metrics;
using RaftKv.Storage.Checkpoints;
using RaftKv.Storage.Files;
using RaftKv.Storage.Mvcc;
using RaftKv.Storage.Records;
using RaftKv.Storage.State;
using RaftKv.Storage.Watch;

namespace RaftKv.Server.Replica;

/// <summary>
/// Applies what is agreed upon, batch by batch: every batch becomes visible to readers as a whole, watchers are told, and
/// only then those who wait. Between batches it does the housekeeping of the state, a bounded step at a time.
/// </summary>
public sealed class Applier : IStage
{
    private static readonly TimeSpan MendPause = TimeSpan.FromMilliseconds(20);

    private readonly StateStore _store;
    private readonly PendingAnswers _answers;
    private readonly ReadGate _reads;
    private readonly Inbox<ReplicaInput> _replica;
    private readonly Inbox<LogWrite> _log;
    private readonly LeaseKeeper _leases;
    private readonly IBackground _background;
    private readonly ApplierOptions _options;
    private readonly StateMending _mending;
    private readonly StageInstruments? _instruments;
    private long _checkpointBegan;
    private List<ApplierInput> _taken = [];
    private readonly List<LogPosition> _appliedChanges = [];
    private ulong? _leadsFrom;
    private PendingCheckpoint? _checkpoint;
    private bool _wantsCheckpoint;
    private bool _wantsReclaim;
    private bool _isReclaiming;

    // Whether compaction waits for its next step, and how many entries came since the last.
    private bool _isResting;
    private int _appliedSinceStep;
    private ulong _appliedIndex;
    private readonly List<RetiredState> _retired = [];
    private readonly List<TaskCompletionSource> _compactionWaiters = [];
    private readonly Lock _changesGate = new();
    private readonly List<(LogPosition Position, MembershipProposal Proposal)> _changes = [];

    public Applier(
        StateStore store,
        WatchHub watches,
        PendingAnswers answers,
        ReadGate reads,
        LeaseKeeper leases,
        Inbox<ReplicaInput> replica,
        Inbox<LogWrite> log,
        IDoorbell bell,
        IBackground background,
        ApplierOptions options,
        StateMending mending,
        StageInstruments? instruments = null)
    {
        _mending = mending;
        _instruments = instruments;
        _store = store;
        Watches = watches;
        _answers = answers;
        _reads = reads;
        _leases = leases;
        _replica = replica;
        _log = log;
        _background = background;
        _options = options;
        Inbox = new Inbox<ApplierInput>(bell);
        _appliedIndex = store.Machine.Applied.Index;
        _reads.Applied(_appliedIndex);
        Published = store.Machine;
        mending.Begin(store.Machine);
    }

    public string Name => "applier";

    public Inbox<ApplierInput> Inbox { get; }

    public WatchHub Watches { get; }

    /// <summary>The state whose key space readers are to open. Any thread may read it.</summary>
    public StateMachine Published { get; private set; }

    /// <summary>What readers can see. Any thread may read it.</summary>
    public ulong AppliedIndex => Volatile.Read(ref _appliedIndex);

    /// <summary>Waits until nothing is left to be compacted. Any thread may call.</summary>
    public Task WaitUntilCompactedAsync()
    {
        var waiter = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        Inbox.Post(new ApplierInput.Ask(machine =>
        {
            if (machine.Keys.IsCompacting)
            {
                _compactionWaiters.Add(waiter);
            }
            else
            {
                waiter.TrySetResult();
            }
        }));
        return waiter.Task;
    }

    /// <summary>Tells the proposal when what stands at its position is applied. By the replica, before it hands the entry
    /// out.</summary>
    public void ExpectChange(LogPosition position, MembershipProposal proposal)
    {
        lock (_changesGate)
        {
            _changes.Add((position, proposal));
        }
    }

    public bool Run()
    {
        var hasWork = Inbox.TryTake(ref _taken);
        foreach (var input in _taken)
        {
            Do(input);
        }

        _taken.Clear();
        return KeepHouse(isBusy: hasWork) || hasWork;
    }

    private void Do(ApplierInput input)
    {
        switch (input)
        {
            case ApplierInput.Committed committed:
                _answers.BeginBatch(committed.DurableAt, committed.CommittedAt);
                Apply(committed.Entries.Span);
                break;
            case ApplierInput.Install install:
                Install(install.State);
                break;
            case ApplierInput.Mend mend:
                _mending.Arrived(mend.State);
                Mend();
                break;
            case ApplierInput.MendAgain:
                Mend();
                break;
            case ApplierInput.Unreadable unreadable:
                FindUnreadable(unreadable.Problem);
                break;
            case ApplierInput.Offer:
                _replica.Post(ReplicaInput.StateOffered(OfferedState.Of(_store.Machine)));
                break;
            case ApplierInput.Lead lead:
                _leadsFrom = lead.FirstIndex;
                BeginLeases();
                break;
            case ApplierInput.Follow:
                _leadsFrom = null;
                _leases.StepDown();
                break;
            case ApplierInput.CheckpointEnded ended:
                EndCheckpoint(ended);
                break;
            case ApplierInput.Rested:
                _isResting = false;
                break;
            case ApplierInput.Reclaim:
                _wantsReclaim = true;
                _wantsCheckpoint |= _store.Machine.Keys.NeedsCheckpointToReclaim;
                break;
            case ApplierInput.Ask ask:
                ask.Question(_store.Machine);
                break;
        }
    }

    private void Apply(ReadOnlySpan<Entry> entries)
    {
        var machine = _store.Machine;
        _appliedChanges.Clear();
        _appliedSinceStep += entries.Length;
        var began = _instruments is null ? 0 : Stopwatch.GetTimestamp();
        machine.Apply(entries, _answers);
        foreach (ref readonly var entry in entries)
        {
            if (entry.Kind == EntryKind.ConfigChange)
            {
                _appliedChanges.Add(entry.Position);
            }
        }

        Publish(machine);
        _instruments?.Applied(began, entries.Length, _options.SlowApply);
        BeginLeases();
        _answers.HandOut();
        TellOfChanges(machine);
        _replica.Post(ReplicaInput.Applied(_appliedIndex));
        LookAtState(machine);
    }

    private void LookAtState(StateMachine machine)
    {
        var wasInService = !_mending.IsOutOfService;
        _mending.Applied(machine);
        RefuseIfNewlyOut(wasInService);
    }

    // One that a reader still holds may be of a state that was replaced meanwhile: that it is bad is no news.
    private void FindUnreadable(StorageException problem)
    {
        if (_store.IsInUse(problem.Path))
        {
            var wasInService = !_mending.IsOutOfService;
            _mending.Unreadable(_store.Machine);
            RefuseIfNewlyOut(wasInService);
        }
    }

    // Whoever waits for an answer of a state that turns out to be wrong is told nothing by it.
    private void RefuseIfNewlyOut(bool wasInService)
    {
        if (wasInService && _mending.IsOutOfService)
        {
            _answers.RefuseAll(RequestRefusal.OutOfService);
            _reads.RefuseAll(RequestRefusal.OutOfService);
        }
    }

    private void Mend()
    {
        if (_mending.TakeMended(_store.Machine, _leases.IsLeading) is { } mended)
        {
            Replace(mended);
        }
        else if (_mending.IsWaiting)
        {
            _background.RunLater(MendPause, () => Inbox.Post(new ApplierInput.MendAgain()));
        }
    }

    private void TellOfChanges(StateMachine machine)
    {
        lock (_changesGate)
        {
            for (var i = _changes.Count - 1; i >= 0; i--)
            {
                var (position, proposal) = _changes[i];
                if (position.Index > machine.Applied.Index)
                {
                    continue;
                }

                // Entries are applied in order: what stands there was committed in this term, or was replaced.
                _changes.RemoveAt(i);
                if (_appliedChanges.Contains(position))
                {
                    proposal.Complete([.. machine.Members.Members]);
                }
                else
                {
                    proposal.Refuse(RequestRefusal.TimedOutAfterLeaderFailure);
                }
            }
        }
    }

    private void Publish(StateMachine machine)
    {
        Watches.Collect(machine.Keys.Changes);
        machine.Keys.Publish();
        Watches.Announce(machine.Keys.Revision);
        Volatile.Write(ref _appliedIndex, machine.Applied.Index);
        _reads.Applied(machine.Applied.Index);
        _leases.Applied(machine.Applied.Index);
    }

    // A new leader's clock takes over when everything that earlier leaders have granted and revoked is applied.
    private void BeginLeases()
    {
        if (_leadsFrom is { } first && _store.Machine.Applied.Index >= first)
        {
            _leadsFrom = null;
            _leases.BecomeLeader(_store.Machine.Leases.Sorted());
        }
    }

    private void Install(ArrivedState arrived)
    {
        Replace(arrived);
        _replica.Post(ReplicaInput.StateInstalled(arrived));
    }

    private void Replace(ArrivedState arrived)
    {
        // Nothing of the old state is worth keeping, a checkpoint of it least of all.
        var installation = _store.BeginInstallation(arrived.Room, arrived.Machine);
        installation.Write();
        var retired = _store.FinishInstallation(installation);
        Published = _store.Machine;
        _store.Machine.Keys.Publish();
        Watches.Rebase(_store.Machine.Keys);
        retired.CloseToReaders();
        _retired.Add(retired);
        Volatile.Write(ref _appliedIndex, _store.Machine.Applied.Index);
        _reads.Applied(_appliedIndex);
        _leases.Applied(_appliedIndex);
        _mending.Replaced();
    }

    // Returns whether there is more to do at once.
    private bool KeepHouse(bool isBusy)
    {
        DeleteRetired();
        var keys = _store.Machine.Keys;
        if (keys.IsCompacting)
        {
            return Compact(keys);
        }

        _appliedSinceStep = 0;
        BeginCheckpointIfDue();
        return Reclaim(keys, isBusy && !IsShortOfSpace(keys) ? _options.BusyReclaimBytes : _options.IdleReclaimBytes);
    }

    // What snapshots have replaced goes when the last one has stopped reading it: clients, watches, members it is sent to.
    private void DeleteRetired()
    {
        for (var i = _retired.Count - 1; i >= 0 && _checkpoint is null; i--)
        {
            if (!_retired[i].IsRead)
            {
                _store.Retire(_retired[i]);
                _retired.RemoveAt(i);
            }
        }
    }

    // Returns whether there is more to do at once.
    private bool Compact(KeySpace keys)
    {
        var isShort = IsShortOfSpace(keys);
        if (_isResting && !isShort)
        {
            return false;
        }

        var began = _instruments is null ? 0 : Stopwatch.GetTimestamp();
        var isMore = keys.CompactStep(Math.Max(_options.CompactionKeys, _options.CompactionKeysPerEntry * _appliedSinceStep));
        _appliedSinceStep = 0;
        keys.Publish();
        _instruments?.CompactedStep(began, isMore);
        if (isMore)
        {
            if (!isShort)
            {
                _isResting = true;
                _background.RunLater(_options.CompactionRest, () => Inbox.Post(new ApplierInput.Rested()));
            }

            return isShort;
        }

        _wantsCheckpoint |= keys.NeedsCheckpointToReclaim;
        foreach (var waiter in _compactionWaiters)
        {
            waiter.TrySetResult();
        }

        _compactionWaiters.Clear();
        return true;
    }

    // Near the quota, or beyond it, giving space back comes before being quick.
    private bool IsShortOfSpace(KeySpace keys)
        => (_options.QuotaBytes > 0 && keys.LiveBytes >= _options.QuotaBytes - (_options.QuotaBytes / 10))
            || _store.Machine.Alarms.IsActive(AlarmKind.NoSpace);

    private void BeginCheckpointIfDue()
    {
        var machine = _store.Machine;
        var since = machine.Applied.Index - _store.Durable.Index;

        // A state that is wrong is not worth keeping; the log, which is right, is, until there is a better one.
        if (_mending.IsOutOfService || _checkpoint is not null || since == 0 || (since < _options.CheckpointEntries && !_wantsCheckpoint))
        {
            return;
        }

        _wantsCheckpoint = false;
        _checkpointBegan = Stopwatch.GetTimestamp();
        var checkpoint = _store.BeginCheckpoint();
        _checkpoint = checkpoint;
        _background.Run(() =>
        {
            Exception? problem = null;
            try
            {
                checkpoint.Write();
            }
            catch (StorageException caught)
            {
                problem = caught;
            }

            Inbox.Post(new ApplierInput.CheckpointEnded(checkpoint, problem));
        });
    }

    private void EndCheckpoint(ApplierInput.CheckpointEnded ended)
    {
        if (ended.Checkpoint != _checkpoint)
        {
            return;
        }

        _checkpoint = null;
        if (ended.Problem is DiskFullException)
        {
            // The one before still counts, and the log stays. The next attempt comes with the next entries.
            return;
        }

        if (ended.Problem is not null)
        {
            throw ended.Problem;
        }

        if (ended.Checkpoint.Position.Index <= _store.Durable.Index)
        {
            return; // A state from the leader has overtaken it.
        }

        _store.Finish(ended.Checkpoint);
        _instruments?.Checkpoints.ObserveSince(_checkpointBegan);
        _isReclaiming = true;
        if (ended.Checkpoint.Position.Index > _options.KeptEntries)
        {
            var through = ended.Checkpoint.Position.Index - _options.KeptEntries;
            _log.Post(new LogWrite(0, null, null, default, through));
        }
    }

    private bool Reclaim(KeySpace keys, long maxBytes)
    {
        var isWorthIt = _wantsReclaim
            || keys.DiskBytes > (2 * keys.LiveBytes) + _options.SlackBytes
            || (IsShortOfSpace(keys) && keys.DiskBytes > keys.LiveBytes + (keys.LiveBytes / 4));
        if (!_isReclaiming || !isWorthIt || keys.NeedsCheckpointToReclaim)
        {
            return false;
        }

        try
        {
            if (keys.ReclaimStep(maxBytes).LookedThrough > 0)
            {
                return true;
            }
        }
        catch (StorageException problem) when (
            problem is RecordCorruptException or RecordMissingException or RecordStoreDamagedException
            && _mending.HasOthers(_store.Machine))
        {
            FindUnreadable(problem);
        }

        // All that was old enough has been looked through. The space comes back with the next checkpoint.
        _isReclaiming = false;
        _wantsCheckpoint = _wantsReclaim;
        _wantsReclaim = false;
        return false;
    }
}
