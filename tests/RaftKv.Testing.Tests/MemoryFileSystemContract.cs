using RaftKv.Storage.Files;
using RaftKv.Storage.Tests.Files;

namespace RaftKv.Testing.Tests;

public sealed class MemoryFileSystemContract : FileSystemContract
{
    public MemoryFileSystemContract() => Disk.CreateDirectory(Folder);

    protected override IFileSystem Disk { get; } = new MemoryFileSystem();

    protected override string Folder => "/folder";

    [Fact]
    public void A_file_that_is_cut_and_extended_again_has_forgotten_what_was_there()
    {
        using var file = Disk.CreateFile("/folder/a");
        file.WriteAt(0, new byte[100_000].Select(_ => (byte)7).ToArray());
        file.Truncate(10);
        file.Preallocate(100_000);
        var bytes = new byte[100_000];
        Assert.Equal(bytes.Length, file.ReadAt(0, bytes));
        Assert.Equal(10, bytes.Count(one => one == 7));
    }
}
