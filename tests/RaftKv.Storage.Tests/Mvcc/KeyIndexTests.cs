using System.Buffers.Binary;
using RaftKv.Raft;
using RaftKv.Storage.Mvcc;

namespace RaftKv.Storage.Tests.Mvcc;

public sealed class KeyIndexTests
{
    private static readonly byte[] Key = "key"u8.ToArray();

    [Fact]
    public void A_key_lives_dies_and_lives_again()
    {
        var index = new KeyIndex();
        Assert.Equal(new KeyRevision(new(2, 0), Created: 2, Version: 1, Bytes: 10), index.Put(Key, new(2, 0), 7).After);
        Assert.Equal(new KeyRevision(new(3, 1), Created: 2, Version: 2, Bytes: 10), index.Put(Key, new(3, 1), 7).After);
        Assert.True(index.Delete(Key, new(4, 0), out var before));
        Assert.Equal(new Revision(3, 1), before.Modified);
        Assert.False(index.Delete(Key, new(5, 0), out _));
        Assert.Equal(new KeyRevision(new(6, 0), Created: 6, Version: 1, Bytes: 10), index.Put(Key, new(6, 0), 7).After);

        var snapshot = index.Publish();
        Assert.Equal([0, 0, 2, 3, 0, 0, 6, 6], Enumerable.Range(0, 8).Select(main => ModifiedAt(snapshot, main)));
    }

    [Fact]
    public void What_is_not_published_is_not_seen()
    {
        var index = new KeyIndex();
        var before = index.Publish();
        index.Put(Key, new(2, 0), 7);
        Assert.False(index.Published.TryFind(Key, out _));
        Assert.True(index.Working.TryFind(Key, out _));
        index.Publish();
        Assert.True(index.Published.TryFind(Key, out _));
        Assert.False(before.TryFind(Key, out _));
    }

    [Fact]
    public void A_delete_of_nothing_copies_nothing()
    {
        var index = new KeyIndex();
        index.Put(Key, new(2, 0), 7);
        var before = index.Publish();
        index.Delete("other"u8, new(3, 0), out _);
        Assert.Same(before.Root, index.Working.Root);
    }

    [Fact]
    public void An_overwrite_copies_nothing_and_is_not_seen_before_it_is_published()
    {
        var index = new KeyIndex();
        index.Put(Key, new(2, 0), 7);
        index.Put("other"u8, new(3, 0), 7);
        var before = index.Publish();
        index.Put(Key, new(4, 0), 8);

        Assert.Same(before.Root, index.Working.Root);
        Assert.Equal(4, ModifiedAt(index.Working, long.MaxValue));
        Assert.Same(before, index.Published);
        Assert.Equal(2, ModifiedAt(before, long.MaxValue));
        Assert.Equal(2, ModifiedAt(before, 4));
        Assert.False(before.IsLive(Key, new(4, 0)));
        var history = new List<KeyRevision>();
        before.History(Key, 0, long.MaxValue, int.MaxValue, history);
        Assert.Equal([new(2, 0)], history.Select(item => item.Modified));
        var scan = before.Scan(KeyRange.All);
        Assert.True(scan.MoveNext());
        Assert.Equal(new(2, 0), scan.Current.Modified);
        Assert.Equal(2, before.Count(KeyRange.All));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_snapshot_stays_as_it_was_however_often_its_keys_are_overwritten(bool isPublishedEachTime)
    {
        const int Keys = 300;
        var index = new KeyIndex();
        for (var i = 0; i < Keys; i++)
        {
            index.Put(Numbered(i), new(2 + i, 0), 7);
        }

        var before = index.Publish();
        for (var main = 2 * Keys; main < 101 * Keys; main++)
        {
            index.Put(Numbered(main % Keys), new(main, 0), main % 1000);
            if (isPublishedEachTime)
            {
                index.Publish();
            }
        }

        index.CheckInvariants();
        for (var i = 0; i < Keys; i++)
        {
            Assert.True(before.TryFind(Numbered(i), out var found));
            Assert.Equal(new KeyRevision(new(2 + i, 0), 2 + i, 1, Numbered(i).Length + 7), found);
            Assert.True(index.Working.TryFind(Numbered(i), out var newest));
            Assert.Equal(100, newest.Version);
        }
    }

    [Fact]
    public void Overwriting_leaves_what_leads_to_the_leaves_alone_when_they_have_no_room_left_too()
    {
        const int Keys = 300;
        var index = new KeyIndex();
        for (var i = 0; i < Keys; i++)
        {
            index.Put(Numbered(i), new(2 + i, 0), 7);
        }

        // Until no leaf has to be split any more: each has been as full as it gets.
        var main = Keys + 2;
        Overwrite(100);
        var before = index.Publish();
        var readRevision = main - 1;
        Overwrite(100);

        Assert.Same(before.Root, index.Working.Root);
        index.CheckInvariants();
        for (var i = 0; i < Keys; i++)
        {
            Assert.True(before.TryFind(Numbered(i), out var found));
            Assert.Equal(101, found.Version);
            Assert.True(index.Published.TryFind(Numbered(i), readRevision, out var then));
            Assert.Equal(found, then);
            Assert.True(index.Published.TryFind(Numbered(i), out var newest));
            Assert.Equal(201, newest.Version);
        }

        // What readers can see of the leaves that took others' places must not change when history goes.
        index.StartCompaction(main - 1);
        while (index.CompactStep(50, []))
        {
            index.Publish();
        }

        index.CheckInvariants();
        for (var i = 0; i < Keys; i++)
        {
            Assert.True(before.TryFind(Numbered(i), out var found));
            Assert.Equal(101, found.Version);
        }

        void Overwrite(int times)
        {
            for (var i = 0; i < times * Keys; i++)
            {
                index.Put(Numbered(i % Keys), new(main++, 0), 7);
                if (i % 10 == 0)
                {
                    index.Publish();
                }
            }

            index.Publish();
        }
    }

    [Fact]
    public void Keys_that_are_announced_are_written_as_others_are()
    {
        var index = new KeyIndex();
        var keys = new ReadOnlyMemory<byte>[KeyIndex.ExpectedMax];
        for (var main = 2; main < 5_000; main += keys.Length)
        {
            for (var i = 0; i < keys.Length; i++)
            {
                var key = new byte[1 + ((main + i) % 70)];
                key.AsSpan().Fill((byte)(main % 251));
                keys[i] = key;
            }

            index.Expect(keys);
            for (var i = 0; i < keys.Length; i++)
            {
                index.Put(keys[i].Span, new(main + i, 0), 7);
            }
        }

        index.CheckInvariants();
    }

    [Theory]
    [InlineData(3, true)]
    [InlineData(4, false)]
    public void A_tombstone_exactly_at_the_horizon_waits_for_the_next_compaction(long horizon, bool isKept)
    {
        var index = new KeyIndex();
        index.Put(Key, new(2, 0), 7);
        index.Delete(Key, new(3, 0), out _);
        index.Put("other"u8, new(4, 0), 7);

        Assert.Equal((Revision[])(isKept ? [new(2, 0)] : [new(3, 0), new(2, 0)]), CompactAll(index, horizon).OrderDescending());
        Assert.Equal(isKept, index.Working.IsLive(Key, new(3, 0)));
        Assert.False(index.Working.TryFind(Key, out _));
    }

    [Fact]
    public void Reads_before_the_horizon_are_refused()
    {
        var index = new KeyIndex();
        index.Put(Key, new(2, 0), 7);
        var before = index.Publish();
        index.Put(Key, new(5, 0), 7);
        CompactAll(index, 5);
        var after = index.Publish();
        Assert.Throws<InvariantBrokenException>(() => after.TryFind(Key, 4, out _));
        Assert.True(before.TryFind(Key, 4, out _));
    }

    [Fact]
    public void A_hot_key_costs_a_few_bytes_a_put_and_is_read_at_any_revision()
    {
        const int Puts = 100_000;
        var index = new KeyIndex();
        Warm(index);
        var allocated = GC.GetAllocatedBytesForCurrentThread();
        for (var main = 2; main < Puts + 2; main++)
        {
            index.Put(Key, new(main, 0), 7);
        }

        // A copy of the history with every put would be 10 GB.
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - allocated, 0, 2000L * Puts);
        var snapshot = index.Publish();
        for (var main = 2; main < Puts + 2; main += 97)
        {
            Assert.True(snapshot.TryFind(Key, main, out var found));
            Assert.Equal(new KeyRevision(new(main, 0), 2, main - 1, 10), found);
            Assert.True(snapshot.IsLive(Key, new(main, 0)));
            Assert.False(snapshot.IsLive(Key, new(main, 1)));
        }

        index.CheckInvariants();
    }

    [Fact]
    public void A_hot_key_is_compacted_in_bounded_steps()
    {
        var index = new KeyIndex();
        for (var main = 2; main < 100_002; main++)
        {
            index.Put(Key, new(main, 0), 7);
        }

        var before = index.Publish();
        index.StartCompaction(90_000);
        var removed = new List<KeyRevision>();
        var all = new List<KeyRevision>();
        bool isMore;
        do
        {
            isMore = index.CompactStep(100, removed);
            Assert.InRange(removed.Count, 0, 1000);
            all.AddRange(removed);
            removed.Clear();
            index.CheckInvariants();
            Assert.Equal(90_000, ModifiedAt(index.Publish(), 90_000));
        }
        while (isMore);

        Assert.Equal(Enumerable.Range(2, 89_998).Select(main => new Revision(main, 0)), all.Select(item => item.Modified).Order());
        Assert.Equal(2, ModifiedAt(before, 2));
        Assert.Equal(100_001, ModifiedAt(index.Published, 200_000));
    }

    [Fact]
    public void Every_kind_of_key_has_its_place()
    {
        byte[][] keys =
        [
            [0x00], [0x00, 0x00], [0x00, 0xff], [0x01], [.. "a"u8], [.. "a\0"u8], [.. "ab"u8], [0xff], [0xff, 0x00],
            [0xff, 0xff], Long('a', 65_536), Long('a', 65_535), Long(0x00, 65_536), Long(0xff, 65_536),
            [.. Long('a', 65_535), (byte)'b'], Long('a', 4096), Long('a', 4095), Long('a', 128), Long('a', 127),
        ];
        var index = new KeyIndex();
        for (var i = 0; i < keys.Length; i++)
        {
            index.Put(keys[i], new(2, i), 7);
            index.Publish();
            index.CheckInvariants();
        }

        var cursor = index.Published.Scan(KeyRange.All);
        foreach (var key in keys.Order(NaiveKeys.ByBytes))
        {
            Assert.True(cursor.MoveNext());
            Assert.True(cursor.Key.SequenceEqual(key));
            Assert.True(index.Published.TryFind(key, out _));
        }

        Assert.False(cursor.MoveNext());
        Assert.Equal(4, index.Published.Count(KeyRange.Prefix(new byte[] { 0xff })));
        Assert.Equal(4, index.Published.Count(KeyRange.Prefix(new byte[] { 0x00 })));
        Assert.Equal(1, index.Published.Count(KeyRange.Prefix(Long('a', 65_536))));
    }

    [Fact]
    public void Compacting_everything_away_leaves_an_empty_index()
    {
        var index = new KeyIndex();
        for (var i = 0; i < 20_000; i++)
        {
            index.Put(Numbered(i), new(2, i), 7);
        }

        index.Publish();
        for (var i = 0; i < 20_000; i++)
        {
            index.Delete(Numbered(i), new(3, i), out _);
        }

        index.Put(Key, new(4, 0), 7);
        Assert.Equal(40_000, CompactAll(index, 4).Count);
        index.CheckInvariants();
        Assert.True(index.Working.Root.IsLeaf);
        Assert.Equal(1, index.Working.LiveKeys);
    }

    [Fact]
    public async Task Readers_go_on_while_the_writer_does()
    {
        const int Keys = 2_000;
        var index = new KeyIndex();
        var isDone = false;
        for (var i = 0; i < Keys; i++)
        {
            index.Put(Numbered(i), new(2, i), 7);
        }

        index.Publish();

        // Every batch writes all keys of a stride in one revision, so that a snapshot seen half-made would show.
        var reader = Task.Run(
            () =>
            {
                var scans = 0;
                while (!Volatile.Read(ref isDone) || scans == 0)
                {
                    var snapshot = index.Published;
                    var cursor = snapshot.Scan(KeyRange.All);
                    var expected = 0;
                    var newest = 0L;
                    while (cursor.MoveNext())
                    {
                        Assert.True(cursor.Key.SequenceEqual(Numbered(expected)));
                        Assert.True(cursor.Current.Modified.Main <= snapshot.Latest);
                        newest = Math.Max(newest, cursor.Current.Modified.Main);
                        expected++;
                    }

                    Assert.Equal(Keys, expected);
                    Assert.Equal(Keys, snapshot.Count(KeyRange.All));
                    Assert.Equal(snapshot.Latest, newest);
                    scans++;
                }
            },
            TestContext.Current.CancellationToken);

        var removed = new List<KeyRevision>();
        for (var main = 3; main < 600; main++)
        {
            for (var i = main % 50; i < Keys; i += 50)
            {
                index.Put(Numbered(i), new(main, i), 7);
            }

            if (main % 20 == 0)
            {
                index.StartCompaction(main);
            }

            index.CompactStep(300, removed);
            index.Publish();
        }

        Volatile.Write(ref isDone, true);
        await reader;
        index.CheckInvariants();
    }

    private static void Warm(KeyIndex index) => index.Put("warm"u8, new(1, 0), 7);

    private static byte[] Long(int with, int length)
    {
        var key = new byte[length];
        Array.Fill(key, (byte)with);
        return key;
    }

    private static byte[] Numbered(int number)
    {
        var key = new byte[12];
        "/numbers"u8.CopyTo(key);
        BinaryPrimitives.WriteInt32BigEndian(key.AsSpan(8), number);
        return key;
    }

    private static long ModifiedAt(KeySnapshot snapshot, long main)
        => snapshot.TryFind(Key, main, out var found) ? found.Modified.Main : 0;

    private static List<Revision> CompactAll(KeyIndex index, long horizon)
    {
        var removed = new List<KeyRevision>();
        index.StartCompaction(horizon);
        while (index.CompactStep(7, removed))
        {
        }

        return [.. removed.Select(item => item.Modified)];
    }
}
