using Google.Protobuf;
using RaftKv.Protocol.Etcd;
using RaftKv.Raft;
using RaftKv.Raft.Log;
using RaftKv.Server.Replica;
using RaftKv.Storage.Checkpoints;
using RaftKv.Storage.Files;
using RaftKv.Storage.Leases;
using RaftKv.Storage.Records;
using RaftKv.Storage.State;
using RaftKv.Storage.State.Commands;
using RaftKv.Storage.Wal;
using RaftKv.Storage.Watch;

namespace RaftKv.Server.Tests.Replica;

/// <summary>What the applier does between two batches.</summary>
public sealed class ApplierHousekeepingTests : IDisposable
{
    private const int ValueBytes = 1000;
    private const int PutsInBatch = 10;

    private readonly string _folder = Directory.CreateTempSubdirectory("raftkv-test-").FullName;
    private const long QuotaBytes = 20_000_000;

    private readonly StateStore _store;
    private readonly WriteAheadLog _log;
    private readonly Applier _applier;
    private readonly Background _background = new();
    private ulong _index;

    public ApplierHousekeepingTests()
    {
        var files = new PhysicalFileSystem();
        var time = new ManualTime();
        var bell = new NoBell();
        _store = StateStore.Open(files, _folder, 1, new LogRecordStoreMaker(files, new LogRecordStoreOptions { SegmentBytes = 64 * 1024 }));
        _log = WriteAheadLog.Create(files, Directory.CreateDirectory(Path.Join(_folder, "wal")).FullName, 1);
        var answers = new PendingAnswers(time, TimeSpan.FromSeconds(1));
        var reads = new ReadGate(time, TimeSpan.FromSeconds(1));
        var leases = new LeaseKeeper(time, TimeSpan.FromSeconds(1), LeaseClockOptions.Default, MemberFaults.None);
        _applier = new Applier(
            _store,
            new WatchHub(_store.Machine.Keys, new WatchOptions(), WatchFaults.None),
            answers,
            reads,
            leases,
            new Inbox<ReplicaInput>(bell),
            new Inbox<LogWrite>(bell),
            bell,
            _background,
            new ApplierOptions { CheckpointEntries = 50, SlackBytes = 64 * 1024, CompactionKeys = 5, QuotaBytes = QuotaBytes },
            new StateMending(new NodeId(1), _log, new Inbox<ReplicaInput>(bell)));
    }

    [Fact]
    public void A_member_that_is_never_idle_gets_its_space_back()
    {
        const int Batches = 400;
        const int BatchesToCompaction = 20;
        for (var i = 0; i < Batches; i++)
        {
            // Each run finds a batch: there is always something to apply.
            var entries = new List<Entry>();
            for (var j = 0; j < PutsInBatch; j++)
            {
                entries.Add(Next(CommandKind.Put, new PutRequest { Key = ByteString.CopyFromUtf8($"k{j}"), Value = Value(i) }));
            }

            if (i % BatchesToCompaction == BatchesToCompaction - 1)
            {
                entries.Add(Next(CommandKind.Compact, new CompactionRequest { Revision = _store.Machine.Keys.Revision }));
            }

            _applier.Inbox.Post(new ApplierInput.Committed(entries.ToArray()));
            _applier.Run();
        }

        const long Written = (long)Batches * PutsInBatch * ValueBytes;
        Assert.InRange(_store.Machine.Keys.DiskBytes, PutsInBatch * ValueBytes, Written / 4);
    }

    [Fact]
    public void Compaction_rests_between_its_steps_whether_or_not_there_is_something_to_apply()
    {
        _background.Later = [];
        var keys = _store.Machine.Keys;
        FillKeys();

        // A step, and then none however often something is applied.
        Apply(Next(CommandKind.Compact, new CompactionRequest { Revision = keys.Revision }));
        Apply(Next(CommandKind.Put, new PutRequest { Key = ByteString.CopyFromUtf8("k"), Value = Value(0) }));

        Assert.Single(_background.Later);
        Assert.True(keys.IsCompacting);
        Assert.False(_applier.Run());

        // The next ones come with nothing to apply.
        for (var steps = 0; steps < 5; steps++)
        {
            _background.Later.Dequeue()();
            RunUntilIdle();

            Assert.Single(_background.Later);
            Assert.True(keys.IsCompacting);
        }
    }

    [Fact]
    public void Compaction_goes_faster_than_history_grows()
    {
        _background.Later = [];
        var keys = _store.Machine.Keys;
        FillKeys();
        Apply(Next(CommandKind.Compact, new CompactionRequest { Revision = keys.Revision }));
        Assert.True(keys.IsCompacting);

        // As many entries as there are keys, before the second step.
        FillKeys();
        _background.Later.Dequeue()();
        RunUntilIdle();

        Assert.Empty(_background.Later);
        Assert.False(keys.IsCompacting);
    }

    [Fact]
    public void Compaction_does_not_rest_when_space_is_short()
    {
        _background.Later = [];
        var keys = _store.Machine.Keys;
        FillKeys();
        var alarm = new AlarmCommand(Storage.State.AlarmAction.Activate, new NodeId(1), AlarmKind.NoSpace);
        Apply(new Entry(1, ++_index, EntryKind.Command, CommandEnvelope.Encode(0, Caller.Nobody, alarm)));
        Apply(Next(CommandKind.Compact, new CompactionRequest { Revision = keys.Revision }));
        RunUntilIdle();

        Assert.Empty(_background.Later);
        Assert.False(keys.IsCompacting);
    }

    public void Dispose()
    {
        _store.Dispose();
        _log.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private void FillKeys()
    {
        for (var i = 0; i < 100; i++)
        {
            Apply(Next(CommandKind.Put, new PutRequest { Key = ByteString.CopyFromUtf8($"k{i:D3}"), Value = Value(i) }));
        }
    }

    private void RunUntilIdle()
    {
        while (_applier.Run())
        {
        }
    }

    private void Apply(Entry entry)
    {
        _applier.Inbox.Post(new ApplierInput.Committed(new[] { entry }));
        _applier.Run();
    }

    private static ByteString Value(int seed)
    {
        var bytes = new byte[ValueBytes];
        new Random(seed).NextBytes(bytes);
        return ByteString.CopyFrom(bytes);
    }

    private Entry Next(CommandKind kind, IMessage request)
        => new(1, ++_index, EntryKind.Command, CommandEnvelope.Encode(0, Caller.Nobody, kind, request.ToByteArray()));

    private sealed class NoBell : IDoorbell
    {
        public void Ring()
        {
        }
    }

    private sealed class Background : IBackground
    {
        public Queue<Action>? Later { get; set; }

        public void Run(Action work) => work();

        public void RunLater(TimeSpan pause, Action work)
        {
            if (Later is { } later)
            {
                later.Enqueue(work);
            }
            else
            {
                work();
            }
        }
    }
}
