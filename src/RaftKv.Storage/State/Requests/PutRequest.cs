namespace RaftKv.Storage.State.Requests;

/// <summary>Gives a key a value: <c>etcdserverpb.PutRequest</c>.</summary>
public readonly record struct PutRequest
{
    public ReadOnlyMemory<byte> Key { get; init; }

    public ReadOnlyMemory<byte> Value { get; init; }

    /// <summary>0 for none, which also ends what there was.</summary>
    public long Lease { get; init; }

    public bool WantsPrevious { get; init; }

    /// <summary>The value stays as it is.</summary>
    public bool KeepsValue { get; init; }

    /// <summary>The lease stays as it is.</summary>
    public bool KeepsLease { get; init; }

    /// <exception cref="WireFormatException">These are not the bytes of a request.</exception>
    public static PutRequest Read(ReadOnlyMemory<byte> message)
    {
        ReadOnlyMemory<byte> key = default;
        ReadOnlyMemory<byte> value = default;
        var lease = 0L;
        bool wantsPrevious = false, keepsValue = false, keepsLease = false;
        var fields = new WireReader(message);
        while (fields.Next())
        {
            switch (fields.Field)
            {
                case 1: key = fields.Bytes(); break;
                case 2: value = fields.Bytes(); break;
                case 3: lease = fields.Number(); break;
                case 4: wantsPrevious = fields.Flag(); break;
                case 5: keepsValue = fields.Flag(); break;
                case 6: keepsLease = fields.Flag(); break;
                default: fields.Skip(); break;
            }
        }

        return new PutRequest
        {
            Key = key,
            Value = value,
            Lease = lease,
            WantsPrevious = wantsPrevious,
            KeepsValue = keepsValue,
            KeepsLease = keepsLease,
        };
    }
}
