using Google.Protobuf;

namespace RaftKv.Client;

/// <summary>One key, or all keys from one on and before another one, in the order of their bytes.</summary>
/// <example><code>
/// await client.RangeAsync(KeyRange.Prefix("users/"));
/// await client.DeleteAsync(KeyRange.Between("a", "b"));
/// </code></example>
public readonly struct KeyRange
{
    private static readonly byte[] Zero = [0];

    private KeyRange(KvBytes from, KvBytes end)
    {
        From = from;
        End = end;
    }

    /// <summary>The first key. Empty only in <see cref="All"/>'s stead.</summary>
    public KvBytes From { get; }

    /// <summary>The first key that is not meant; empty for a single key, one zero byte for no end, as it is on the wire.</summary>
    public KvBytes End { get; }

    public bool IsSingle => End.IsEmpty;

    /// <summary>Every key.</summary>
    public static KeyRange All { get; } = new(Zero, Zero);

    internal ByteString WireKey => From.Wire;

    internal ByteString WireEnd => End.Wire;

    public static implicit operator KeyRange(string key) => Key(key);

    public static implicit operator KeyRange(byte[] key) => Key(key);

    public static implicit operator KeyRange(ReadOnlyMemory<byte> key) => Key(key);

    public static implicit operator KeyRange(KvBytes key) => Key(key);

    /// <summary>That one key.</summary>
    public static KeyRange Key(KvBytes key) => new(key, default);

    /// <summary>All keys that begin with these bytes; every key, if there are none.</summary>
    public static KeyRange Prefix(KvBytes prefix)
    {
        var end = prefix.Memory.ToArray();
        for (var last = end.Length - 1; last >= 0; last--)
        {
            if (end[last] < byte.MaxValue)
            {
                end[last]++;
                return new(prefix, end.AsMemory(0, last + 1));
            }
        }

        // Nothing comes behind a prefix of 0xff alone.
        return prefix.IsEmpty ? All : new(prefix, Zero);
    }

    /// <summary>From one key on, up to another one, which is left out.</summary>
    public static KeyRange Between(KvBytes from, KvBytes end)
        => end.IsEmpty ? throw new ArgumentException("A range needs an end; without one it is StartingAt.", nameof(end)) : new(from, end);

    /// <summary>That key and all that come behind it.</summary>
    public static KeyRange StartingAt(KvBytes from) => new(from.IsEmpty ? Zero : from, Zero);

    /// <summary>The rest of this range behind a key that was read from it.</summary>
    internal KeyRange After(ReadOnlyMemory<byte> key)
    {
        var next = new byte[key.Length + 1];
        key.CopyTo(next);
        return new(next, End);
    }
}
