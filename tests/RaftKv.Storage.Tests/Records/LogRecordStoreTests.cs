using RaftKv.Raft;
using RaftKv.Simulation.Disks;
using RaftKv.Storage.Files;
using RaftKv.Storage.Mvcc;
using RaftKv.Storage.Records;

namespace RaftKv.Storage.Tests.Records;

/// <summary>What the deterministic store does on a disk that misbehaves.</summary>
public sealed class LogRecordStoreTests
{
    private const ulong Identity = 0xFEED;
    private const string Folder = "/records";

    private static readonly LogRecordStoreOptions Options = new() { SegmentBytes = 4096, BufferBytes = 512 };

    private readonly SimulatedFileSystem _disk = new(seed: 3);

    public LogRecordStoreTests()
    {
        _disk.CreateDirectory(Folder);
        _disk.SyncDirectory("/");
    }

    private LogRecordStore Create() => LogRecordStore.Create(_disk, Folder, Identity, Options);

    private LogRecordStore Open(ReadOnlyMemory<byte> token)
        => LogRecordStore.Open(_disk, Folder, Identity, token, Options);

    private static Revision R(long main) => new(main, 0);

    private static void Put(LogRecordStore store, long main) => store.Put(R(main), SampleRecord.Of(R(main)));

    private static void AssertHolds(LogRecordStore store, long from, long to)
    {
        using var reader = store.OpenReader();
        for (var main = from; main < to; main++)
        {
            var sink = new CollectingSink();
            Assert.True(reader.TryRead(R(main), sink), $"{main} is missing");
            Assert.Equal(SampleRecord.Of(R(main)), sink.Records[0].Record);
        }
    }

    [Fact]
    public void A_full_disk_refuses_and_forgets_nothing()
    {
        using var store = Create();
        for (var main = 1; main < 100; main++)
        {
            Put(store, main);
        }

        _disk.QuotaBytes = _disk.UsedBytes + 700;
        var refusedAt = 0;
        for (var main = 100; refusedAt == 0; main++)
        {
            try
            {
                Put(store, main);
            }
            catch (DiskFullException)
            {
                refusedAt = main;
            }
        }

        Assert.InRange(refusedAt, 101, 200);
        AssertHolds(store, 1, refusedAt);
        Assert.Throws<DiskFullException>(() => Put(store, refusedAt));
        Assert.Throws<DiskFullException>(() => store.BeginCheckpoint().Wait());

        _disk.QuotaBytes = long.MaxValue;
        Put(store, refusedAt);
        var checkpoint = store.BeginCheckpoint();
        _disk.Crash();

        using var again = Open(checkpoint.Token);
        AssertHolds(again, 1, refusedAt + 1);
    }

    [Fact]
    public void A_failed_sync_stops_the_store()
    {
        using var store = Create();
        Put(store, 1);
        var token = store.BeginCheckpoint().Token;
        Put(store, 2);
        _disk.FailNextSync();

        var checkpoint = store.BeginCheckpoint();

        Assert.Throws<FileSyncFailedException>(checkpoint.Wait);
        Assert.Throws<FileSyncFailedException>(() => checkpoint.IsDurable);
        Assert.Throws<RecordStoreStoppedException>(() => Put(store, 3));
        Assert.Throws<RecordStoreStoppedException>(store.BeginCheckpoint);
        Assert.Throws<RecordStoreStoppedException>(() => store.ReleaseBefore(token));
        _disk.Crash();

        using var again = Open(token);
        AssertHolds(again, 1, 2);
    }

    [Fact]
    public void A_write_that_the_disk_refused_once_is_made_again()
    {
        using var store = Create();
        for (var main = 1; main < 20; main++)
        {
            Put(store, main);
        }

        _disk.FailNextWrite();
        Assert.Throws<FileOperationException>(() => store.BeginCheckpoint().Wait());

        var checkpoint = store.BeginCheckpoint();
        _disk.Crash();
        using var again = Open(checkpoint.Token);
        AssertHolds(again, 1, 20);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void What_an_opening_has_cut_off_stays_off_when_the_next_segment_is_begun_at_once(bool isOpenedTwice)
    {
        var store = Create();
        var record = new byte[Options.SegmentBytes / 3];
        store.Put(new Revision(1, 0), record);
        var token = store.BeginCheckpoint().Token;
        store.Put(new Revision(2, 0), record);
        store.BeginCheckpoint().Wait();
        store.Dispose();
        _disk.Crash();

        if (isOpenedTwice)
        {
            // The first process ends before it has done anything with what it opened.
            Open(token).Dispose();
            _disk.EndProcess();
        }

        store = Open(token);
        store.Put(new Revision(2, 0), new byte[Options.SegmentBytes]);
        token = store.BeginCheckpoint().Token;
        store.Dispose();
        _disk.Crash(UnsyncedFate.Lost);

        using var again = Open(token);
        var found = new CollectingSink();
        again.Scan(found);
        Assert.Equal([R(1), R(2)], found.Records.Select(record => record.Revision));
    }

    [Fact]
    public void Another_members_files_are_refused()
    {
        using var store = Create();
        Put(store, 1);
        var token = store.BeginCheckpoint().Token;

        Assert.Throws<RecordStoreDamagedException>(
            () => LogRecordStore.Open(_disk, Folder, identity: 0xBEEF, token, Options));
    }

    [Fact]
    public void Segments_that_were_exchanged_are_noticed()
    {
        ReadOnlyMemory<byte> token;
        using (var store = Create())
        {
            for (var main = 1; main < 200; main++)
            {
                Put(store, main);
            }

            token = store.BeginCheckpoint().Token;
        }

        _disk.Rename(Path.Join(Folder, RecordLogFormat.SegmentName(2)), Path.Join(Folder, "aside"));
        _disk.Rename(
            Path.Join(Folder, RecordLogFormat.SegmentName(3)), Path.Join(Folder, RecordLogFormat.SegmentName(2)));
        _disk.Rename(Path.Join(Folder, "aside"), Path.Join(Folder, RecordLogFormat.SegmentName(3)));

        var damage = Assert.Throws<RecordStoreDamagedException>(() => Open(token));
        Assert.Equal(Path.Join(Folder, RecordLogFormat.SegmentName(2)), damage.Path);
        Assert.Equal("segment 2", damage.Expected);
        Assert.Equal("segment 3", damage.Found);
    }

    [Fact]
    public void An_older_copy_of_a_segment_is_noticed()
    {
        using var store = Create();
        Put(store, 1);
        store.BeginCheckpoint().Wait();
        var path = Path.Join(Folder, RecordLogFormat.SegmentName(1));
        byte[] copy;
        using (var file = _disk.OpenFile(path))
        {
            copy = new byte[file.Length];
            file.ReadAt(0, copy);
        }

        store.Put(R(2), SampleRecord.Of(R(2), 100));
        var token = store.BeginCheckpoint().Token;
        using (var file = _disk.OpenFile(path))
        {
            file.Truncate(0);
            file.WriteAt(0, copy);
        }

        var damage = Assert.Throws<RecordStoreDamagedException>(() => Open(token));
        Assert.Equal(path, damage.Path);
        Assert.Equal(copy.Length, damage.Offset);
    }

    [Fact]
    public void A_power_cut_at_any_operation_leaves_the_last_durable_checkpoint_whole()
    {
        for (var operation = 1; ; operation++)
        {
            var disk = new SimulatedFileSystem((ulong)operation);
            disk.CreateDirectory(Folder);
            disk.SyncDirectory("/");
            var token = default(ReadOnlyMemory<byte>);
            var kept = 0L;
            disk.CrashAtOperation = disk.OperationCount + operation;
            try
            {
                var store = LogRecordStore.Create(disk, Folder, Identity, Options);
                for (var main = 1; main <= 150; main++)
                {
                    Put(store, main);
                    if (main % 40 == 0)
                    {
                        token = store.BeginCheckpoint().Token;
                        kept = main;
                        store.ReleaseBefore(token);
                        store.ReclaimStep(4096, new LiveIf(_ => true));
                    }
                }

                return; // It came to the end: every operation had its turn.
            }
            catch (PowerCutException)
            {
                disk.CrashAtOperation = null;
                disk.Crash();
            }

            if (token.Length > 0)
            {
                using var again = LogRecordStore.Open(disk, Folder, Identity, token, Options);
                AssertHolds(again, 1, kept + 1);
            }
        }
    }

    [Fact]
    public void The_same_calls_write_the_same_bytes()
    {
        Assert.Equal(Run(), Run());

        static byte[] Run()
        {
            var disk = new SimulatedFileSystem(seed: 1);
            disk.CreateDirectory(Folder);
            using var store = LogRecordStore.Create(disk, Folder, Identity, Options);
            var chance = new Chance(5);
            for (var main = 1; main < 300; main++)
            {
                Put(store, main);
                if (chance.Happens(1, 30))
                {
                    store.BeginCheckpoint().Wait();
                    store.ReclaimStep(2000, new LiveIf(revision => revision.Main % 3 != 0));
                }
            }

            store.BeginCheckpoint().Wait();
            var all = new List<byte>();
            foreach (var name in disk.List(Folder))
            {
                using var file = disk.OpenFileToRead(Path.Join(Folder, name));
                var bytes = new byte[file.Length];
                file.ReadAt(0, bytes);
                all.AddRange(bytes);
            }

            return [.. all];
        }
    }
}
