using RaftKv.Rpc;
using RaftKv.Storage.Mvcc;
using RaftKv.Storage.State.Requests;

namespace RaftKv.Server.Api;

/// <summary>
/// What is wrong with a request as such, whatever the state: asked on the member that receives it, before anything is
/// proposed, and in the order in which etcd asks.
/// </summary>
internal static class RequestRules
{
    public static RpcStatus Check(in RangeQuery query)
        => query.Key.IsEmpty ? ApiErrors.EmptyKey
            : query.Order is < SortOrder.None or > SortOrder.Descend || query.Target is < SortTarget.Key or > SortTarget.Value
                ? ApiErrors.InvalidSortOption
            : RpcStatus.Ok;

    public static RpcStatus Check(in PutRequest put)
        => put.Key.IsEmpty ? ApiErrors.EmptyKey
            : put.KeepsValue && !put.Value.IsEmpty ? ApiErrors.ValueProvided
            : put.KeepsLease && put.Lease != 0 ? ApiErrors.LeaseProvided
            : RpcStatus.Ok;

    public static RpcStatus Check(in DeleteRangeRequest delete) => delete.Key.IsEmpty ? ApiErrors.EmptyKey : RpcStatus.Ok;

    /// <param name="txn">What was asked.</param>
    /// <param name="maxOperations">In the longest of its lists; a nested transaction gets what its parent leaves.</param>
    public static RpcStatus Check(TxnRequest txn, int maxOperations)
    {
        var status = CheckParts(txn, maxOperations);
        if (status.IsOk && (!TryCollect(txn.Success, out _) || !TryCollect(txn.Failure, out _)))
        {
            return ApiErrors.DuplicateKey;
        }

        return status;
    }

    private static RpcStatus CheckParts(TxnRequest txn, int maxOperations)
    {
        var longest = Math.Max(txn.Compares.Count, Math.Max(txn.Success.Count, txn.Failure.Count));
        if (longest > maxOperations)
        {
            return ApiErrors.TooManyOperations;
        }

        foreach (var compare in txn.Compares)
        {
            if (compare.Key.IsEmpty)
            {
                return ApiErrors.EmptyKey;
            }
        }

        foreach (var operation in txn.Success.Concat(txn.Failure))
        {
            var status = operation.Kind switch
            {
                TxnOperationKind.Range => Check(operation.Range),
                TxnOperationKind.Put => Check(operation.Put),
                TxnOperationKind.DeleteRange => Check(operation.DeleteRange),
                TxnOperationKind.Txn => CheckParts(operation.Txn!, maxOperations - longest),
                _ => ApiErrors.NoOperation,
            };
            if (!status.IsOk)
            {
                return status;
            }
        }

        return RpcStatus.Ok;
    }

    /// <summary>
    /// Collects what a list of operations may put and delete, nested ones included. A key that is put may not be put
    /// again, nor deleted, on any way through the transaction, as far as that can be told without running it.
    /// </summary>
    /// <remarks>
    /// A deletion of everything from a key on counts as one of nothing here, as it does with etcd: a put beside it is let
    /// through. When that put keeps a value which the deletion has taken, the state machine refuses it.
    /// </remarks>
    /// <returns>False if a key is.</returns>
    private static bool TryCollect(IReadOnlyList<TxnOperation> operations, out Writes writes)
    {
        writes = new Writes();
        if (!operations.Any(operation => operation.Kind is TxnOperationKind.Put or TxnOperationKind.DeleteRange or TxnOperationKind.Txn))
        {
            return true;
        }

        foreach (var operation in operations)
        {
            if (operation.Kind == TxnOperationKind.DeleteRange && !operation.DeleteRange.Range.IsOpen)
            {
                writes.Deletes.Add(operation.DeleteRange.Range);
            }
        }

        foreach (var operation in operations)
        {
            if (operation.Txn is { } nested && !TryAddNested(nested, writes))
            {
                return false;
            }
        }

        foreach (var operation in operations)
        {
            if (operation.Kind == TxnOperationKind.Put && (writes.Deleted(operation.Put.Key) || !writes.Puts.Add(operation.Put.Key)))
            {
                return false;
            }
        }

        return true;
    }

    private static bool TryAddNested(TxnRequest nested, Writes writes)
    {
        if (!TryCollect(nested.Success, out var success) || !TryCollect(nested.Failure, out var failure))
        {
            return false;
        }

        foreach (var key in success.Puts)
        {
            if (writes.Deleted(key) || !writes.Puts.Add(key))
            {
                return false;
            }
        }

        foreach (var key in failure.Puts)
        {
            // Only one of the two branches is taken, so they may put the same key.
            if (writes.Deleted(key) || (!writes.Puts.Add(key) && !success.Puts.Contains(key)))
            {
                return false;
            }
        }

        writes.Deletes.AddRange(success.Deletes);
        writes.Deletes.AddRange(failure.Deletes);
        return true;
    }

    private sealed class Writes
    {
        public HashSet<ReadOnlyMemory<byte>> Puts { get; } = new(KeyBytes.Comparer);

        // There are as many as a transaction has operations.
        public List<KeyRange> Deletes { get; } = [];

        public bool Deleted(ReadOnlyMemory<byte> key)
        {
            foreach (var range in Deletes)
            {
                if (range.Contains(key.Span))
                {
                    return true;
                }
            }

            return false;
        }
    }

    private sealed class KeyBytes : IEqualityComparer<ReadOnlyMemory<byte>>
    {
        public static readonly KeyBytes Comparer = new();

        public bool Equals(ReadOnlyMemory<byte> left, ReadOnlyMemory<byte> right) => left.Span.SequenceEqual(right.Span);

        public int GetHashCode(ReadOnlyMemory<byte> key)
        {
            var hash = default(HashCode);
            hash.AddBytes(key.Span);
            return hash.ToHashCode();
        }
    }
}
