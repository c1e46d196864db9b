using RaftKv.Raft;
using RaftKv.Raft.Log;
using RaftKv.Simulation.Disks;
using RaftKv.Storage.Files;
using RaftKv.Storage.Wal;

namespace RaftKv.Storage.Tests.Wal;

public sealed class WriteAheadLogTests
{
    private const ulong Identity = 0xC0FFEE;

    private static readonly WalOptions Small = new() { SegmentBytes = 8 * 1024, TailBytes = 2_000 };

    private readonly SimulatedFileSystem _disk = new(seed: 1);

    public WriteAheadLogTests()
    {
        _disk.CreateDirectory("/wal");
        _disk.SyncDirectory("/");
    }

    private WriteAheadLog Create() => WriteAheadLog.Create(_disk, "/wal", Identity, Small);

    private WriteAheadLog Reopen(WriteAheadLog log)
    {
        log.Dispose();
        _disk.Crash(UnsyncedFate.Lost); // Nothing that was promised may need a tidy end.
        return WriteAheadLog.Open(_disk, "/wal", Identity, Small);
    }

    private static void AssertHolds(NaiveLog expected, WriteAheadLog log) => Assert.Null(expected.DifferenceTo(log));

    [Fact]
    public void A_new_log_is_empty()
    {
        using var log = Reopen(Create());

        AssertHolds(NaiveLog.Empty, log);
        Assert.Equal(LogPosition.Zero, log.Last);
        Assert.Null(log.TornTail);
        Assert.Equal(WalRead.BeyondLast, log.Read(1, 1, 100, out _));
    }

    [Fact]
    public void A_log_can_start_after_a_snapshot()
    {
        var start = new LogPosition(3, 100);
        var state = new HardState(4, new NodeId(2), 100);
        using var log = Reopen(WriteAheadLog.Create(_disk, "/wal", Identity, start, state, Small));

        AssertHolds(new NaiveLog(start, state, []), log);
    }

    [Fact]
    public void Hard_state_and_entries_survive_together()
    {
        var entries = new[] { NaiveLog.NewEntry(1, 1, 0), NaiveLog.NewEntry(1, 2, 300), NaiveLog.NewEntry(1, 3, 5) };
        var state = new HardState(1, new NodeId(7), 0);
        var log = Create();
        log.Append(new WalBatch { HardState = state, Entries = entries });

        var expected = NaiveLog.Empty.Append(state, entries);
        AssertHolds(expected, log);
        using var again = Reopen(log);
        AssertHolds(expected, again);
    }

    [Fact]
    public void An_empty_batch_writes_nothing()
    {
        using var log = Create();
        var operations = _disk.OperationCount;
        log.Append(default);

        Assert.Equal(operations, _disk.OperationCount);
    }

    [Fact]
    public void An_append_is_one_write_and_one_sync()
    {
        using var log = Create();
        var operations = _disk.OperationCount;
        log.Append(new WalBatch { HardState = new HardState(1, NodeId.None, 0), Entries = [NaiveLog.NewEntry(1, 1, 2000), NaiveLog.NewEntry(1, 2, 10)] });

        Assert.Equal(operations + 2, _disk.OperationCount);
    }

    [Fact]
    public void A_conflicting_suffix_is_overwritten()
    {
        var log = Create();
        var model = NaiveLog.Empty;
        Entry[][] appends =
        [
            [NaiveLog.NewEntry(1, 1, 9), NaiveLog.NewEntry(1, 2, 9), NaiveLog.NewEntry(1, 3, 9), NaiveLog.NewEntry(1, 4, 9)],
            [NaiveLog.NewEntry(2, 2, 50), NaiveLog.NewEntry(2, 3, 50)],
            [NaiveLog.NewEntry(3, 3, 5)],
            [NaiveLog.NewEntry(3, 4, 5)],
        ];
        foreach (var entries in appends)
        {
            log.Append(new WalBatch { Entries = entries });
            model = model.Append(null, entries);
            AssertHolds(model, log);
        }

        using var again = Reopen(log);
        AssertHolds(model, again);
    }

    [Fact]
    public void Old_entries_are_read_back_from_their_segments_and_new_ones_shared()
    {
        using var log = Create();
        var model = NaiveLog.Empty;
        for (var index = 1ul; index <= 100; index++)
        {
            var entry = NaiveLog.NewEntry(1, index, 300);
            log.Append(new WalBatch { Entries = [entry] });
            model = model.Append(null, entry);
        }

        Assert.True(log.SegmentCount > 3);
        AssertHolds(model, log);

        Assert.Equal(WalRead.Found, log.Read(100, 100, 1_000, out var newest));
        Assert.True(newest.Span[0].Payload.Equals(model.Entries[99].Payload)); // The same memory, not a copy.

        Assert.Equal(WalRead.Found, log.Read(2, 100, 3 * model.Entries[0].CountedBytes, out var some));
        Assert.Equal([2ul, 3, 4], some.ToArray().Select(entry => entry.Index));
        Assert.Equal(WalRead.Found, log.Read(2, 100, 0, out var atLeastOne));
        Assert.Equal(2ul, Assert.Single(atLeastOne.ToArray()).Index);
        Assert.Equal(WalRead.Found, log.Read(90, 200, 8 * model.Entries[0].CountedBytes, out var acrossTheBorder));
        Assert.Equal(8, acrossTheBorder.Length);
    }

    [Fact]
    public void Compaction_survives_and_frees_segments()
    {
        var log = Create();
        var model = NaiveLog.Empty;
        for (var index = 1ul; index <= 100; index++)
        {
            var entry = NaiveLog.NewEntry(1, index, 300);
            log.Append(new WalBatch { Entries = [entry] });
            model = model.Append(null, entry);
        }

        var before = _disk.UsedBytes;
        log.Compact(new LogPosition(1, 95));
        model = model.Compact(95);

        AssertHolds(model, log);
        Assert.True(_disk.UsedBytes < before / 2);
        Assert.Equal(WalRead.Compacted, log.Read(95, 99, 100, out _));
        Assert.False(log.TryGetTerm(94, out _));

        log = Reopen(log);
        AssertHolds(model, log);
        log.Compact(new LogPosition(1, 100));
        log.Compact(new LogPosition(1, 97)); // Nothing new.
        AssertHolds(model.Compact(100), log);
        using var again = Reopen(log);
        AssertHolds(model.Compact(100), again);
    }

    [Fact]
    public void A_snapshot_replaces_the_log()
    {
        var log = Create();
        for (var index = 1ul; index <= 60; index++)
        {
            log.Append(new WalBatch { Entries = [NaiveLog.NewEntry(1, index, 300)] });
        }

        var to = new LogPosition(5, 1_000);
        var state = new HardState(5, NodeId.None, 1_000);
        var entry = NaiveLog.NewEntry(6, 1_001, 10);
        log.Append(new WalBatch { Reset = to, HardState = state, Entries = [entry] });

        var model = NaiveLog.Empty.Reset(to).Append(state, entry);
        AssertHolds(model, log);
        Assert.Equal(1, log.SegmentCount);
        using var again = Reopen(log);
        AssertHolds(model, again);
    }

    [Fact]
    public void A_batch_larger_than_a_segment_gets_one_of_its_own()
    {
        var log = Create();
        Entry[] large = [NaiveLog.NewEntry(1, 1, 50_000), NaiveLog.NewEntry(1, 2, 50_000)];
        log.Append(new WalBatch { Entries = large });
        log.Append(new WalBatch { Entries = [NaiveLog.NewEntry(1, 3, 5_000)] });

        var model = NaiveLog.Empty.Append(null, large).Append(null, NaiveLog.NewEntry(1, 3, 5_000));
        AssertHolds(model, log);
        using var again = Reopen(log);
        AssertHolds(model, again);
    }

    [Fact]
    public void A_prepared_segment_is_used()
    {
        var log = Create();
        var model = NaiveLog.Empty;
        for (var index = 1ul; index <= 100; index++)
        {
            while (log.Prepare(4096))
            {
            }

            var entry = NaiveLog.NewEntry(1, index, 300);
            log.Append(new WalBatch { Entries = [entry] });
            model = model.Append(null, entry);
        }

        AssertHolds(model, log);
        using var again = Reopen(log);
        AssertHolds(model, again);
        Assert.DoesNotContain(_disk.List("/wal"), name => name.EndsWith(".new", StringComparison.Ordinal));
    }

    [Fact]
    public void A_full_disk_refuses_an_append_and_compaction_makes_room_for_it()
    {
        var log = Create();
        _disk.QuotaBytes = 4 * 8 * 1024;
        var model = NaiveLog.Empty;
        var refused = 0;
        for (var index = 1ul; index <= 1_000; index++)
        {
            var entry = NaiveLog.NewEntry(1, index, 300);
            try
            {
                log.Append(new WalBatch { Entries = [entry] });
            }
            catch (DiskFullException)
            {
                AssertHolds(model, log);
                refused++;
                log = Reopen(log); // Refusing has left nothing behind that recovery could stumble over.
                AssertHolds(model, log);
                log.Compact(model.Entries[^10].Position);
                model = model.Compact(model.Entries[^10].Index);
                log.Append(new WalBatch { Entries = [entry] });
            }

            model = model.Append(null, entry);
        }

        Assert.True(refused > 5);
        using var again = Reopen(log);
        AssertHolds(model, again);
    }

    [Fact]
    public void A_full_disk_keeps_refusing_until_there_is_space()
    {
        using var log = Create();
        _disk.QuotaBytes = _disk.UsedBytes;
        var index = 1ul;
        Assert.Throws<DiskFullException>(FillUp);
        Assert.Throws<DiskFullException>(() => log.Append(new WalBatch { Entries = [NaiveLog.NewEntry(1, index, 300)] }));
        Assert.Throws<DiskFullException>(() => log.Prepare());

        _disk.QuotaBytes = long.MaxValue;
        log.Append(new WalBatch { Entries = [NaiveLog.NewEntry(1, index, 300)] });
        Assert.Equal(index, log.Last.Index);

        void FillUp()
        {
            for (; ; index++)
            {
                log.Append(new WalBatch { Entries = [NaiveLog.NewEntry(1, index, 300)] });
            }
        }
    }

    [Fact]
    public void A_failed_sync_stops_the_log_and_what_it_shows_afterwards_is_durable()
    {
        for (var seed = 0ul; seed < 40; seed++)
        {
            var disk = new SimulatedFileSystem(seed);
            disk.CreateDirectory("/wal");
            disk.SyncDirectory("/");
            var log = WriteAheadLog.Create(disk, "/wal", Identity, Small);
            var before = NaiveLog.Empty.Append(null, NaiveLog.NewEntry(1, 1, 700));
            var after = before.Append(null, NaiveLog.NewEntry(1, 2, 1_700));
            log.Append(new WalBatch { Entries = before.Entries });

            disk.FailNextSync();
            Assert.Throws<FileSyncFailedException>(() => log.Append(new WalBatch { Entries = [after.Entries[1]] }));
            AssertHolds(before, log); // Never shown: it may not be durable.
            Assert.Throws<WalStoppedException>(() => log.Append(new WalBatch { Entries = [after.Entries[1]] }));
            Assert.Throws<WalStoppedException>(() => log.Compact(new LogPosition(1, 1)));
            log.Dispose();

            // The process starts again on the same machine, whose page cache still shows the whole batch.
            disk.EndProcess();
            log = WriteAheadLog.Open(disk, "/wal", Identity, Small);
            AssertHolds(after, log);
            disk.Crash(UnsyncedFate.Lost);
            using var again = WriteAheadLog.Open(disk, "/wal", Identity, Small);
            AssertHolds(after, again);
        }
    }

    [Fact]
    public void A_failed_write_stops_the_log()
    {
        using var log = Create();
        _disk.FailNextWrite();

        Assert.Throws<FileOperationException>(() => log.Append(new WalBatch { Entries = [NaiveLog.NewEntry(1, 1, 5_000)] }));
        Assert.Throws<WalStoppedException>(() => log.Append(new WalBatch { Entries = [NaiveLog.NewEntry(1, 1, 5_000)] }));
        using var again = Reopen(log);
        AssertHolds(NaiveLog.Empty, again);
    }

    [Fact]
    public void Broken_promises_of_the_caller_are_refused_before_a_byte_is_written()
    {
        using var log = Create();
        log.Append(new WalBatch { HardState = new HardState(2, new NodeId(1), 1), Entries = [NaiveLog.NewEntry(2, 1, 1), NaiveLog.NewEntry(2, 2, 1)] });
        var operations = _disk.OperationCount;

        Refused(new WalBatch { Entries = [NaiveLog.NewEntry(2, 4, 1)] }); // a gap
        Refused(new WalBatch { Entries = [NaiveLog.NewEntry(2, 3, 1), NaiveLog.NewEntry(2, 5, 1)] }); // a gap within
        Refused(new WalBatch { Entries = [NaiveLog.NewEntry(1, 3, 1)] }); // a term that goes back
        Refused(new WalBatch { Entries = [NaiveLog.NewEntry(3, 1, 1)] }); // committed already
        Refused(new WalBatch { HardState = new HardState(1, NodeId.None, 1) }); // a term that goes back
        Refused(new WalBatch { HardState = new HardState(2, new NodeId(3), 1) }); // a second vote in the term
        Refused(new WalBatch { HardState = new HardState(2, new NodeId(1), 0) }); // a commit that goes back
        Assert.Throws<InvariantBrokenException>(() => log.Compact(new LogPosition(2, 3)));
        Assert.Throws<InvariantBrokenException>(() => log.Compact(new LogPosition(1, 2)));
        Assert.Equal(operations, _disk.OperationCount);

        void Refused(WalBatch batch)
        {
            try
            {
                log.Append(batch);
            }
            catch (InvariantBrokenException)
            {
                return;
            }

            Assert.Fail("The batch was accepted.");
        }
    }

    [Fact]
    public void A_log_is_created_once_and_opened_only_where_it_is()
    {
        Assert.False(WriteAheadLog.Exists(_disk, "/wal"));
        Assert.Throws<WalDamagedException>(() => WriteAheadLog.Open(_disk, "/wal", Identity, Small));
        Create().Dispose();
        Assert.True(WriteAheadLog.Exists(_disk, "/wal"));
        Assert.Throws<InvalidOperationException>(Create);
    }

    [Fact]
    public void Sizes_that_make_no_sense_are_refused()
    {
        Assert.Empty(new WalOptions().Problems());
        Assert.Single(new WalOptions { SegmentBytes = 1000 }.Problems());
        Assert.Single(new WalOptions { TailBytes = -1 }.Problems());
        Assert.Throws<ArgumentException>(
            () => WriteAheadLog.Create(_disk, "/wal", Identity, new WalOptions { SegmentBytes = 4096 }));
    }

    [Fact]
    public void A_log_does_what_a_naive_one_does_whatever_is_done_to_it()
    {
        for (var seed = 0ul; seed < 60; seed++)
        {
            var chance = new Chance(seed);
            var disk = new SimulatedFileSystem(chance.Stream("disk"));
            disk.CreateDirectory("/wal");
            disk.SyncDirectory("/");
            var log = WriteAheadLog.Create(disk, "/wal", Identity, Small);
            var model = NaiveLog.Empty;
            for (var i = 0; i < 120; i++)
            {
                if (chance.Happens(new Ratio(1, 20)))
                {
                    log.Dispose();
                    disk.Crash();
                    log = WriteAheadLog.Open(disk, "/wal", Identity, Small);
                    Assert.Null(log.TornTail);
                }

                var step = WalStep.Draw(model, chance);
                step.Do(log);
                model = step.Model(model);
                Assert.True(model.DifferenceTo(log) is null, $"seed {seed}, step {i}, {step.Name}: {model.DifferenceTo(log)}");
            }

            log.Dispose();
        }
    }

    [Fact]
    public void Others_may_read_while_one_appends_overwrites_and_compacts()
    {
        using var folder = new TemporaryFolder();
        using var log = WriteAheadLog.Create(new PhysicalFileSystem(), folder.Path, Identity, Small);
        var isDone = false;
        var readCount = 0;
        Exception? trouble = null;
        var reader = new Thread(ReadOn);
        reader.Start();

        var chance = new Chance(1);
        var model = NaiveLog.Empty;
        while (Volatile.Read(ref trouble) is null && (model.Last.Index < 2_000 || Volatile.Read(ref readCount) < 100))
        {
            var step = WalStep.Draw(model, chance);
            step.Do(log);
            model = step.Model(model);
        }

        Volatile.Write(ref isDone, true);
        reader.Join();
        Assert.Null(trouble);
        AssertHolds(model, log);

        void ReadOn()
        {
            try
            {
                var where = new Chance(2);
                while (!Volatile.Read(ref isDone))
                {
                    var (start, last) = (log.Start.Index, log.Last.Index);
                    if (last <= start)
                    {
                        continue;
                    }

                    var first = start + 1 + (ulong)where.Below((long)(last - start));
                    if (log.Read(first, last, 20_000, out var entries) == WalRead.Found)
                    {
                        // Whatever was read is a piece of one log.
                        var before = entries.Span[0];
                        Assert.Equal(first, before.Index);
                        foreach (var entry in entries.Span[1..])
                        {
                            Assert.Equal(before.Index + 1, entry.Index);
                            Assert.True(entry.Term >= before.Term);
                            before = entry;
                        }

                        Volatile.Write(ref readCount, readCount + 1);
                    }
                }
            }
            catch (Exception exception)
            {
                Volatile.Write(ref trouble, exception);
            }
        }
    }

    [Fact]
    public void Appending_allocates_nothing()
    {
        using var folder = new TemporaryFolder();
        using var log = WriteAheadLog.Create(
            new PhysicalFileSystem(), folder.Path, Identity, new WalOptions { SegmentBytes = 1 << 20, TailBytes = 10_000 });
        var payload = new byte[256];
        var entries = new Entry[16];
        var index = 1ul;

        AppendSome(20); // The buffers grow to their size.
        var before = GC.GetAllocatedBytesForCurrentThread();
        AppendSome(5);
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);

        void AppendSome(int batches)
        {
            for (var i = 0; i < batches; i++)
            {
                for (var j = 0; j < entries.Length; j++)
                {
                    entries[j] = new Entry(1, index++, EntryKind.Command, payload);
                }

                log.Append(new WalBatch { HardState = new HardState(1, NodeId.None, index - 1), Entries = entries });
            }
        }
    }
}
