using System.Text;
using RaftKv.Simulation.Disks;
using RaftKv.Storage.Files;

namespace RaftKv.Storage.Tests.Files;

public sealed class DataDirectoryTests
{
    private readonly SimulatedFileSystem _disk = new(seed: 1);

    [Fact]
    public void A_missing_directory_is_made_and_keeps_its_identity()
    {
        using (var made = DataDirectory.Open(_disk, "/data", identityIfNew: 7))
        {
            Assert.Equal(7ul, made.Identity);
            Assert.Equal("/data/wal", made.Subdirectory("wal"));
        }

        _disk.Crash(UnsyncedFate.Lost);
        using var again = DataDirectory.Open(_disk, "/data", identityIfNew: 8);
        Assert.Equal(7ul, again.Identity);
        Assert.True(_disk.DirectoryExists("/data/wal"));
    }

    [Fact]
    public void A_second_owner_is_refused_while_the_first_lives()
    {
        using (DataDirectory.Open(_disk, "/data", 1))
        {
            Assert.Throws<FileLockedException>(() => DataDirectory.Open(_disk, "/data", 1));
        }

        DataDirectory.Open(_disk, "/data", 1).Dispose();
    }

    [Fact]
    public void A_directory_that_is_not_ours_is_left_as_it_is()
    {
        _disk.CreateDirectory("/data");
        _disk.CreateFile("/data/holiday.jpg").Dispose();

        var refused = Assert.Throws<DataDirectoryRefusedException>(() => DataDirectory.Open(_disk, "/data", 1));
        Assert.Equal(DataDirectoryRefusal.Foreign, refused.Refusal);
        Assert.Contains("holiday.jpg", refused.Message, StringComparison.Ordinal);
        Assert.Equal(["holiday.jpg"], _disk.List("/data"));
    }

    [Fact]
    public void A_newer_format_is_refused_whatever_else_it_says()
    {
        _disk.CreateDirectory("/data");
        using (var format = _disk.CreateFile("/data/FORMAT"))
        {
            format.WriteAt(0, "raftkv data directory\nformat 2\nshape: unknown\n"u8);
        }

        var refused = Assert.Throws<DataDirectoryRefusedException>(() => DataDirectory.Open(_disk, "/data", 1));
        Assert.Equal(DataDirectoryRefusal.Newer, refused.Refusal);
        Assert.Contains("format 2", refused.Message, StringComparison.Ordinal);
        Assert.Contains("/data/FORMAT", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Every_flipped_bit_and_every_cut_of_the_format_file_is_refused()
    {
        DataDirectory.Open(_disk, "/data", 0x1234).Dispose();
        using var file = _disk.OpenFile("/data/FORMAT");
        var bytes = new byte[file.Length];
        file.ReadAt(0, bytes);
        Assert.Equal(
            "raftkv data directory\nformat 1\nidentity 0000000000001234\ncrc32c "
                + Crc32C.Of(bytes.AsSpan(0, 57)).ToString("x8", System.Globalization.CultureInfo.InvariantCulture) + "\n",
            Encoding.ASCII.GetString(bytes));

        for (var bit = 0; bit < bytes.Length * 8; bit++)
        {
            _disk.FlipBit("/data/FORMAT", bit / 8, bit % 8);
            Assert.Throws<DataDirectoryRefusedException>(() => DataDirectory.Open(_disk, "/data", 1));
            _disk.FlipBit("/data/FORMAT", bit / 8, bit % 8);
        }

        for (var length = bytes.Length - 1; length >= 0; length--)
        {
            file.Truncate(length);
            Assert.Throws<DataDirectoryRefusedException>(() => DataDirectory.Open(_disk, "/data", 1));
        }
    }

    [Fact]
    public void A_crash_at_any_moment_of_making_it_leaves_something_that_opens()
    {
        for (var at = 0; ; at++)
        {
            var finished = false;
            for (var seed = 0ul; seed < 20; seed++)
            {
                var disk = new SimulatedFileSystem(seed) { CrashAtOperation = at };
                try
                {
                    DataDirectory.Open(disk, "/data", 5).Dispose();
                    finished = true;
                }
                catch (PowerCutException)
                {
                }

                disk.Crash();
                using var opened = DataDirectory.Open(disk, "/data", 6);
                Assert.True(opened.Identity is 5 or 6);
                Assert.True(!finished || opened.Identity == 5);
            }

            if (finished)
            {
                return;
            }
        }
    }

    [Fact]
    public void What_is_put_into_a_directory_is_safe_even_if_its_maker_died_before_it_was()
    {
        for (var at = 0; at < 20; at++)
        {
            var disk = new SimulatedFileSystem(seed: 1) { CrashAtOperation = at };
            try
            {
                using var made = DataDirectory.Open(disk, "/data", 5);
                made.Subdirectory("wal");
            }
            catch (PowerCutException)
            {
            }

            disk.EndProcess();
            using (var opened = DataDirectory.Open(disk, "/data", 6))
            {
                var wal = opened.Subdirectory("wal");
                using var file = disk.CreateFile(Path.Join(wal, "a"));
                file.Sync();
                disk.SyncDirectory(wal);
            }

            disk.Crash(UnsyncedFate.Lost);
            Assert.True(disk.FileExists("/data/wal/a"), $"the maker died at operation {at}");
            DataDirectory.Open(disk, "/data", 7).Dispose();
        }
    }

    [Fact]
    public void The_lock_of_a_process_that_crashed_is_free()
    {
        _ = DataDirectory.Open(_disk, "/data", 1);
        _disk.EndProcess();
        DataDirectory.Open(_disk, "/data", 1).Dispose();
    }
}
