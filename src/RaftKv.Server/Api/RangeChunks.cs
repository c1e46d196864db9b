using RaftKv.Rpc;
using RaftKv.Server.Replica;
using RaftKv.Storage.Mvcc;
using RaftKv.Storage.State;
using RaftKv.Storage.State.Requests;

namespace RaftKv.Server.Api;

/// <summary>
/// A range in pieces: disjoint keys in order, all as of the revision of the first piece. Merged, they are what one answer
/// would have been; header, count and whether there is more stand in the last.
/// </summary>
internal sealed class RangeChunks(RangeQuery query, int comfortableBytes)
{
    private const int FirstKeys = 10;
    private const int ResponseField = 1;

    private readonly long _limit = query.Limit > 0 ? query.Limit : long.MaxValue;
    private RangeQuery _rest = query with { Order = SortOrder.None, Target = SortTarget.Key };
    private long _revision;
    private long _count;
    private long _sent;
    private int _keys = FirstKeys;

    /// <summary>The last piece was written.</summary>
    public bool IsDone { get; private set; }

    /// <summary>Whether a query can be answered in pieces at all.</summary>
    public static RpcStatus Check(in RangeQuery query)
        => query.Order != SortOrder.None && (query.Target != SortTarget.Key || query.Order != SortOrder.Ascend) ? ApiErrors.StreamOrder
            : query.HasFilter ? ApiErrors.StreamFilters
            : RpcStatus.Ok;

    /// <summary>Writes the next piece, an <c>etcdserverpb.RangeStreamResponse</c>.</summary>
    public StateError Write(KeySpaceView view, IMember member, WireWriter to)
    {
        if (_revision == 0)
        {
            var error = RangeRead.Check(query, view.Revision, view.Compacted);
            if (error != StateError.None)
            {
                return error;
            }

            // The header tells the newest revision also if an older one is read.
            _revision = view.Revision;
            _rest = _rest with { Revision = query.Revision > 0 ? query.Revision : view.Revision };
            _count = view.Keys.Count(query.Range, _rest.Revision);
        }
        else if (_rest.Revision < view.Compacted)
        {
            return StateError.Compacted;
        }

        var response = to.Begin(ResponseField);
        var kvs = new RangeRead.Kvs(0, default);
        if (!query.IsCountOnly)
        {
            var wanted = Math.Min(_keys, _limit - _sent);
            var before = to.Length;
            kvs = RangeRead.RunKvs(_rest with { Limit = wanted }, view, to);
            _sent += kvs.Count;
            Adapt(to.Length - before);
        }

        // Fewer than asked for means that there are no more; so does the number of all.
        IsDone = query.IsCountOnly || _sent >= Math.Min(_count, _limit);
        if (IsDone)
        {
            ResponseHeaders.Write(to, member, _revision);
            to.Flag(3, !query.IsCountOnly && _count > _sent);
            to.Number(4, _count);
        }
        else
        {
            // What comes right after a key is that key and a zero.
            _rest = _rest with { Key = After(kvs.LastKey) };
        }

        to.End(response);
        return StateError.None;
    }

    private static byte[] After(ReadOnlyMemory<byte> key) => [.. key.Span, 0];

    private void Adapt(int bytes)
    {
        if (bytes < comfortableBytes / 2)
        {
            _keys = Math.Min(2 * _keys, int.MaxValue / 4);
        }
        else if (bytes > 2L * comfortableBytes)
        {
            _keys = Math.Max(1, _keys / 2);
        }
    }
}
