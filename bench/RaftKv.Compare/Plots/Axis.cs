using System.Globalization;

namespace RaftKv.Compare.Plots;

/// <summary>A direction of a chart: which number lies where, and where a number is written.</summary>
internal sealed class Axis
{
    private readonly double _from;
    private readonly double _to;
    private readonly bool _isLogarithmic;

    private Axis(double from, double to, bool isLogarithmic, IReadOnlyList<(double At, string Text)> ticks)
    {
        (_from, _to, _isLogarithmic) = (from, to, isLogarithmic);
        Ticks = ticks;
    }

    public IReadOnlyList<(double At, string Text)> Ticks { get; }

    /// <summary>From zero to the next round number above all.</summary>
    public static Axis Linear(IEnumerable<double> values)
    {
        var most = values.DefaultIfEmpty(0).Max();
        var step = most > 0 ? RoundStep(most / 5) : 1;
        var to = Math.Max(1, Math.Ceiling(most / step)) * step;
        return new Axis(0, to, false, [.. Enumerable.Range(0, (int)Math.Round(to / step) + 1).Select(i => (i * step, Short(i * step)))]);
    }

    /// <summary>Whole powers of ten around all that are more than nothing.</summary>
    public static Axis Logarithmic(IEnumerable<double> values)
    {
        var positive = values.Where(value => value > 0).DefaultIfEmpty(1).ToList();
        var from = (int)Math.Floor(Math.Log10(positive.Min()));
        var to = Math.Max(from + 1, (int)Math.Ceiling(Math.Log10(positive.Max())));
        return new Axis(
            Math.Pow(10, from), Math.Pow(10, to), true, [.. Enumerable.Range(from, to - from + 1).Select(i => (Math.Pow(10, i), Short(Math.Pow(10, i))))]);
    }

    /// <summary>With numbers written at these places only.</summary>
    public static Axis Marked(IReadOnlyList<(double At, string Text)> ticks, bool isLogarithmic = false)
        => new(ticks[0].At, ticks[^1].At, isLogarithmic, ticks);

    /// <summary>Where a value lies: 0 at the beginning of the axis, 1 at its end; nothing lies outside.</summary>
    public double Place(double value)
    {
        var share = _isLogarithmic
            ? value <= 0 ? 0 : (Math.Log(value) - Math.Log(_from)) / (Math.Log(_to) - Math.Log(_from))
            : (value - _from) / (_to - _from);
        return double.IsFinite(share) ? Math.Clamp(share, 0, 1) : 0;
    }

    /// <summary>A number in few letters: 1500 is 1.5k.</summary>
    public static string Short(double value) => value switch
    {
        >= 1e6 => (value / 1e6).ToString("0.###", CultureInfo.InvariantCulture) + "M",
        >= 1e3 => (value / 1e3).ToString("0.###", CultureInfo.InvariantCulture) + "k",
        _ => value.ToString("0.####", CultureInfo.InvariantCulture),
    };

    private static double RoundStep(double least)
    {
        var power = Math.Pow(10, Math.Floor(Math.Log10(least)));
        return ((double[])[1, 2, 5, 10]).First(factor => factor * power >= least * 0.999999) * power;
    }
}
