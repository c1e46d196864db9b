using RaftKv.Simulation.Disks;
using RaftKv.Storage.Files;
using RaftKv.Storage.Mvcc;
using RaftKv.Storage.Records;
using RaftKv.Storage.Records.Faster;

namespace RaftKv.Storage.Tests.Records;

/// <summary>What the store on FASTER does on a disk that misbehaves.</summary>
public sealed class FasterRecordStoreTests
{
    private const ulong Identity = 0xFEED;
    private const string Folder = "/records";

    private static readonly FasterRecordStoreOptions Options = PhysicalFasterRecordStoreContract.OptionsFor(8 * 1024);

    private readonly SimulatedFileSystem _disk = new(seed: 3);
    private readonly OneAtATime _files;

    public FasterRecordStoreTests()
    {
        _disk.CreateDirectory(Folder);
        _disk.SyncDirectory("/");
        _files = new OneAtATime(_disk);
    }

    private FasterRecordStore Create() => FasterRecordStore.Create(_files, Folder, Identity, Options);

    private FasterRecordStore Open(ReadOnlyMemory<byte> token)
        => FasterRecordStore.Open(_files, Folder, Identity, token, Options);

    private static Revision R(long main) => new(main, 0);

    private static void Put(FasterRecordStore store, long main) => store.Put(R(main), SampleRecord.Of(R(main)));

    private static ReadOnlyMemory<byte> Checkpoint(FasterRecordStore store)
    {
        var checkpoint = store.BeginCheckpoint();
        checkpoint.Wait();
        return checkpoint.Token;
    }

    private static void AssertHolds(FasterRecordStore store, long from, long to)
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
    public void A_large_file_of_which_nothing_is_needed_goes_while_others_read()
    {
        using var folder = new TemporaryFolder();
        var options = PhysicalFasterRecordStoreContract.OptionsFor(256 * 1024) with { SegmentBytes = 16 * 1024 * 1024 };
        using var store = FasterRecordStore.Create(new PhysicalFileSystem(), folder.Path, Identity, options);
        var record = new byte[30_000];
        const long Last = 1200;
        for (var main = 1L; main <= Last; main++)
        {
            store.Put(R(main), record);
        }

        store.ReleaseBefore(Checkpoint(store));
        using var over = new CancellationTokenSource();
        var reading = new Thread(() =>
        {
            // What is let go of is found or not, and never damaged.
            using var reader = store.OpenReader();
            for (var main = 1L; !over.IsCancellationRequested; main = (main % Last) + 1)
            {
                reader.TryRead(R(main), new CollectingSink());
            }
        });
        reading.Start();
        while (store.ReclaimStep(1024 * 1024, new EveryHundredth()).LookedThrough > 0)
        {
        }

        store.ReleaseBefore(Checkpoint(store));
        SpinWait.SpinUntil(() => Directory.GetFiles(folder.Path).Sum(Length) <= store.DiskBytes);
        over.Cancel();
        reading.Join();

        Assert.InRange(store.DiskBytes, 1, 20 * 1024 * 1024);
        Assert.Equal(0, store.Device.DamageCount);
        using var after = store.OpenReader();
        for (var main = 100L; main <= Last; main += 100)
        {
            Assert.True(after.TryRead(R(main), new CollectingSink()));
        }
    }

    // What the store lets go of meanwhile takes no room any more.
    private static long Length(string file)
    {
        try
        {
            return new FileInfo(file).Length;
        }
        catch (FileNotFoundException)
        {
            return 0;
        }
    }

    [Fact]
    public void A_full_disk_refuses_and_forgets_nothing()
    {
        var store = Create();
        for (var main = 1; main < 300; main++)
        {
            Put(store, main);
        }

        var before = Checkpoint(store);
        _disk.QuotaBytes = _disk.UsedBytes + 100_000;
        var refusedAt = 0;
        for (var main = 300; refusedAt == 0; main++)
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

        Assert.InRange(refusedAt, 301, 3000);
        AssertHolds(store, 1, refusedAt);
        Assert.Throws<DiskFullException>(() => Put(store, refusedAt));

        // What was put has its room, and reclaiming may need more than there is.
        Assert.Throws<DiskFullException>(() =>
        {
            while (store.ReclaimStep(16 * 1024, new LiveIf(_ => true)).LookedThrough > 0)
            {
            }
        });
        AssertHolds(store, 1, refusedAt);

        _disk.QuotaBytes = long.MaxValue;
        Put(store, refusedAt);
        var token = Checkpoint(store);
        AssertHolds(store, 1, refusedAt + 1);
        store.Dispose();
        _disk.Crash();

        Assert.NotEqual(before, token);
        using var again = Open(token);
        AssertHolds(again, 1, refusedAt + 1);
    }

    [Fact]
    public void What_lay_behind_a_checkpoint_in_an_earlier_life_is_never_read()
    {
        var first = Create();
        for (var main = 1; main < 300; main++)
        {
            Put(first, main);
        }

        var token = Checkpoint(first);
        for (var main = 300; main < 3000; main++)
        {
            Put(first, main);
        }

        Checkpoint(first);
        first.Dispose();

        // The blocks behind the checkpoint are still on the disk, whole, and will be written over with other records.
        using var second = Open(token);
        AssertHolds(second, 1, 300);
        for (var main = 5000; main < 7000; main++)
        {
            Put(second, main);
            if (main % 100 == 0)
            {
                AssertHolds(second, 250, 300);
                AssertHolds(second, 5000, main + 1);
            }
        }
    }

    [Fact]
    public void A_failed_sync_stops_the_store_and_the_last_durable_checkpoint_opens()
    {
        var store = Create();
        Put(store, 1);
        var token = Checkpoint(store);
        Put(store, 2);
        _disk.FailNextSync();

        var checkpoint = store.BeginCheckpoint();

        Assert.Throws<FileSyncFailedException>(checkpoint.Wait);
        Assert.Throws<FileSyncFailedException>(() => checkpoint.IsDurable);
        Assert.Throws<RecordStoreStoppedException>(() => Put(store, 3));
        Assert.Throws<RecordStoreStoppedException>(store.BeginCheckpoint);
        Assert.Throws<RecordStoreStoppedException>(() => store.ReleaseBefore(token));
        AssertHolds(store, 1, 3);
        store.Dispose();
        _disk.Crash();

        using var again = Open(token);
        AssertHolds(again, 1, 2);
    }

    [Fact]
    public void A_failed_write_stops_the_store_and_nothing_wrong_is_read()
    {
        var store = Create();
        for (var main = 1; main < 100; main++)
        {
            Put(store, main);
        }

        var token = Checkpoint(store);
        _disk.FailNextWrite();

        // More than fits in memory, so that what was not written has to be read back.
        var stopped = false;
        for (var main = 100; main < 5000 && !stopped; main++)
        {
            try
            {
                Put(store, main);
            }
            catch (RecordStoreStoppedException)
            {
                stopped = true;
            }
        }

        Assert.True(stopped);
        using (var reader = store.OpenReader())
        {
            for (var main = 1; main < 5000; main++)
            {
                var sink = new CollectingSink();
                try
                {
                    reader.TryRead(R(main), sink);
                }
                catch (StorageException)
                {
                }

                Assert.All(sink.Records, found => Assert.Equal(SampleRecord.Of(found.Revision), found.Record));
            }
        }

        store.Dispose();
        _disk.Crash();
        using var again = Open(token);
        AssertHolds(again, 1, 100);
    }

    [Fact]
    public void A_rotten_block_is_named_with_its_file()
    {
        using var store = Create();
        for (var main = 1; main < 3000; main++)
        {
            Put(store, main);
        }

        Checkpoint(store);
        var path = Path.Join(Folder, RecordBlocks.SegmentName(0));
        _disk.FlipBit(path, 5000, 3);

        using var reader = store.OpenReader();
        var damages = new List<RecordCorruptException>();
        for (var main = 1; main < 3000; main++)
        {
            try
            {
                Assert.True(reader.TryRead(R(main), new CollectingSink()));
            }
            catch (RecordCorruptException damage)
            {
                damages.Add(damage);
                Assert.Equal(R(main), damage.Revision);
            }
        }

        Assert.NotEmpty(damages);
        Assert.All(damages, damage => Assert.Equal(path, damage.Path));

        // The block, or the place of a record that begins in the block before.
        Assert.All(damages, damage => Assert.InRange(damage.Offset, 1, RecordBlocks.StoredBlockBytes));
        Assert.Throws<RecordStoreDamagedException>(() => store.Scan(new CollectingSink()));

        // Reclaiming does not let go of what it cannot read.
        Assert.ThrowsAny<StorageException>(() =>
        {
            while (store.ReclaimStep(16 * 1024, new LiveIf(_ => false)).LookedThrough > 0)
            {
            }
        });
    }

    [Fact]
    public void Blocks_that_were_written_in_each_others_places_are_noticed_and_named()
    {
        var refusal = Assert.Throws<RecordStoreDamagedException>(() => OpenWithTwoBlocksSwapped(RecordFaults.None).Dispose());
        Assert.Equal(Path.Join(Folder, RecordBlocks.SegmentName(0)), refusal.Path);
        Assert.Contains(refusal.Offset, (long[])[RecordBlocks.StoredBlockBytes, 2 * RecordBlocks.StoredBlockBytes]);
    }

    /// <summary>M17. Tests the test above: nothing else notices.</summary>
    [Fact]
    public void A_sum_without_its_place_would_let_them_pass()
        => OpenWithTwoBlocksSwapped(new RecordFaults { SumsWithoutPlace = true }).Dispose();

    private FasterRecordStore OpenWithTwoBlocksSwapped(RecordFaults faults)
    {
        var options = Options with { Faults = faults };
        ReadOnlyMemory<byte> token;
        using (var store = FasterRecordStore.Create(_files, Folder, Identity, options))
        {
            for (var main = 1; main < 300; main++)
            {
                // Records of one size, so that those in the one block could stand in the other.
                store.Put(R(main), SampleRecord.Of(R(main), length: 88));
            }

            token = Checkpoint(store);
        }

        using (var file = _disk.OpenFile(Path.Join(Folder, RecordBlocks.SegmentName(0))))
        {
            var blocks = new byte[2 * RecordBlocks.StoredBlockBytes];
            file.ReadAt(RecordBlocks.StoredBlockBytes, blocks);
            file.WriteAt(RecordBlocks.StoredBlockBytes, [.. blocks[RecordBlocks.StoredBlockBytes..], .. blocks[..RecordBlocks.StoredBlockBytes]]);
            file.Sync();
        }

        return FasterRecordStore.Open(_files, Folder, Identity, token, options);
    }

    [Fact]
    public void An_older_copy_of_a_segment_is_noticed()
    {
        var store = Create();
        for (var main = 1; main < 100; main++)
        {
            Put(store, main);
        }

        var first = Checkpoint(store);
        var path = Path.Join(Folder, RecordBlocks.SegmentName(0));
        byte[] copy;
        using (var file = _disk.OpenFile(path))
        {
            copy = new byte[file.Length];
            file.ReadAt(0, copy);
        }

        store.Dispose();

        // Another history from the same beginning, and then the file of the first one again.
        store = Create();
        for (var main = 1; main < 100; main++)
        {
            Put(store, main + 1000);
        }

        var second = Checkpoint(store);
        store.Dispose();
        using (var file = _disk.OpenFile(path))
        {
            file.WriteAt(0, copy);
        }

        Assert.Equal(first.Length, second.Length);
        Assert.Throws<RecordStoreDamagedException>(() => Open(second));
    }

    [Fact]
    public void Another_members_files_are_refused()
    {
        var store = Create();
        Put(store, 1);
        var token = Checkpoint(store);
        store.Dispose();

        Assert.Throws<RecordStoreDamagedException>(
            () => FasterRecordStore.Open(_files, Folder, identity: 0xBEEF, token, Options));
    }

    [Fact]
    public void Checkpoints_at_every_fill_of_a_block_open_again()
    {
        // Every length of the gap that is left in a block, and in a page, comes up.
        var store = Create();
        var next = 1L;
        for (var round = 0; round < 300; round++)
        {
            store.Put(R(next), SampleRecord.Of(R(next), (round * 8) % 4100));
            next++;
            if (round % 5 == 0)
            {
                store.Put(R(next), SampleRecord.Of(R(next), 8 * 1024));
                next++;
            }

            var token = Checkpoint(store);
            if (round % 37 == 0)
            {
                store.Dispose();
                store = Open(token);
            }
        }

        using var reader = store.OpenReader();
        for (var main = 1L; main < next; main++)
        {
            Assert.True(reader.TryRead(R(main), new CollectingSink()));
        }

        store.Dispose();
    }

    [Fact]
    public void A_record_that_fits_no_page_is_a_mistake()
    {
        using var store = Create();

        Assert.Throws<ArgumentException>(() => store.Put(R(1), new byte[Options.PageBytes]));
        store.Put(R(1), new byte[Options.LargestRecordBytes]);
    }

    [Fact]
    public void Options_say_what_is_wrong_with_them()
    {
        Assert.Empty(new FasterRecordStoreOptions().Problems());
        Assert.Single((new FasterRecordStoreOptions() with { MemoryBytes = 100 }).Problems());
        Assert.Single((new FasterRecordStoreOptions() with { MemoryBytes = 100_000_000 }).Problems());
        Assert.Single((new FasterRecordStoreOptions() with { LargestRecordBytes = 0 }).Problems());
        Assert.Single((new FasterRecordStoreOptions() with { SegmentBytes = 1024 }).Problems());
        Assert.Throws<ArgumentException>(
            () => FasterRecordStore.Create(_files, Folder, Identity, new FasterRecordStoreOptions { IndexBytes = 5 }));
    }

    private sealed class EveryHundredth : IRecordLiveness
    {
        public bool IsLive(Revision revision, ReadOnlySpan<byte> record) => revision.Main % 100 == 0;
    }
}
