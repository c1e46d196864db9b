using Wire = RaftKv.Protocol.Etcd;

namespace RaftKv.Client;

/// <summary>Requests as they go out, of what callers say.</summary>
internal static class Requests
{
    private static readonly RangeOptions Plainly = new();

    public static Wire.RangeRequest Range(KeyRange range, RangeOptions? options)
    {
        options ??= Plainly;
        return new()
        {
            Key = range.WireKey,
            RangeEnd = range.WireEnd,
            Limit = options.Limit,
            Revision = options.Revision,
            SortOrder = (Wire.RangeRequest.Types.SortOrder)options.Order,
            SortTarget = (Wire.RangeRequest.Types.SortTarget)options.OrderBy,
            Serializable = options.IsSerializable,
            KeysOnly = options.KeysOnly,
            CountOnly = options.CountOnly,
            MinModRevision = options.MinModRevision,
            MaxModRevision = options.MaxModRevision,
            MinCreateRevision = options.MinCreateRevision,
            MaxCreateRevision = options.MaxCreateRevision,
        };
    }

    public static Wire.PutRequest Put(KvBytes key, KvBytes value, PutOptions? options)
    {
        var request = new Wire.PutRequest { Key = key.Wire, Value = value.Wire };
        if (options is not null)
        {
            request.Lease = options.Lease;
            request.PrevKv = options.WantsPrevious;
            request.IgnoreValue = options.KeepsValue;
            request.IgnoreLease = options.KeepsLease;
        }

        return request;
    }

    public static Wire.DeleteRangeRequest Delete(KeyRange range, DeleteOptions? options)
        => new() { Key = range.WireKey, RangeEnd = range.WireEnd, PrevKv = options?.WantsPrevious ?? false };
}
