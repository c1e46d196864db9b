using RaftKv.Storage.Mvcc;

namespace RaftKv.Storage.State.Requests;

/// <summary>Deletes the keys of a range: <c>etcdserverpb.DeleteRangeRequest</c>.</summary>
public readonly record struct DeleteRangeRequest
{
    public ReadOnlyMemory<byte> Key { get; init; }

    public ReadOnlyMemory<byte> RangeEnd { get; init; }

    public bool WantsPrevious { get; init; }

    public KeyRange Range => KeyRange.Of(Key, RangeEnd);

    /// <exception cref="WireFormatException">These are not the bytes of a request.</exception>
    public static DeleteRangeRequest Read(ReadOnlyMemory<byte> message)
    {
        ReadOnlyMemory<byte> key = default;
        ReadOnlyMemory<byte> end = default;
        var wantsPrevious = false;
        var fields = new WireReader(message);
        while (fields.Next())
        {
            switch (fields.Field)
            {
                case 1: key = fields.Bytes(); break;
                case 2: end = fields.Bytes(); break;
                case 3: wantsPrevious = fields.Flag(); break;
                default: fields.Skip(); break;
            }
        }

        return new DeleteRangeRequest { Key = key, RangeEnd = end, WantsPrevious = wantsPrevious };
    }
}
