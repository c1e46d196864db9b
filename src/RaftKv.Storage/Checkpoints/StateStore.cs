using System.Buffers;
using System.Globalization;
using RaftKv.Raft;
using RaftKv.Raft.Log;
using RaftKv.Storage.Files;
using RaftKv.Storage.Mvcc;
using RaftKv.Storage.Records;
using RaftKv.Storage.State;

namespace RaftKv.Storage.Checkpoints;

/// <summary>
/// A member's state machine on the disk: a directory of records for each generation of the state, and the checkpoint
/// that says which of them counts.
/// <code>
/// CHECKPOINT    the generation, its records' token, the tables
/// records-7/    the generation in use
/// records-8/    one that is being taken in from another member, or is left over from a try
/// </code>
/// </summary>
/// <remarks>A generation is a state of its own: what is taken in from another member never mixes with what was there. It
/// counts from the moment at which the checkpoint names it. Used by the thread that applies, but for
/// <see cref="PendingCheckpoint.Write"/>, which may take its time elsewhere, and for <see cref="BeginArrival"/> and
/// <see cref="Discard"/>, which whoever takes states in calls, one at a time.</remarks>
public sealed class StateStore : IDisposable
{
    private const string RecordsPrefix = "records-";

    private readonly IFileSystem _files;
    private readonly string _directory;
    private readonly ulong _identity;
    private readonly IRecordStoreMaker _maker;
    private readonly IStateObserver? _observer;
    private readonly StateFaults _faults;
    private ulong _generation;
    private ulong _newestGeneration;

    // What the last checkpoint stands for that was written. Whoever writes one holds it.
    private readonly CheckpointTurn _turn = new();

    private StateStore(
        IFileSystem files,
        string directory,
        ulong identity,
        IRecordStoreMaker maker,
        IStateObserver? observer,
        StateFaults faults)
    {
        _files = files;
        _directory = directory;
        _identity = identity;
        _maker = maker;
        _observer = observer;
        _faults = faults;
        Machine = null!;
    }

    /// <summary>The state. Another object after an installation.</summary>
    public StateMachine Machine { get; private set; }

    /// <summary>What the newest durable checkpoint stands for: the log before it is not needed to start.</summary>
    public LogPosition Durable { get; private set; }

    /// <summary>Opens the state as of the newest checkpoint; empty if there is none.</summary>
    /// <param name="files">The disk.</param>
    /// <param name="directory">There already, and used by nobody else.</param>
    /// <param name="identity">Of the member's data directory.</param>
    /// <param name="maker">The kind of record store.</param>
    /// <param name="observer">Told of what is applied; null for nobody.</param>
    /// <param name="faults">None, but in tests.</param>
    /// <exception cref="CheckpointDamagedException">The checkpoint cannot be used.</exception>
    /// <exception cref="StorageException">The records cannot be used.</exception>
    public static StateStore Open(
        IFileSystem files,
        string directory,
        ulong identity,
        IRecordStoreMaker maker,
        IStateObserver? observer = null,
        StateFaults? faults = null)
    {
        faults ??= StateFaults.None;
        var store = new StateStore(files, directory, identity, maker, observer, faults);
        var checkpoint = CheckpointFile.TryRead(files, directory);
        if (checkpoint is not null)
        {
            store.RefuseForeign(checkpoint);
            store._turn.Token = checkpoint.Token;
            store._generation = checkpoint.Generation;
        }

        store.DeleteOtherGenerations();
        if (checkpoint is null)
        {
            store._generation = store._newestGeneration = 1;
            store.Machine = new StateMachine(new KeySpace(store.CreateRecords(1), faults.Keys), observer) { SkipsNestedRights = faults.SkipsNestedRights };
            return store;
        }

        store._newestGeneration = checkpoint.Generation;
        var path = store.PathOf(checkpoint.Generation);
        store.Machine = StateMachine.Open(
            checkpoint.Tables.Span,
            position => KeySpace.Open(maker.Open(path, identity, checkpoint.Token), position, faults.Keys),
            observer,
            faults.ForgetsRequests,
            faults.SkipsNestedRights);
        store.Durable = store.Machine.Applied;
        store._turn.Index = store.Durable.Index;
        return store;
    }

    /// <summary>Whether a file belongs to the state as it is now, and not to one that was replaced, or is arriving.</summary>
    public bool IsInUse(string path)
        => path == PathOf(_generation) || path.StartsWith(PathOf(_generation) + Path.DirectorySeparatorChar, StringComparison.Ordinal);

    /// <summary>Begins a checkpoint of the state as it is now. One at a time.</summary>
    public PendingCheckpoint BeginCheckpoint() => Begin(Machine, _generation);

    /// <summary>A checkpoint has become durable. What only older ones need goes.</summary>
    public void Finish(PendingCheckpoint checkpoint)
    {
        Invariant.Holds(checkpoint.IsWritten);
        Invariant.Holds(checkpoint.Position.Index >= Durable.Index);
        Durable = checkpoint.Position;
        if (checkpoint.Generation == _generation)
        {
            checkpoint.Machine.Keys.ReleaseBefore(checkpoint.Token);
        }
    }

    /// <summary>Makes room for a state that arrives from another member. An earlier one that was not installed must have
    /// been disposed.</summary>
    public ArrivingState BeginArrival()
    {
        var generation = ++_newestGeneration;
        return new ArrivingState(generation, new KeySpace(CreateRecords(generation), _faults.Keys), _observer)
        {
            ForgetsRequests = _faults.ForgetsRequests,
            SkipsNestedRights = _faults.SkipsNestedRights,
        };
    }

    /// <summary>The records of a state that will not be installed after all. It must have been disposed.</summary>
    public void Discard(ArrivingState arriving)
    {
        Invariant.Holds(arriving.Generation != _generation);
        _maker.Delete(PathOf(arriving.Generation));
    }

    /// <summary>Begins to put what has arrived in the place of the state.</summary>
    public PendingCheckpoint BeginInstallation(ArrivingState arrived, StateMachine machine)
    {
        // As far as this one is enough for a state that is to be mended.
        Invariant.Holds(machine.Applied.Index >= Machine.Applied.Index);
        return Begin(machine, arrived.Generation);
    }

    /// <summary>The checkpoint that names the new state is durable: it is the member's state from here on.</summary>
    /// <returns>The state it replaces; its records are deleted by <see cref="Retire"/> when nobody reads them any
    /// more.</returns>
    public RetiredState FinishInstallation(PendingCheckpoint installation)
    {
        Invariant.Holds(installation.IsWritten);
        var retired = new RetiredState(Machine, _generation);
        _generation = installation.Generation;
        Machine = installation.Machine;
        Finish(installation);
        return retired;
    }

    /// <summary>Deletes what an installation has replaced, once it is not <see cref="RetiredState.IsRead"/> and no checkpoint
    /// of it is being written.</summary>
    public void Retire(RetiredState state)
    {
        Invariant.Holds(state.Generation != _generation);
        state.Machine.Dispose();
        _maker.Delete(PathOf(state.Generation));
    }

    public void Dispose() => Machine?.Dispose();

    private PendingCheckpoint Begin(StateMachine machine, ulong generation)
    {
        var tables = new ArrayBufferWriter<byte>();
        machine.WriteTables(tables);
        var records = machine.Keys.BeginCheckpoint();
        if (_faults.ReleasesTooEarly && generation == _generation)
        {
            machine.Keys.ReleaseBefore(records.Token);
        }

        return new PendingCheckpoint(
            _files, _directory, _identity, _maker.Name, machine, generation, records, tables.WrittenMemory, _turn, _faults);
    }

    private IRecordStore CreateRecords(ulong generation)
    {
        var path = PathOf(generation);
        if (_files.DirectoryExists(path))
        {
            _maker.Delete(path);
        }

        _files.CreateDirectory(path);
        _files.SyncDirectory(_directory);
        return _maker.Create(path, _identity);
    }

    private string PathOf(ulong generation)
        => Path.Join(_directory, RecordsPrefix + generation.ToString(CultureInfo.InvariantCulture));

    private void RefuseForeign(CheckpointFile checkpoint)
    {
        var path = Path.Join(_directory, CheckpointFile.Name);
        if (checkpoint.Identity != _identity)
        {
            throw new CheckpointDamagedException(
                path, $"it belongs to the data directory {checkpoint.Identity:x16}, not to this one, {_identity:x16}.");
        }

        if (checkpoint.StoreName != _maker.Name)
        {
            throw new CheckpointDamagedException(
                path, $"its records are kept by '{checkpoint.StoreName}', not by '{_maker.Name}'.");
        }
    }

    private void DeleteOtherGenerations()
    {
        foreach (var name in _files.List(_directory))
        {
            if (name.StartsWith(RecordsPrefix, StringComparison.Ordinal)
                && ulong.TryParse(name.AsSpan(RecordsPrefix.Length), NumberStyles.None, CultureInfo.InvariantCulture, out var number)
                && number != _generation)
            {
                _maker.Delete(PathOf(number));
            }
        }
    }
}

/// <summary>A checkpoint under way.</summary>
public sealed class PendingCheckpoint
{
    private readonly IFileSystem _files;
    private readonly string _directory;
    private readonly ulong _identity;
    private readonly string _storeName;
    private readonly IRecordCheckpoint _records;
    private readonly ReadOnlyMemory<byte> _tables;
    private readonly CheckpointTurn _turn;
    private readonly StateFaults _faults;

    internal PendingCheckpoint(
        IFileSystem files,
        string directory,
        ulong identity,
        string storeName,
        StateMachine machine,
        ulong generation,
        IRecordCheckpoint records,
        ReadOnlyMemory<byte> tables,
        CheckpointTurn turn,
        StateFaults faults)
    {
        _files = files;
        _turn = turn;
        _directory = directory;
        _identity = identity;
        _storeName = storeName;
        _records = records;
        _tables = tables;
        _faults = faults;
        Machine = machine;
        Generation = generation;
        Position = machine.Applied;
        Config = machine.Config;
    }

    /// <summary>What it stands for.</summary>
    public LogPosition Position { get; }

    /// <summary>The members as of <see cref="Position"/>.</summary>
    public Raft.Membership.ClusterConfig Config { get; }

    /// <summary>Whether a start would begin with it.</summary>
    public bool IsWritten { get; private set; }

    internal StateMachine Machine { get; }

    internal ulong Generation { get; }

    internal ReadOnlyMemory<byte> Token => _records.Token;

    /// <summary>Waits for the records and writes the checkpoint; the one part that may run beside the thread that
    /// applies. Does nothing if one of a later state was written meanwhile: a start must not go back behind it.</summary>
    /// <exception cref="StorageException">It failed. After a failed sync the member must stop; else the checkpoint before
    /// still counts.</exception>
    public void Write()
    {
        if (_faults.ClaimsBeforeRecords && !_turn.Token.IsEmpty)
        {
            new CheckpointFile(_identity, _storeName, Generation, _turn.Token, _tables).Write(_files, _directory);
        }

        _records.Wait();
        lock (_turn)
        {
            if (Position.Index < _turn.Index)
            {
                return;
            }

            new CheckpointFile(_identity, _storeName, Generation, _records.Token, _faults.ClaimsBeforeData ? TablesNow() : _tables)
                .Write(_files, _directory, _faults);
            (_turn.Index, _turn.Token) = (Position.Index, _records.Token);
        }

        IsWritten = true;
    }

    private ReadOnlyMemory<byte> TablesNow()
    {
        var tables = new ArrayBufferWriter<byte>();
        Machine.WriteTables(tables);
        return tables.WrittenMemory;
    }
}

/// <summary>Checkpoints are written one at a time, by whoever holds this.</summary>
internal sealed class CheckpointTurn
{
    /// <summary>What the newest stands for.</summary>
    public ulong Index { get; set; }

    /// <summary>Of its records.</summary>
    public ReadOnlyMemory<byte> Token { get; set; }
}

/// <summary>A state that is being taken in from another member.</summary>
public sealed class ArrivingState
{
    internal ArrivingState(ulong generation, KeySpace keys, IStateObserver? observer)
    {
        Generation = generation;
        Keys = keys;
        Observer = observer;
    }

    /// <summary>To be filled.</summary>
    public KeySpace Keys { get; }

    internal ulong Generation { get; }

    internal IStateObserver? Observer { get; }

    internal bool ForgetsRequests { get; init; }

    internal bool SkipsNestedRights { get; init; }

    /// <summary>All records have been taken in.</summary>
    /// <param name="tables">As they came with the records.</param>
    public StateMachine Complete(ReadOnlySpan<byte> tables)
        => StateMachine.Open(
            tables,
            position =>
            {
                Keys.FinishImport(position);
                return Keys;
            },
            Observer,
            ForgetsRequests,
            SkipsNestedRights);
}

/// <summary>A state that was replaced.</summary>
public sealed class RetiredState
{
    /// <summary>Whether somebody still reads it who began before it was closed to readers.</summary>
    public bool IsRead => Machine.Keys.IsRead;

    /// <summary>Nobody begins to read it any more. When readers find the new state.</summary>
    public void CloseToReaders() => Machine.Keys.CloseToReaders();

    internal RetiredState(StateMachine machine, ulong generation)
    {
        Machine = machine;
        Generation = generation;
    }

    internal StateMachine Machine { get; }

    internal ulong Generation { get; }
}
