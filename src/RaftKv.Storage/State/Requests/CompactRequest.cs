namespace RaftKv.Storage.State.Requests;

/// <summary>Drops history: <c>etcdserverpb.CompactionRequest</c>.</summary>
/// <param name="Revision">The oldest that can still be read afterwards.</param>
/// <param name="IsPhysical">The answer waits until the history is gone on the member that answers.</param>
public readonly record struct CompactRequest(long Revision, bool IsPhysical)
{
    /// <exception cref="WireFormatException">These are not the bytes of a request.</exception>
    public static CompactRequest Read(ReadOnlyMemory<byte> message)
    {
        var revision = 0L;
        var isPhysical = false;
        var fields = new WireReader(message);
        while (fields.Next())
        {
            switch (fields.Field)
            {
                case 1: revision = fields.Number(); break;
                case 2: isPhysical = fields.Flag(); break;
                default: fields.Skip(); break;
            }
        }

        return new CompactRequest(revision, isPhysical);
    }
}
