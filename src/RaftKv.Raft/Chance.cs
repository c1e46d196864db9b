using System.Numerics;

namespace RaftKv.Raft;

/// <summary>
/// A stream of chance from one seed: xoshiro256**, filled by splitmix64. Ours, so that a seed means the same history on
/// every runtime for ever; passed in, so that one seed replays a whole cluster; integers and ratios only, so that no
/// rounding differs between machines.
/// </summary>
/// <remarks>
/// Each concern takes a stream of its own (<see cref="Stream(string)"/>): a new fault then draws from a new stream, and
/// the elections of an old seed stay as they were.
/// </remarks>
public sealed class Chance
{
    private readonly ulong _seed;
    private ulong _a;
    private ulong _b;
    private ulong _c;
    private ulong _d;

    public Chance(ulong seed)
    {
        _seed = seed;
        var state = seed;
        _a = NextOfSplitMix(ref state);
        _b = NextOfSplitMix(ref state);
        _c = NextOfSplitMix(ref state);
        _d = NextOfSplitMix(ref state);
    }

    /// <summary>The stream of one concern. It depends on the seed and the name alone, not on what has been drawn.</summary>
    public Chance Stream(string concern)
    {
        var state = _seed;
        foreach (var letter in concern)
        {
            state ^= letter;
            NextOfSplitMix(ref state);
        }

        return new Chance(NextOfSplitMix(ref state));
    }

    /// <summary>The stream of one of several alike: the disk of the third member.</summary>
    public Chance Stream(string concern, int number)
    {
        var state = Stream(concern)._seed + (ulong)number;
        return new Chance(NextOfSplitMix(ref state));
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

    /// <summary>A number in [0, bound). The bias of the multiplication is below 2^-32 for the bounds used here.</summary>
    public long Below(long bound)
    {
        Invariant.Holds(bound > 0);
        return (long)Math.BigMul(Next(), (ulong)bound, out _);
    }

    /// <inheritdoc cref="Below(long)"/>
    public int Below(int bound) => (int)Below((long)bound);

    /// <inheritdoc cref="Below(long)"/>
    public ulong Below(ulong bound)
    {
        Invariant.Holds(bound > 0);
        return Math.BigMul(Next(), bound, out _);
    }

    /// <summary>A number in [min, max], both ends possible.</summary>
    public long Between(long min, long max) => min + Below(max - min + 1);

    /// <inheritdoc cref="Between(long, long)"/>
    public int Between(int min, int max) => (int)Between((long)min, max);

    /// <summary>True as often as the ratio says. A ratio of nothing draws nothing, so that a fault that is switched off
    /// costs nothing and shifts nothing.</summary>
    public bool Happens(Ratio ratio) => ratio.Of > 0 && Below(ratio.OutOf) < ratio.Of;

    /// <summary>True in <paramref name="times"/> out of <paramref name="outOf"/> cases.</summary>
    public bool Happens(int times, int outOf) => Happens(new Ratio(times, outOf));

    public bool CoinToss() => (Next() >> 63) != 0;

    public T Pick<T>(ReadOnlySpan<T> choices) => choices[Below(choices.Length)];

    public void Shuffle<T>(Span<T> items)
    {
        for (var i = items.Length - 1; i > 0; i--)
        {
            var j = Below(i + 1);
            (items[i], items[j]) = (items[j], items[i]);
        }
    }

    public void Fill(Span<byte> bytes)
    {
        for (var i = 0; i < bytes.Length; i++)
        {
            bytes[i] = (byte)(Next() >> 56);
        }
    }

    private static ulong NextOfSplitMix(ref ulong state)
    {
        state += 0x9E3779B97F4A7C15;
        var mixed = state;
        mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9;
        mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EB;
        return mixed ^ (mixed >> 31);
    }
}

/// <summary>How often something happens: <see cref="Of"/> times out of <see cref="OutOf"/>.</summary>
public readonly record struct Ratio(int Of, int OutOf)
{
    public static readonly Ratio Never = new(0, 1);

    public static readonly Ratio Always = new(1, 1);

    public override string ToString() => $"{Of}/{OutOf}";
}
