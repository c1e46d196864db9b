namespace RaftKv.Storage;

/// <summary>
/// Memory for bytes that are kept for a while and let go in about the order in which they came: entries of the log,
/// records of changes. For one thread at a time; what it gives out is anybody's.
/// </summary>
/// <remarks>
/// Pieces are cut from arrays so large that the collector leaves them where they are. A young collection stops everybody for
/// as long as it takes to copy what survives it, and of such bytes nearly all would survive two of them. An array goes when
/// the last of its pieces is let go.
/// </remarks>
/// <example><code>
/// var room = new KeptBytes();
/// var piece = room.Take(payload.Length);
/// payload.CopyTo(piece.Span);
/// </code></example>
public sealed class KeptBytes
{
    // Above the 85,000 bytes from which arrays belong to the oldest generation at once.
    private const int ChunkBytes = 128 * 1024;

    // A piece that is larger gets an array of its own: a chunk that it does not fit into any more would be left half empty.
    private const int LargePieceBytes = ChunkBytes / 8;

    private byte[] _chunk = [];
    private int _used;

    /// <summary>Gives so many bytes, whatever they are.</summary>
    public Memory<byte> Take(int bytes)
    {
        if (bytes > _chunk.Length - _used)
        {
            if (bytes > LargePieceBytes)
            {
                return GC.AllocateUninitializedArray<byte>(bytes);
            }

            _chunk = GC.AllocateUninitializedArray<byte>(ChunkBytes);
            _used = 0;
        }

        var piece = _chunk.AsMemory(_used, bytes);
        _used += bytes;
        return piece;
    }
}
