using System.Text;
using RaftKv.Raft.Log;
using RaftKv.Server.Replica;
using RaftKv.Storage.Mvcc;
using RaftKv.Storage.State;
using RaftKv.Storage.State.Commands;
using RaftKv.Storage.State.Requests;

namespace RaftKv.Simulation.Whole;

/// <summary>One change in the history of a key.</summary>
internal sealed record KeyEvent(long Revision, int Sub, string Key, string Value, bool IsDelete, long Created, long Version, long Lease)
{
    /// <summary>What the key was before; null if it was not there.</summary>
    public KeyEvent? Before { get; init; }
}

/// <summary>What a command that the cluster has agreed upon has to be answered with.</summary>
internal sealed record AgreedAnswer(ulong Index, long At, StateError Error, long Revision)
{
    public bool IsSuccess { get; init; }

    public long Deleted { get; init; }

    /// <summary>What was before, or what was found, operation by operation.</summary>
    public IReadOnlyList<KeyEvent> Found { get; init; } = [];
}

/// <summary>
/// The history that the cluster has agreed upon, entry by entry, played on a store that is as simple as can be: every key
/// with everything that ever happened to it. What clients were told is held against it.
/// </summary>
internal sealed class Replay
{
    private readonly SortedDictionary<string, List<KeyEvent>> _keys = new(StringComparer.Ordinal);
    private readonly Dictionary<ulong, AgreedAnswer> _answers = [];

    // What requests with a name have changed, and were answered.
    private readonly Dictionary<ClientRequest, AgreedAnswer> _named = [];
    private readonly Dictionary<long, AgreedLease> _leases = [];
    private readonly List<AgreedLease> _allLeases = [];
    private readonly List<KeyEvent> _events = [];
    private readonly Func<long> _now;

    // Members that have said that their state is wrong.
    private readonly HashSet<Raft.NodeId> _corrupt = [];

    // Of the entry that is being played.
    private long _revision;
    private int _sub;

    public Replay(Func<long> now) => _now = now;

    public ulong Index { get; private set; }

    /// <summary>Of the entry that was played last; 0 if it is nobody's.</summary>
    public ulong LastRequest { get; private set; }

    /// <summary>The lease that the last entry has ended.</summary>
    public AgreedLease? LastEnded { get; private set; }

    public long Revision { get; private set; } = 1;

    public long Compacted { get; private set; } = -1;

    /// <summary>Entries that were nothing but an earlier one with a name that came again.</summary>
    public int RepeatedCount { get; private set; }

    /// <summary>Every change, in order.</summary>
    public IReadOnlyList<KeyEvent> Events => _events;

    /// <summary>The leases that are there.</summary>
    public IReadOnlyDictionary<long, AgreedLease> Leases => _leases;

    /// <summary>All that ever were.</summary>
    public IReadOnlyList<AgreedLease> AllLeases => _allLeases;

    public AgreedAnswer? AnswerTo(ulong requestId) => _answers.GetValueOrDefault(requestId);

    /// <summary>Plays the next entry.</summary>
    public void Play(in Entry entry, long writtenAt)
    {
        (Index, LastRequest, LastEnded) = (entry.Index, 0, null);
        if (entry.Kind == EntryKind.ConfigChange || entry.Payload.IsEmpty)
        {
            return;
        }

        var envelope = CommandEnvelope.Decode(entry.Payload);
        var request = envelope.Command[1..];
        LastRequest = envelope.RequestId == PendingAnswers.NobodyWaits ? 0 : envelope.RequestId;
        (_revision, _sub) = (Revision + 1, 0);
        if (_named.TryGetValue(envelope.ClientRequest, out var given))
        {
            RepeatedCount++;
            Remember(LastRequest, given);
            return;
        }

        var answer = StateCommand.KindOf(envelope.Command.Span) switch
        {
            CommandKind.Put or CommandKind.DeleteRange or CommandKind.Txn or CommandKind.Compact or CommandKind.LeaseGrant
                or CommandKind.LeaseRevoke when _corrupt.Count > 0 => Answered(StateError.Corrupt),
            CommandKind.Alarm => Raise(StateCommand.Decode<AlarmCommand>(envelope.Command.Span)),
            CommandKind.Put => Put(PutRequest.Read(request)),
            CommandKind.DeleteRange => DeleteRange(DeleteRangeRequest.Read(request)),
            CommandKind.Txn => Txn(TxnRequest.Read(request)),
            CommandKind.Compact => Compact(CompactRequest.Read(request)),
            CommandKind.LeaseGrant => Grant(StateCommand.Decode<LeaseGrantCommand>(envelope.Command.Span)),
            CommandKind.LeaseRevoke => Revoke(
                StateCommand.Decode<LeaseRevokeCommand>(envelope.Command.Span), writtenAt),
            _ => Answered(StateError.None),
        };
        if (_sub > 0)
        {
            Revision = _revision;
        }

        answer = answer with { Revision = Revision };
        if (_sub > 0 && !envelope.ClientRequest.IsNone)
        {
            _named.Add(envelope.ClientRequest, answer);
        }

        Remember(LastRequest, answer);
    }

    private AgreedAnswer Raise(in AlarmCommand alarm)
    {
        if (alarm.Alarm == AlarmKind.Corrupt && alarm.Action == AlarmAction.Activate)
        {
            _corrupt.Add(alarm.Member);
        }
        else if (alarm.Alarm == AlarmKind.Corrupt && alarm.Action == AlarmAction.Deactivate)
        {
            _corrupt.Remove(alarm.Member);
        }

        return Answered(StateError.None);
    }

    /// <summary>The keys of a range as they were at a revision.</summary>
    public List<KeyEvent> Range(KeyRange range, long revision)
    {
        var found = new List<KeyEvent>();
        foreach (var (key, events) in _keys)
        {
            if (range.Contains(Encoding.Latin1.GetBytes(key)) && At(events, revision) is { IsDelete: false } there)
            {
                found.Add(there);
            }
        }

        return found;
    }

    private static KeyEvent? At(List<KeyEvent> events, long revision)
    {
        for (var i = events.Count - 1; i >= 0; i--)
        {
            if (events[i].Revision <= revision)
            {
                return events[i];
            }
        }

        return null;
    }

    private void Remember(ulong requestId, AgreedAnswer answer)
    {
        if (requestId != 0 && !_answers.TryAdd(requestId, answer))
        {
            throw new Violation(
                "OnceAtMost", $"the command {requestId:x} stands in the log at {_answers[requestId].Index} and at {Index}");
        }
    }

    private static string Text(ReadOnlyMemory<byte> bytes) => Encoding.Latin1.GetString(bytes.Span);

    private AgreedAnswer Answered(StateError error) => new(Index, _now(), error, 0);

    private AgreedAnswer Put(PutRequest put)
    {
        if (put.Lease != 0 && !_leases.ContainsKey(put.Lease))
        {
            return Answered(StateError.LeaseNotFound);
        }

        var before = Put(Text(put.Key), Text(put.Value), put.Lease);
        return Answered(StateError.None) with { Found = before is not null && put.WantsPrevious ? [before] : [] };
    }

    private KeyEvent? Put(string key, string value, long lease)
    {
        var before = Newest(key);
        var isThere = before is { IsDelete: false };
        Add(new KeyEvent(
            _revision,
            _sub++,
            key,
            value,
            IsDelete: false,
            isThere ? before!.Created : _revision,
            isThere ? before!.Version + 1 : 1,
            lease));
        return isThere ? before : null;
    }

    private AgreedAnswer DeleteRange(DeleteRangeRequest delete)
    {
        var found = Range(delete.Range, long.MaxValue);
        foreach (var there in found)
        {
            Add(new KeyEvent(_revision, _sub++, there.Key, "", IsDelete: true, 0, 0, 0));
        }

        return Answered(StateError.None) with { Deleted = found.Count, Found = delete.WantsPrevious ? found : [] };
    }

    private AgreedAnswer Txn(TxnRequest txn)
    {
        var isSuccess = txn.Compares.All(Holds);
        var operations = isSuccess ? txn.Success : txn.Failure;
        foreach (var operation in operations)
        {
            var error = operation.Kind switch
            {
                TxnOperationKind.Range when operation.Range.Revision > Revision => StateError.FutureRevision,
                TxnOperationKind.Range when operation.Range.Revision != 0 && operation.Range.Revision < Compacted => StateError.Compacted,
                TxnOperationKind.Put when operation.Put.Lease != 0 && !_leases.ContainsKey(operation.Put.Lease)
                    => StateError.LeaseNotFound,
                _ => StateError.None,
            };
            if (error != StateError.None)
            {
                return Answered(error);
            }
        }

        var found = new List<KeyEvent>();
        foreach (var operation in operations)
        {
            switch (operation.Kind)
            {
                case TxnOperationKind.Range:
                    var query = operation.Range;
                    found.AddRange(Range(query.Range, query.Revision > 0 ? query.Revision : long.MaxValue));
                    break;
                case TxnOperationKind.Put:
                    Put(Text(operation.Put.Key), Text(operation.Put.Value), operation.Put.Lease);
                    break;
                case TxnOperationKind.DeleteRange:
                    DeleteRange(operation.DeleteRange);
                    break;
            }
        }

        return Answered(StateError.None) with { IsSuccess = isSuccess, Found = found };
    }

    // The clients compare revisions of single keys, and nothing else.
    private bool Holds(Comparison compare)
    {
        var there = Newest(Text(compare.Key));
        var modified = there is { IsDelete: false } ? there.Revision : 0;
        return compare.Result == ComparisonResult.Equal ? modified == compare.Number : modified != compare.Number;
    }

    private AgreedAnswer Compact(CompactRequest compact)
    {
        if (compact.Revision <= Compacted)
        {
            return Answered(StateError.Compacted);
        }

        if (compact.Revision > Revision)
        {
            return Answered(StateError.FutureRevision);
        }

        Compacted = compact.Revision;
        return Answered(StateError.None);
    }

    private AgreedAnswer Grant(LeaseGrantCommand grant)
    {
        var lease = new AgreedLease(grant.Id, grant.Ttl, _now());
        if (!_leases.TryAdd(grant.Id, lease))
        {
            return Answered(StateError.LeaseExists);
        }

        _allLeases.Add(lease);
        return Answered(StateError.None);
    }

    private AgreedAnswer Revoke(LeaseRevokeCommand revoke, long writtenAt)
    {
        if (!_leases.Remove(revoke.Id, out var lease))
        {
            return Answered(StateError.LeaseNotFound);
        }

        LastEnded = lease;
        lease.EndedAt = _now();
        lease.EndedAtIndex = Index;
        lease.EndWrittenAt = writtenAt;
        lease.HasExpired = revoke.IsExpired;
        foreach (var (key, events) in _keys)
        {
            if (events[^1] is { IsDelete: false } there && there.Lease == revoke.Id)
            {
                _touched.Add(key);
            }
        }

        foreach (var key in _touched)
        {
            Add(new KeyEvent(_revision, _sub++, key, "", IsDelete: true, 0, 0, 0));
        }

        _touched.Clear();
        return Answered(StateError.None);
    }

    private readonly List<string> _touched = [];

    private KeyEvent? Newest(string key) => _keys.TryGetValue(key, out var events) ? events[^1] : null;

    private void Add(KeyEvent happened)
    {
        if (!_keys.TryGetValue(happened.Key, out var events))
        {
            _keys.Add(happened.Key, events = []);
        }

        // What was before within the same revision does not count.
        var before = At(events, happened.Revision - 1);
        happened = happened with { Before = before is { IsDelete: false } ? before : null };
        events.Add(happened);
        _events.Add(happened);
    }
}

/// <summary>A lease from its grant to its end.</summary>
internal sealed class AgreedLease(long id, long ttl, long grantedAt)
{
    public long Id => id;

    /// <summary>In seconds.</summary>
    public long Ttl => ttl;

    public long GrantedAt => grantedAt;

    public long EndedAt { get; set; } = long.MaxValue;

    /// <summary>Where the log says so; 0 if it does not.</summary>
    public ulong EndedAtIndex { get; set; }

    /// <summary>When the entry that ends it was first written anywhere.</summary>
    public long EndWrittenAt { get; set; } = long.MaxValue;

    /// <summary>It ended because a leader's clock said so.</summary>
    public bool HasExpired { get; set; }

    /// <summary>When clients began what was acknowledged to keep it alive.</summary>
    public List<long> KeptAt { get; } = [];
}
