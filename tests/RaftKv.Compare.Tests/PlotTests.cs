using System.Xml.Linq;
using RaftKv.Compare.Contenders;
using RaftKv.Compare.Plots;

namespace RaftKv.Compare.Tests;

public sealed class PlotTests
{
    [Theory]
    [InlineData(0.0, 5, 1)]
    [InlineData(7.0, 8, 2)]
    [InlineData(99.0, 100, 20)]
    [InlineData(61234.0, 80000, 20000)]
    public void A_linear_axis_ends_at_a_round_number(double most, double end, double step)
    {
        var axis = Axis.Linear([0, most]);

        Assert.Equal((most == 0 ? 1 : end, step), (axis.Ticks[^1].At, axis.Ticks[1].At));
        Assert.Equal((0, 1), (axis.Place(0), axis.Place(axis.Ticks[^1].At)));
    }

    [Fact]
    public void A_logarithmic_axis_is_whole_powers_of_ten_and_nothing_lies_outside()
    {
        var axis = Axis.Logarithmic([0, 0.4, 25]);

        Assert.Equal(["0.1", "1", "10", "100"], axis.Ticks.Select(tick => tick.Text));
        Assert.Equal((0, 0, 1, 1), (axis.Place(0), axis.Place(0.1), axis.Place(100), axis.Place(1e9)));
        Assert.Equal(1 / 3.0, axis.Place(1), 6);
    }

    [Fact]
    public void Nothing_to_draw_is_still_a_picture()
    {
        var chart = new LineChart("a < b", "x", "y", Axis.Linear([]), Axis.Logarithmic([]), [new Series("etcd", [])]);

        var svg = XDocument.Parse(chart.ToSvg());

        Assert.Equal("svg", svg.Root!.Name.LocalName);
        Assert.Contains(svg.Descendants(), element => element.Value == "a < b");
    }

    [Theory]
    [InlineData(16, "16")]
    [InlineData(1_500, "1.5k")]
    [InlineData(65_536, "65.536k")]
    [InlineData(10_000_000, "10M")]
    public void Large_numbers_are_written_short(double value, string text) => Assert.Equal(text, Axis.Short(value));

    [Fact]
    public void The_kernels_words_on_a_process_are_read()
    {
        const string Stat = "17 (a (strange) name) S 1 17 17 0 -1 4194560 100 0 0 0 250 50 7 7 20 0 9 0 1 2 3";

        Assert.Equal(3, ProcessFigures.CpuSeconds(Stat));
        Assert.Equal(2048, ProcessFigures.Bytes("Name:\tx\nVmHWM:\t       2 kB\nVmRSS:\t 1 kB\n", "VmHWM"));
        Assert.Equal(0, ProcessFigures.Bytes("Name:\tx\n", "VmRSS"));
    }
}
