using FASTER.core;
using RaftKv.Storage.Mvcc;

namespace RaftKv.Storage.Records.Faster;

/// <summary>A revision as FASTER keeps it: sixteen bytes as they are.</summary>
internal struct RecordKey(long main, long sub) : IFasterEqualityComparer<RecordKey>
{
    /// <summary>What fills the rest of a block; not a record.</summary>
    public static readonly RecordKey Filler = new(long.MinValue, long.MinValue);

    public long Main = main;
    public long Sub = sub;

    public readonly bool IsFiller => Main == long.MinValue;

    public readonly Revision Revision => new(Main, Sub);

    // FASTER takes the bucket from the low bits and a tag from the high ones. Revisions follow each other: counted straight
    // into the buckets they fill them evenly, and the next put finds its bucket beside that of the last one, in the cache.
    public readonly long GetHashCode64(ref RecordKey k)
    {
        var bucket = (uint)k.Main + ((uint)k.Sub * 0x9E3779B1);
        var tag = (((ulong)k.Main * 0x9E3779B97F4A7C15) ^ ((ulong)k.Sub * 0xC2B2AE3D27D4EB4F)) * 0xD6E8FEB86659FD93;
        return (long)((tag & ~(ulong)uint.MaxValue) | bucket);
    }

    public readonly bool Equals(ref RecordKey k1, ref RecordKey k2) => k1.Main == k2.Main && k1.Sub == k2.Sub;
}
