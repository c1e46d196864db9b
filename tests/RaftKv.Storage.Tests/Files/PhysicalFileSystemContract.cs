using RaftKv.Storage.Files;

namespace RaftKv.Storage.Tests.Files;

public sealed class PhysicalFileSystemContract : FileSystemContract, IDisposable
{
    private readonly TemporaryFolder _folder = new();

    protected override IFileSystem Disk { get; } = new PhysicalFileSystem();

    protected override string Folder => _folder.Path;

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_full_device_is_a_full_disk()
    {
        Assert.SkipUnless(File.Exists("/dev/full"), "Needs Linux's /dev/full.");
        using var file = Disk.OpenFile("/dev/full");

        var full = Assert.Throws<DiskFullException>(() => file.WriteAt(0, "x"u8));
        Assert.Equal("/dev/full", full.Path);
    }

    [Fact]
    public void A_reservation_that_cannot_be_met_is_refused_and_changes_nothing()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Reservation is Linux's fallocate.");
        using var file = Disk.CreateFile(Path.Join(Folder, "a"));
        file.WriteAt(0, "abc"u8);

        // Larger than any file may be, so that it is refused before the disk is asked for a single block.
        var refusal = Assert.ThrowsAny<StorageException>(() => file.Preallocate(1L << 60));
        Assert.Equal(Path.Join(Folder, "a"), refusal.Path);
        Assert.Equal(3, file.Length);
    }

    [Fact]
    public void A_failed_sync_names_the_file_and_poisons_it()
    {
        // The kernel cannot sync a device without storage, and says so.
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Needs Linux's /dev/null.");
        using var file = Disk.OpenFile("/dev/null");
        file.WriteAt(0, "x"u8);

        var failure = Assert.Throws<FileSyncFailedException>(file.Sync);
        Assert.Equal("/dev/null", failure.Path);
        Assert.Equal(22, failure.Errno);
        Assert.Throws<FileSyncFailedException>(file.Sync);
        Assert.Throws<FileSyncFailedException>(() => file.WriteAt(0, "x"u8));
    }
}
