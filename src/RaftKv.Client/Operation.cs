using Wire = RaftKv.Protocol.Etcd;

namespace RaftKv.Client;

/// <summary>One step of a <see cref="Transaction"/>.</summary>
/// <example><code>Operation.Put("key", "value", new PutOptions { Lease = lease.Id })</code></example>
public sealed class Operation
{
    private Operation(Wire.RequestOp message, bool isReadOnly)
    {
        Message = message;
        IsReadOnly = isReadOnly;
    }

    internal Wire.RequestOp Message { get; }

    internal bool IsReadOnly { get; }

    public static Operation Get(KvBytes key) => Range(KeyRange.Key(key));

    public static Operation Range(KeyRange range, RangeOptions? options = null)
        => new(new() { RequestRange = Requests.Range(range, options) }, isReadOnly: true);

    public static Operation Put(KvBytes key, KvBytes value, PutOptions? options = null)
        => new(new() { RequestPut = Requests.Put(key, value, options) }, isReadOnly: false);

    public static Operation Delete(KeyRange range, DeleteOptions? options = null)
        => new(new() { RequestDeleteRange = Requests.Delete(range, options) }, isReadOnly: false);

    /// <summary>A transaction inside a transaction. Its conditions, too, see the store as it was before the outermost one.</summary>
    public static Operation Nested(Transaction transaction)
    {
        ArgumentNullException.ThrowIfNull(transaction);
        return new(new() { RequestTxn = transaction.ToWire() }, transaction.IsReadOnly);
    }
}
