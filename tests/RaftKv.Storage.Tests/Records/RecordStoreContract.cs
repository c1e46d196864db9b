using RaftKv.Storage.Files;
using RaftKv.Storage.Mvcc;
using RaftKv.Storage.Records;

namespace RaftKv.Storage.Tests.Records;

/// <summary>What every record store promises.</summary>
public abstract class RecordStoreContract
{
    /// <summary>Bytes of the largest record there can be: a value of 1.5 MiB under a key of 64 KiB, and what surrounds
    /// them.</summary>
    private const int LargestRecord = (1536 + 64 + 4) * 1024;

    protected abstract IFileSystem Disk { get; }

    protected abstract string Folder { get; }

    /// <summary>An empty store, with segments or pages so small, unless the largest record needs larger ones, that some
    /// thousand records fill several.</summary>
    protected abstract IRecordStore Create(int largestRecord = 8 * 1024);

    protected abstract IRecordStore Open(ReadOnlyMemory<byte> token, int largestRecord = 8 * 1024);

    /// <summary>The process ends as it stands, and as far as the disk can tell, so does the power.</summary>
    protected abstract void Crash(IRecordStore store);

    private static Revision R(long main, long sub = 0) => new(main, sub);

    private static void Put(IRecordStore store, long from, long to)
    {
        for (var main = from; main < to; main++)
        {
            store.Put(R(main), SampleRecord.Of(R(main)));
        }
    }

    private static ReadOnlyMemory<byte> Checkpoint(IRecordStore store)
    {
        var checkpoint = store.BeginCheckpoint();
        checkpoint.Wait();
        Assert.True(checkpoint.IsDurable);
        return checkpoint.Token;
    }

    private static void AssertHolds(IRecordStore store, IEnumerable<long> mains)
    {
        using var reader = store.OpenReader();
        var revisions = mains.Select(main => R(main)).ToArray();
        var sink = new CollectingSink();
        reader.Read(revisions, sink);
        Assert.Equal(revisions, sink.Records.Select(found => found.Revision));
        foreach (var (revision, record) in sink.Records)
        {
            Assert.Equal(SampleRecord.Of(revision), record);
        }
    }

    private static HashSet<long> Scan(IRecordStore store)
    {
        var sink = new CollectingSink();
        store.Scan(sink);
        foreach (var (revision, record) in sink.Records)
        {
            Assert.Equal(SampleRecord.Of(revision), record);
        }

        return [.. sink.Records.Select(found => found.Revision.Main)];
    }

    private static ReclaimOutcome ReclaimAll(IRecordStore store, IRecordLiveness liveness, long stepBytes = 64 * 1024)
    {
        var total = default(ReclaimOutcome);
        while (store.ReclaimStep(stepBytes, liveness) is { LookedThrough: > 0 } step)
        {
            Assert.InRange(step.LetGo, 0, step.LookedThrough);
            total = new ReclaimOutcome(total.LookedThrough + step.LookedThrough, total.LetGo + step.LetGo);
        }

        return total;
    }

    private static IEnumerable<long> Range(long from, long to)
    {
        for (var main = from; main < to; main++)
        {
            yield return main;
        }
    }

    [Fact]
    public void A_record_can_be_read_as_soon_as_it_was_put()
    {
        using var store = Create();
        using var reader = store.OpenReader();
        for (var main = 1; main < 500; main++)
        {
            store.Put(R(main, main % 3), SampleRecord.Of(R(main, main % 3)));
            var sink = new CollectingSink();
            Assert.True(reader.TryRead(R(main, main % 3), sink));
            Assert.Equal(SampleRecord.Of(R(main, main % 3)), Assert.Single(sink.Records).Record);
        }
    }

    [Fact]
    public void Revisions_differ_by_main_and_by_sub()
    {
        using var store = Create();
        Revision[] revisions = [R(1, 0), R(0, 1), R(1, 1), R(long.MaxValue, 0), R(0, long.MaxValue), R(1L << 32, 1), R(1, 1L << 32)];
        foreach (var revision in revisions)
        {
            store.Put(revision, SampleRecord.Of(revision, 20));
        }

        using var reader = store.OpenReader();
        var sink = new CollectingSink();
        reader.Read(revisions, sink);
        Assert.Equal(revisions, sink.Records.Select(found => found.Revision));
        Assert.All(sink.Records, found => Assert.Equal(SampleRecord.Of(found.Revision, 20), found.Record));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(8)]
    [InlineData(4096)]
    [InlineData(65_537)]
    [InlineData(LargestRecord)]
    public void Records_of_every_size_survive(int length)
    {
        ReadOnlyMemory<byte> token;
        using (var store = Create(LargestRecord))
        {
            for (var main = 1; main <= 5; main++)
            {
                store.Put(R(main), SampleRecord.Of(R(main), length));
            }

            token = Checkpoint(store);
        }

        using var again = Open(token, LargestRecord);
        using var reader = again.OpenReader();
        for (var main = 1; main <= 5; main++)
        {
            var sink = new CollectingSink();
            Assert.True(reader.TryRead(R(main), sink));
            Assert.Equal(SampleRecord.Of(R(main), length), Assert.Single(sink.Records).Record);
        }
    }

    [Fact]
    public void What_was_never_put_is_not_there()
    {
        using var store = Create();
        Put(store, 1, 10);
        using var reader = store.OpenReader();

        var sink = new CollectingSink();
        Assert.False(reader.TryRead(R(10), sink));
        Assert.False(reader.TryRead(R(1, 1), sink));
        Assert.Empty(sink.Records);
    }

    [Fact]
    public void A_missing_record_is_named_after_those_before_it_were_handed_out()
    {
        using var store = Create();
        Put(store, 1, 10);
        using var reader = store.OpenReader();

        var sink = new CollectingSink();
        var missing = Assert.Throws<RecordMissingException>(() => reader.Read([R(3), R(4), R(77), R(5)], sink));

        Assert.Equal(R(77), missing.Revision);
        Assert.Equal([R(3), R(4)], sink.Records.Select(found => found.Revision));
    }

    [Fact]
    public void A_record_that_is_put_again_is_there_once()
    {
        using var store = Create();
        Put(store, 1, 100);
        Put(store, 50, 150);

        AssertHolds(store, Range(1, 150));
        Assert.Equal(Range(1, 150).ToHashSet(), Scan(store));
    }

    [Fact]
    public void A_checkpoint_brings_back_everything_before_it()
    {
        ReadOnlyMemory<byte> token;
        using (var store = Create())
        {
            Put(store, 1, 3000);
            token = Checkpoint(store);
        }

        using var again = Open(token);
        AssertHolds(again, Range(1, 3000));
        Assert.Equal(Range(1, 3000).ToHashSet(), Scan(again));
    }

    [Fact]
    public void An_empty_store_can_be_checkpointed_and_opened()
    {
        ReadOnlyMemory<byte> token;
        using (var store = Create())
        {
            token = Checkpoint(store);
        }

        using (var again = Open(token))
        {
            Assert.Empty(Scan(again));
            Put(again, 1, 10);
            token = Checkpoint(again);
        }

        using var third = Open(token);
        AssertHolds(third, Range(1, 10));
    }

    [Fact]
    public void A_crash_loses_nothing_of_the_last_durable_checkpoint()
    {
        var store = Create();
        var token = default(ReadOnlyMemory<byte>);
        var end = 1;
        for (var round = 0; round < 8; round++)
        {
            Put(store, end, end + 400);
            end += 400;
            token = Checkpoint(store);
            Put(store, end, end + 300); // May be lost, and is put again with the same bytes.
            Crash(store);

            store = Open(token);
            AssertHolds(store, Range(1, end));
            Assert.Superset(Range(1, end).ToHashSet(), Scan(store));
        }

        store.Dispose();
    }

    [Fact]
    public void An_older_checkpoint_can_be_opened_while_it_was_not_released()
    {
        var store = Create();
        Put(store, 1, 500);
        var first = Checkpoint(store);
        Put(store, 500, 1000);
        Checkpoint(store);
        Put(store, 1000, 1500);
        Crash(store);

        store = Open(first);
        AssertHolds(store, Range(1, 500));
        Put(store, 500, 2000);
        var third = Checkpoint(store);
        store.ReleaseBefore(third);
        Crash(store);

        store = Open(third);
        AssertHolds(store, Range(1, 2000));
        Assert.Equal(Range(1, 2000).ToHashSet(), Scan(store));
        store.Dispose();
    }

    [Fact]
    public void Puts_go_on_while_a_checkpoint_is_under_way()
    {
        var store = Create();
        Put(store, 1, 2000);
        var checkpoint = store.BeginCheckpoint();
        for (var main = 2000; main < 4000; main++)
        {
            store.Put(R(main), SampleRecord.Of(R(main)));
            _ = checkpoint.IsDurable;
        }

        checkpoint.Wait();
        AssertHolds(store, Range(1, 4000));
        Crash(store);

        store = Open(checkpoint.Token);
        AssertHolds(store, Range(1, 2000));
        store.Dispose();
    }

    [Fact]
    public void Reclaiming_keeps_what_is_live_and_gives_back_the_rest()
    {
        var store = Create();
        Put(store, 1, 6000);
        store.ReleaseBefore(Checkpoint(store));
        var before = store.DiskBytes;

        var outcome = ReclaimAll(store, new LiveIf(revision => revision.Main % 10 == 0));
        Assert.InRange(outcome.LookedThrough, before / 4, before * 2);
        Assert.InRange(outcome.LetGo, outcome.LookedThrough / 2, outcome.LookedThrough);

        var token = Checkpoint(store);
        store.ReleaseBefore(token);
        Assert.InRange(store.DiskBytes, 1, before / 2);

        var live = Range(1, 6000).Where(main => main % 10 == 0).ToHashSet();
        AssertHolds(store, live);
        Crash(store);

        store = Open(token);
        AssertHolds(store, live);
        Assert.Superset(live, Scan(store));

        // What was deleted may be back after the crash; it goes with the next release.
        store.ReleaseBefore(token);
        Assert.InRange(store.DiskBytes, 1, before / 2);
        store.Dispose();
    }

    [Fact]
    public void A_store_of_which_nothing_is_left_opens_again_wherever_it_ends()
    {
        var store = Create();
        for (var main = 1; main < 40; main++)
        {
            Put(store, main, main + 1);
            store.ReleaseBefore(Checkpoint(store));
            ReclaimAll(store, new LiveIf(_ => false));
            var empty = Checkpoint(store);
            store.ReleaseBefore(empty);
            Crash(store);
            store = Open(empty);
            Assert.Empty(Scan(store));
        }

        Put(store, 100, 200);
        var token = Checkpoint(store);
        Crash(store);
        using var again = Open(token);
        AssertHolds(again, Range(100, 200));
    }

    [Fact]
    public void Reclaiming_is_undone_by_a_crash_before_the_next_checkpoint()
    {
        var store = Create();
        Put(store, 1, 4000);
        var token = Checkpoint(store);
        store.ReleaseBefore(token);
        ReclaimAll(store, new LiveIf(revision => revision.Main % 10 == 0));
        Crash(store);

        store = Open(token);
        AssertHolds(store, Range(1, 4000));
        store.Dispose();
    }

    [Fact]
    public void A_checkpoint_from_before_reclaiming_is_whole_until_a_later_one_is_released_to()
    {
        var store = Create();
        Put(store, 1, 4000);
        var before = Checkpoint(store);
        store.ReleaseBefore(before);
        ReclaimAll(store, new LiveIf(revision => revision.Main % 10 == 0));
        Checkpoint(store);
        ReclaimAll(store, new LiveIf(revision => revision.Main % 20 == 0));
        Checkpoint(store);
        Crash(store);

        store = Open(before);
        AssertHolds(store, Range(1, 4000));
        store.Dispose();
    }

    [Fact]
    public void Reclaiming_goes_in_steps_of_about_the_size_asked_for()
    {
        using var store = Create();
        Put(store, 1, 4000);
        store.ReleaseBefore(Checkpoint(store));
        var liveness = new LiveIf(_ => false);

        var step = store.ReclaimStep(32 * 1024, liveness);

        Assert.InRange(step.LookedThrough, 1, 256 * 1024);
        Assert.InRange(liveness.Asked, 1, 2000);
        Assert.Equal(step.LetGo, step.LookedThrough);
    }

    [Fact]
    public void Reclaiming_ends_when_everything_before_the_last_checkpoint_was_looked_through()
    {
        using var store = Create();
        Put(store, 1, 4000);
        store.ReleaseBefore(Checkpoint(store));
        var liveness = new LiveIf(_ => true);

        var outcome = ReclaimAll(store, liveness);

        Assert.InRange(liveness.Asked, 3000, 4100);
        Assert.InRange(outcome.LetGo, 0, outcome.LookedThrough / 3);
        AssertHolds(store, Range(1, 4000));
    }

    [Fact]
    public void A_store_that_is_reclaimed_while_it_is_filled_stays_small()
    {
        var store = Create();
        var token = default(ReadOnlyMemory<byte>);
        var largest = 0L;
        for (var round = 0; round < 20; round++)
        {
            var end = (round + 1) * 1000;
            Put(store, (round * 1000) + 1, end + 1);
            token = Checkpoint(store);
            store.ReleaseBefore(token);

            // The last two thousand are live.
            ReclaimAll(store, new LiveIf(revision => revision.Main > end - 2000));
            largest = Math.Max(largest, store.DiskBytes);
        }

        Assert.InRange(largest, 1, 8 * 1000 * 300);
        Crash(store);
        store = Open(token);
        AssertHolds(store, Range(18_001, 20_001));
        store.Dispose();
    }

    [Fact]
    public async Task Readers_are_not_disturbed_by_puts_checkpoints_and_reclaiming()
    {
        using var store = Create();
        Put(store, 1, 2001);
        store.ReleaseBefore(Checkpoint(store));
        using var stop = new CancellationTokenSource();
        var newest = 2000L;
        var oldest = 1L;
        var readers = Enumerable.Range(0, 3).Select(seed => Task.Run(() =>
        {
            var random = new Random(seed);
            using var reader = store.OpenReader();
            var reads = 0;
            while (!stop.IsCancellationRequested)
            {
                var revisions = new Revision[random.Next(1, 40)];
                var from = Volatile.Read(ref oldest);
                var to = Volatile.Read(ref newest);
                for (var i = 0; i < revisions.Length; i++)
                {
                    revisions[i] = R(random.NextInt64(from, to + 1));
                }

                var sink = new CollectingSink();
                try
                {
                    reader.Read(revisions, sink);
                }
                catch (RecordMissingException missing) when (missing.Revision.Main < Volatile.Read(ref oldest))
                {
                    continue; // Compacted meanwhile, and reclaimed.
                }

                Assert.Equal(revisions, sink.Records.Select(found => found.Revision));
                Assert.All(sink.Records, found => Assert.Equal(SampleRecord.Of(found.Revision), found.Record));
                reads++;
            }

            return reads;
        })).ToArray();

        for (var round = 0; round < 15; round++)
        {
            for (var i = 0; i < 300; i++)
            {
                var main = newest + 1;
                store.Put(R(main), SampleRecord.Of(R(main)));
                Volatile.Write(ref newest, main);
            }

            var checkpoint = store.BeginCheckpoint();
            Volatile.Write(ref oldest, newest - 1500);
            var compactedTo = oldest;
            ReclaimAll(store, new LiveIf(revision => revision.Main >= compactedTo));
            checkpoint.Wait();
            store.ReleaseBefore(checkpoint.Token);
        }

        await stop.CancelAsync();
        await Task.WhenAll(readers);
        AssertHolds(store, Range(oldest, newest + 1));
    }

    [Fact]
    public void A_flipped_bit_anywhere_is_noticed_before_a_wrong_byte_is_handed_out()
    {
        ReadOnlyMemory<byte> token;
        using (var store = Create())
        {
            Put(store, 1, 400);
            token = Checkpoint(store);
        }

        var random = new Random(7);
        foreach (var name in Disk.List(Folder))
        {
            var path = Path.Join(Folder, name);
            if (!Disk.FileExists(path))
            {
                continue;
            }

            var bytes = ReadAll(path);
            foreach (var offset in Sampled(bytes.Length, random))
            {
                WriteOver(path, offset, (byte)(bytes[offset] ^ (1 << random.Next(8))));
                AssertEverythingIsThereOrRefused(token, $"{name} flipped at {offset}");
                Restore(path, bytes);
            }
        }

        using var whole = Open(token);
        AssertHolds(whole, Range(1, 400));
    }

    [Fact]
    public void A_file_that_was_cut_is_noticed()
    {
        ReadOnlyMemory<byte> token;
        using (var store = Create())
        {
            Put(store, 1, 400);
            token = Checkpoint(store);
        }

        var random = new Random(7);
        foreach (var name in Disk.List(Folder))
        {
            var path = Path.Join(Folder, name);
            if (!Disk.FileExists(path))
            {
                continue;
            }

            var bytes = ReadAll(path);
            foreach (var length in Sampled(bytes.Length, random).Take(40).Append(0))
            {
                using (var file = Disk.OpenFile(path))
                {
                    file.Truncate(length);
                }

                AssertEverythingIsThereOrRefused(token, $"{name} cut to {length}");
                Restore(path, bytes);
            }

            Disk.Delete(path);
            AssertEverythingIsThereOrRefused(token, $"{name} deleted");
            using (Disk.CreateFile(path))
            {
            }

            Restore(path, bytes);
        }

        using var whole = Open(token);
        AssertHolds(whole, Range(1, 400));
    }

    [Theory]
    [InlineData("")]
    [InlineData("00")]
    [InlineData("ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff")]
    public void Bytes_that_are_no_token_are_refused(string hex)
    {
        using (var store = Create())
        {
            Checkpoint(store);
        }

        Assert.ThrowsAny<StorageException>(() => Open(Convert.FromHexString(hex)));
    }

    [Fact]
    public void A_token_with_a_flipped_bit_is_refused()
    {
        ReadOnlyMemory<byte> token;
        using (var store = Create())
        {
            Put(store, 1, 100);
            token = Checkpoint(store);
        }

        for (var bit = 0; bit < token.Length * 8; bit += 5)
        {
            var flipped = token.ToArray();
            flipped[bit / 8] ^= (byte)(1 << (bit % 8));
            Assert.ThrowsAny<StorageException>(() => Open(flipped));
        }
    }

    // Positions at the beginning, at the end, and here and there between.
    private static SortedSet<int> Sampled(int length, Random random)
    {
        var positions = new SortedSet<int>();
        for (var i = 0; i < 40 && i < length; i++)
        {
            positions.Add(random.Next(Math.Min(length, 200)));
            positions.Add(random.Next(length));
        }

        if (length > 0)
        {
            positions.Add(length - 1);
        }

        return positions;
    }

    private byte[] ReadAll(string path)
    {
        using var file = Disk.OpenFileToRead(path);
        var bytes = new byte[file.Length];
        Assert.Equal(bytes.Length, file.ReadAt(0, bytes));
        return bytes;
    }

    private void WriteOver(string path, long offset, byte value)
    {
        using var file = Disk.OpenFile(path);
        file.WriteAt(offset, [value]);
    }

    private void Restore(string path, byte[] bytes)
    {
        if (!Disk.FileExists(path))
        {
            Disk.CreateFile(path).Dispose();
        }

        using var file = Disk.OpenFile(path);
        file.WriteAt(0, bytes);
        file.Truncate(bytes.Length);
    }

    // The store may refuse to open, or refuse a record; it may not hand out other bytes, nor hide a record from a scan that
    // ends well.
    private void AssertEverythingIsThereOrRefused(ReadOnlyMemory<byte> token, string damage)
    {
        var isRefused = false;
        try
        {
            using var store = Open(token);
            var sink = new CollectingSink();
            try
            {
                store.Scan(sink);
                Assert.True(
                    Range(1, 400).ToHashSet().IsSubsetOf(sink.Records.Select(found => found.Revision.Main)),
                    $"A scan was silent about missing records with {damage}.");
            }
            catch (StorageException)
            {
                isRefused = true;
            }

            using var reader = store.OpenReader();
            for (var main = 1; main < 400; main++)
            {
                try
                {
                    reader.Read([R(main)], sink);
                }
                catch (StorageException)
                {
                    isRefused = true;
                }
            }

            Assert.All(sink.Records, found => Assert.Equal(SampleRecord.Of(found.Revision), found.Record));
        }
        catch (StorageException)
        {
            isRefused = true;
        }

        _ = isRefused; // Damage to bytes that nothing depends on may go unnoticed.
    }
}
