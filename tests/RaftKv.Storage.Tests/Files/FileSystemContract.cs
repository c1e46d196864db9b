using RaftKv.Storage.Files;

namespace RaftKv.Storage.Tests.Files;

/// <summary>What every disk promises, whether it is real or simulated.</summary>
public abstract class FileSystemContract
{
    protected abstract IFileSystem Disk { get; }

    protected abstract string Folder { get; }

    private string In(string name) => Path.Join(Folder, name);

    private static byte[] ReadAll(IFile file)
    {
        var bytes = new byte[file.Length];
        Assert.Equal(bytes.Length, file.ReadAt(0, bytes));
        return bytes;
    }

    [Fact]
    public void What_is_written_is_read_back()
    {
        using var file = Disk.CreateFile(In("a"));
        file.WriteAt(0, "hello"u8);
        file.WriteAt(file.Length, " world"u8);

        Assert.Equal(11, file.Length);
        Assert.Equal("hello world"u8, ReadAll(file));
    }

    [Fact]
    public void A_write_in_the_middle_replaces_only_itself()
    {
        using var file = Disk.CreateFile(In("a"));
        file.WriteAt(0, "abcdef"u8);
        file.WriteAt(2, "XY"u8);

        Assert.Equal("abXYef"u8, ReadAll(file));
    }

    [Fact]
    public void A_gap_reads_as_zeros()
    {
        using var file = Disk.CreateFile(In("a"));
        file.WriteAt(10_000, "x"u8);

        var bytes = ReadAll(file);
        Assert.Equal(10_001, bytes.Length);
        Assert.Equal(10_000, bytes.AsSpan().IndexOfAnyExcept((byte)0));
    }

    [Fact]
    public void Reading_past_the_end_gives_what_there_is()
    {
        using var file = Disk.CreateFile(In("a"));
        file.WriteAt(0, "abc"u8);
        var bytes = new byte[8];

        Assert.Equal(2, file.ReadAt(1, bytes));
        Assert.Equal("bc"u8, bytes.AsSpan(0, 2));
        Assert.Equal(0, file.ReadAt(3, bytes));
        Assert.Equal(0, file.ReadAt(300, bytes));
    }

    [Fact]
    public void What_is_read_without_waiting_is_what_was_written_or_its_beginning()
    {
        using var file = Disk.CreateFile(In("a"));
        file.WriteAt(0, "abcdef"u8);
        var bytes = new byte[8];

        var count = file.ReadCachedAt(2, bytes);

        Assert.InRange(count, 0, 4);
        Assert.Equal("cdef"u8[..count], bytes.AsSpan(0, count));
        Assert.Equal(0, file.ReadCachedAt(300, bytes));
    }

    [Fact]
    public void To_begin_to_sync_changes_nothing_that_can_be_read()
    {
        using var file = Disk.CreateFile(In("a"));
        file.WriteAt(0, "abcdef"u8);

        file.BeginToSync(0, 6);
        file.BeginToSync(4, 100);

        Assert.Equal("abcdef"u8, ReadAll(file));
    }

    [Fact]
    public void Truncating_cuts_and_extends_with_zeros()
    {
        using var file = Disk.CreateFile(In("a"));
        file.WriteAt(0, "abcdef"u8);

        file.Truncate(2);
        file.Truncate(4);

        Assert.Equal("ab\0\0"u8, ReadAll(file));
    }

    [Fact]
    public void Preallocation_extends_with_zeros_and_never_shortens()
    {
        using var file = Disk.CreateFile(In("a"));
        file.WriteAt(0, "abc"u8);

        file.Preallocate(100_000);
        Assert.Equal(100_000, file.Length);
        file.Preallocate(10);

        var bytes = ReadAll(file);
        Assert.Equal(100_000, bytes.Length);
        Assert.Equal("abc"u8, bytes.AsSpan(0, 3));
        Assert.Equal(-1, bytes.AsSpan(3).IndexOfAnyExcept((byte)0));
    }

    [Fact]
    public void Bytes_stay_when_a_file_is_synced_closed_and_opened_again()
    {
        using (var file = Disk.CreateFile(In("a")))
        {
            file.WriteAt(0, "kept"u8);
            file.Sync();
            Disk.SyncDirectory(Folder);
        }

        using var again = Disk.OpenFile(In("a"));
        Assert.Equal("kept"u8, ReadAll(again));
    }

    [Fact]
    public void Creating_what_is_there_is_refused()
    {
        Disk.CreateFile(In("a")).Dispose();

        var refusal = Assert.Throws<FileOperationException>(() => Disk.CreateFile(In("a")));
        Assert.Equal(In("a"), refusal.Path);
    }

    [Fact]
    public void Opening_what_is_not_there_is_refused()
    {
        Assert.Throws<FileOperationException>(() => Disk.OpenFile(In("a")));
        Assert.Throws<FileOperationException>(() => Disk.OpenFileToRead(In("a")));
        Assert.Throws<FileOperationException>(() => Disk.CreateFile(In("missing/a")));
        Assert.False(Disk.FileExists(In("a")));
    }

    [Fact]
    public void A_file_opened_to_read_cannot_be_written()
    {
        Disk.CreateFile(In("a")).Dispose();
        using var file = Disk.OpenFileToRead(In("a"));

        Assert.ThrowsAny<StorageException>(() => file.WriteAt(0, "x"u8));
    }

    [Fact]
    public void Names_are_listed_in_ordinal_order_with_directories_among_them()
    {
        Disk.CreateFile(In("b")).Dispose();
        Disk.CreateFile(In("B")).Dispose();
        Disk.CreateDirectory(In("a"));
        Disk.CreateFile(In("a/inside")).Dispose();

        Assert.Equal(["B", "a", "b"], Disk.List(Folder));
        Assert.Equal(["inside"], Disk.List(In("a")));
    }

    [Fact]
    public void Renaming_replaces_what_had_the_name()
    {
        using (var old = Disk.CreateFile(In("a")))
        {
            old.WriteAt(0, "old"u8);
        }

        using (var renewed = Disk.CreateFile(In("a.new")))
        {
            renewed.WriteAt(0, "new"u8);
        }

        Disk.Rename(In("a.new"), In("a"));

        using var file = Disk.OpenFile(In("a"));
        Assert.Equal("new"u8, ReadAll(file));
        Assert.Equal(["a"], Disk.List(Folder));
    }

    [Fact]
    public void An_open_file_goes_on_under_its_new_name()
    {
        using var file = Disk.CreateFile(In("a"));
        Disk.Rename(In("a"), In("b"));
        file.WriteAt(0, "x"u8);
        file.Sync();

        using var again = Disk.OpenFile(In("b"));
        Assert.Equal("x"u8, ReadAll(again));
    }

    [Fact]
    public void Renaming_or_deleting_what_is_not_there_is_refused()
    {
        Assert.Throws<FileOperationException>(() => Disk.Rename(In("a"), In("b")));
        Assert.Throws<FileOperationException>(() => Disk.Delete(In("a")));
    }

    [Fact]
    public void A_rename_stays_within_one_directory()
    {
        Disk.CreateDirectory(In("d"));
        Disk.CreateFile(In("a")).Dispose();

        Assert.Throws<ArgumentException>(() => Disk.Rename(In("a"), In("d/a")));
    }

    [Fact]
    public void A_deleted_file_is_gone()
    {
        Disk.CreateFile(In("a")).Dispose();
        Disk.Delete(In("a"));

        Assert.False(Disk.FileExists(In("a")));
        Assert.Empty(Disk.List(Folder));
    }

    [Fact]
    public void A_directory_needs_its_parent_and_may_be_there_already()
    {
        Disk.CreateDirectory(In("d"));
        Disk.CreateDirectory(In("d"));
        Disk.SyncDirectory(In("d"));

        Assert.True(Disk.DirectoryExists(In("d")));
        Assert.False(Disk.FileExists(In("d")));
        Assert.Throws<FileOperationException>(() => Disk.CreateDirectory(In("x/y")));
        Assert.Throws<FileOperationException>(() => Disk.SyncDirectory(In("x")));
        Assert.Throws<FileOperationException>(() => Disk.List(In("x")));
    }

    [Fact]
    public void A_lock_is_held_by_one()
    {
        var held = Disk.Lock(In("LOCK"));
        Assert.Throws<FileLockedException>(() => Disk.Lock(In("LOCK")));

        held.Dispose();
        Disk.Lock(In("LOCK")).Dispose();
    }
}
