using System.Text;
using Google.Protobuf;
using RaftKv.Differential.Text;

namespace RaftKv.Differential.Sequences;

/// <summary>
/// The keys, ranges, values and numbers that sequences are made of: few, so that operations meet each other, and among
/// them what lies at the edges.
/// </summary>
internal sealed class Vocabulary(Random chance)
{
    private static readonly ByteString[] Keys =
    [
        Bytes("a"), Bytes("b"), Bytes("c"), Bytes("d"), Bytes("aa"), Bytes("ab"), Bytes("a\0"), Bytes("\0"), Bytes("\0\0"),
        ByteString.CopyFrom(0xff), ByteString.CopyFrom(0xff, 0xff), ByteString.CopyFrom((byte)'a', 0xff),
    ];

    private static readonly ByteString[] Values =
        [ByteString.Empty, Bytes("1"), Bytes("2"), Bytes("3"), ByteString.CopyFrom(0, 0xff), Bytes(new string('v', 300))];

    private static readonly long[] OddNumbers = [-1, -2, long.MinValue, long.MaxValue, int.MaxValue, 1];

    private static readonly long[] Leases = [7001, 7002, 7003];

    private static readonly long[] OddLeases = [-5, 1, long.MaxValue, long.MinValue];

    /// <summary>About how many revisions the sequence has made so far.</summary>
    public int Written { get; set; }

    /// <summary>How many leases were granted whose ids the store chose.</summary>
    public int LeasesMade { get; set; }

    public bool Is(int percent) => chance.Next(100) < percent;

    public T Pick<T>(params ReadOnlySpan<T> choices) => choices[chance.Next(choices.Length)];

    public int Count(int max) => chance.Next(max + 1);

    /// <summary>A key; one time in fifty none.</summary>
    public ByteString Key() => Is(2) ? ByteString.Empty : Is(70) ? Keys[chance.Next(5)] : Pick(Keys);

    public ByteString Value() => Pick(Values);

    /// <summary>A key and the end of its range: one key, a prefix, everything from it on, everything, or a range that is empty.</summary>
    public (ByteString Key, ByteString End) Range()
    {
        var key = Key();
        var zero = ByteString.CopyFrom(0);
        return chance.Next(10) switch
        {
            < 4 => (key, ByteString.Empty),
            4 => (key, zero),
            5 => (zero, zero),
            6 => (key, AfterPrefix(key)),
            7 => (key, key),
            _ => (key, Key()),
        };
    }

    /// <summary>A revision of the sequence, of before it, of its future, or none at all.</summary>
    public long Revision(int percentNone = 50)
        => Is(percentNone) ? 0
            : Is(6) ? Pick(OddNumbers)
            : RelativeNumber.Revision(chance.Next(-2, Written + 3));

    /// <summary>A number that is a limit, a version and the like.</summary>
    public long Small() => Is(5) ? Pick(OddNumbers) : chance.Next(5);

    public long Lease()
        => Is(4) ? Pick(OddLeases)
            : LeasesMade > 0 && Is(30) ? RelativeNumber.Lease(chance.Next(LeasesMade))
            : Pick(Leases);

    public long LeaseOrNone(int percentNone) => Is(percentNone) ? 0 : Lease();

    /// <summary>Mostly long enough that it cannot run out within the sequence.</summary>
    public long Ttl() => Is(80) ? Pick(60L, 100, 5000) : Pick(0L, -1, 1, long.MinValue, long.MaxValue, 9_000_000_000, 9_000_000_001);

    /// <summary>A value of the enum; one time in thirty one that it does not have.</summary>
    public TEnum Enum<TEnum>()
        where TEnum : struct, Enum
        => Is(3) ? (TEnum)System.Enum.ToObject(typeof(TEnum), Pick(7, -1)) : Pick<TEnum>(System.Enum.GetValues<TEnum>());

    private static ByteString AfterPrefix(ByteString prefix)
    {
        var bytes = prefix.ToByteArray();
        var last = Array.FindLastIndex(bytes, b => b < 0xff);
        if (last < 0)
        {
            return ByteString.CopyFrom(0);
        }

        bytes[last]++;
        return ByteString.CopyFrom(bytes, 0, last + 1);
    }

    private static ByteString Bytes(string text) => ByteString.CopyFrom(text, Encoding.Latin1);
}
