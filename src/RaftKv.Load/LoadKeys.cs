using System.Buffers.Text;

namespace RaftKv.Load;

/// <summary>Numbered keys of one length: a prefix that all share, and ten digits.</summary>
public sealed class LoadKeys
{
    private const int Digits = 10;
    private readonly byte[] _pattern;

    /// <param name="count">How many there are.</param>
    /// <param name="length">Of each, in bytes.</param>
    /// <param name="prefix">What they begin with.</param>
    public LoadKeys(int count, int length = 64, byte[]? prefix = null)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(length, Digits + (prefix?.Length ?? 0));
        Count = count;
        _pattern = new byte[length];
        _pattern.AsSpan().Fill((byte)'k');
        prefix?.CopyTo(_pattern, 0);
    }

    public int Count { get; }

    public int Length => _pattern.Length;

    /// <summary>A request field that is this key.</summary>
    public void AddField(RequestBuffer request, int field, int number)
    {
        Span<byte> key = stackalloc byte[Length];
        Write(key, number);
        request.AddField(field, key);
    }

    public void Write(Span<byte> key, int number)
    {
        _pattern.CopyTo(key);
        _ = Utf8Formatter.TryFormat(number, key[^Digits..], out _, new System.Buffers.StandardFormat('D', Digits));
    }

    /// <summary>Each number once, in an order that looks like chance.</summary>
    /// <param name="index">From 0 to below <see cref="Count"/>.</param>
    public int Shuffled(long index)
    {
        // A step that has no divisor in common with the count visits each number once. A large prime is such a step,
        // but for its own multiples.
        const long Step = 1_000_000_007;
        return (int)((index % Count) * (Count % Step == 0 ? 1 : Step % Count) % Count);
    }
}
