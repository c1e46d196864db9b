namespace RaftKv.Load.Tests;

public sealed class LatenciesTests
{
    [Fact]
    public void Without_any_everything_is_nothing()
    {
        var none = new Latencies();

        Assert.Equal((0, 0, 0, 0), (none.Count, none.MeanMs, none.QuantileMs(0.99), none.MaxMs));
    }

    [Theory]
    [InlineData(0.5)]
    [InlineData(0.9)]
    [InlineData(0.99)]
    [InlineData(0.999)]
    [InlineData(1)]
    public void A_quantile_is_what_that_share_took_at_most_to_within_two_percent(double share)
    {
        var random = new Random(7);
        var exact = Enumerable.Range(0, 10_000).Select(_ => (long)Math.Exp(random.NextDouble() * 20)).ToList();
        var latencies = new Latencies();
        exact.ForEach(latencies.Add);
        exact.Sort();

        var wanted = exact[(int)Math.Ceiling(share * exact.Count) - 1] / 1e6;

        Assert.InRange(latencies.QuantileMs(share), wanted, wanted * 1.02);
    }

    [Fact]
    public void One_is_each_of_its_quantiles()
    {
        var one = new Latencies();
        one.Add(1_234_567);

        Assert.Equal((1.234567, 1.234567, 1.234567), (one.QuantileMs(0), one.QuantileMs(0.5), one.QuantileMs(1)));
    }

    [Fact]
    public void What_is_added_up_counts_as_if_it_had_been_one()
    {
        var (all, some, others) = (new Latencies(), new Latencies(), new Latencies());
        for (var i = 1; i <= 1000; i++)
        {
            all.Add(i * 1000);
            (i % 3 == 0 ? some : others).Add(i * 1000);
        }

        some.Add(others);

        Assert.Equal(
            (all.Count, all.TotalNs, all.MaxNs, all.QuantileMs(0.99)), (some.Count, some.TotalNs, some.MaxNs, some.QuantileMs(0.99)));
    }
}
