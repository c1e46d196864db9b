using RaftKv.Raft;
using RaftKv.Storage.Mvcc;
using RaftKv.Storage.Records;
using RaftKv.Storage.State.Requests;

namespace RaftKv.Storage.State;

/// <summary>Puts, deletions and compactions.</summary>
public sealed partial class StateMachine
{
    private readonly RecordCopy _previous = new();
    private readonly List<(byte[] Key, KeyRevision Item)> _doomed = [];

    private StateError ApplyPut(in PutRequest put, Caller caller, bool isAwaited)
    {
        if (Alarms.IsActive(AlarmKind.NoSpace))
        {
            return StateError.NoSpace;
        }

        var error = CheckRights(put, caller);
        if (error == StateError.None)
        {
            error = CheckPut(put);
        }

        if (error != StateError.None)
        {
            return error;
        }

        Keys.BeginWrite();
        Put(put, isAwaited);
        Keys.EndWrite();
        return StateError.None;
    }

    private StateError ApplyDeleteRange(in DeleteRangeRequest delete, Caller caller, bool isAwaited)
    {
        if (CheckRights(delete, caller) is var error and not StateError.None)
        {
            return error;
        }

        Keys.BeginWrite();
        DeleteRange(delete, isAwaited);
        Keys.EndWrite();
        return StateError.None;
    }

    private StateError ApplyCompact(in CompactRequest compact)
    {
        if (compact.Revision <= Keys.Compacted)
        {
            return StateError.Compacted;
        }

        if (compact.Revision > Keys.Revision)
        {
            return StateError.FutureRevision;
        }

        Keys.Compact(compact.Revision);
        return StateError.None;
    }

    private StateError CheckRights(in PutRequest put, Caller caller)
    {
        var auth = Auth.View;
        if (!auth.IsEnabled)
        {
            return StateError.None;
        }

        var error = auth.Check(caller, Access.Write, put.Key.Span);
        if (error == StateError.None && put.WantsPrevious)
        {
            error = auth.Check(caller, Access.Read, put.Key.Span);
        }

        if (error == StateError.None && put.Lease != 0 && Leases.TryGet(put.Lease, out var lease))
        {
            foreach (var key in lease.Keys)
            {
                if (auth.Check(caller, Access.Write, key) is var refusal and not StateError.None)
                {
                    return refusal;
                }
            }
        }

        return error;
    }

    private StateError CheckRights(in DeleteRangeRequest delete, Caller caller)
    {
        var error = Auth.View.Check(caller, Access.Write, delete.Range);
        return error == StateError.None && delete.WantsPrevious
            ? Auth.View.Check(caller, Access.Read, delete.Range)
            : error;
    }

    private StateError CheckPut(in PutRequest put)
        => put.Lease != 0 && !Leases.Contains(put.Lease) ? StateError.LeaseNotFound
            : (put.KeepsValue || put.KeepsLease) && !Keys.TryFind(put.Key.Span, out _) ? StateError.KeyNotFound
            : StateError.None;

    // Writes the fields of a PutResponse after its header.
    private void Put(in PutRequest put, bool isAwaited)
    {
        var key = put.Key.Span;
        var value = put.Value.Span;
        var lease = put.Lease;
        var oldLease = 0L;
        var wantsPrevious = put.WantsPrevious && isAwaited;
        if (wantsPrevious || put.KeepsValue || put.KeepsLease || Leases.Count > 0)
        {
            var isThere = Keys.TryFind(key, out var before);
            if (isThere && (wantsPrevious || put.KeepsValue || before.IsLeased))
            {
                ReadPrevious(before);
                var fields = RecordFormat.Read(_previous.Record);
                oldLease = fields.Lease;
                value = put.KeepsValue ? fields.Value : value;
                if (wantsPrevious)
                {
                    _body.Bytes(2, _previous.Record);
                }
            }

            lease = put.KeepsLease ? oldLease : lease;
        }

        Keys.Put(key, value, lease);
        if (oldLease != lease)
        {
            if (oldLease != 0)
            {
                Leases.Detach(key, oldLease);
            }

            if (lease != 0)
            {
                Leases.Attach(key, lease);
            }
        }
    }

    // Writes the fields of a DeleteRangeResponse after its header.
    private void DeleteRange(in DeleteRangeRequest delete, bool isAwaited)
    {
        // Deleting changes the pages that a walk would be in.
        _doomed.Clear();
        var keys = Keys.Working.Keys.Scan(delete.Range);
        while (keys.MoveNext())
        {
            _doomed.Add((keys.Key.ToArray(), keys.Current));
        }

        _body.Number(2, _doomed.Count);
        var wantsPrevious = delete.WantsPrevious && isAwaited;
        foreach (var (key, item) in _doomed)
        {
            if (wantsPrevious || item.IsLeased)
            {
                ReadPrevious(item);
                if (item.IsLeased)
                {
                    Leases.Detach(key, RecordFormat.Read(_previous.Record).Lease);
                }

                if (wantsPrevious)
                {
                    _body.Bytes(3, _previous.Record);
                }
            }

            var wasThere = Keys.Delete(key, out _);
            Invariant.Holds(wasThere);
        }
    }

    private void ReadPrevious(in KeyRevision item) => Keys.Working.Read([item.Modified], _previous);

    /// <summary>Keeps a record until the next one.</summary>
    private sealed class RecordCopy : IRecordSink
    {
        private byte[] _bytes = [];
        private int _length;

        public ReadOnlySpan<byte> Record => _bytes.AsSpan(0, _length);

        public void Accept(Revision revision, ReadOnlySpan<byte> record)
        {
            if (record.Length > _bytes.Length)
            {
                _bytes = new byte[Math.Max(record.Length, 2 * _bytes.Length)];
            }

            record.CopyTo(_bytes);
            _length = record.Length;
        }
    }
}
