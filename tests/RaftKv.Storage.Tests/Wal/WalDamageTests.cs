using RaftKv.Raft;
using RaftKv.Raft.Log;
using RaftKv.Simulation.Disks;
using RaftKv.Storage.Wal;

namespace RaftKv.Storage.Tests.Wal;

/// <summary>Files that are not as they were written: every one is refused with its name, or opened with nothing
/// missing.</summary>
public sealed class WalDamageTests
{
    private const ulong Identity = 0xC0FFEE;

    private static readonly WalOptions Small = new() { SegmentBytes = 8 * 1024, TailBytes = 2_000 };

    private readonly SimulatedFileSystem _disk = NewDisk();

    private static SimulatedFileSystem NewDisk(ulong seed = 1)
    {
        var disk = new SimulatedFileSystem(seed);
        disk.CreateDirectory("/wal");
        disk.SyncDirectory("/");
        return disk;
    }

    // Two segments, the second one short; the last batch spans sectors, some of them zero by themselves.
    private static NaiveLog Write(SimulatedFileSystem disk, ulong identity = Identity)
    {
        using var log = WriteAheadLog.Create(disk, "/wal", identity, Small);
        var model = NaiveLog.Empty;
        var sparse = new byte[2_100];
        sparse[1_000] = 1; // Alone in its sector: without it, the sector looks as if it had never been written.
        Span<WalStep> steps =
        [
            WalStep.Append(new HardState(1, new NodeId(1), 0), NaiveLog.NewEntry(1, 1, 300), NaiveLog.NewEntry(1, 2, 2_000)),
            WalStep.Append(new HardState(1, new NodeId(1), 1), NaiveLog.NewEntry(1, 3, 3_000)),
            WalStep.Append(null, NaiveLog.NewEntry(1, 4, 3_000)),
            WalStep.Append(new HardState(2, NodeId.None, 4), NaiveLog.NewEntry(2, 5, 5)),
            WalStep.Append(null, NaiveLog.NewEntry(2, 6, 700), new Entry(2, 7, EntryKind.Command, sparse)),
        ];
        foreach (var step in steps)
        {
            step.Do(log);
            model = step.Model(model);
        }

        Assert.Equal(2, log.SegmentCount);
        return model;
    }

    private static string Segment(int number) => $"/wal/{number:x16}.wal";

    private static byte[] Contents(SimulatedFileSystem disk, string path)
    {
        using var file = disk.OpenFileToRead(path);
        var bytes = new byte[file.Length];
        file.ReadAt(0, bytes);
        return bytes;
    }

    private static void Replace(SimulatedFileSystem disk, string path, ReadOnlySpan<byte> contents)
    {
        using var file = disk.FileExists(path) ? disk.OpenFile(path) : disk.CreateFile(path);
        file.Truncate(0);
        file.WriteAt(0, contents);
        file.Sync();
        disk.SyncDirectory("/wal");
    }

    private static WalDamagedException AssertRefused(SimulatedFileSystem disk)
    {
        var operations = disk.OperationCount;
        var damaged = Assert.Throws<WalDamagedException>(() => WriteAheadLog.Open(disk, "/wal", Identity, Small));
        Assert.Equal(operations, disk.OperationCount); // Nothing was touched.
        Assert.Contains(damaged.Path, damaged.Message, StringComparison.Ordinal);
        Assert.NotEqual("", damaged.Expected);
        Assert.NotEqual("", damaged.Found);
        return damaged;
    }

    [Fact]
    public void Every_flipped_bit_is_refused_where_it_is_or_lies_where_nothing_was_written()
    {
        var model = Write(_disk);
        var closedAt = 0L;
        var used = WalInspection.Dump(
            _disk, "/wal", view => closedAt = view.Content.StartsWith("closed", StringComparison.Ordinal) ? view.Offset : closedAt);
        Assert.Equal(5, used.BatchCount);
        foreach (var path in new[] { Segment(1), Segment(2) })
        {
            var bytes = Contents(_disk, path);

            // The last words of a segment whose successor is there say nothing new: the successor does not hang on them.
            var end = path == Segment(1)
                ? closedAt - WalFormat.BeginBytes
                : bytes.AsSpan().LastIndexOfAnyExcept((byte)0) + 1;
            for (var offset = 0; offset < bytes.Length; offset++)
            {
                var bit = offset % 8;
                _disk.FlipBit(path, offset, bit);
                try
                {
                    // Read alone, for opening would cut off what it takes for a torn tail.
                    var report = WalInspection.Verify(_disk, "/wal");
                    Assert.True(offset >= end, $"{path} at {offset} bit {bit} went unnoticed");
                    Assert.Equal(model.Last, report.Last);
                }
                catch (WalDamagedException damaged)
                {
                    Assert.Equal(path, damaged.Path);
                    Assert.InRange(offset - damaged.Offset, -512, 3_100);
                }

                _disk.FlipBit(path, offset, bit);
            }
        }

        using var log = WriteAheadLog.Open(_disk, "/wal", Identity, Small);
        Assert.Null(model.DifferenceTo(log));
    }

    [Fact]
    public void Every_bit_of_the_very_last_batch_is_guarded()
    {
        // It could be taken for a torn tail, and it may have been acknowledged.
        var model = Write(_disk);
        var bytes = Contents(_disk, Segment(2));
        var end = bytes.AsSpan().LastIndexOfAnyExcept((byte)0) + 1;
        for (var bit = 512 * 8; bit < end * 8; bit++)
        {
            _disk.FlipBit(Segment(2), bit / 8, bit % 8);
            AssertRefused(_disk);
            _disk.FlipBit(Segment(2), bit / 8, bit % 8);
        }

        using var log = WriteAheadLog.Open(_disk, "/wal", Identity, Small);
        Assert.Null(model.DifferenceTo(log));
    }

    [Fact]
    public void A_bit_that_rots_in_unused_room_costs_nothing_but_is_told()
    {
        var model = Write(_disk);
        _disk.FlipBit(Segment(2), 8 * 1024 - 100, 3);

        using var log = WriteAheadLog.Open(_disk, "/wal", Identity, Small);
        Assert.Null(model.DifferenceTo(log));
        Assert.NotNull(log.TornTail);
        Assert.Equal(Segment(2), log.TornTail.Path);
    }

    [Fact]
    public void Every_truncation_is_refused()
    {
        Write(_disk);
        foreach (var path in new[] { Segment(1), Segment(2) })
        {
            var bytes = Contents(_disk, path);
            for (var length = bytes.Length - 1; length >= 0; length -= length > 600 ? 37 : 1)
            {
                Replace(_disk, path, bytes.AsSpan(0, length));
                Assert.Equal(path, AssertRefused(_disk).Path);
            }

            Replace(_disk, path, bytes);
        }

        WriteAheadLog.Open(_disk, "/wal", Identity, Small).Dispose();
    }

    [Fact]
    public void A_file_that_grew_is_refused()
    {
        Write(_disk);
        Replace(_disk, Segment(2), [.. Contents(_disk, Segment(2)), 0]);
        Assert.Equal(Segment(2), AssertRefused(_disk).Path);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void A_missing_segment_is_named(int number)
    {
        Write(_disk);
        _disk.Delete(Segment(number));
        Assert.Equal(Segment(number), AssertRefused(_disk).Path);
    }

    [Fact]
    public void Swapped_segments_are_refused()
    {
        Write(_disk);
        var (one, two) = (Contents(_disk, Segment(1)), Contents(_disk, Segment(2)));
        Replace(_disk, Segment(1), two);
        Replace(_disk, Segment(2), one);
        Assert.Contains("under this name", AssertRefused(_disk).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void A_segment_of_another_log_is_refused(int number)
    {
        Write(_disk);
        var other = NewDisk();
        Write(other, identity: 0xBAD);
        Replace(_disk, Segment(number), Contents(other, Segment(number)));

        var damaged = AssertRefused(_disk);
        Assert.Equal(Segment(number), damaged.Path);
        Assert.Contains("0000000000000bad", damaged.Found, StringComparison.Ordinal);
    }

    [Fact]
    public void A_segment_of_a_newer_program_is_refused_as_such()
    {
        Write(_disk);
        var bytes = Contents(_disk, Segment(2));
        bytes[8] = 2;
        Replace(_disk, Segment(2), bytes);
        Assert.Contains("newer", AssertRefused(_disk).Found, StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_that_is_no_segment_is_refused()
    {
        Write(_disk);
        Replace(_disk, Segment(3), new byte[8 * 1024]);
        Assert.Equal(Segment(3), AssertRefused(_disk).Path);
        _disk.Delete(Segment(3));
        Replace(_disk, "/wal/old.wal", "hello"u8);
        Assert.Equal("/wal/old.wal", AssertRefused(_disk).Path);
    }

    [Fact]
    public void An_older_copy_of_a_closed_segment_is_refused()
    {
        using (var log = WriteAheadLog.Create(_disk, "/wal", Identity, Small))
        {
            log.Append(new WalBatch { Entries = [NaiveLog.NewEntry(1, 1, 3_000)] });
        }

        var older = Contents(_disk, Segment(1));
        using (var log = WriteAheadLog.Open(_disk, "/wal", Identity, Small))
        {
            log.Append(new WalBatch { Entries = [NaiveLog.NewEntry(1, 2, 3_000)] });
            log.Append(new WalBatch { Entries = [NaiveLog.NewEntry(1, 3, 3_000)] });
        }

        Replace(_disk, Segment(1), older);
        Assert.Equal(Segment(1), AssertRefused(_disk).Path);
    }

    [Fact]
    public void A_block_copied_to_another_place_is_refused()
    {
        Write(_disk);
        var bytes = Contents(_disk, Segment(2));
        for (var from = 512; from < 2_048; from += 512)
        {
            for (var to = 512; to < 4_096; to += 512)
            {
                if (from != to)
                {
                    var changed = bytes.ToArray();
                    bytes.AsSpan(from, 512).CopyTo(changed.AsSpan(to));
                    Replace(_disk, Segment(2), changed);
                    try
                    {
                        Assert.Equal(new LogPosition(2, 7), WalInspection.Verify(_disk, "/wal").Last);
                    }
                    catch (WalDamagedException damaged)
                    {
                        Assert.Equal(Segment(2), damaged.Path);
                    }
                }
            }
        }
    }

    [Fact]
    public void A_copy_of_an_earlier_batch_in_unused_room_is_not_taken_for_a_later_one()
    {
        // The first batch begins at a sector, so the copy is whole, but for its place.
        var model = Write(_disk);
        var bytes = Contents(_disk, Segment(2));
        bytes.AsSpan(512, 512).CopyTo(bytes.AsSpan(8 * 1024 - 512));
        Replace(_disk, Segment(2), bytes);

        using var log = WriteAheadLog.Open(_disk, "/wal", Identity, Small);
        Assert.Null(model.DifferenceTo(log));
        Assert.NotNull(log.TornTail);
    }

    [Fact]
    public void A_write_that_went_astray_never_costs_an_acknowledged_entry()
    {
        var refused = 0;
        for (var seed = 0ul; seed < 200; seed++)
        {
            var chance = new Chance(seed);
            var disk = NewDisk(seed);
            using var log = WriteAheadLog.Create(disk, "/wal", Identity, Small);
            var model = NaiveLog.Empty;
            var strayAt = chance.Below(4);
            for (var i = 0; i < 4; i++)
            {
                disk.Faults = i == strayAt ? new DiskFaults { MisdirectedWrite = Ratio.Always } : DiskFaults.None;
                var entry = NaiveLog.NewEntry(1, (ulong)i + 1, chance.Between(1, 1_200));
                log.Append(new WalBatch { Entries = [entry] });
                model = model.Append(null, entry);
            }

            disk.Crash(UnsyncedFate.Lost);
            try
            {
                using var again = WriteAheadLog.Open(disk, "/wal", Identity, Small);
                Assert.True(model.DifferenceTo(again) is null, $"seed {seed}: {model.DifferenceTo(again)}");
            }
            catch (WalDamagedException)
            {
                refused++;
            }
        }

        Assert.True(refused > 150);
    }

    [Fact]
    public void An_entry_that_rots_while_the_log_is_open_is_never_handed_out()
    {
        var model = Write(_disk);
        using var log = WriteAheadLog.Open(_disk, "/wal", Identity, Small);
        _disk.FlipBit(Segment(1), 1_500, 2);

        var damaged = Assert.Throws<WalDamagedException>(() => log.Read(1, 3, long.MaxValue, out _));
        Assert.Equal(Segment(1), damaged.Path);
        Assert.Equal(WalRead.Found, log.Read(3, 5, long.MaxValue, out var others));
        Assert.Equal(3, others.Length);
        Assert.Equal(model.Entries[2].Payload.Span, others.Span[0].Payload.Span);
    }

    [Fact]
    public void Leftovers_of_an_interrupted_release_are_cleared_away()
    {
        var model = Write(_disk);
        var old = Contents(_disk, Segment(1));
        using (var log = WriteAheadLog.Open(_disk, "/wal", Identity, Small))
        {
            log.Compact(new LogPosition(1, 4));
            log.Append(new WalBatch { Entries = [NaiveLog.NewEntry(2, 8, 4_000)] });
            log.Append(new WalBatch { Entries = [NaiveLog.NewEntry(2, 9, 4_000)] });
            log.Compact(new LogPosition(2, 8));
            Assert.Equal(["0000000000000004.wal"], _disk.List("/wal"));
        }

        Replace(_disk, Segment(1), old);
        Replace(_disk, "/wal/segment.new", "unfinished"u8);
        using var again = WriteAheadLog.Open(_disk, "/wal", Identity, Small);
        Assert.Equal(new LogPosition(2, 9), again.Last);
        Assert.Equal(["0000000000000004.wal"], _disk.List("/wal"));
        Assert.NotNull(model);
    }

    [Fact]
    public void A_dump_shows_what_was_written_and_stops_at_the_damage()
    {
        Write(_disk);
        var lines = new List<string>();
        var report = WalInspection.Dump(_disk, "/wal", view => lines.Add(view.Content));

        Assert.Equal(
            [
                "hard state term 1 vote 1 commit 0",
                "entry 1/1 Command, 300 bytes",
                "entry 1/2 Command, 2000 bytes",
                "hard state term 1 vote 1 commit 1",
                "entry 1/3 Command, 3000 bytes",
                "closed, continued in 0000000000000002.wal",
                "entry 1/4 Command, 3000 bytes",
                "hard state term 2 vote 0 commit 4",
                "entry 2/5 ConfigChange, 5 bytes",
                "entry 2/6 Command, 700 bytes",
                "entry 2/7 Command, 2100 bytes",
            ],
            lines);
        Assert.Equal(Identity, report.Identity);
        Assert.Equal(2, report.Segments.Count);
        Assert.Equal(11, report.RecordCount);
        Assert.Null(report.TornTail);

        _disk.FlipBit(Segment(2), 1_000, 0);
        lines.Clear();
        Assert.Throws<WalDamagedException>(() => WalInspection.Dump(_disk, "/wal", view => lines.Add(view.Content)));
        Assert.Equal(6, lines.Count);
    }
}
