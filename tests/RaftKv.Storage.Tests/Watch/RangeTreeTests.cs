using RaftKv.Raft;
using RaftKv.Storage.Mvcc;
using RaftKv.Storage.Watch;

namespace RaftKv.Storage.Tests.Watch;

public sealed class RangeTreeTests
{
    public static TheoryData<ulong> Seeds => [.. Enumerable.Range(1, 40).Select(seed => (ulong)seed)];

    [Theory]
    [MemberData(nameof(Seeds))]
    public void Finds_what_a_list_of_all_ranges_finds(ulong seed)
    {
        var chance = new Chance(seed);
        var tree = new RangeTree<object>();
        var list = new Dictionary<KeyRange, object>();
        var size = chance.Pick<int>([3, 30, 300]);
        for (var step = 0; step < 1500; step++)
        {
            var range = RandomRange(chance);
            if (list.TryGetValue(range, out var known))
            {
                Assert.True(tree.TryFind(range, out var found));
                Assert.Same(known, found);
            }
            else
            {
                Assert.False(tree.TryFind(range, out _));
            }

            if (known is null && list.Count < size)
            {
                var item = new object();
                list.Add(range, item);
                tree.Add(range, item);
            }
            else if (list.Count > 0)
            {
                var gone = list.Keys.ElementAt(chance.Below(list.Count));
                list.Remove(gone);
                tree.Remove(gone);
            }

            var key = RandomKey(chance);
            var expected = list.Where(entry => entry.Key.Contains(key)).Select(entry => entry.Value).ToHashSet();
            var actual = new List<object>();
            tree.Find(key, actual);
            Assert.Equal(expected.Count, actual.Count);
            Assert.True(expected.SetEquals(actual), $"seed {seed}, step {step}");
            if (step % 50 == 0)
            {
                tree.CheckInvariants();
            }
        }
    }

    [Fact]
    public void Ranges_that_come_in_order_do_not_make_a_list_of_it()
    {
        var tree = new RangeTree<string>();
        for (var i = 0; i < 100_000; i++)
        {
            var start = new byte[] { (byte)(i >> 16), (byte)(i >> 8), (byte)i };
            tree.Add(KeyRange.Prefix(start), "");
        }

        // It would take minutes otherwise.
        var found = new List<string>();
        for (var i = 0; i < 100_000; i++)
        {
            tree.Find([(byte)(i >> 16), (byte)(i >> 8), (byte)i, 7], found);
        }

        Assert.Equal(100_000, found.Count);
        tree.CheckInvariants();
    }

    private static KeyRange RandomRange(Chance chance)
    {
        while (true)
        {
            var range = chance.Happens(1, 8)
                ? KeyRange.From(RandomKey(chance))
                : KeyRange.Of(RandomKey(chance), RandomKey(chance));
            if (!range.IsEmpty && !range.IsSingle)
            {
                return range;
            }
        }
    }

    private static byte[] RandomKey(Chance chance)
    {
        var key = new byte[chance.Between(1, 3)];
        for (var i = 0; i < key.Length; i++)
        {
            key[i] = (byte)chance.Pick<int>([0, 1, 2, 100, 254, 255]);
        }

        return key;
    }
}
