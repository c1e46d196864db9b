using RaftKv.FaultyMember.Disks;
using RaftKv.Storage.Files;

namespace RaftKv.Faults.Tests.Members;

/// <summary>The disk of the test program loses exactly what was not synced.</summary>
public sealed class FaultyDiskTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("raftkv-faulty-disk-").FullName;
    private readonly FaultyFileSystem _disk;
    private readonly string _data;

    public FaultyDiskTests()
    {
        _disk = new FaultyFileSystem(new PhysicalFileSystem(), Path.Combine(_folder, "attic"));
        _data = Path.Combine(_folder, "data");
        _disk.CreateDirectory(_data);
        _disk.SyncDirectory(_folder);
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void What_was_synced_is_there_after_a_cut_and_nothing_else()
    {
        using (var file = _disk.CreateFile(Path.Combine(_data, "a")))
        {
            file.WriteAt(0, "synced"u8);
            file.Sync();
            _disk.SyncDirectory(_data);
            file.WriteAt(0, "SYN"u8);
            file.WriteAt(2000, "beyond"u8);
        }

        Assert.True(CutAll() > 0);

        Assert.Equal("synced"u8, File.ReadAllBytes(Path.Combine(_data, "a")));
    }

    [Fact]
    public void Names_are_lost_by_themselves()
    {
        Write("kept", sync: true);
        _disk.SyncDirectory(_data);
        Write("new", sync: true);
        _disk.Delete(Path.Combine(_data, "kept"));

        CutAll();

        Assert.Equal(["kept"], Names());
        Assert.Equal("bytes of kept", File.ReadAllText(Path.Combine(_data, "kept")));
    }

    [Fact]
    public void A_rename_that_replaced_a_file_is_undone_with_what_it_replaced()
    {
        Write("old", sync: true);
        _disk.SyncDirectory(_data);
        Write("unfinished", sync: true);
        _disk.Rename(Path.Combine(_data, "unfinished"), Path.Combine(_data, "old"));

        CutAll();

        Assert.Equal(["old"], Names());
        Assert.Equal("bytes of old", File.ReadAllText(Path.Combine(_data, "old")));
    }

    [Fact]
    public void A_file_that_was_cut_or_made_longer_is_as_long_as_it_was()
    {
        Write("shorter", sync: true);
        Write("longer", sync: true);
        _disk.SyncDirectory(_data);
        using (var shorter = _disk.OpenFile(Path.Combine(_data, "shorter")))
        using (var longer = _disk.OpenFile(Path.Combine(_data, "longer")))
        {
            shorter.Truncate(3);
            longer.Preallocate(10_000);
        }

        CutAll();

        Assert.Equal("bytes of shorter", File.ReadAllText(Path.Combine(_data, "shorter")));
        Assert.Equal("bytes of longer", File.ReadAllText(Path.Combine(_data, "longer")));
    }

    [Fact]
    public void With_chance_each_sector_is_the_old_one_or_the_new_one_and_a_seed_says_which()
    {
        const int Sector = 512;
        var seen = new HashSet<string>();
        for (var seed = 0; seed < 20; seed++)
        {
            var path = Path.Combine(_data, $"{seed}");
            var disk = new FaultyFileSystem(new PhysicalFileSystem(), Path.Combine(_folder, "other attic"));
            using (var file = disk.CreateFile(path))
            {
                file.WriteAt(0, Filled((byte)'o', 4 * Sector));
                file.Sync();
                disk.SyncDirectory(_data);
                file.WriteAt(0, Filled((byte)'n', 4 * Sector));
            }

            disk.Cut(new Random(seed), all: false);

            var bytes = File.ReadAllBytes(path);
            Assert.Equal(4 * Sector, bytes.Length);
            seen.Add(string.Concat(bytes.Chunk(Sector).Select(sector => (char)Assert.Single(sector.Distinct()))));
        }

        Assert.Contains("oooo", seen);
        Assert.Contains("nnnn", seen);
        Assert.Contains(seen, one => one.Contains('o', StringComparison.Ordinal) && one.Contains('n', StringComparison.Ordinal));
    }

    [Fact]
    public void A_sync_that_fails_poisons_its_file_and_no_other()
    {
        using var file = _disk.CreateFile(Path.Combine(_data, "a"));
        using var other = _disk.CreateFile(Path.Combine(_data, "b"));
        _disk.Syncs.FailNext(1);

        Assert.Throws<FileSyncFailedException>(file.Sync);
        Assert.Throws<FileSyncFailedException>(file.Sync);
        Assert.Throws<FileSyncFailedException>(() => file.WriteAt(0, "x"u8));
        other.WriteAt(0, "x"u8);
        other.Sync();
        Assert.Equal(1, _disk.Syncs.Hits);
    }

    [Fact]
    public void What_a_lying_disk_has_synced_is_lost()
    {
        _disk.Syncs.Lie();
        Write("a", sync: true);
        _disk.SyncDirectory(_data);

        CutAll();

        Assert.Empty(Names());
    }

    private void Write(string name, bool sync)
    {
        using var file = _disk.CreateFile(Path.Combine(_data, name));
        file.WriteAt(0, System.Text.Encoding.UTF8.GetBytes($"bytes of {name}"));
        if (sync)
        {
            file.Sync();
        }
    }

    private long CutAll() => _disk.Cut(new Random(1), all: true);

    private IEnumerable<string> Names() => Directory.GetFiles(_data).Select(path => Path.GetFileName(path)).Order();

    private static byte[] Filled(byte value, int count) => [.. Enumerable.Repeat(value, count)];
}
