using RaftKv.Storage.Mvcc;
using RaftKv.Storage.Records;
using RaftKv.Storage.State.Requests;

namespace RaftKv.Storage.State;

/// <summary>
/// Which branches of a transaction are taken, nested ones included: all compares look at one state.
/// </summary>
public sealed class TxnPath
{
    private TxnPath(bool isSuccess, IReadOnlyList<TxnOperation> operations, TxnPath?[] nested)
    {
        IsSuccess = isSuccess;
        Operations = operations;
        Nested = nested;
    }

    /// <summary>Whether all compares held.</summary>
    public bool IsSuccess { get; }

    /// <summary>Of the branch that is taken.</summary>
    public IReadOnlyList<TxnOperation> Operations { get; }

    /// <summary>For each operation that is a transaction, the way through it.</summary>
    public IReadOnlyList<TxnPath?> Nested { get; }

    public static TxnPath Find(TxnRequest txn, KeySpaceView view)
    {
        var isSuccess = txn.Compares.All(compare => Holds(compare, view));
        var operations = isSuccess ? txn.Success : txn.Failure;
        var nested = new TxnPath?[operations.Count];
        for (var i = 0; i < nested.Length; i++)
        {
            nested[i] = operations[i].Txn is { } inner ? Find(inner, view) : null;
        }

        return new TxnPath(isSuccess, operations, nested);
    }

    /// <summary>Whether a range within a transaction can be read. Unlike in one of its own, a negative revision counts as
    /// one.</summary>
    public static StateError Check(in RangeQuery query, long current, long compacted)
        => query.Revision > current ? StateError.FutureRevision
            : query.Revision != 0 && query.Revision < compacted ? StateError.Compacted
            : StateError.None;

    /// <summary>Answers a transaction that only reads: the fields of a <c>TxnResponse</c> after its header.</summary>
    public static StateError Read(TxnRequest txn, KeySpaceView view, WireWriter to)
    {
        var path = Find(txn, view);
        foreach (var operation in path.Operations)
        {
            if (Check(operation.Range, view.Revision, view.Compacted) is var error and not StateError.None)
            {
                return error;
            }
        }

        to.Flag(2, path.IsSuccess);
        foreach (var operation in path.Operations)
        {
            var item = to.Begin(3);
            var response = to.Begin(1);
            WriteInnerHeader(to, view.Revision);
            RangeRead.Run(operation.Range, view, to);
            to.End(response);
            to.End(item);
        }

        return StateError.None;
    }

    /// <summary>Responses within a transaction have a header with a revision alone.</summary>
    internal static void WriteInnerHeader(WireWriter to, long revision)
    {
        var header = to.Begin(1);
        to.Number(3, revision);
        to.End(header);
    }

    private static bool Holds(in Comparison compare, KeySpaceView view)
    {
        var keys = view.Keys.Scan(compare.Range);
        if (!keys.MoveNext())
        {
            return compare.Target != ComparisonTarget.Value && Relates(compare, default, view);
        }

        do
        {
            if (!Relates(compare, keys.Current, view))
            {
                return false;
            }
        }
        while (keys.MoveNext());

        return true;
    }

    private static bool Relates(in Comparison compare, in KeyRevision stored, KeySpaceView view)
    {
        var order = compare.Target switch
        {
            ComparisonTarget.Version => stored.Version.CompareTo(compare.Number),
            ComparisonTarget.Created => stored.Created.CompareTo(compare.Number),
            ComparisonTarget.Modified => stored.Modified.Main.CompareTo(compare.Number),
            ComparisonTarget.Lease when !stored.IsLeased => 0L.CompareTo(compare.Number),
            ComparisonTarget.Value or ComparisonTarget.Lease => CompareRecord(compare, stored, view),

            // A target that is not known is taken for equal.
            _ => 0,
        };
        return compare.Result switch
        {
            ComparisonResult.Equal => order == 0,
            ComparisonResult.Greater => order > 0,
            ComparisonResult.Less => order < 0,
            ComparisonResult.NotEqual => order != 0,
            _ => true,
        };
    }

    private static int CompareRecord(in Comparison compare, in KeyRevision stored, KeySpaceView view)
    {
        var comparer = new RecordComparer(compare);
        view.Read([stored.Modified], comparer);
        return comparer.Order;
    }

    private sealed class RecordComparer(Comparison compare) : IRecordSink
    {
        public int Order { get; private set; }

        public void Accept(Revision revision, ReadOnlySpan<byte> record)
        {
            var fields = RecordFormat.Read(record);
            Order = compare.Target == ComparisonTarget.Value
                ? fields.Value.SequenceCompareTo(compare.Value.Span)
                : fields.Lease.CompareTo(compare.Number);
        }
    }
}
