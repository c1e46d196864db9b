using RaftKv.Faults.Histories;
using RaftKv.Protocol.Etcd;
using Wire = RaftKv.Protocol.Mvcc;

namespace RaftKv.Faults.Workloads;

/// <summary>What one watch was told.</summary>
/// <param name="from">Where it begins; 0: from now on.</param>
/// <param name="now">The time of the run.</param>
/// <param name="isLarge">Whether values are too large to be written down: of each only what stands before its first space is.</param>
internal sealed class WatchLog(long from, Func<long> now, bool isLarge = false)
{
    public long From { get; } = from;

    /// <summary>Where the next watch has to begin.</summary>
    public long Next { get; private set; } = from;

    public List<WatchPart> Parts { get; } = [];

    public void Take(WatchResponse response)
    {
        var kind = response.Canceled ? WatchPartKind.Canceled
            : response.Created ? WatchPartKind.Created
            : response.Events.Count > 0 ? WatchPartKind.Events
            : WatchPartKind.Progress;
        Parts.Add(new WatchPart
        {
            Kind = kind,
            At = now(),
            Revision = response.Header.Revision,
            CompactRevision = response.CompactRevision,
            Events = kind == WatchPartKind.Events ? [.. response.Events.Select(EventOf)] : null,
        });
        Next = kind switch
        {
            WatchPartKind.Created when From == 0 => response.Header.Revision + 1,
            WatchPartKind.Canceled when response.CompactRevision > 0 => response.CompactRevision,
            WatchPartKind.Events => Math.Max(Next, response.Events.Max(told => told.Kv.ModRevision) + 1),
            WatchPartKind.Progress when Next > 0 => Math.Max(Next, response.Header.Revision + 1),
            _ => Next,
        };
    }

    private WatchedEvent EventOf(Wire.Event told)
    {
        var isDelete = told.Type == Wire.Event.Types.EventType.Delete;
        return new()
        {
            Key = told.Kv.Key.ToStringUtf8(),
            Value = isDelete ? null : ValueOf(told.Kv),
            Deleted = isDelete,
            Modified = told.Kv.ModRevision,
            Created = told.Kv.CreateRevision,
            Version = told.Kv.Version,
            Before = told.PrevKv is null ? null : new KeyState
            {
                Value = ValueOf(told.PrevKv),
                Version = told.PrevKv.Version,
                Created = told.PrevKv.CreateRevision,
                Modified = told.PrevKv.ModRevision,
            },
        };
    }

    private string ValueOf(Wire.KeyValue kv) => isLarge ? kv.Value.ToStringUtf8().Split(' ')[0] : kv.Value.ToStringUtf8();
}
