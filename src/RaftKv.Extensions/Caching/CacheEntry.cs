using System.Buffers;
using System.Buffers.Binary;
using Microsoft.Extensions.Caching.Distributed;

namespace RaftKv.Extensions.Caching;

/// <summary>When an entry ends: at a time, so long after its last use, or whichever of the two comes first.</summary>
/// <param name="Absolute">Milliseconds since 1970; 0 for no such time.</param>
/// <param name="Sliding">Milliseconds; 0 if use does not matter.</param>
internal readonly record struct Expiry(long Absolute, long Sliding)
{
    public static Expiry Of(DistributedCacheEntryOptions options, DateTimeOffset now, TimeSpan usualSliding)
    {
        var absolute = options.AbsoluteExpirationRelativeToNow is { } span ? now + span : options.AbsoluteExpiration;
        if (absolute <= now)
        {
            throw new ArgumentOutOfRangeException(nameof(options), absolute, "The entry would have expired already.");
        }

        var sliding = options.SlidingExpiration ?? (absolute is null ? usualSliding : TimeSpan.Zero);
        return new(absolute?.ToUnixTimeMilliseconds() ?? 0, (long)Math.Ceiling(sliding.TotalMilliseconds));
    }

    /// <summary>How long the entry lives if it is used now.</summary>
    public TimeSpan LifeFrom(DateTimeOffset now)
    {
        var untilAbsolute = Absolute == 0 ? long.MaxValue : Absolute - now.ToUnixTimeMilliseconds();
        return TimeSpan.FromMilliseconds(Math.Min(untilAbsolute, Sliding == 0 ? long.MaxValue : Sliding));
    }

    public bool IsOver(DateTimeOffset now) => Absolute != 0 && Absolute <= now.ToUnixTimeMilliseconds();
}

/// <summary>
/// An entry's bytes in the store: a version, two times, and the content. The lease ends an entry a little late; what must
/// be exact is here.
/// </summary>
internal static class CacheEntry
{
    private const byte Version = 1;
    private const int HeadBytes = 1 + sizeof(long) + sizeof(long);

    public static ReadOnlyMemory<byte> Pack(Expiry expiry, in ReadOnlySequence<byte> content)
    {
        var packed = new byte[HeadBytes + checked((int)content.Length)];
        packed[0] = Version;
        BinaryPrimitives.WriteInt64LittleEndian(packed.AsSpan(1), expiry.Absolute);
        BinaryPrimitives.WriteInt64LittleEndian(packed.AsSpan(1 + sizeof(long)), expiry.Sliding);
        content.CopyTo(packed.AsSpan(HeadBytes));
        return packed;
    }

    /// <returns>False: somebody else's bytes, or a later version's.</returns>
    public static bool TryUnpack(ReadOnlyMemory<byte> packed, out Expiry expiry, out ReadOnlyMemory<byte> content)
    {
        if (packed.Length < HeadBytes || packed.Span[0] != Version)
        {
            (expiry, content) = (default, default);
            return false;
        }

        expiry = new(
            BinaryPrimitives.ReadInt64LittleEndian(packed.Span[1..]), BinaryPrimitives.ReadInt64LittleEndian(packed.Span[(1 + sizeof(long))..]));
        content = packed[HeadBytes..];
        return true;
    }
}
