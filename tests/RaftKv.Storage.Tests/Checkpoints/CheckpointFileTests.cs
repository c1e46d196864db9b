using System.Buffers.Binary;
using RaftKv.Simulation.Disks;
using RaftKv.Storage.Checkpoints;
using RaftKv.Storage.Files;
using RaftKv.Storage.Tests.Snapshots;

namespace RaftKv.Storage.Tests.Checkpoints;

/// <summary>The file that a start begins with: what is not exactly what was written is refused by its name.</summary>
public sealed class CheckpointFileTests
{
    private const string Folder = "/state";
    private const string FilePath = "/state/CHECKPOINT";
    private const ulong Identity = 0xC0FFEE;

    [Fact]
    public void Its_bytes_are_golden()
    {
        var checkpoint = new CheckpointFile(Identity, "log", 3, new byte[] { 1, 2 }, new byte[] { 4, 5, 6 });
        Assert.Equal(
            "524146544b564350" + "01000000" + "eeffc00000000000" + "036c6f67" + "03" + "020102" + "03040506" + "ecb02676",
            Convert.ToHexStringLower(checkpoint.Encode()));
    }

    [Fact]
    public void Every_flipped_bit_is_refused_with_its_file()
    {
        var good = NewCheckpoint();
        for (var bit = 0; bit < good.Length * 8; bit++)
        {
            var bad = good.ToArray();
            bad[bit / 8] ^= (byte)(1 << (bit % 8));
            Assert.Equal(FilePath, Refuse(bad).Path);
        }
    }

    [Fact]
    public void Every_cut_and_whatever_follows_the_end_is_refused()
    {
        var good = NewCheckpoint();
        for (var length = 0; length < good.Length; length++)
        {
            Refuse(good[..length]);
        }

        Refuse([.. good, 0]);
    }

    [Fact]
    public void A_newer_format_is_refused_as_such()
    {
        var newer = NewCheckpoint();
        newer[8] = 2;
        BinaryPrimitives.WriteUInt32LittleEndian(newer.AsSpan(newer.Length - 4), Crc32C.Of(newer.AsSpan(0, newer.Length - 4)));
        Assert.Contains("its format is 2, and this program knows 1", Refuse(newer).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void That_of_another_member_is_refused()
        => Assert.Contains(
            "it belongs to the data directory 0000000000c0ffee",
            Assert.Throws<CheckpointDamagedException>(() => Open(DiskWith(NewCheckpoint()), identity: 7)).Message,
            StringComparison.Ordinal);

    [Fact]
    public void That_of_another_kind_of_records_is_refused()
    {
        var file = CheckpointFile.Decode(FilePath, NewCheckpoint()) with { StoreName = "papyrus" };
        Assert.Contains("its records are kept by 'papyrus', not by 'log'", Refuse(file.Encode()).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Records_that_are_gone_cut_or_older_than_it_are_refused_with_their_file()
    {
        var good = NewDisk(checkpoints: 2, out var older);
        var segments = good.List($"{Folder}/records-1");
        Assert.True(segments.Count > 1);
        foreach (var name in segments)
        {
            var path = $"{Folder}/records-1/{name}";
            Corrupt(path, disk => disk.Delete(path));
            Corrupt(path, disk => Rewrite(disk, path, bytes => bytes[..^1]));
            Corrupt(path, disk => Rewrite(disk, path, _ => []));
        }

        // An older copy of the last segment.
        var last = $"{Folder}/records-1/{segments[^1]}";
        Corrupt(last, disk => Rewrite(disk, last, bytes => older.TryGetValue(last, out var old) ? old : bytes[..^9]));
    }

    [Fact]
    public void Every_byte_of_the_records_is_vouched_for()
    {
        var good = NewDisk(checkpoints: 2, out _);
        foreach (var name in good.List($"{Folder}/records-1"))
        {
            var path = $"{Folder}/records-1/{name}";
            var length = Read(good, path).Length;
            for (var at = 0; at < length; at++)
            {
                var place = at;
                Corrupt(path, disk => disk.FlipBit(path, place, place % 8));
            }
        }
    }

    private static void Corrupt(string path, Action<SimulatedFileSystem> damage)
    {
        var disk = NewDisk(checkpoints: 2, out _);
        damage(disk);
        var refusal = Assert.ThrowsAny<StorageException>(() => Open(disk));
        Assert.StartsWith($"{Folder}/records-1", refusal.Path, StringComparison.Ordinal);
        Assert.Contains(Path.GetDirectoryName(path)!, refusal.Message, StringComparison.Ordinal);
    }

    private static CheckpointDamagedException Refuse(byte[] checkpoint)
        => Assert.Throws<CheckpointDamagedException>(() => Open(DiskWith(checkpoint)));

    private static StateStore Open(SimulatedFileSystem disk, ulong identity = Identity)
        => StateStore.Open(disk, Folder, identity, MakerOn(disk));

    private static LogRecordStoreMaker MakerOn(SimulatedFileSystem disk)
        => new(disk, new Storage.Records.LogRecordStoreOptions { SegmentBytes = 300, BufferBytes = 0 });

    private static byte[] NewCheckpoint() => Read(NewDisk(checkpoints: 1, out _), FilePath);

    private static SimulatedFileSystem DiskWith(byte[] checkpoint)
    {
        var disk = NewDisk(checkpoints: 1, out _);
        Rewrite(disk, FilePath, _ => checkpoint);
        return disk;
    }

    private static SimulatedFileSystem NewDisk(int checkpoints, out Dictionary<string, byte[]> older)
    {
        var disk = new SimulatedFileSystem(seed: 1);
        disk.CreateDirectory(Folder);
        disk.SyncDirectory("/");
        older = [];
        using var store = Open(disk);
        var entries = SampleState.Log.ToList();
        for (var i = 0; i < checkpoints; i++)
        {
            foreach (var entry in entries.Skip(i * 6).Take(checkpoints == 1 ? entries.Count : 6))
            {
                store.Machine.Apply(entry, new SampleState.Nobody());
            }

            store.Machine.Keys.Publish();
            var checkpoint = store.BeginCheckpoint();
            checkpoint.Write();
            store.Finish(checkpoint);
            if (i < checkpoints - 1)
            {
                older = disk.List($"{Folder}/records-1").Select(name => $"{Folder}/records-1/{name}").ToDictionary(path => path, path => Read(disk, path));
            }
        }

        return disk;
    }

    private static byte[] Read(SimulatedFileSystem disk, string path)
    {
        using var file = disk.OpenFileToRead(path);
        var bytes = new byte[file.Length];
        Assert.Equal(bytes.Length, file.ReadAt(0, bytes));
        return bytes;
    }

    private static void Rewrite(SimulatedFileSystem disk, string path, Func<byte[], byte[]> change)
    {
        var bytes = change(Read(disk, path));
        disk.Delete(path);
        using var file = disk.CreateFile(path);
        file.WriteAt(0, bytes);
        file.Sync();
    }
}
