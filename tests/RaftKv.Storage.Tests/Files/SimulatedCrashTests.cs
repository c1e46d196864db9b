using RaftKv.Raft;
using RaftKv.Simulation.Disks;
using RaftKv.Storage.Files;

namespace RaftKv.Storage.Tests.Files;

/// <summary>The simulated disk loses what a real one may lose, and nothing else.</summary>
public sealed class SimulatedCrashTests
{
    private const int Sector = 512;

    private static SimulatedFileSystem NewDisk(ulong seed = 1)
    {
        var disk = new SimulatedFileSystem(seed);
        disk.CreateDirectory("/d");
        disk.SyncDirectory("/");
        return disk;
    }

    private static byte[] Read(SimulatedFileSystem disk, string path)
    {
        using var file = disk.OpenFileToRead(path);
        var bytes = new byte[file.Length];
        file.ReadAt(0, bytes);
        return bytes;
    }

    private static byte[] Sectors(int count, byte value)
    {
        var bytes = new byte[count * Sector];
        bytes.AsSpan().Fill(value);
        return bytes;
    }

    [Fact]
    public void Synced_bytes_under_a_synced_name_survive_every_crash()
    {
        for (var seed = 0ul; seed < 50; seed++)
        {
            var disk = NewDisk(seed);
            var file = disk.CreateFile("/d/a");
            file.WriteAt(0, "kept"u8);
            file.Sync();
            disk.SyncDirectory("/d");
            file.WriteAt(0, "lost"u8);

            disk.Crash(UnsyncedFate.Lost);

            Assert.Equal("kept"u8, Read(disk, "/d/a"));
        }
    }

    [Fact]
    public void The_end_of_the_process_alone_loses_nothing()
    {
        var disk = NewDisk();
        disk.CreateFile("/d/a").WriteAt(0, "kept"u8);
        disk.CreateFile("/d/b").Dispose();
        disk.Rename("/d/b", "/d/c");

        disk.EndProcess();

        Assert.Equal("kept"u8, Read(disk, "/d/a"));
        Assert.Equal(["a", "c"], disk.List("/d"));

        // Nor does it make anything safer.
        disk.Crash(UnsyncedFate.Lost);
        Assert.Empty(disk.List("/d"));
    }

    [Fact]
    public void A_process_that_ends_never_made_the_writes_it_had_not_come_to()
    {
        var disk = NewDisk();
        var file = disk.CreateFile("/d/a");
        disk.SyncDirectory("/d");
        disk.Latency = new DiskLatency { AccessNanos = 10 };

        file.WriteAt(0, "a"u8);           // done at 10
        file.WriteAt(0, "bc"u8);          // done at 20
        disk.Rename("/d/a", "/d/b");      // done at 30
        disk.Now = 15;
        disk.EndProcess();

        Assert.Equal("a"u8, Read(disk, "/d/a"));
    }

    [Fact]
    public void A_synced_file_without_a_synced_name_may_vanish_or_stay()
    {
        var outcomes = new HashSet<bool>();
        for (var seed = 0ul; seed < 50; seed++)
        {
            var disk = NewDisk(seed);
            var file = disk.CreateFile("/d/a");
            file.WriteAt(0, "kept"u8);
            file.Sync();
            disk.Crash();
            outcomes.Add(disk.FileExists("/d/a"));
        }

        Assert.Equal(2, outcomes.Count);
    }

    [Fact]
    public void An_unsynced_rename_leaves_the_file_under_exactly_one_of_its_names()
    {
        var names = new HashSet<string>();
        for (var seed = 0ul; seed < 50; seed++)
        {
            var disk = NewDisk(seed);
            disk.CreateFile("/d/a").Sync();
            disk.SyncDirectory("/d");
            disk.Rename("/d/a", "/d/b");
            disk.Rename("/d/b", "/d/c");
            disk.Crash();
            names.Add(Assert.Single(disk.List("/d")));
        }

        Assert.Equal(["a", "b", "c"], names.Order());
    }

    [Fact]
    public void An_unsynced_write_is_torn_only_between_sectors_and_in_every_way()
    {
        var patterns = new HashSet<string>();
        for (var seed = 0ul; seed < 300; seed++)
        {
            var disk = NewDisk(seed);
            var file = disk.CreateFile("/d/a");
            file.WriteAt(0, Sectors(3, (byte)'o'));
            file.Sync();
            disk.SyncDirectory("/d");
            file.WriteAt(100, Sectors(2, (byte)'n'));
            disk.Crash();

            var bytes = Read(disk, "/d/a");
            var pattern = new char[3];
            for (var sector = 0; sector < 3; sector++)
            {
                // What the write covered of this sector: all of it is new, or none of it.
                var from = Math.Max(100, sector * Sector);
                var to = Math.Min(100 + (2 * Sector), (sector + 1) * Sector);
                pattern[sector] = (char)bytes[from];
                Assert.Equal(-1, bytes.AsSpan(from..to).IndexOfAnyExcept(bytes[from]));
            }

            patterns.Add(new string(pattern));
        }

        Assert.Equal(8, patterns.Count);
    }

    [Fact]
    public void A_failed_sync_poisons_the_handle_and_no_later_sync_saves_the_bytes()
    {
        var lost = 0;
        for (var seed = 0ul; seed < 50; seed++)
        {
            var disk = NewDisk(seed);
            var file = disk.CreateFile("/d/a");
            disk.SyncDirectory("/d");
            file.WriteAt(0, "gone"u8);
            disk.FailNextSync();
            Assert.Throws<FileSyncFailedException>(file.Sync);
            Assert.Throws<FileSyncFailedException>(() => file.WriteAt(0, "x"u8));
            Assert.Throws<FileSyncFailedException>(file.Sync);

            // A second handle is told that all is well, as Linux would tell it.
            using var other = disk.OpenFile("/d/a");
            Assert.Equal("gone"u8, Read(disk, "/d/a"));
            other.Sync();
            disk.Crash(UnsyncedFate.Kept);
            lost += Read(disk, "/d/a").Length == 0 ? 1 : 0;
        }

        Assert.InRange(lost, 1, 49);
    }

    [Fact]
    public void A_failed_write_says_so()
    {
        var disk = NewDisk();
        var file = disk.CreateFile("/d/a");
        disk.FailNextWrite();

        Assert.Throws<FileOperationException>(() => file.WriteAt(0, Sectors(4, 1)));
        file.WriteAt(0, Sectors(4, 2));
        Assert.Equal(Sectors(4, 2), Read(disk, "/d/a"));
    }

    [Fact]
    public void A_full_disk_refuses_and_recovers_when_space_is_freed()
    {
        var disk = NewDisk();
        disk.QuotaBytes = 10_000;
        var file = disk.CreateFile("/d/a");
        file.Preallocate(8_000);
        var other = disk.CreateFile("/d/b");

        file.WriteAt(0, Sectors(2, 1)); // Within what was set aside.
        Assert.Throws<DiskFullException>(() => other.WriteAt(0, Sectors(4, 1)));
        Assert.Throws<DiskFullException>(() => other.Preallocate(2_001));
        Assert.Equal(0, other.Length);

        disk.Delete("/d/a");
        other.WriteAt(0, Sectors(4, 1));
        Assert.Equal(4 * Sector, disk.UsedBytes);
    }

    [Fact]
    public void A_rotten_bit_is_read_and_survives()
    {
        var disk = NewDisk();
        var file = disk.CreateFile("/d/a");
        file.WriteAt(0, new byte[] { 0b100 });
        file.Sync();
        disk.SyncDirectory("/d");

        disk.FlipBit("/d/a", 0, 1);

        Assert.Equal([0b110], Read(disk, "/d/a"));
        disk.Crash();
        Assert.Equal([0b110], Read(disk, "/d/a"));
    }

    [Fact]
    public void The_power_can_go_in_the_middle_of_any_operation()
    {
        var disk = NewDisk();
        var file = disk.CreateFile("/d/a");
        disk.SyncDirectory("/d");
        disk.CrashAtOperation = disk.OperationCount + 1;

        file.WriteAt(0, "a"u8);
        Assert.Throws<PowerCutException>(() => file.WriteAt(1, "b"u8));
        Assert.Throws<PowerCutException>(file.Sync);
        Assert.Throws<PowerCutException>(() => disk.OpenFile("/d/a"));

        disk.Crash(UnsyncedFate.Kept);
        Assert.Equal("ab"u8, Read(disk, "/d/a"));
        Assert.Throws<InvalidOperationException>(() => file.Length);
    }

    [Fact]
    public void A_crash_before_a_sync_was_due_finds_it_undone()
    {
        var disk = NewDisk();
        var file = disk.CreateFile("/d/a");
        disk.SyncDirectory("/d");
        disk.Latency = new DiskLatency { AccessNanos = 10, SyncNanosMin = 100, SyncNanosMax = 100 };
        disk.Now = 1_000;

        file.WriteAt(0, "a"u8); // done at 1010
        file.Sync();            // done at 1120
        file.WriteAt(1, "b"u8); // done at 1130
        file.Sync();            // done at 1240
        Assert.Equal(1_240, disk.BusyUntil);

        disk.Now = 1_125; // The first sync is done, the second write was never made.
        disk.Crash(UnsyncedFate.Kept);
        Assert.Equal("a"u8, Read(disk, "/d/a"));
    }

    [Fact]
    public void The_same_seed_gives_the_same_disk()
    {
        Assert.Equal(Fingerprint(7), Fingerprint(7));
        Assert.NotEqual(Fingerprint(7), Fingerprint(8));

        static uint Fingerprint(ulong seed)
        {
            var chance = new Chance(seed);
            var disk = new SimulatedFileSystem(chance.Stream("disk"));
            var work = chance.Stream("work");
            var sum = 0u;
            for (var round = 0; round < 20; round++)
            {
                var path = $"/{round}";
                var file = disk.CreateFile(path);
                disk.SyncDirectory("/");
                for (var write = 0; write < 10; write++)
                {
                    var bytes = new byte[work.Between(1, 3_000)];
                    work.Fill(bytes);
                    file.WriteAt(work.Below(5_000), bytes);
                    if (work.Happens(new Ratio(1, 4)))
                    {
                        file.Sync();
                    }
                }

                disk.Crash();
                sum = Crc32C.Continue(sum, Read(disk, path));
            }

            return sum;
        }
    }

    [Fact]
    public void A_wiped_disk_is_empty()
    {
        var disk = NewDisk();
        disk.CreateFile("/d/a").Sync();
        disk.SyncDirectory("/d");
        disk.Wipe();

        Assert.False(disk.DirectoryExists("/d"));
        Assert.Equal(0, disk.UsedBytes);
    }
}
