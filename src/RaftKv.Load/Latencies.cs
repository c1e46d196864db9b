using System.Numerics;

namespace RaftKv.Load;

/// <summary>A histogram of times, to within 2 percent, from a nanosecond to hours.</summary>
public sealed class Latencies
{
    private const int SubBits = 6;

    private readonly long[] _counts = new long[64 << SubBits];
    private double _squares;

    public long Count { get; private set; }

    public double TotalNs { get; private set; }

    public long MaxNs { get; private set; }

    public double MeanMs => Count == 0 ? 0 : TotalNs / Count / 1e6;

    /// <summary>How far they are from the mean, as a standard deviation.</summary>
    public double DeviationMs => Count == 0 ? 0 : Math.Sqrt(Math.Max(0, (_squares / Count) - (TotalNs / Count * (TotalNs / Count)))) / 1e6;

    public double MaxMs => MaxNs / 1e6;

    public void Add(long ns)
    {
        ns = Math.Max(1, ns);
        Count++;
        TotalNs += ns;
        _squares += (double)ns * ns;
        MaxNs = Math.Max(MaxNs, ns);
        _counts[Bucket(ns)]++;
    }

    public void Add(Latencies other)
    {
        Count += other.Count;
        TotalNs += other.TotalNs;
        _squares += other._squares;
        MaxNs = Math.Max(MaxNs, other.MaxNs);
        for (var i = 0; i < _counts.Length; i++)
        {
            _counts[i] += other._counts[i];
        }
    }

    /// <summary>The time that this share of all took at most, in milliseconds; 0 if there are none.</summary>
    public double QuantileMs(double share)
    {
        var wanted = Math.Max(1, (long)Math.Ceiling(share * Count));
        long seen = 0;
        for (var i = 0; i < _counts.Length; i++)
        {
            seen += _counts[i];
            if (seen >= wanted)
            {
                return Math.Min(Upper(i), MaxNs) / 1e6;
            }
        }

        return 0;
    }

    private static int Bucket(long ns)
    {
        var exponent = BitOperations.Log2((ulong)ns);
        return exponent < SubBits
            ? (int)ns
            : ((exponent - SubBits + 1) << SubBits) | (int)((ns >> (exponent - SubBits)) & ((1 << SubBits) - 1));
    }

    private static double Upper(int bucket)
    {
        var exponent = bucket >> SubBits;
        var rest = bucket & ((1 << SubBits) - 1);
        return exponent == 0 ? rest : Math.ScaleB((1 << SubBits) + rest + 1, exponent - 1);
    }
}
