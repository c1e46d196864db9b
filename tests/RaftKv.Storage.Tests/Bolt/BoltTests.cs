using RaftKv.Raft;
using RaftKv.Simulation.Disks;
using RaftKv.Storage.Bolt;

namespace RaftKv.Storage.Tests.Bolt;

/// <summary>bbolt's files: what is written comes back, and what is damaged is noticed, with its page.</summary>
public sealed class BoltTests
{
    public static TheoryData<ulong> Seeds => Tests.Seeds.Some(20);

    [Theory]
    [MemberData(nameof(Seeds))]
    public void Any_content_comes_back_as_it_was_written(ulong seed)
    {
        var chance = new Chance(seed);
        var content = Content(chance);
        var disk = new SimulatedFileSystem(seed);
        var pageBytes = 1024 << (int)chance.Below(4);
        Write(disk, content, pageBytes);

        Assert.Equal(Lines(content), Lines(Read(disk)));
        using var file = disk.OpenFileToRead("/bolt");
        Assert.Equal(0, file.Length % pageBytes);
    }

    [Fact]
    public void A_tree_of_many_levels_comes_back_in_order()
    {
        var disk = new SimulatedFileSystem(seed: 1);
        const int Count = 30_000;
        using (var file = disk.CreateFile("/bolt"))
        {
            var bolt = new BoltWriter(file, pageBytes: 1024);
            bolt.BeginBucket("key");
            for (var i = 0; i < Count; i++)
            {
                bolt.Add(Key(i), BitConverter.GetBytes(i));
            }

            bolt.Finish();
        }

        using var again = disk.OpenFileToRead("/bolt");
        var walk = BoltFile.Open(again).Walk("key"u8);
        for (var i = 0; i < Count; i++)
        {
            Assert.True(walk.MoveNext());
            Assert.Equal(Key(i), walk.Key);
            Assert.Equal(i, BitConverter.ToInt32(walk.Value));
        }

        Assert.False(walk.MoveNext());
    }

    [Fact]
    public void A_bucket_that_is_not_there_is_walked_through_at_once()
    {
        var disk = new SimulatedFileSystem(seed: 1);
        Write(disk, [], 4096);
        using var file = disk.OpenFileToRead("/bolt");
        Assert.False(BoltFile.Open(file).Walk("key"u8).MoveNext());
    }

    [Fact]
    public void Every_flipped_bit_is_noticed_or_leaves_the_content_alone_but_for_keys_and_values()
    {
        var disk = new SimulatedFileSystem(seed: 1);
        var content = Content(new Chance(3));
        Write(disk, content, 1024);
        var chance = new Chance(7);
        var refused = 0;
        long length;
        using (var file = disk.OpenFileToRead("/bolt"))
        {
            length = file.Length;
        }

        for (var offset = 0L; offset < Math.Min(length, 24 * 1024); offset++)
        {
            var bit = (int)chance.Below(8);
            disk.FlipBit("/bolt", offset, bit);
            try
            {
                // Pages have no sums, so something else may be read; but it is read, and nothing worse happens.
                Read(disk);
            }
            catch (BoltDamagedException)
            {
                refused++;
            }

            disk.FlipBit("/bolt", offset, bit);
        }

        Assert.InRange(refused, 1, int.MaxValue);
        Assert.Equal(Lines(content), Lines(Read(disk)));
    }

    [Fact]
    public void A_file_that_was_cut_short_is_refused_wherever_that_was()
    {
        var disk = new SimulatedFileSystem(seed: 1);
        Write(disk, Content(new Chance(5)), 1024);
        using var file = disk.OpenFile("/bolt");
        for (var length = file.Length - 1; length >= 0; length -= Math.Min(length + 1, 333))
        {
            file.Truncate(length);
            var damaged = Assert.Throws<BoltDamagedException>(() => Read(disk));
            Assert.Contains($"page {damaged.Page}", damaged.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void The_second_meta_is_used_where_the_first_is_torn()
    {
        var disk = new SimulatedFileSystem(seed: 1);
        var content = Content(new Chance(6));
        Write(disk, content, 4096);
        disk.FlipBit("/bolt", 50, 1);
        Assert.Equal(Lines(content), Lines(Read(disk)));

        disk.FlipBit("/bolt", 4096 + 50, 1);
        var damaged = Assert.Throws<BoltDamagedException>(() => Read(disk));
        Assert.Contains("its sum is", damaged.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_page_that_two_branches_lead_to_is_named()
    {
        var disk = new SimulatedFileSystem(seed: 1);
        using (var file = disk.CreateFile("/bolt"))
        {
            var bolt = new BoltWriter(file, pageBytes: 1024);
            bolt.BeginBucket("key");
            for (var i = 0; i < 200; i++)
            {
                bolt.Add(Key(i), new byte[20]);
            }

            bolt.Finish();

            // The branch is the first page that is one; its second child becomes its first.
            var page = new byte[1024];
            for (var id = 2; ; id++)
            {
                file.ReadAt(id * 1024L, page);
                if (page[8] == 1)
                {
                    page.AsSpan(16 + 8, 8).CopyTo(page.AsSpan(32 + 8));
                    file.WriteAt(id * 1024L, page);
                    break;
                }
            }
        }

        var damaged = Assert.Throws<BoltDamagedException>(() => Read(disk));
        Assert.Equal(2ul, damaged.Page);
        Assert.Contains("twice", damaged.Message, StringComparison.Ordinal);
    }

    private static byte[] Key(int number) => [.. "/registry/some/where/"u8, .. BitConverter.GetBytes(System.Buffers.Binary.BinaryPrimitives.ReverseEndianness(number))];

    // In order, by names and by keys.
    private static List<(string Bucket, List<(string Key, string Value)> Items)> Content(Chance chance)
    {
        var buckets = new List<(string, List<(string, string)>)>();
        for (var bucket = 0; bucket < 1 + (int)chance.Below(6); bucket++)
        {
            var items = new SortedDictionary<string, string>(StringComparer.Ordinal);
            var count = chance.Below(3) == 0 ? 0 : (int)chance.Below(300);
            for (var i = 0; i < count; i++)
            {
                items[Convert.ToHexString(Bytes(chance, 1 + (int)chance.Below(40)))] =
                    Convert.ToHexString(Bytes(chance, chance.Below(20) == 0 ? (int)chance.Below(9000) : (int)chance.Below(60)));
            }

            buckets.Add(($"bucket{bucket}", [.. items.Select(item => (item.Key, item.Value))]));
        }

        return buckets;
    }

    private static IEnumerable<string> Lines(List<(string Bucket, List<(string Key, string Value)> Items)> content)
        => content.SelectMany(bucket => bucket.Items.Select(item => $"{item.Key} {item.Value}").Prepend(bucket.Bucket));

    private static byte[] Bytes(Chance chance, int length)
    {
        var bytes = new byte[length];
        for (var i = 0; i < length; i++)
        {
            bytes[i] = (byte)chance.Below(256);
        }

        return bytes;
    }

    private static void Write(SimulatedFileSystem disk, List<(string Bucket, List<(string Key, string Value)> Items)> content, int pageBytes)
    {
        using var file = disk.CreateFile("/bolt");
        var bolt = new BoltWriter(file, pageBytes);
        foreach (var (bucket, items) in content)
        {
            bolt.BeginBucket(bucket);
            foreach (var (key, value) in items)
            {
                bolt.Add(Convert.FromHexString(key), Convert.FromHexString(value));
            }
        }

        Assert.Equal(bolt.Finish(), file.Length);
    }

    private static List<(string Bucket, List<(string Key, string Value)> Items)> Read(SimulatedFileSystem disk)
    {
        using var file = disk.OpenFileToRead("/bolt");
        var bolt = BoltFile.Open(file);
        var content = new List<(string, List<(string, string)>)>();
        foreach (var bucket in bolt.Buckets)
        {
            var items = new List<(string, string)>();
            for (var walk = bolt.Walk(bucket); walk.MoveNext();)
            {
                items.Add((Convert.ToHexString(walk.Key), Convert.ToHexString(walk.Value)));
            }

            content.Add((System.Text.Encoding.ASCII.GetString(bucket), items));
        }

        return content;
    }
}
