using RaftKv.Storage.Mvcc;

namespace RaftKv.Storage.State.Requests;

/// <summary>Compares, and then does one thing or another as a whole: <c>etcdserverpb.TxnRequest</c>.</summary>
public sealed class TxnRequest
{
    // Each level of nesting is a call of this code. The number of operations bounds it long before, but bytes from the
    // wire are read before they are counted.
    private const int DepthMax = 200;

    private TxnRequest(List<Comparison> compares, List<TxnOperation> success, List<TxnOperation> failure)
    {
        Compares = compares;
        Success = success;
        Failure = failure;
    }

    /// <summary>All must hold for <see cref="Success"/> to be done, else <see cref="Failure"/> is.</summary>
    public IReadOnlyList<Comparison> Compares { get; }

    public IReadOnlyList<TxnOperation> Success { get; }

    public IReadOnlyList<TxnOperation> Failure { get; }

    /// <summary>Whether it consists of reads alone, so that it needs no place in the log.</summary>
    public bool IsReadOnly => Success.All(static op => op.Kind == TxnOperationKind.Range)
        && Failure.All(static op => op.Kind == TxnOperationKind.Range);

    /// <summary>Whether, being read-only, it may be answered without asking the others.</summary>
    public bool IsSerializable => Success.All(static op => op.Range.IsSerializable)
        && Failure.All(static op => op.Range.IsSerializable);

    /// <exception cref="WireFormatException">These are not the bytes of a request.</exception>
    public static TxnRequest Read(ReadOnlyMemory<byte> message) => Read(message, depth: 0);

    internal static TxnRequest Read(ReadOnlyMemory<byte> message, int depth)
    {
        if (depth > DepthMax)
        {
            throw new WireFormatException($"Transactions are nested more than {DepthMax} deep.");
        }

        var compares = new List<Comparison>();
        var success = new List<TxnOperation>();
        var failure = new List<TxnOperation>();
        var fields = new WireReader(message);
        while (fields.Next())
        {
            switch (fields.Field)
            {
                case 1: compares.Add(Comparison.Read(fields.Bytes())); break;
                case 2: success.Add(TxnOperation.Read(fields.Bytes(), depth)); break;
                case 3: failure.Add(TxnOperation.Read(fields.Bytes(), depth)); break;
                default: fields.Skip(); break;
            }
        }

        return new TxnRequest(compares, success, failure);
    }
}

public enum TxnOperationKind
{
    /// <summary>The request named no operation.</summary>
    None,
    Range,
    Put,
    DeleteRange,
    Txn,
}

/// <summary>One operation of a transaction: <c>etcdserverpb.RequestOp</c>. Only what <see cref="Kind"/> says is
/// there.</summary>
public sealed class TxnOperation
{
    public TxnOperationKind Kind { get; private init; }

    public RangeQuery Range { get; private init; }

    public PutRequest Put { get; private init; }

    public DeleteRangeRequest DeleteRange { get; private init; }

    public TxnRequest? Txn { get; private init; }

    internal static TxnOperation Read(ReadOnlyMemory<byte> message, int depth)
    {
        var operation = new TxnOperation();
        var fields = new WireReader(message);
        while (fields.Next())
        {
            operation = fields.Field switch
            {
                1 => new TxnOperation { Kind = TxnOperationKind.Range, Range = RangeQuery.Read(fields.Bytes()) },
                2 => new TxnOperation { Kind = TxnOperationKind.Put, Put = PutRequest.Read(fields.Bytes()) },
                3 => new TxnOperation
                {
                    Kind = TxnOperationKind.DeleteRange,
                    DeleteRange = DeleteRangeRequest.Read(fields.Bytes()),
                },
                4 => new TxnOperation { Kind = TxnOperationKind.Txn, Txn = TxnRequest.Read(fields.Bytes(), depth + 1) },
                _ => Skip(ref fields, operation),
            };
        }

        return operation;
    }

    private static TxnOperation Skip(ref WireReader fields, TxnOperation operation)
    {
        fields.Skip();
        return operation;
    }
}

/// <summary>How the stored value must relate to the given one. The numbers are etcd's.</summary>
public enum ComparisonResult
{
    Equal = 0,
    Greater = 1,
    Less = 2,
    NotEqual = 3,
}

/// <summary>What of a key is compared. The numbers are etcd's.</summary>
public enum ComparisonTarget
{
    Version = 0,
    Created = 1,
    Modified = 2,
    Value = 3,
    Lease = 4,
}

/// <summary>A condition on one key or on every key of a range: <c>etcdserverpb.Compare</c>.</summary>
public readonly record struct Comparison
{
    public ReadOnlyMemory<byte> Key { get; init; }

    public ReadOnlyMemory<byte> RangeEnd { get; init; }

    public ComparisonResult Result { get; init; }

    public ComparisonTarget Target { get; init; }

    /// <summary>To compare with; 0 if the request gave a value for another target.</summary>
    public long Number { get; init; }

    /// <summary>To compare with; empty if the request gave a value for another target.</summary>
    public ReadOnlyMemory<byte> Value { get; init; }

    public KeyRange Range => KeyRange.Of(Key, RangeEnd);

    internal static Comparison Read(ReadOnlyMemory<byte> message)
    {
        ReadOnlyMemory<byte> key = default;
        ReadOnlyMemory<byte> end = default;
        ReadOnlyMemory<byte> value = default;
        int result = 0, target = 0, given = -1;
        var number = 0L;
        var fields = new WireReader(message);
        while (fields.Next())
        {
            switch (fields.Field)
            {
                case 1: result = fields.Enum(); break;
                case 2: target = fields.Enum(); break;
                case 3: key = fields.Bytes(); break;
                case 7: value = fields.Bytes(); given = 7; break;
                case 64: end = fields.Bytes(); break;
                case 4 or 5 or 6 or 8: number = fields.Number(); given = fields.Field; break;
                default: fields.Skip(); break;
            }
        }

        var wanted = target switch { 0 => 4, 1 => 5, 2 => 6, 3 => 7, 4 => 8, _ => 0 };
        return new Comparison
        {
            Key = key,
            RangeEnd = end,
            Result = (ComparisonResult)result,
            Target = (ComparisonTarget)target,
            Number = given == wanted && given != 7 ? number : 0,
            Value = given == wanted && given == 7 ? value : default,
        };
    }
}
