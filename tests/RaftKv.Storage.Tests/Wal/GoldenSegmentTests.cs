using RaftKv.Raft;
using RaftKv.Raft.Log;
using RaftKv.Simulation.Disks;
using RaftKv.Storage.Wal;

namespace RaftKv.Storage.Tests.Wal;

/// <summary>
/// The bytes of format 1, as they were first written. They must open for ever; and as long as this is the newest format,
/// the same steps must write the same bytes.
/// </summary>
/// <remarks>RAFTKV_REWRITE=1 writes the files anew, into the source tree, for a change of format that is meant.</remarks>
public sealed class GoldenSegmentTests
{
    private const ulong Identity = 0x0123456789ABCDEF;

    private static readonly WalOptions Small = new() { SegmentBytes = 8 * 1024 };

    private static readonly string Folder = Path.Join(AppContext.BaseDirectory, "Wal", "Golden");

    private static readonly WalStep[] Story =
    [
        WalStep.Append(new HardState(1, new NodeId(0xA1), 0), NaiveLog.NewEntry(1, 1, 0), NaiveLog.NewEntry(1, 2, 13)),
        WalStep.Append(new HardState(2, new NodeId(0xB2), 1), NaiveLog.NewEntry(2, 2, 8), new Entry(2, 3, EntryKind.Command, new byte[2_000])),
        WalStep.Compact(1, 1),
        WalStep.Append(null, NaiveLog.NewEntry(2, 4, 4_500)),
        WalStep.Append(null, NaiveLog.NewEntry(2, 5, 700)),
    ];

    [Fact]
    public void Format_1_opens()
    {
        var disk = NewDisk();
        foreach (var path in Directory.GetFiles(Folder, "format1-*.bin"))
        {
            var number = Path.GetFileNameWithoutExtension(path)["format1-".Length..];
            using var file = disk.CreateFile($"/wal/{number}.wal");
            file.WriteAt(0, Unpacked(File.ReadAllBytes(path)));
        }

        using var log = WriteAheadLog.Open(disk, "/wal", Identity, Small);
        Assert.Null(Story.Aggregate(NaiveLog.Empty, (model, step) => step.Model(model)).DifferenceTo(log));
    }

    [Fact]
    public void The_same_steps_write_the_same_bytes()
    {
        var disk = NewDisk();
        using (var log = WriteAheadLog.Create(disk, "/wal", Identity, Small))
        {
            foreach (var step in Story)
            {
                step.Do(log);
            }
        }

        var names = disk.List("/wal");
        Assert.Equal(2, names.Count);
        foreach (var name in names)
        {
            using var file = disk.OpenFileToRead($"/wal/{name}");
            var bytes = new byte[file.Length];
            file.ReadAt(0, bytes);
            var golden = $"format1-{Path.GetFileNameWithoutExtension(name)}.bin";
            if (Environment.GetEnvironmentVariable("RAFTKV_REWRITE") == "1")
            {
                File.WriteAllBytes(Path.Join(SourceFolder(), golden), bytes.AsSpan().TrimEnd((byte)0));
            }
            else
            {
                Assert.Equal(Unpacked(File.ReadAllBytes(Path.Join(Folder, golden))), bytes);
            }
        }
    }

    private static SimulatedFileSystem NewDisk()
    {
        var disk = new SimulatedFileSystem(seed: 1);
        disk.CreateDirectory("/wal");
        disk.SyncDirectory("/");
        return disk;
    }

    // The zeros that fill a segment are left out of the checked-in files.
    private static byte[] Unpacked(byte[] golden)
    {
        var segment = new byte[Small.SegmentBytes];
        golden.CopyTo(segment, 0);
        return segment;
    }

    private static string SourceFolder([System.Runtime.CompilerServices.CallerFilePath] string thisFile = "")
        => Directory.CreateDirectory(Path.Join(Path.GetDirectoryName(thisFile), "Golden")).FullName;
}
