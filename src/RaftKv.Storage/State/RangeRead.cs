using System.Buffers;
using System.Runtime.InteropServices;
using RaftKv.Raft;
using RaftKv.Storage.Mvcc;
using RaftKv.Storage.Records;
using RaftKv.Storage.State.Requests;

namespace RaftKv.Storage.State;

/// <summary>
/// Answers a range query from a view: the fields of a <c>RangeResponse</c> but its header, with every record copied as
/// it is stored.
/// </summary>
/// <remarks>
/// A query without filters that is ordered by key, or not at all, looks at no more keys than it returns. Everything else
/// needs all keys of the range, and their records only if it is ordered by value.
/// </remarks>
public static class RangeRead
{
    private const int MoreField = 3;
    private const int CountField = 4;

    // Records are fetched so many at a time, so that those on disk are fetched together.
    private const int FetchCount = 512;

    /// <summary>Whether the revision that is asked for can be read.</summary>
    public static StateError Check(in RangeQuery query, long current, long compacted)
        => query.Revision > current ? StateError.FutureRevision
            : query.Revision > 0 && query.Revision < compacted ? StateError.Compacted
            : StateError.None;

    /// <summary>Runs a query whose revision can be read.</summary>
    /// <param name="query">What is asked.</param>
    /// <param name="view">Where it is looked for.</param>
    /// <param name="to">Where the answer goes.</param>
    /// <param name="onTwoThreads">Whether a thread of the pool may help with a long one. The view must be one that others can
    /// read (<see cref="KeySpaceView.Again"/>).</param>
    public static void Run(in RangeQuery query, KeySpaceView view, IBufferWriter<byte> to, bool onTwoThreads = false)
    {
        var revision = query.Revision > 0 ? query.Revision : long.MaxValue;
        var range = query.Range;
        var count = 0L;
        var isMore = false;
        if (query.IsCountOnly)
        {
            count = view.Keys.Count(range, revision);
        }
        else if (range.IsSingle && !query.HasFilter)
        {
            if (view.Keys.TryFind(range.Start.Span, revision, out var found))
            {
                count = 1;
                var wire = new RecordsToWire(to, query.IsKeysOnly);
                if (query.IsKeysOnly && !found.IsLeased)
                {
                    wire.Accept(range.Start.Span, found);
                }
                else
                {
                    view.Read([found.Modified], wire);
                }
            }
        }
        else if (query.Target == SortTarget.Key)
        {
            count = WriteByKey(query, range, revision, view, to, onTwoThreads, out isMore);
        }
        else
        {
            var found = new List<KeyRevision>();
            count = Find(query, range, revision, view, found, out isMore);
            Write(query, view, CollectionsMarshal.AsSpan(found), to);
        }

        if (isMore)
        {
            Wire.Number(to, MoreField, 1);
        }

        if (count != 0)
        {
            Wire.Number(to, CountField, count);
        }
    }

    /// <summary>Writes the first keys of a range, up to the limit of a query without order or filters, and nothing
    /// else.</summary>
    /// <returns>How many, and the last of them.</returns>
    public static Kvs RunKvs(in RangeQuery query, KeySpaceView view, IBufferWriter<byte> to)
    {
        Invariant.Holds(query.Limit > 0 && query.Target == SortTarget.Key && !query.HasFilter);
        using var kvs = new KvsInOrder(view, to, query.IsKeysOnly, onTwoThreads: false);
        var found = 0;
        var last = ReadOnlyMemory<byte>.Empty;
        var keys = view.Keys.Scan(query.Range, query.Revision > 0 ? query.Revision : long.MaxValue);
        while (found < query.Limit && keys.MoveNext())
        {
            kvs.Add(keys);
            found++;
            if (found == query.Limit)
            {
                last = keys.Key.ToArray();
            }
        }

        kvs.Flush();
        return new Kvs(found, last);
    }

    // In the order of the index, so that nothing has to be gathered.
    private static long WriteByKey(
        in RangeQuery query, KeyRange range, long revision, KeySpaceView view, IBufferWriter<byte> to, bool onTwoThreads, out bool isMore)
    {
        var limit = query.Limit > 0 ? query.Limit : long.MaxValue;
        using var kvs = new KvsInOrder(view, to, query.IsKeysOnly, onTwoThreads);
        var seen = 0L;
        var found = 0L;
        isMore = false;
        var keys = view.Keys.Scan(range, revision, query.Order == SortOrder.Descend);
        while (keys.MoveNext())
        {
            seen++;
            if (query.HasFilter && !Passes(query, keys.Current))
            {
                continue;
            }

            if (found == limit)
            {
                isMore = true;
                if (!query.HasFilter)
                {
                    break;
                }

                continue;
            }

            found++;
            kvs.Add(keys);
        }

        kvs.Flush();
        return isMore && !query.HasFilter ? view.Keys.Count(range, revision) : seen;
    }

    // For orders in which any key may come first.
    private static long Find(
        in RangeQuery query, KeyRange range, long revision, KeySpaceView view, List<KeyRevision> found, out bool isMore)
    {
        var limit = query.Limit > 0 ? query.Limit : long.MaxValue;
        var isCutFirst = query.Order == SortOrder.None && !query.HasFilter;
        var seen = 0L;
        isMore = false;
        var keys = view.Keys.Scan(range, revision);
        while (keys.MoveNext())
        {
            seen++;
            if (isCutFirst && found.Count == limit)
            {
                // One that is not returned, nor looked at by the order: etcd reads it, and may return it instead of one
                // of those before if it comes first by another target.
                isMore = true;
                found.Add(keys.Current);
                break;
            }

            if (Passes(query, keys.Current))
            {
                found.Add(keys.Current);
            }
        }

        Sort(query, view, found);
        if (found.Count > limit)
        {
            isMore = true;
            found.RemoveRange((int)limit, found.Count - (int)limit);
        }

        return isCutFirst && isMore ? view.Keys.Count(range, revision) : seen;
    }

    private static bool Passes(in RangeQuery query, in KeyRevision item)
        => (query.MinModified == 0 || item.Modified.Main >= query.MinModified)
            && (query.MaxModified == 0 || item.Modified.Main <= query.MaxModified)
            && (query.MinCreated == 0 || item.Created >= query.MinCreated)
            && (query.MaxCreated == 0 || item.Created <= query.MaxCreated);

    private static void Sort(in RangeQuery query, KeySpaceView view, List<KeyRevision> found)
    {
        var sign = query.Order == SortOrder.Descend ? -1 : 1;
        switch (query.Target)
        {
            case SortTarget.Version:
                found.Sort((left, right) => sign * left.Version.CompareTo(right.Version));
                break;
            case SortTarget.Created:
                found.Sort((left, right) => sign * left.Created.CompareTo(right.Created));
                break;
            case SortTarget.Modified:
                found.Sort((left, right) => sign * left.Modified.Main.CompareTo(right.Modified.Main));
                break;
            case SortTarget.Value:
                SortByValue(view, found, sign);
                break;
        }
    }

    private static void SortByValue(KeySpaceView view, List<KeyRevision> found, int sign)
    {
        var values = new ValueCollection();
        Fetch(view, CollectionsMarshal.AsSpan(found), values);
        var order = new int[found.Count];
        for (var i = 0; i < order.Length; i++)
        {
            order[i] = i;
        }

        Array.Sort(order, (left, right) => sign * values[left].AsSpan().SequenceCompareTo(values[right]));
        var sorted = new List<KeyRevision>(found.Count);
        foreach (var i in order)
        {
            sorted.Add(found[i]);
        }

        found.Clear();
        found.AddRange(sorted);
    }

    private static void Write(in RangeQuery query, KeySpaceView view, ReadOnlySpan<KeyRevision> found, IBufferWriter<byte> to)
        => Fetch(view, found, new RecordsToWire(to, query.IsKeysOnly));

    private static void Fetch(KeySpaceView view, ReadOnlySpan<KeyRevision> items, IRecordSink sink)
    {
        var room = ArrayPool<Revision>.Shared.Rent(Math.Min(FetchCount, Math.Max(1, items.Length)));
        try
        {
            while (items.Length > 0)
            {
                var count = Math.Min(FetchCount, items.Length);
                for (var i = 0; i < count; i++)
                {
                    room[i] = items[i].Modified;
                }

                view.Read(room.AsSpan(0, count), sink);
                items = items[count..];
            }
        }
        finally
        {
            ArrayPool<Revision>.Shared.Return(room);
        }
    }

    /// <summary>A part of a range that was written.</summary>
    /// <param name="Count">How many keys.</param>
    /// <param name="LastKey">The last of them, if the limit ended it.</param>
    public readonly record struct Kvs(int Count, ReadOnlyMemory<byte> LastKey);

    // Writes keys in the order in which they come.
    private sealed class KvsInOrder(KeySpaceView view, IBufferWriter<byte> to, bool isKeysOnly, bool onTwoThreads) : IDisposable
    {
        private readonly RecordsToWire _wire = new(to, isKeysOnly);
        private Revision[] _waiting = [];
        private int _count;
        private int _room = FetchCount;

        // From the second fetch on: of each, one half is read by another thread.
        private RangePart? _first;
        private RangePart? _second;

        /// <summary>Takes the key where a walk stands.</summary>
        public void Add(KeyCursor keys)
        {
            // The index knows all of a key but its value and its lease.
            if (isKeysOnly && _count == 0 && !keys.Current.IsLeased)
            {
                _wire.Accept(keys.Key, keys.Current);
                return;
            }

            if (_waiting.Length == 0)
            {
                _waiting = ArrayPool<Revision>.Shared.Rent(_room);
            }

            _waiting[_count++] = keys.Current.Modified;
            if (_count < _room)
            {
                return;
            }

            Flush();
            if (onTwoThreads && _first is null)
            {
                _first = new RangePart(view.Again(), isKeysOnly);
                _second = new RangePart(view.Again(), isKeysOnly);
                _room = 2 * FetchCount;
                ArrayPool<Revision>.Shared.Return(_waiting);
                _waiting = [];
            }
        }

        /// <summary>Writes what waits for its records.</summary>
        public void Flush()
        {
            if (_first is null || _count < FetchCount)
            {
                view.Read(_waiting.AsSpan(0, _count), _wire);
            }
            else
            {
                ReadHalves(_waiting.AsMemory(0, _count / 2), _waiting.AsSpan(_count / 2, _count - (_count / 2)));
            }

            _count = 0;
        }

        public void Dispose()
        {
            _first?.Dispose();
            _second?.Dispose();
            if (_waiting.Length > 0)
            {
                ArrayPool<Revision>.Shared.Return(_waiting);
            }
        }

        private void ReadHalves(ReadOnlyMemory<Revision> first, ReadOnlySpan<Revision> second)
        {
            Invariant.Holds(_first is not null && _second is not null);
            _first.Begin(first);
            var readOfSecond = _second.Read(second);
            var readOfFirst = _first.End();
            to.Write(_first.Written);
            view.Read(first.Span[readOfFirst..], _wire);
            to.Write(_second.Written);
            view.Read(second[readOfSecond..], _wire);
        }
    }

    private sealed class ValueCollection : IRecordSink
    {
        private readonly List<byte[]> _values = [];

        public byte[] this[int index] => _values[index];

        public void Accept(Revision revision, ReadOnlySpan<byte> record)
            => _values.Add(RecordFormat.Read(record).Value.ToArray());
    }
}
