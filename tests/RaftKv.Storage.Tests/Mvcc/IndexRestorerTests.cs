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
