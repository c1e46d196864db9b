using System.Globalization;
using RaftKv.Server.Metrics;

namespace RaftKv.Server.Tests.Metrics;

/// <summary>Counting, and how what was counted is written down.</summary>
public sealed class InstrumentTests
{
    [Fact]
    public void Nothing_that_many_threads_count_is_lost()
    {
        var counter = new Counter();
        var histogram = Histogram.OfNumbers(1, 2, 4);
        Parallel.For(0, 10_000, i =>
        {
            counter.Add();
            histogram.Observe(i % 10);
        });

        Assert.Equal(10_000, counter.Value);
        var (cumulative, sum) = histogram.Read();
        Assert.Equal([2_000L, 3_000, 5_000, 9_000, 10_000], cumulative);
        Assert.Equal(45_000, sum);
    }

    [Fact]
    public void A_bucket_takes_its_own_bound()
    {
        var histogram = Histogram.OfNumbers(1, 2, 3);
        foreach (var value in new[] { 0L, 1, 2, 4, 5, 1_000_000 })
        {
            histogram.Observe(value);
        }

        Assert.Equal([2L, 3, 4, 6], histogram.Read().Cumulative);
    }

    [Fact]
    public void Times_are_written_in_seconds()
    {
        var histogram = Histogram.OfSeconds(0.001, 2, 3);
        histogram.Observe(TimeSpan.FromMilliseconds(0.5));
        histogram.Observe(TimeSpan.FromMilliseconds(3));
        histogram.Observe(TimeSpan.FromSeconds(2));
        var text = new MetricsText();
        text.Histogram("took_seconds", "How long.", histogram);

        Assert.Equal(
            "# HELP took_seconds How long.\n# TYPE took_seconds histogram\n"
                + "took_seconds_bucket{le=\"0.001\"} 1\ntook_seconds_bucket{le=\"0.002\"} 1\ntook_seconds_bucket{le=\"0.004\"} 2\n"
                + "took_seconds_bucket{le=\"+Inf\"} 3\ntook_seconds_sum 2.0035\ntook_seconds_count 3\n",
            text.ToString());
        PrometheusPage.Parse(text.ToString());
    }

    [Fact]
    public void The_bounds_are_those_of_etcd()
    {
        // What a dashboard of etcd's asks for by name.
        Assert.Equal(8.192, Histogram.OfSeconds(0.001, 2, 14).UpperBounds[^1]);
        Assert.Equal(3.2768, Histogram.OfSeconds(0.0001, 2, 16).UpperBounds[^1]);
    }

    [Fact]
    public void Labels_may_hold_anything()
    {
        var text = new MetricsText();
        text.Begin("odd", "gauge", "Odd.");
        text.Sample(1.5, ("a", "quote \" backslash \\ line\nend"), ("b", ""));
        text.Sample(double.PositiveInfinity, ("a", "x"), ("b", "y"));

        var page = PrometheusPage.Parse(text.ToString());
        Assert.Equal(1.5, page["odd{a=quote \" backslash \\ line\nend,b=}"]);
        Assert.Equal(double.PositiveInfinity, page["odd{a=x,b=y}"]);
    }

    [Fact]
    public void Numbers_are_written_the_same_everywhere()
    {
        var before = CultureInfo.CurrentCulture;
        var other = (CultureInfo)CultureInfo.InvariantCulture.Clone();
        (other.NumberFormat.NumberDecimalSeparator, other.NumberFormat.NegativeSign) = (",", "~");
        CultureInfo.CurrentCulture = other;
        try
        {
            var text = new MetricsText();
            text.Gauge("g", "G.", 1234567.25);
            Assert.EndsWith("g 1234567.25\n", text.ToString(), StringComparison.Ordinal);
        }
        finally
        {
            CultureInfo.CurrentCulture = before;
        }
    }
}
