using RaftKv.Raft;
using RaftKv.Storage.State;

namespace RaftKv.Storage.Tests.State;

public sealed class SortedKeysTests
{
    public static TheoryData<ulong> Seeds => Tests.Seeds.Some(20);

    [Theory]
    [MemberData(nameof(Seeds))]
    public void Holds_what_a_sorted_set_holds(ulong seed)
    {
        var chance = new Chance(seed);
        var keys = new SortedKeys();
        var model = new SortedSet<byte[]>(Comparer<byte[]>.Create((left, right) => left.AsSpan().SequenceCompareTo(right)));
        var longest = chance.Pick<int>([1, 2, 8, 100, 3000, 70_000]);
        for (var phase = 0; phase < 6; phase++)
        {
            // Growing and shrinking in turns, so that blocks are split and joined again.
            var additions = phase % 2 == 0 ? 9 : 1;
            for (var step = 0; step < (longest > 100 ? 60 : 600); step++)
            {
                if (chance.Happens(additions, 10))
                {
                    var key = NewKey(chance, longest);
                    Assert.Equal(model.Add(key), keys.Add(key));
                }
                else
                {
                    var key = model.Count > 0 && chance.Happens(9, 10)
                        ? model.ElementAt(chance.Below(model.Count))
                        : NewKey(chance, longest);
                    Assert.Equal(model.Remove(key), keys.Remove(key));
                }

                Assert.Equal(model.Count, keys.Count);
            }

            keys.CheckInvariants();
            Assert.Equal(model.Select(Convert.ToHexStringLower), keys.ToArray().Select(Convert.ToHexStringLower));
            var probe = NewKey(chance, longest);
            Assert.Equal(model.Contains(probe), keys.Contains(probe));
        }

        foreach (var key in model.ToArray())
        {
            Assert.True(keys.Remove(key));
        }

        keys.CheckInvariants();
        Assert.Equal(0, keys.Count);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Holds_many_keys_that_come_in_order(bool rising)
    {
        var keys = new SortedKeys();
        for (var i = 0; i < 10_000; i++)
        {
            Assert.True(keys.Add(BitConverter.GetBytes(rising ? i : 9_999 - i).Reverse().ToArray()));
        }

        keys.CheckInvariants();
        for (var i = 0; i < 10_000; i++)
        {
            Assert.True(keys.Contains(BitConverter.GetBytes(i).Reverse().ToArray()));
        }
    }

    private static byte[] NewKey(Chance chance, int longest)
    {
        // Few letters: keys meet, and share long beginnings.
        var key = new byte[chance.Below(longest + 1)];
        if (longest <= 2)
        {
            chance.Fill(key);
        }
        else
        {
            var letters = key.Length > 20 ? 1 : 3;
            for (var i = 0; i < key.Length; i++)
            {
                key[i] = i < key.Length - 2 ? (byte)chance.Below(letters) : (byte)chance.Next();
            }
        }

        return key;
    }
}
