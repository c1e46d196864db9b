using System.Diagnostics;

namespace RaftKv.Server.Metrics;

/// <summary>
/// How often something took how long, in buckets that grow by a factor. Observing is a short search and two additions, and
/// allocates nothing.
/// </summary>
/// <example><code>
/// private readonly Histogram _syncs = Histogram.OfSeconds(start: 0.001, factor: 2, count: 14);
/// var began = Stopwatch.GetTimestamp();
/// file.Sync();
/// _syncs.ObserveSince(began);
/// </code></example>
public sealed class Histogram
{
    // Longs in a line and its neighbour.
    private const int LinePairLongs = 16;

    private readonly long[] _bounds;
    private readonly double _unit;

    // A row for each processor: the buckets, one for all beyond, and the sum.
    private readonly long[] _cells;
    private readonly int _rowLongs;

    private Histogram(double[] bounds, double unit)
    {
        UpperBounds = bounds;
        _unit = unit;
        _bounds = [.. bounds.Select(bound => (long)Math.Round(bound * unit))];
        _rowLongs = (bounds.Length + 2 + LinePairLongs - 1) / LinePairLongs * LinePairLongs;
        _cells = new long[_rowLongs * Counter.Stripes];
    }

    /// <summary>The largest that each bucket takes, but for the last, which takes all.</summary>
    public IReadOnlyList<double> UpperBounds { get; }

    /// <summary>Of times: a number of buckets, the first up to <paramref name="start"/> seconds, each following one a factor
    /// larger.</summary>
    public static Histogram OfSeconds(double start, double factor, int count) => new(Bounds(start, factor, count), Stopwatch.Frequency);

    /// <summary>Of times, with these buckets.</summary>
    public static Histogram OfSeconds(params double[] bounds) => new(bounds, Stopwatch.Frequency);

    /// <summary>Of whole numbers.</summary>
    public static Histogram OfNumbers(double start, double factor, int count) => new(Bounds(start, factor, count), unit: 1);

    /// <summary>It took from a timestamp of <see cref="Stopwatch"/> until now.</summary>
    public void ObserveSince(long timestamp) => Observe(Stopwatch.GetTimestamp() - timestamp);

    public void Observe(TimeSpan time) => Observe((long)(time.TotalSeconds * _unit));

    /// <summary>A time in ticks of <see cref="Stopwatch"/>; or a number.</summary>
    public void Observe(long value)
    {
        var low = 0;
        var high = _bounds.Length;
        while (low < high)
        {
            var middle = (low + high) >>> 1;
            if (value <= _bounds[middle])
            {
                high = middle;
            }
            else
            {
                low = middle + 1;
            }
        }

        var row = Counter.Stripe * _rowLongs;
        Interlocked.Increment(ref _cells[row + low]);
        Interlocked.Add(ref _cells[row + _bounds.Length + 1], value);
    }

    /// <summary>How many were observed of at most each bound, and at last all of them; and their sum.</summary>
    public (long[] Cumulative, double Sum) Read()
    {
        var counts = new long[_bounds.Length + 1];
        var sum = 0L;
        for (var row = 0; row < _cells.Length; row += _rowLongs)
        {
            for (var i = 0; i < counts.Length; i++)
            {
                counts[i] += Volatile.Read(ref _cells[row + i]);
            }

            sum += Volatile.Read(ref _cells[row + counts.Length]);
        }

        for (var i = 1; i < counts.Length; i++)
        {
            counts[i] += counts[i - 1];
        }

        return (counts, sum / _unit);
    }

    private static double[] Bounds(double start, double factor, int count)
    {
        // By steps, as others do it, so that the same bounds come out to the last digit.
        var bounds = new double[count];
        for (var i = 0; i < count; i++)
        {
            bounds[i] = start;
            start *= factor;
        }

        return bounds;
    }
}
