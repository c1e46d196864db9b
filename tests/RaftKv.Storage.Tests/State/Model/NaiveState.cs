using System.Collections.Immutable;
using Google.Protobuf;
using RaftKv.Protocol.Etcd;
using RaftKv.Protocol.Mvcc;
using RaftKv.Storage.Mvcc;
using RaftKv.Storage.State;

namespace RaftKv.Storage.Tests.State.Model;

/// <summary>What came of a command: an error, or the response without its header.</summary>
/// <param name="Error">None if it was applied.</param>
/// <param name="Revision">After it.</param>
/// <param name="Response">Null after an error, and where the model does not say.</param>
/// <param name="Ranges">The reads within a transaction, in order.</param>
internal sealed record NaiveAnswer(StateError Error, long Revision, IMessage? Response, IReadOnlyList<RangeRequest> Ranges);

/// <summary>Applies commands in the plainest way there is, straight from what the contract says.</summary>
internal sealed class NaiveState
{
    private readonly List<NaiveChange> _changes = [];
    private readonly List<RangeRequest> _ranges = [];
    private readonly HashSet<string> _users = [];
    private readonly HashSet<string> _roles = [];
    private ImmutableSortedDictionary<long, NaiveLease> _leases = NaiveMoment.Empty.Leases;
    private long _revision = 1;
    private long _compacted = -1;
    private long _sub;
    private bool _isOutOfSpace;

    public NaiveMoment Now => new(_changes, _changes.Count, _revision, _compacted, _leases, _isOutOfSpace);

    private long Within => _revision + (_sub > 0 ? 1 : 0);

    public NaiveAnswer Apply(StateRequest request)
    {
        _sub = 0;
        _ranges.Clear();
        var (error, response) = Do(request);
        _revision = Within;
        _sub = 0;
        return new NaiveAnswer(error, _revision, error == StateError.None ? response : null, [.. _ranges]);
    }

    private (StateError Error, IMessage? Response) Do(StateRequest request)
    {
        switch (request)
        {
            case StateRequest.Put put:
                var refusal = _isOutOfSpace ? StateError.NoSpace : CheckPut(put.Request, isLeaseFirst: true);
                return (refusal, refusal == StateError.None ? Put(put.Request) : null);
            case StateRequest.Delete delete:
                return (StateError.None, Delete(delete.Request));
            case StateRequest.Txn txn:
                return Txn(txn.Request);
            case StateRequest.Compact compact:
                var to = _revision - compact.Back;
                if (to <= _compacted)
                {
                    return (StateError.Compacted, null);
                }

                _compacted = to > _revision ? _compacted : to;
                return (to > _revision ? StateError.FutureRevision : StateError.None, new CompactionResponse());
            case StateRequest.Grant grant:
                return Grant(grant);
            case StateRequest.Revoke revoke:
                return Revoke(revoke.Id);
            case StateRequest.Checkpoint checkpoint:
                if (_leases.TryGetValue(checkpoint.Id, out var lease))
                {
                    _leases = _leases.SetItem(checkpoint.Id, lease with { Remaining = checkpoint.Remaining });
                }

                return (StateError.None, null);
            case StateRequest.Space space:
                _isOutOfSpace = space.IsOut;
                return (StateError.None, null);
            case StateRequest.AddUser user:
                return (_users.Add(user.Name) ? StateError.None : StateError.UserExists, null);
            case StateRequest.AddRole role:
                return (_roles.Add(role.Name) ? StateError.None : StateError.RoleExists, null);
            default:
                throw new ArgumentException($"{request} is not known.", nameof(request));
        }
    }

    private (StateError Error, IMessage? Response) Grant(StateRequest.Grant grant)
    {
        var error = _isOutOfSpace ? StateError.NoSpace
            : grant.Id == 0 ? StateError.LeaseNotFound
            : grant.Ttl > LeaseTable.MaxTtl ? StateError.LeaseTtlTooLarge
            : _leases.ContainsKey(grant.Id) ? StateError.LeaseExists
            : StateError.None;
        if (error == StateError.None)
        {
            _leases = _leases.Add(grant.Id, new NaiveLease(grant.Ttl, 0));
        }

        return (error, new LeaseGrantResponse { ID = grant.Id, TTL = grant.Ttl });
    }

    private (StateError Error, IMessage? Response) Revoke(long id)
    {
        if (!_leases.ContainsKey(id))
        {
            return (StateError.LeaseNotFound, null);
        }

        foreach (var kv in Now.Live().Values.Where(kv => kv.Lease == id))
        {
            AddTombstone(kv.Key);
        }

        _leases = _leases.Remove(id);
        return (StateError.None, new LeaseRevokeResponse());
    }

    private (StateError Error, IMessage? Response) Txn(TxnRequest txn)
    {
        if (_isOutOfSpace && HasPut(txn))
        {
            return (StateError.NoSpace, null);
        }

        var before = Now;
        var error = Check(txn, before, []);
        return error == StateError.None ? (error, Execute(txn, before)) : (error, null);
    }

    private static bool HasPut(TxnRequest txn)
        => txn.Success.Concat(txn.Failure).Any(op => op.RequestPut is not null || (op.RequestTxn is { } inner && HasPut(inner)));

    private static bool Succeeds(TxnRequest txn, NaiveMoment before) => txn.Compare.All(compare => Holds(compare, before));

    private static bool Holds(Compare compare, NaiveMoment before)
    {
        var kvs = before.Live(compare.Key, compare.RangeEnd);
        if (kvs.Count == 0)
        {
            return compare.Target != Compare.Types.CompareTarget.Value && Relates(compare, new KeyValue());
        }

        return kvs.TrueForAll(kv => Relates(compare, kv));
    }

    private static bool Relates(Compare compare, KeyValue kv)
    {
        var order = compare.Target switch
        {
            Compare.Types.CompareTarget.Version => kv.Version.CompareTo(compare.Version),
            Compare.Types.CompareTarget.Create => kv.CreateRevision.CompareTo(compare.CreateRevision),
            Compare.Types.CompareTarget.Mod => kv.ModRevision.CompareTo(compare.ModRevision),
            Compare.Types.CompareTarget.Lease => kv.Lease.CompareTo(compare.Lease),
            _ => string.CompareOrdinal(NaiveMoment.Text(kv.Value), NaiveMoment.Text(compare.Value)),
        };
        return compare.Result switch
        {
            Compare.Types.CompareResult.Equal => order == 0,
            Compare.Types.CompareResult.Greater => order > 0,
            Compare.Types.CompareResult.Less => order < 0,
            _ => order != 0,
        };
    }

    /// <param name="deleted">By the transaction itself, on the way to there.</param>
    private StateError Check(TxnRequest txn, NaiveMoment before, HashSet<string> deleted)
    {
        foreach (var op in Succeeds(txn, before) ? txn.Success : txn.Failure)
        {
            var error = op.RequestCase switch
            {
                RequestOp.RequestOneofCase.RequestRange => op.RequestRange.Revision > _revision ? StateError.FutureRevision
                    : op.RequestRange.Revision != 0 && op.RequestRange.Revision < _compacted ? StateError.Compacted
                    : StateError.None,
                RequestOp.RequestOneofCase.RequestPut
                    => (op.RequestPut.IgnoreValue || op.RequestPut.IgnoreLease) && deleted.Contains(NaiveMoment.Text(op.RequestPut.Key))
                        ? StateError.KeyNotFound
                        : CheckPut(op.RequestPut, isLeaseFirst: false),
                RequestOp.RequestOneofCase.RequestTxn => Check(op.RequestTxn, before, deleted),
                _ => StateError.None,
            };
            if (error != StateError.None)
            {
                return error;
            }

            if (op.RequestDeleteRange is { } delete)
            {
                deleted.UnionWith(before.Live(delete.Key, delete.RangeEnd).Select(kv => NaiveMoment.Text(kv.Key)));
            }
        }

        return StateError.None;
    }

    private TxnResponse Execute(TxnRequest txn, NaiveMoment before)
    {
        var response = new TxnResponse { Succeeded = Succeeds(txn, before) };
        foreach (var op in response.Succeeded ? txn.Success : txn.Failure)
        {
            var answer = new ResponseOp();
            switch (op.RequestCase)
            {
                case RequestOp.RequestOneofCase.RequestRange:
                    _ranges.Add(op.RequestRange);
                    answer.ResponseRange = Now.Range(op.RequestRange);
                    answer.ResponseRange.Header = new ResponseHeader { Revision = Within };
                    break;
                case RequestOp.RequestOneofCase.RequestPut:
                    answer.ResponsePut = Put(op.RequestPut);
                    answer.ResponsePut.Header = new ResponseHeader { Revision = Within };
                    break;
                case RequestOp.RequestOneofCase.RequestDeleteRange:
                    answer.ResponseDeleteRange = Delete(op.RequestDeleteRange);
                    answer.ResponseDeleteRange.Header = new ResponseHeader { Revision = Within };
                    break;
                default:
                    answer.ResponseTxn = Execute(op.RequestTxn, before);
                    answer.ResponseTxn.Header = new ResponseHeader();
                    break;
            }

            response.Responses.Add(answer);
        }

        return response;
    }

    private StateError CheckPut(PutRequest put, bool isLeaseFirst)
    {
        var lease = put.Lease != 0 && !_leases.ContainsKey(put.Lease) ? StateError.LeaseNotFound : StateError.None;
        var key = (put.IgnoreValue || put.IgnoreLease) && !Now.Live().ContainsKey(NaiveMoment.Text(put.Key))
            ? StateError.KeyNotFound
            : StateError.None;
        var (first, second) = isLeaseFirst ? (lease, key) : (key, lease);
        return first != StateError.None ? first : second;
    }

    private PutResponse Put(PutRequest put)
    {
        var before = Now.Live().GetValueOrDefault(NaiveMoment.Text(put.Key));
        var main = _revision + 1;
        Add(
            new KeyValue
            {
                Key = put.Key,
                CreateRevision = before?.CreateRevision ?? main,
                ModRevision = main,
                Version = (before?.Version ?? 0) + 1,
                Value = put.IgnoreValue ? before!.Value : put.Value,
                Lease = put.IgnoreLease ? before!.Lease : put.Lease,
            },
            isDelete: false);
        return new PutResponse { PrevKv = put.PrevKv ? before : null };
    }

    private DeleteRangeResponse Delete(DeleteRangeRequest delete)
    {
        var doomed = Now.Live(delete.Key, delete.RangeEnd);
        var response = new DeleteRangeResponse { Deleted = doomed.Count };
        foreach (var kv in doomed)
        {
            AddTombstone(kv.Key);
            if (delete.PrevKv)
            {
                response.PrevKvs.Add(kv);
            }
        }

        return response;
    }

    private void AddTombstone(ByteString key)
        => Add(new KeyValue { Key = key, ModRevision = _revision + 1 }, isDelete: true);

    private void Add(KeyValue kv, bool isDelete)
    {
        _changes.Add(new NaiveChange(new Revision(_revision + 1, _sub), kv, isDelete));
        _sub++;
    }
}
