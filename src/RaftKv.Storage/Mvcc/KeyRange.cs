namespace RaftKv.Storage.Mvcc;

/// <summary>
/// Which keys a request speaks of. Keys are compared byte by byte, unsigned, the shorter one first.
/// </summary>
/// <remarks>
/// <code>
///   key   range_end            selects
///   k     (empty)              k alone
///   k     0x00, one byte       every x >= k
///   k     e                    k &lt;= x &lt; e; nothing if e &lt;= k
/// </code>
/// <para>Borrows the memory it is made from, which must not change while the range is in use.</para>
/// </remarks>
public readonly struct KeyRange : IEquatable<KeyRange>
{
    private readonly ReadOnlyMemory<byte> _end;
    private readonly Extent _extent;

    private KeyRange(ReadOnlyMemory<byte> start, ReadOnlyMemory<byte> end, Extent extent)
    {
        Start = start;
        _end = end;
        _extent = extent;
    }

    private enum Extent : byte
    {
        Bounded,
        Single,
        Open,
    }

    /// <summary>Every key.</summary>
    public static KeyRange All => From(ReadOnlyMemory<byte>.Empty);

    /// <summary>The smallest key that is selected, if it is there.</summary>
    public ReadOnlyMemory<byte> Start { get; }

    /// <summary>One key and no other.</summary>
    public bool IsSingle => _extent == Extent.Single;

    /// <summary>Everything from <see cref="Start"/> on.</summary>
    public bool IsOpen => _extent == Extent.Open;

    /// <summary>No key can be in it.</summary>
    public bool IsEmpty => _extent == Extent.Bounded && _end.Span.SequenceCompareTo(Start.Span) <= 0;

    /// <summary>The first key that is not selected any more; only of a range that is neither single nor open.</summary>
    internal ReadOnlySpan<byte> End => _end.Span;

    /// <summary>Reads the two fields of a request.</summary>
    public static KeyRange Of(ReadOnlyMemory<byte> key, ReadOnlyMemory<byte> rangeEnd)
        => rangeEnd.Length == 0 ? Exactly(key)
            : rangeEnd.Span is [0] ? From(key)
            : new KeyRange(key, rangeEnd, Extent.Bounded);

    public static KeyRange Exactly(ReadOnlyMemory<byte> key) => new(key, default, Extent.Single);

    /// <summary>Every key that is not smaller.</summary>
    public static KeyRange From(ReadOnlyMemory<byte> key) => new(key, default, Extent.Open);

    /// <summary>Every key that begins with these bytes.</summary>
    public static KeyRange Prefix(ReadOnlyMemory<byte> prefix)
    {
        // Nothing but 0xff has no successor of the same length: all that follows begins with it.
        var last = prefix.Span.LastIndexOfAnyExcept((byte)0xff);
        if (last < 0)
        {
            return From(prefix);
        }

        var end = prefix[..(last + 1)].ToArray();
        end[last]++;
        return new KeyRange(prefix, end, Extent.Bounded);
    }

    public bool Contains(ReadOnlySpan<byte> key)
        => _extent switch
        {
            Extent.Single => key.SequenceEqual(Start.Span),
            Extent.Open => key.SequenceCompareTo(Start.Span) >= 0,
            _ => key.SequenceCompareTo(Start.Span) >= 0 && key.SequenceCompareTo(_end.Span) < 0,
        };

    public bool Equals(KeyRange other)
        => _extent == other._extent && Start.Span.SequenceEqual(other.Start.Span) && _end.Span.SequenceEqual(other._end.Span);

    public override bool Equals(object? obj) => obj is KeyRange other && Equals(other);

    public override int GetHashCode()
    {
        var hash = default(HashCode);
        hash.Add(_extent);
        hash.AddBytes(Start.Span);
        hash.AddBytes(_end.Span);
        return hash.ToHashCode();
    }

    public override string ToString()
    {
        var start = Convert.ToHexStringLower(Start.Span);
        return _extent switch
        {
            Extent.Single => start,
            Extent.Open => $"[{start}, …)",
            _ => $"[{start}, {Convert.ToHexStringLower(_end.Span)})",
        };
    }

    public static bool operator ==(KeyRange left, KeyRange right) => left.Equals(right);

    public static bool operator !=(KeyRange left, KeyRange right) => !left.Equals(right);
}
