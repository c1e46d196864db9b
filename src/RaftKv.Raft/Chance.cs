using System.Numerics;

namespace RaftKv.Raft;

/// <summary>
/// The seeded generator (xoshiro256**, seeded by splitmix64). Ours, so that a seed means the same history on every
/// runtime for ever; passed in, so that one seed replays a whole cluster.
/// </summary>
public sealed class Chance
{
    private ulong _a;
    private ulong _b;
    private ulong _c;
    private ulong _d;

    public Chance(ulong seed)
    {
        _a = SplitMix(ref seed);
        _b = SplitMix(ref seed);
        _c = SplitMix(ref seed);
        _d = SplitMix(ref seed);
    }

    public ulong Next()
    {
        var result = BitOperations.RotateLeft(_b * 5, 7) * 9;
        var shifted = _b << 17;
        _c ^= _a;
        _d ^= _b;
        _b ^= _c;
        _a ^= _d;
        _c ^= shifted;
        _d = BitOperations.RotateLeft(_d, 45);
        return result;
    }

    /// <summary>A number from <paramref name="least"/> to <paramref name="most"/>, both included.</summary>
    public int Between(int least, int most)
    {
        Invariant.Holds(least <= most);
        return least + (int)Below((ulong)((long)most - least + 1));
    }

    /// <summary>A number from zero to <paramref name="bound"/>, the bound excluded.</summary>
    public ulong Below(ulong bound)
    {
        Invariant.Holds(bound > 0);

        // The high half of the product. The bias is below bound / 2^64: far less than any test could see.
        return Math.BigMul(Next(), bound, out _);
    }

    /// <summary>True in <paramref name="times"/> out of <paramref name="outOf"/> cases.</summary>
    public bool Happens(ulong times, ulong outOf) => Below(outOf) < times;

    private static ulong SplitMix(ref ulong state)
    {
        state += 0x9E3779B97F4A7C15;
        var mixed = state;
        mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9;
        mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EB;
        return mixed ^ (mixed >> 31);
    }
}
