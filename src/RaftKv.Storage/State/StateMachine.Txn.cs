using RaftKv.Storage.Mvcc;
using RaftKv.Storage.State.Requests;

namespace RaftKv.Storage.State;

/// <summary>
/// Transactions: the way through all branches is found first, on the state as it was before; then everything on the way
/// is checked; then it is done. Nothing is done if a check fails.
/// </summary>
public sealed partial class StateMachine
{
    // On the way that is being checked, so far.
    private readonly List<KeyRange> _deletedOnTheWay = [];

    private StateError ApplyTxn(TxnRequest txn, Caller caller, bool isAwaited)
    {
        if (Alarms.IsActive(AlarmKind.NoSpace) && HasPut(txn))
        {
            return StateError.NoSpace;
        }

        if (Auth.View.IsEnabled && CheckRights(txn, caller) is var refusal and not StateError.None)
        {
            return refusal;
        }

        var path = TxnPath.Find(txn, Keys.Working);
        var error = Check(path);
        _deletedOnTheWay.Clear();
        if (error != StateError.None)
        {
            return error;
        }

        Keys.BeginWrite();
        Execute(path, isAwaited);
        Keys.EndWrite();
        return StateError.None;
    }

    private static bool HasPut(TxnRequest txn)
        => txn.Success.Any(HasPut) || txn.Failure.Any(HasPut);

    private static bool HasPut(TxnOperation operation)
        => operation.Kind == TxnOperationKind.Put || (operation.Txn is { } nested && HasPut(nested));

    private StateError CheckRights(TxnRequest txn, Caller caller)
    {
        foreach (var compare in txn.Compares)
        {
            if (Auth.View.Check(caller, Access.Read, compare.Range) is var refusal and not StateError.None)
            {
                return refusal;
            }
        }

        foreach (var operation in txn.Success.Concat(txn.Failure))
        {
            var error = operation.Kind switch
            {
                TxnOperationKind.Range => Auth.View.Check(caller, Access.Read, operation.Range.Range),
                TxnOperationKind.Put => CheckRights(operation.Put, caller),
                TxnOperationKind.DeleteRange => CheckRights(operation.DeleteRange, caller),
                TxnOperationKind.Txn => SkipsNestedRights ? StateError.None : CheckRights(operation.Txn!, caller),
                _ => StateError.None,
            };
            if (error != StateError.None)
            {
                return error;
            }
        }

        return StateError.None;
    }

    private StateError Check(TxnPath path)
    {
        for (var i = 0; i < path.Operations.Count; i++)
        {
            var operation = path.Operations[i];
            var error = operation.Kind switch
            {
                TxnOperationKind.Range => TxnPath.Check(operation.Range, Keys.Revision, Keys.Compacted),
                TxnOperationKind.Put => CheckPutInTxn(operation.Put),
                TxnOperationKind.DeleteRange => NoteDeletion(operation.DeleteRange.Range),
                TxnOperationKind.Txn => Check(path.Nested[i]!),
                _ => StateError.None,
            };
            if (error != StateError.None)
            {
                return error;
            }
        }

        return StateError.None;
    }

    private StateError NoteDeletion(KeyRange range)
    {
        _deletedOnTheWay.Add(range);
        return StateError.None;
    }

    // In the other order than a put of its own. What the transaction itself has deleted cannot be kept.
    private StateError CheckPutInTxn(in PutRequest put)
        => (put.KeepsValue || put.KeepsLease) && (!Keys.TryFind(put.Key.Span, out _) || IsDeletedOnTheWay(put.Key.Span)) ? StateError.KeyNotFound
            : put.Lease != 0 && !Leases.Contains(put.Lease) ? StateError.LeaseNotFound
            : StateError.None;

    private bool IsDeletedOnTheWay(ReadOnlySpan<byte> key)
    {
        foreach (var range in _deletedOnTheWay)
        {
            if (range.Contains(key))
            {
                return true;
            }
        }

        return false;
    }

    // Writes the fields of a TxnResponse after its header.
    private void Execute(TxnPath path, bool isAwaited)
    {
        _body.Flag(2, path.IsSuccess);
        for (var i = 0; i < path.Operations.Count; i++)
        {
            var operation = path.Operations[i];
            var item = _body.Begin(3);
            var response = _body.Begin(operation.Kind switch
            {
                TxnOperationKind.Range => 1,
                TxnOperationKind.Put => 2,
                TxnOperationKind.DeleteRange => 3,
                _ => 4,
            });
            switch (operation.Kind)
            {
                case TxnOperationKind.Range when isAwaited:
                    TxnPath.WriteInnerHeader(_body, Keys.RevisionWithin);
                    RangeRead.Run(operation.Range, Keys.Working, _body);
                    break;
                case TxnOperationKind.Put:
                    TxnPath.WriteInnerHeader(_body, Keys.Revision + 1);
                    Put(operation.Put, isAwaited);
                    break;
                case TxnOperationKind.DeleteRange:
                    // The header comes first, and whether anything is deleted is known only afterwards.
                    var willChange = Keys.HasChanged || Keys.Working.Keys.Scan(operation.DeleteRange.Range).MoveNext();
                    TxnPath.WriteInnerHeader(_body, willChange ? Keys.Revision + 1 : Keys.Revision);
                    DeleteRange(operation.DeleteRange, isAwaited);
                    break;
                case TxnOperationKind.Txn:
                    _body.End(_body.Begin(1));
                    Execute(path.Nested[i]!, isAwaited);
                    break;
            }

            _body.End(response);
            _body.End(item);
        }
    }
}
