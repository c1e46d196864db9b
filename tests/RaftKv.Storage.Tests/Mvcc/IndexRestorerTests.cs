using RaftKv.Raft;
using RaftKv.Storage.Mvcc;

namespace RaftKv.Storage.Tests.Mvcc;

public sealed class IndexRestorerTests
{
    private const int Changes = 20_000;

    [Fact]
    public void Records_in_any_order_and_twice_give_the_index_that_wrote_them()
    {
        var chance = new Chance(5);
        var written = new KeyIndex();
        var records = new List<(Revision Revision, byte[] Record)>();
        for (var main = 2; main < Changes; main++)
        {
            var key = NumberedKey(chance.Below(3_000));
            var revision = new Revision(main, 0);
            var item = chance.Happens(1, 5) && written.Delete(key, revision, out _)
                ? KeyRevision.Tombstone(revision, key.Length)
                : written.Put(key, revision, 10).After;
            records.Add((revision, Record(key, item)));
        }

        var all = records.Concat(records.Take(5_000)).ToArray();
        chance.Shuffle(all.AsSpan());
        var index = new KeyIndex();
        using (var restorer = new IndexRestorer(index, Changes - 100))
        {
            foreach (var (revision, record) in all)
            {
                restorer.Visit(revision, record);
            }

            restorer.Finish();
        }

        index.CheckInvariants();
        foreach (var at in (long[])[2, 3_000, Changes / 2, Changes - 100])
        {
            var expected = written.Working.Scan(KeyRange.All, at);
            var found = index.Working.Scan(KeyRange.All, at);
            while (expected.MoveNext())
            {
                Assert.True(found.MoveNext());
                Assert.Equal(expected.Key, found.Key);
                Assert.Equal(expected.Current, found.Current);
            }

            Assert.False(found.MoveNext());
        }

        Assert.Equal(Changes - 100, index.Working.Latest);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(16)]
    [InlineData(300)]
    [InlineData(100_000)]
    public void Keys_that_come_nearly_in_order_are_restored(int disorder)
    {
        // Several changes of a key now and then, tombstones, and keys that share more or less with their neighbours.
        var chance = new Chance((ulong)disorder);
        var order = Enumerable.Range(2, 30_000).ToArray();
        for (var i = 0; i < order.Length; i++)
        {
            var other = Math.Min(order.Length - 1, i + chance.Below(disorder));
            (order[i], order[other]) = (order[other], order[i]);
        }

        var index = new KeyIndex();
        var expected = new SortedDictionary<string, KeyRevision>(StringComparer.Ordinal);
        foreach (var main in order)
        {
            var number = main / (1 + chance.Below(3));
            var key = $"{(number % 1_000 < 500 ? "a/long/prefix/that/most/share/" : "b")}{number:D6}{new string('x', number % 7 * 9)}";
            var revision = new Revision(main, 0);
            var item = chance.Happens(1, 10)
                ? KeyRevision.Tombstone(revision, key.Length)
                : new KeyRevision(revision, main, 1, key.Length + 10);
            index.Restore(System.Text.Encoding.ASCII.GetBytes(key), item);
            if (!expected.TryGetValue(key, out var known) || known.Modified.CompareTo(revision) < 0)
            {
                expected[key] = item;
            }

            if (chance.Happens(1, 3_000))
            {
                index.CheckInvariants();
                index.Publish();
            }
        }

        index.CheckInvariants();
        Assert.Equal(expected.Values.Count(item => item.IsLive), index.Working.LiveKeys);
        foreach (var (key, item) in expected)
        {
            Assert.Equal(item.IsLive, index.Working.TryFind(System.Text.Encoding.ASCII.GetBytes(key), out var found));
            Assert.Equal(item.IsLive ? item : default, found);
        }

        Assert.True(disorder > 300 || index.RestoredNearby > 1_000);
    }

    [Fact]
    public void Keys_of_any_length_are_restored()
    {
        var index = new KeyIndex();
        using var restorer = new IndexRestorer(index, long.MaxValue);
        for (var main = 2; main < 2_000; main++)
        {
            var key = LongKey(main);
            restorer.Visit(new(main, 0), Record(key, new KeyRevision(new(main, 0), main, 1, key.Length)));
        }

        restorer.Finish();
        index.CheckInvariants();
        for (var main = 2; main < 2_000; main++)
        {
            Assert.True(index.Working.TryFind(LongKey(main), out var found));
            Assert.Equal(main, found.Modified.Main);
        }

        static byte[] LongKey(int main) => [.. NumberedKey(main), .. new byte[main % 20 == 0 ? 65_000 : main % 50]];
    }

    [Fact]
    public void What_one_thread_cannot_add_ends_the_other()
    {
        using var restorer = new IndexRestorer(new KeyIndex(), long.MaxValue);
        for (var main = 2; main < 50_000; main++)
        {
            byte[] key = main == 3_000 ? [] : NumberedKey(main);
            restorer.Visit(new(main, 0), Record(key, new KeyRevision(new(main, 0), main, 1, 10)));
        }

        Assert.Throws<InvariantBrokenException>(restorer.Finish);
    }

    [Fact]
    public void A_scan_that_breaks_off_leaves_no_thread_behind()
    {
        using var restorer = new IndexRestorer(new KeyIndex(), long.MaxValue);
        for (var main = 2; main < 5_000; main++)
        {
            restorer.Visit(new(main, 0), Record(NumberedKey(main), new KeyRevision(new(main, 0), main, 1, 10)));
        }

        // Disposed without the end of the scan, as by an exception of the store.
    }

    private static byte[] Record(byte[] key, in KeyRevision item)
    {
        var value = new byte[item.IsLive ? 10 : 0];
        var record = new byte[RecordFormat.Bytes(key.Length, item, value.Length, 0)];
        RecordFormat.Write(record, key, item, value, 0);
        return record;
    }

    private static byte[] NumberedKey(int number) => System.Text.Encoding.ASCII.GetBytes($"key{number:D6}");
}
