using System.Buffers.Binary;
using RaftKv.Storage.Mvcc;
using RaftKv.Storage.Records;

namespace RaftKv.Storage.Tests.Records;

/// <summary>Keeps what it is given, in order.</summary>
internal sealed class CollectingSink : IRecordSink, IRecordVisitor
{
    public List<(Revision Revision, byte[] Record)> Records { get; } = [];

    public void Accept(Revision revision, ReadOnlySpan<byte> record) => Records.Add((revision, record.ToArray()));

    public void Visit(Revision revision, ReadOnlySpan<byte> record) => Records.Add((revision, record.ToArray()));
}

/// <summary>Answers from a predicate, and remembers who was asked about.</summary>
internal sealed class LiveIf(Func<Revision, bool> isLive) : IRecordLiveness
{
    public int Asked { get; private set; }

    public bool IsLive(Revision revision, ReadOnlySpan<byte> record)
    {
        Asked++;
        Assert.Equal(SampleRecord.Of(revision, record.Length), record);
        return isLive(revision);
    }
}

/// <summary>Records whose bytes follow from their revision, so that whoever reads one knows what it must be.</summary>
internal static class SampleRecord
{
    /// <summary>A length that varies with the revision: empty, tiny, usual, and now and then kilobytes.</summary>
    public static int LengthOf(Revision revision)
    {
        var mixed = Mix((ulong)revision.Main, (ulong)revision.Sub);
        return (mixed % 16) switch
        {
            0 => 0,
            1 => (int)(mixed >> 8) & 7,
            2 => (int)(mixed >> 8) & 4095,
            _ => (int)(mixed >> 8) & 255,
        };
    }

    public static byte[] Of(Revision revision) => Of(revision, LengthOf(revision));

    public static byte[] Of(Revision revision, int length)
    {
        var record = new byte[length];
        var state = Mix((ulong)revision.Main, (ulong)revision.Sub) | 1;
        Span<byte> word = stackalloc byte[8];
        for (var i = 0; i < length; i += 8)
        {
            state = (state * 6364136223846793005) + 1442695040888963407;
            BinaryPrimitives.WriteUInt64LittleEndian(word, state ^ (state >> 29));
            word[..Math.Min(8, length - i)].CopyTo(record.AsSpan(i));
        }

        return record;
    }

    private static ulong Mix(ulong main, ulong sub)
    {
        var mixed = (main * 0x9E3779B97F4A7C15) ^ (sub * 0xC2B2AE3D27D4EB4F);
        mixed = (mixed ^ (mixed >> 32)) * 0xD6E8FEB86659FD93;
        return mixed ^ (mixed >> 32);
    }
}
