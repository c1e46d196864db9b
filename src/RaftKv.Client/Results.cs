using Wire = RaftKv.Protocol.Etcd;

namespace RaftKv.Client;

/// <summary>Who answered, and at which moment of history.</summary>
/// <param name="ClusterId">The cluster.</param>
/// <param name="MemberId">The member that answered.</param>
/// <param name="Revision">Of the store, when the answer was made.</param>
/// <param name="RaftTerm">The term that the member knew.</param>
public readonly record struct AnswerHeader(ulong ClusterId, ulong MemberId, long Revision, ulong RaftTerm)
{
    internal static AnswerHeader Of(Wire.ResponseHeader? wire)
        => wire is null ? default : new(wire.ClusterId, wire.MemberId, wire.Revision, wire.RaftTerm);
}

/// <summary>What was found in a range.</summary>
public sealed record RangeResult
{
    public AnswerHeader Header { get; init; }

    /// <summary>In the order asked for; empty if only a count was asked for.</summary>
    public IReadOnlyList<KeyValue> KeyValues { get; init; } = [];

    /// <summary>Whether the limit has cut off some.</summary>
    public bool HasMore { get; init; }

    /// <summary>All keys in the range, whatever limit and filters took away.</summary>
    public long Count { get; init; }

    internal static RangeResult Of(Wire.RangeResponse wire) => new()
    {
        Header = AnswerHeader.Of(wire.Header),
        KeyValues = KeyValue.Of(wire.Kvs),
        HasMore = wire.More,
        Count = wire.Count,
    };
}

/// <summary>A put that has happened.</summary>
/// <param name="Header">Its revision is that of the put.</param>
/// <param name="Previous">What the key was before, if that was asked for and there was something.</param>
public sealed record PutResult(AnswerHeader Header, KeyValue? Previous)
{
    /// <summary>The revision of the put.</summary>
    public long Revision => Header.Revision;

    internal static PutResult Of(Wire.PutResponse wire) => new(AnswerHeader.Of(wire.Header), KeyValue.OfNullable(wire.PrevKv));
}

/// <summary>A deletion that has happened.</summary>
/// <param name="Header">Its revision is that of the deletion, if anything was deleted.</param>
/// <param name="Deleted">How many keys there were.</param>
/// <param name="Previous">What they were, if that was asked for.</param>
public sealed record DeleteResult(AnswerHeader Header, long Deleted, IReadOnlyList<KeyValue> Previous)
{
    internal static DeleteResult Of(Wire.DeleteRangeResponse wire)
        => new(AnswerHeader.Of(wire.Header), wire.Deleted, KeyValue.Of(wire.PrevKvs));
}

/// <summary>What a transaction has done.</summary>
/// <param name="Header">Its revision is that of all the changes.</param>
/// <param name="Succeeded">Whether all conditions held, so that the first branch was taken.</param>
/// <param name="Results">One for each operation of the branch that was taken, in its order.</param>
public sealed record TransactionResult(AnswerHeader Header, bool Succeeded, IReadOnlyList<OperationResult> Results)
{
    internal static TransactionResult Of(Wire.TxnResponse wire)
        => new(AnswerHeader.Of(wire.Header), wire.Succeeded, [.. wire.Responses.Select(OperationResult.Of)]);
}

/// <summary>The result of one operation in a transaction: exactly one of these is there.</summary>
public sealed record OperationResult
{
    public RangeResult? Range { get; init; }

    public PutResult? Put { get; init; }

    public DeleteResult? Delete { get; init; }

    public TransactionResult? Transaction { get; init; }

    internal static OperationResult Of(Wire.ResponseOp wire) => wire.ResponseCase switch
    {
        Wire.ResponseOp.ResponseOneofCase.ResponseRange => new() { Range = RangeResult.Of(wire.ResponseRange) },
        Wire.ResponseOp.ResponseOneofCase.ResponsePut => new() { Put = PutResult.Of(wire.ResponsePut) },
        Wire.ResponseOp.ResponseOneofCase.ResponseDeleteRange => new() { Delete = DeleteResult.Of(wire.ResponseDeleteRange) },
        Wire.ResponseOp.ResponseOneofCase.ResponseTxn => new() { Transaction = TransactionResult.Of(wire.ResponseTxn) },
        _ => new(),
    };
}
