using RaftKv.Storage.Mvcc;
using RaftKv.Storage.State;
using RaftKv.Storage.State.Requests;

namespace RaftKv.Server.Api;

/// <summary>What a request is going to do with some keys.</summary>
internal enum KeyUse
{
    Read,
    Write,

    /// <summary>The value before a write is returned.</summary>
    ReadPrevious,
}

/// <summary>Keys, and what is going to be done with them.</summary>
internal readonly record struct KeyAccess(KeyUse Use, KeyRange Range);

/// <summary>
/// Everything that a request may touch, known before it runs: of a transaction, both branches. This is the one place that
/// knows; whoever judges rights on a request asks it.
/// </summary>
/// <remarks>Borrows the request's bytes. In the order in which the parts of the request are judged.</remarks>
internal sealed class AccessSet
{
    private readonly List<KeyAccess> _keys = [];
    private readonly List<long> _leases = [];

    private AccessSet()
    {
    }

    public IReadOnlyList<KeyAccess> Keys => _keys;

    /// <summary>Leases that keys are attached to: all that goes with them has to be writable.</summary>
    public IReadOnlyList<long> Leases => _leases;

    public static AccessSet Of(in RangeQuery query)
    {
        var set = new AccessSet();
        set.Add(query);
        return set;
    }

    public static AccessSet Of(in PutRequest put)
    {
        var set = new AccessSet();
        set.Add(put);
        return set;
    }

    public static AccessSet Of(in DeleteRangeRequest delete)
    {
        var set = new AccessSet();
        set.Add(delete);
        return set;
    }

    public static AccessSet Of(TxnRequest txn)
    {
        var set = new AccessSet();
        set.Add(txn);
        return set;
    }

    /// <summary>A watch reads what it watches.</summary>
    public static AccessSet OfWatch(KeyRange range)
    {
        var set = new AccessSet();
        set._keys.Add(new KeyAccess(KeyUse.Read, range));
        return set;
    }

    /// <summary>The keys that go with a lease, when it is looked at or kept alive.</summary>
    public static AccessSet OfLeaseKeys(KeyUse use, IEnumerable<ReadOnlyMemory<byte>> keys)
    {
        var set = new AccessSet();
        set._keys.AddRange(keys.Select(key => new KeyAccess(use, KeyRange.Exactly(key))));
        return set;
    }

    /// <summary>Whether the caller may do all of this now. What goes with <see cref="Leases"/> is judged when the request is
    /// applied: only then is it known.</summary>
    public StateError Check(AuthView auth, Caller caller)
    {
        var error = auth.CheckCredential(caller);
        if (error != StateError.None || !auth.IsEnabled)
        {
            return error;
        }

        foreach (var (use, range) in _keys)
        {
            error = auth.Check(caller, use == KeyUse.Write ? Access.Write : Access.Read, range);
            if (error != StateError.None)
            {
                return error;
            }
        }

        return StateError.None;
    }

    private void Add(in RangeQuery query) => _keys.Add(new KeyAccess(KeyUse.Read, query.Range));

    private void Add(in PutRequest put)
    {
        var key = KeyRange.Exactly(put.Key);
        _keys.Add(new KeyAccess(KeyUse.Write, key));
        if (put.WantsPrevious)
        {
            _keys.Add(new KeyAccess(KeyUse.ReadPrevious, key));
        }

        if (put.Lease != 0)
        {
            _leases.Add(put.Lease);
        }
    }

    private void Add(in DeleteRangeRequest delete)
    {
        _keys.Add(new KeyAccess(KeyUse.Write, delete.Range));
        if (delete.WantsPrevious)
        {
            _keys.Add(new KeyAccess(KeyUse.ReadPrevious, delete.Range));
        }
    }

    private void Add(TxnRequest txn)
    {
        foreach (var compare in txn.Compares)
        {
            _keys.Add(new KeyAccess(KeyUse.Read, compare.Range));
        }

        foreach (var operation in txn.Success.Concat(txn.Failure))
        {
            switch (operation.Kind)
            {
                case TxnOperationKind.Range:
                    Add(operation.Range);
                    break;
                case TxnOperationKind.Put:
                    Add(operation.Put);
                    break;
                case TxnOperationKind.DeleteRange:
                    Add(operation.DeleteRange);
                    break;
                case TxnOperationKind.Txn:
                    Add(operation.Txn!);
                    break;
            }
        }
    }
}
