using System.Globalization;
using System.IO.Compression;
using RaftKv.Raft;
using RaftKv.Raft.Log;
using RaftKv.Storage.Checkpoints;
using RaftKv.Storage.Files;
using RaftKv.Storage.Records.Faster;
using RaftKv.Storage.Tests.Snapshots;
using RaftKv.Storage.Tests.State.Model;
using RaftKv.Storage.Wal;

namespace RaftKv.Storage.Tests.Golden;

/// <summary>
/// Data directories as released programs have left them: log, checkpoint and records. Every later program opens them, and
/// finds in them what the story says.
/// </summary>
/// <remarks>
/// RAFTKV_REWRITE=1 makes the directory of the present format anew, into the source tree. That is for a change of format
/// which no release has had yet; for any other, a new name beside the old ones is right.
/// </remarks>
public sealed class GoldenDirectoryTests
{
    private const ulong Identity = 0x0123456789ABCDEF;

    private static readonly WalOptions SmallLog = new() { SegmentBytes = 8 * 1024 };

    private static readonly FasterRecordStoreOptions SmallRecords = new()
    {
        LargestRecordBytes = 1024,
        IndexBytes = 4096,
        ReservedPages = 1,
        MemoryBytes = 4 * 16 * 1024,
        SegmentBytes = 2 * 16 * 1024,
    };

    private static readonly string Folder = Path.Join(AppContext.BaseDirectory, "Golden");

    public static TheoryData<string> Directories => [.. Directory.GetFiles(Folder, "*.zip").Select(path => Path.GetFileNameWithoutExtension(path))];

    [Theory]
    [MemberData(nameof(Directories))]
    public void A_directory_that_was_left_by_a_released_program_opens(string name)
    {
        using var folder = new TemporaryFolder();
        ZipFile.ExtractToDirectory(Path.Join(Folder, $"{name}.zip"), folder.Path);
        for (var start = 0; start < 3; start++)
        {
            // What the first start wrote is what the next one opens.
            OpenAndCheck(folder.Path, isCheckpointed: start == 1);
        }
    }

    [Fact]
    public void A_directory_of_the_present_format_is_among_them()
    {
        if (Environment.GetEnvironmentVariable("RAFTKV_REWRITE") == "1")
        {
            using var folder = new TemporaryFolder();
            Make(folder.Path);
            var to = Path.Join(SourceFolder(), $"format{DataDirectory.FormatVersion}.zip");
            File.Delete(to);
            ZipFile.CreateFromDirectory(folder.Path, to, CompressionLevel.SmallestSize, includeBaseDirectory: false);
        }

        Assert.Contains($"format{DataDirectory.FormatVersion}", Directories.Select(row => row.Data));
    }

    [Fact]
    public void What_a_newer_program_wrote_is_refused_whichever_file_it_is()
    {
        Refuse("FORMAT", path => File.WriteAllText(path, File.ReadAllText(path).Replace("format 1", "format 2", StringComparison.Ordinal)));
        foreach (var room in new[] { "state", "wal", Path.Join("state", "records-1") })
        {
            using var folder = Extract();
            var first = Directory.GetFiles(Path.Join(folder.Path, room)).Order(StringComparer.Ordinal).First();
            Refuse(Path.GetRelativePath(folder.Path, first), path =>
            {
                // In all of them the number follows the eight letters.
                var bytes = File.ReadAllBytes(path);
                bytes[8] = 2;
                File.WriteAllBytes(path, bytes);
            });
        }
    }

    private static void Refuse(string file, Action<string> change)
    {
        using var folder = Extract();
        change(Path.Join(folder.Path, file));
        var refusal = Assert.ThrowsAny<StorageException>(() => OpenAndCheck(folder.Path, isCheckpointed: false));
        Assert.Contains(Path.GetFileName(file), refusal.Message, StringComparison.Ordinal);
    }

    private static TemporaryFolder Extract()
    {
        var folder = new TemporaryFolder();
        ZipFile.ExtractToDirectory(Path.Join(Folder, $"format{DataDirectory.FormatVersion}.zip"), folder.Path);
        return folder;
    }

    // Half of the story is in the checkpoint, the rest in the log alone.
    private static void Make(string path)
    {
        var files = new PhysicalFileSystem();
        using var directory = DataDirectory.Open(files, path, Identity);
        using var log = WriteAheadLog.Create(files, directory.Subdirectory("wal"), directory.Identity, SmallLog);
        using var store = StateStore.Open(files, directory.Subdirectory("state"), directory.Identity, new FasterRecordStoreMaker(files, SmallRecords));
        var entries = SampleState.Log.ToArray();
        log.Append(new WalBatch { HardState = new HardState(1, new NodeId(1), (ulong)entries.Length), Entries = entries });
        foreach (var entry in entries[..8])
        {
            store.Machine.Apply(entry, new SampleState.Nobody());
        }

        store.Machine.Keys.Publish();
        Checkpoint(store);
    }

    private static void Checkpoint(StateStore store)
    {
        var checkpoint = store.BeginCheckpoint();
        checkpoint.Write();
        store.Finish(checkpoint);
    }

    private static void OpenAndCheck(string path, bool isCheckpointed)
    {
        var files = new PhysicalFileSystem();
        using var directory = DataDirectory.Open(files, path, identityIfNew: 99);
        Assert.Equal(Identity, directory.Identity);
        using var log = WriteAheadLog.Open(files, directory.Subdirectory("wal"), directory.Identity, SmallLog);
        using var store = StateStore.Open(files, directory.Subdirectory("state"), directory.Identity, new FasterRecordStoreMaker(files, SmallRecords));
        Assert.Null(log.TornTail);
        Assert.True(store.Durable.Index >= 8, store.Durable.Index.ToString(CultureInfo.InvariantCulture));
        if (store.Durable.Index < log.Last.Index)
        {
            Assert.Equal(WalRead.Found, log.Read(store.Durable.Index + 1, log.Last.Index, long.MaxValue, out var entries));
            foreach (var entry in entries.Span)
            {
                store.Machine.Apply(entry, new SampleState.Nobody());
            }
        }

        store.Machine.Keys.Publish();
        using (var view = store.Machine.Keys.OpenView())
        {
            StateComparison.Check(view, SampleState.Model, new Chance(1));
        }

        StateComparison.Check(store.Machine.Leases, SampleState.Model);
        using var expected = SampleState.NewMachine();
        Assert.Equal(expected.Hash, store.Machine.Hash);
        if (isCheckpointed)
        {
            Checkpoint(store);
        }
    }

    private static string SourceFolder([System.Runtime.CompilerServices.CallerFilePath] string thisFile = "")
        => Path.GetDirectoryName(thisFile)!;
}
