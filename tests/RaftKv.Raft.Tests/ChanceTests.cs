namespace RaftKv.Raft.Tests;

public sealed class ChanceTests
{
    [Fact]
    public void The_first_numbers_of_a_seed_never_change()
    {
        // xoshiro256** filled by splitmix64 from 0; written down so that old seeds keep their histories.
        var chance = new Chance(0);
        Assert.Equal(0x99EC5F36CB75F2B4ul, chance.Next());
        Assert.Equal(0xBF6E1F784956452Aul, chance.Next());
    }

    [Fact]
    public void A_stream_depends_on_the_seed_and_its_name_alone()
    {
        var one = new Chance(5);
        var other = new Chance(5);
        other.Next();

        Assert.Equal(one.Stream("disk").Next(), other.Stream("disk").Next());
        Assert.NotEqual(one.Stream("disk").Next(), one.Stream("network").Next());
        Assert.NotEqual(one.Stream("disk", 1).Next(), one.Stream("disk", 2).Next());
    }

    [Fact]
    public void Bounds_are_kept_and_reached()
    {
        var chance = new Chance(1);
        var seen = new HashSet<int>();
        for (var i = 0; i < 1_000; i++)
        {
            seen.Add(chance.Between(3, 6));
        }

        Assert.Equal([3, 4, 5, 6], seen.Order());
    }
}
