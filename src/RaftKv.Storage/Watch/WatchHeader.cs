using RaftKv.Storage.Mvcc;

namespace RaftKv.Storage.Watch;

/// <summary>
/// What a member says of itself in the header of every response, as bytes. The revision is put between by the stream.
/// Another one is made when the term changes.
/// </summary>
public sealed class WatchHeader
{
    private readonly byte[] _beforeRevision;
    private readonly byte[] _afterRevision;

    public WatchHeader(ulong clusterId, ulong memberId, ulong raftTerm)
    {
        _beforeRevision = [.. Field(1, clusterId), .. Field(2, memberId)];
        _afterRevision = Field(4, raftTerm);
    }

    internal ReadOnlySpan<byte> BeforeRevision => _beforeRevision;

    internal ReadOnlySpan<byte> AfterRevision => _afterRevision;

    private static byte[] Field(int number, ulong value)
    {
        if (value == 0)
        {
            return [];
        }

        Span<byte> bytes = stackalloc byte[11];
        bytes[0] = (byte)(number << 3);
        return bytes[..(1 + RecordFormat.WriteVarint(bytes[1..], value))].ToArray();
    }
}
