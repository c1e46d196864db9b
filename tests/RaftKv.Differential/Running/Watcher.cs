using Google.Protobuf;
using RaftKv.Protocol.Etcd;
using RaftKv.Protocol.Mvcc;
using Filter = RaftKv.Protocol.Etcd.WatchCreateRequest.Types.FilterType;

namespace RaftKv.Differential.Running;

/// <summary>One watcher of a stream: what it asked for, what it got, and what it should have got by the store's history.</summary>
internal sealed class Watcher(int ordinal, WatchCreateRequest request)
{
    // Single zero byte: as a range's end it means that there is none.
    private static readonly ByteString Zero = ByteString.CopyFrom(0);

    private readonly ByteString _key = request.Key.IsEmpty ? Zero : request.Key;

    /// <summary>The how manyeth of its stream.</summary>
    public int Ordinal { get; } = ordinal;

    public WatchCreateRequest Request { get; } = request;

    /// <summary>What the store answered to the creation, once it has.</summary>
    public WatchResponse? Created { get; private set; }

    /// <summary>What ended it because its events had been compacted.</summary>
    public WatchResponse? Compacted { get; set; }

    public bool IsActive { get; set; }

    public long FirstRevision { get; private set; }

    /// <summary>Up to where the store was compacted when this began.</summary>
    public long CompactedBefore { get; set; }

    /// <summary>
    /// It began in the past and has not shown yet that it has reached the present: a compaction may overtake it.
    /// </summary>
    public bool MayLag { get; set; }

    public List<Event> Received { get; } = [];

    public List<Event> Expected { get; } = [];

    public void OnCreated(WatchResponse answer)
    {
        Created = answer;
        IsActive = !answer.Canceled;
        FirstRevision = Request.StartRevision != 0 ? Request.StartRevision : answer.Header.Revision + 1;
    }

    /// <summary>Whether an event of the store's history is one of this watcher's.</summary>
    public bool Wants(Event change)
        => change.Kv.ModRevision >= FirstRevision
            && !Request.Filters.Contains(change.Type == Event.Types.EventType.Put ? Filter.Noput : Filter.Nodelete)
            && IsInRange(change.Kv.Key);

    /// <summary>Whether it is a deletion of the compacted revision that this began at.</summary>
    public bool IsKeptTombstone(Event change)
        => change.Type == Event.Types.EventType.Delete && change.Kv.ModRevision == CompactedBefore;

    private bool IsInRange(ByteString key)
    {
        if (Request.RangeEnd.IsEmpty)
        {
            return key == _key;
        }

        return key.Span.SequenceCompareTo(_key.Span) >= 0
            && (Request.RangeEnd == Zero || key.Span.SequenceCompareTo(Request.RangeEnd.Span) < 0);
    }
}
