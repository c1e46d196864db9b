using RaftKv.Storage.Mvcc;

namespace RaftKv.Storage.State;

/// <summary>
/// The union of some ranges: intervals in order, with a gap between each two. Immutable.
/// </summary>
/// <remarks>
/// A single key k is the interval from k to k followed by 0x00, between which there is no other key; so a key and the
/// range that begins right after it grow together like any two that touch.
/// </remarks>
internal sealed class KeyIntervals
{
    public static readonly KeyIntervals None = new([]);

    private readonly Interval[] _intervals;

    private KeyIntervals(Interval[] intervals) => _intervals = intervals;

    public static KeyIntervals UnionOf(IEnumerable<KeyRange> ranges)
    {
        var sorted = ranges.Where(range => !range.IsEmpty).Select(IntervalOf).ToArray();
        Array.Sort(sorted, static (left, right) => left.Start.AsSpan().SequenceCompareTo(right.Start));
        var union = new List<Interval>();
        foreach (var next in sorted)
        {
            if (union.Count == 0 || !union[^1].Reaches(next.Start))
            {
                union.Add(next);
            }
            else if (union[^1].End is { } end && (next.End is null || next.End.AsSpan().SequenceCompareTo(end) > 0))
            {
                union[^1] = union[^1] with { End = next.End };
            }
        }

        return new KeyIntervals([.. union]);
    }

    /// <summary>Whether each key that the range may select lies within.</summary>
    public bool Cover(in KeyRange range)
    {
        // What can select nothing is judged by the key it begins with.
        var start = range.Start.Span;
        if (range.IsSingle || range.IsEmpty)
        {
            return Cover(start);
        }

        // There is no empty key, so a range from the very beginning begins with 0x00.
        return Last(start.IsEmpty ? [0] : start) is { } interval
            && (interval.End is null || (!range.IsOpen && range.End.SequenceCompareTo(interval.End) <= 0));
    }

    public bool Cover(ReadOnlySpan<byte> key)
        => Last(key) is { } interval && (interval.End is null || key.SequenceCompareTo(interval.End) < 0);

    private static Interval IntervalOf(KeyRange range)
    {
        var start = range.Start.ToArray();
        return new Interval(start, range.IsSingle ? [.. start, 0] : range.IsOpen ? null : range.End.ToArray());
    }

    /// <summary>The last interval that begins with this key or before it. If it ends before, nothing else holds the key
    /// either.</summary>
    private Interval? Last(ReadOnlySpan<byte> key)
    {
        var (low, high) = (0, _intervals.Length);
        while (low < high)
        {
            var middle = (low + high) / 2;
            if (_intervals[middle].Start.AsSpan().SequenceCompareTo(key) <= 0)
            {
                low = middle + 1;
            }
            else
            {
                high = middle;
            }
        }

        return low == 0 ? null : _intervals[low - 1];
    }

    /// <param name="Start">The first key.</param>
    /// <param name="End">The first key behind it; null if there is none.</param>
    private sealed record Interval(byte[] Start, byte[]? End)
    {
        public bool Reaches(byte[] start) => End is null || start.AsSpan().SequenceCompareTo(End) <= 0;
    }
}
