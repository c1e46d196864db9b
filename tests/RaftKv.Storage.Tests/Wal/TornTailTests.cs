using RaftKv.Raft;
using RaftKv.Raft.Log;
using RaftKv.Simulation.Disks;
using RaftKv.Storage.Files;
using RaftKv.Storage.Wal;

namespace RaftKv.Storage.Tests.Wal;

/// <summary>
/// A torn tail that an opening has overwritten with zeros, but not for certain: it must not come back behind what was
/// acknowledged since, whichever sync fails, and whatever the next power cut leaves.
/// </summary>
public sealed class TornTailTests
{
    private const ulong Identity = 0xC0FFEE;

    private static readonly WalOptions Small = new() { SegmentBytes = 64 * 1024, TailBytes = 0 };

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void A_tail_whose_zeros_were_never_synced_does_not_come_back(int failedOpenings)
    {
        var tails = 0;
        var failures = 0;
        for (var seed = 0ul; seed < 400; seed++)
        {
            for (var failing = 0; failing < 3; failing++)
            {
                var disk = DiskWithTornTail(seed);
                if (WalInspection.Verify(disk, "/wal").TornTail is null)
                {
                    continue;
                }

                tails++;
                for (var i = 0; i < failedOpenings; i++)
                {
                    disk.FailNextSync(count: 1, after: failing);
                    try
                    {
                        Open(disk).Dispose();
                    }
                    catch (FileSyncFailedException)
                    {
                        failures++;
                    }

                    disk.FailNextSync(0);
                    disk.EndProcess();
                }

                using (var log = Open(disk))
                {
                    log.Append(new WalBatch { Entries = [NaiveLog.NewEntry(2, 3, 40)] });
                }

                disk.Crash();
                using var reopened = Open(disk);
                Assert.Equal(new LogPosition(2, 3), reopened.Last);
                Assert.Null(reopened.TornTail);
            }
        }

        Assert.True(tails > 300);
        Assert.True(failures > tails / 2);
    }

    /// <summary>One sector of the batch holds a single bit, and one flip could have emptied it: a lost sector is in doubt. But
    /// not if a record begins in it, after others that are whole.</summary>
    [Fact]
    public void A_lost_sector_in_which_a_record_begins_is_a_torn_tail_even_beside_a_faint_one()
    {
        var disk = NewDisk(seed: 1);
        var faint = new byte[2_000];
        faint[1_000] = 1;
        using (var log = WriteAheadLog.Create(disk, "/wal", Identity, Small))
        {
            log.Append(new WalBatch
            {
                Entries =
                [
                    new Entry(1, 1, EntryKind.Command, faint),
                    new Entry(1, 2, EntryKind.Command, new byte[3_000]),
                    NaiveLog.NewEntry(1, 3, 900),
                ],
            });
        }

        var begins = new List<long>();
        WalInspection.Dump(disk, "/wal", view => begins.Add(view.Offset));
        using (var segment = disk.OpenFile("/wal/0000000000000001.wal"))
        {
            Assert.InRange(begins[2] % WalFormat.SectorBytes, 0, WalFormat.SectorBytes - WalFormat.RecordHeaderBytes);
            segment.WriteAt(begins[2] / WalFormat.SectorBytes * WalFormat.SectorBytes, new byte[WalFormat.SectorBytes]);
            segment.Sync();
        }

        using var opened = Open(disk);
        Assert.NotNull(opened.TornTail);
        Assert.Equal(LogPosition.Zero, opened.Last);
    }

    [Fact]
    public void A_mark_that_comes_back_touches_nothing_that_was_written_since()
    {
        var disk = NewDisk(seed: 1);
        var placeOfTheSecond = 0L;
        using (var log = WriteAheadLog.Create(disk, "/wal", Identity, Small))
        {
            log.Append(new WalBatch { Entries = [NaiveLog.NewEntry(1, 1, 40)] });
            WalInspection.Dump(disk, "/wal", view => placeOfTheSecond = view.Offset + view.Bytes + WalFormat.EndBytes);
            log.Append(new WalBatch { Entries = [NaiveLog.NewEntry(1, 2, 4000)] });
        }

        WalTornMark.Leave(disk, "/wal", new WalTornMark(Segment: 1, placeOfTheSecond, placeOfTheSecond + 4096));
        WalTornMark.Leave(disk, "/wal", new WalTornMark(Segment: 9, placeOfTheSecond + 4160, placeOfTheSecond + 8000));
        using var reopened = Open(disk);
        Assert.Equal(new LogPosition(1, 2), reopened.Last);
        Assert.Empty(WalTornMark.List(disk, "/wal"));
    }

    [Fact]
    public void A_mark_of_a_strange_name_is_refused()
    {
        var disk = NewDisk(seed: 1);
        WriteAheadLog.Create(disk, "/wal", Identity, Small).Dispose();
        disk.CreateFile("/wal/0000000000000001-00000200.torn").Dispose();
        Assert.Throws<WalDamagedException>(() => Open(disk));
    }

    [Fact]
    public void Opening_a_log_that_was_left_in_order_writes_next_to_nothing()
    {
        var disk = NewDisk(seed: 1);
        var options = new WalOptions { SegmentBytes = 64 * 1024 * 1024 };
        using (var log = WriteAheadLog.Create(disk, "/wal", Identity, options))
        {
            log.Append(new WalBatch { Entries = [NaiveLog.NewEntry(1, 1, 40)] });
        }

        var before = disk.OperationCount;
        WriteAheadLog.Open(disk, "/wal", Identity, options).Dispose();

        // The last batch once more, its sync, and the directory's.
        Assert.Equal(3, disk.OperationCount - before);
    }

    /// <summary>Anything fails at any time, appends and openings alike.</summary>
    [Fact]
    public void Whichever_writes_and_syncs_fail_nothing_promised_is_lost()
    {
        for (var seed = 0ul; seed < 1500; seed++)
        {
            var chance = new Chance(seed);
            var disk = NewDisk(seed);
            var log = WriteAheadLog.Create(disk, "/wal", Identity, new WalOptions { SegmentBytes = 8 * 1024, TailBytes = 0 });
            var model = NaiveLog.Empty;
            for (var round = 0; round < 10; round++)
            {
                var after = model;
                var steps = $"seed {seed}, round {round}";
                try
                {
                    Trouble(disk, chance, operations: 12);
                    for (var i = 0; i < 30; i++)
                    {
                        var step = WalStep.Draw(model, chance, lone: 3);
                        steps += "; " + step.Name;
                        after = step.Model(model);
                        step.Do(log);
                        model = after;
                    }
                }
                catch (Exception end) when (end is PowerCutException or StorageException)
                {
                }

                log.Dispose();
                log = OpenAtLast(disk, chance, ref steps);
                if (model.DifferenceTo(log) is { } one && after.DifferenceTo(log) is { } other)
                {
                    Assert.Fail($"{steps}: neither before ({one}) nor after ({other})");
                }

                model = model.DifferenceTo(log) is null ? model : after;
            }

            log.Dispose();
        }
    }

    private static WriteAheadLog OpenAtLast(SimulatedFileSystem disk, Chance chance, ref string steps)
    {
        for (var tries = 0; ; tries++)
        {
            EndSomehow(disk, chance);
            if (tries < 4)
            {
                Trouble(disk, chance, operations: 6);
            }

            try
            {
                return WriteAheadLog.Open(disk, "/wal", Identity, new WalOptions { SegmentBytes = 8 * 1024, TailBytes = 0 });
            }
            catch (WalDamagedException damaged)
            {
                throw new Xunit.Sdk.XunitException($"{steps}: {damaged.Message}");
            }
            catch (Exception end) when (end is PowerCutException or StorageException)
            {
                steps += $"; opening fails: {end.Message}";
            }
        }
    }

    private static void Trouble(SimulatedFileSystem disk, Chance chance, int operations)
    {
        switch (chance.Below(4))
        {
            case 0:
                disk.CrashAtOperation = disk.OperationCount + chance.Below(operations);
                break;
            case 1:
                disk.FailNextSync(count: 1, after: chance.Below(operations / 2));
                break;
            case 2:
                disk.FailNextWrite();
                break;
        }
    }

    private static void EndSomehow(SimulatedFileSystem disk, Chance chance)
    {
        disk.CrashAtOperation = null;
        disk.FailNextSync(0);
        disk.FailNextWrite(0);
        if (chance.CoinToss())
        {
            disk.Crash();
        }
        else
        {
            disk.EndProcess();
        }
    }

    // One entry that is certain, and a large batch of which the power cut has left a part.
    private static SimulatedFileSystem DiskWithTornTail(ulong seed)
    {
        var disk = NewDisk(seed);
        using var log = WriteAheadLog.Create(disk, "/wal", Identity, Small);
        log.Append(new WalBatch { Entries = [NaiveLog.NewEntry(1, 1, 40), NaiveLog.NewEntry(1, 2, 40)] });
        disk.CrashAtOperation = disk.OperationCount + 1; // Its sync.
        Assert.Throws<PowerCutException>(
            () => log.Append(new WalBatch { Entries = [NaiveLog.NewEntry(1, 3, 5_000), NaiveLog.NewEntry(1, 4, 5_000)] }));
        disk.Crash(UnsyncedFate.Scattered);
        return disk;
    }

    private static WriteAheadLog Open(SimulatedFileSystem disk) => WriteAheadLog.Open(disk, "/wal", Identity, Small);

    private static SimulatedFileSystem NewDisk(ulong seed)
    {
        var disk = new SimulatedFileSystem(seed);
        disk.CreateDirectory("/wal");
        disk.SyncDirectory("/");
        return disk;
    }
}
