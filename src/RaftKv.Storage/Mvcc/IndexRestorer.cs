using System.Collections.Concurrent;
using System.Runtime.ExceptionServices;
using RaftKv.Storage.Records;

namespace RaftKv.Storage.Mvcc;

/// <summary>
/// Builds a key index from the records of a store, when that is opened. Finding the records and adding them are about as
/// much work, so they go on side by side: one thread scans the store, another has the index.
/// </summary>
/// <remarks>
/// <code>
///   Scan ──&gt; Visit ──&gt; batch ──&gt; │ batch batch … │ ──&gt; Restore, a batch announced at a time
///   (the caller's thread)           at most 8            (a thread of its own)
/// </code>
/// <para>The order stays that of the scan, and nothing else looks at the index meanwhile: what comes of it is the same as if
/// one thread did both. A store that fits into one batch has no second thread.</para>
/// </remarks>
internal sealed class IndexRestorer : IRecordVisitor, IDisposable
{
    private const int BatchKeys = 1024;
    private const int BatchBytes = 128 * 1024;
    private const int WaitingMax = 8;

    private readonly KeyIndex _index;
    private readonly long _last;
    private readonly BlockingCollection<Batch> _full = new(WaitingMax);
    private readonly ConcurrentQueue<Batch> _empty = new();
    private Batch _batch = new();
    private bool _areNeighbours;
    private Thread? _thread;
    private ExceptionDispatchInfo? _failure;

    /// <param name="index">Empty. Nobody touches it before <see cref="Finish"/> has returned.</param>
    /// <param name="last">What came after this revision is passed over.</param>
    public IndexRestorer(KeyIndex index, long last)
    {
        _index = index;
        _last = last;
    }

    /// <summary>The changes that name a lease, as found.</summary>
    public List<(Revision Revision, byte[] Key, long Lease)> Leased { get; } = [];

    /// <summary>Adds one record at once; for records that do not come from a scan.</summary>
    public static void Add(
        KeyIndex index,
        Revision revision,
        ReadOnlySpan<byte> record,
        List<(Revision Revision, byte[] Key, long Lease)> leased)
        => index.Restore(Read(revision, record, leased, out var item), item);

    public void Visit(Revision revision, ReadOnlySpan<byte> record)
    {
        // What came after the checkpoint is about to be written again.
        if (revision.Main > _last)
        {
            return;
        }

        var key = Read(revision, record, Leased, out var item);
        _batch.Add(key, item);
        if (_batch.IsFull)
        {
            HandOver();
        }
    }

    /// <summary>The scan is over: waits until the index has everything.</summary>
    public void Finish()
    {
        if (_thread is null)
        {
            Restore(_batch);
        }
        else
        {
            HandOver();
            Stop();
            _failure?.Throw();
        }
    }

    public void Dispose()
    {
        Stop();
        _full.Dispose();
    }

    private void Stop()
    {
        _full.CompleteAdding();
        _thread?.Join();
    }

    private static ReadOnlySpan<byte> Read(
        Revision revision,
        ReadOnlySpan<byte> record,
        List<(Revision Revision, byte[] Key, long Lease)> leased,
        out KeyRevision item)
    {
        var fields = RecordFormat.Read(record);
        var bytes = fields.Key.Length + fields.Value.Length;
        var isLeased = fields.Lease != 0 && !fields.IsTombstone;
        item = new KeyRevision(revision, fields.Created, fields.Version, bytes, isLeased);
        if (isLeased)
        {
            leased.Add((revision, fields.Key.ToArray(), fields.Lease));
        }

        return fields.Key;
    }

    private void HandOver()
    {
        if (_thread is null)
        {
            _thread = new Thread(Run) { IsBackground = true, Name = "index restorer" };
            _thread.Start();
        }

        _full.Add(_batch);
        _batch = _empty.TryDequeue(out var empty) ? empty : new Batch();
    }

    private void Run()
    {
        foreach (var batch in _full.GetConsumingEnumerable())
        {
            // After a failure the rest is only taken, so that nobody waits for room.
            if (_failure is null)
            {
                try
                {
                    Restore(batch);
                }
                catch (Exception failure)
                {
                    _failure = ExceptionDispatchInfo.Capture(failure);
                }
            }

            batch.Clear();
            _empty.Enqueue(batch);
        }
    }

    private void Restore(Batch batch)
    {
        Span<ReadOnlyMemory<byte>> keys = new ReadOnlyMemory<byte>[KeyIndex.ExpectedMax];
        for (var from = 0; from < batch.Count; from += keys.Length)
        {
            var count = Math.Min(keys.Length, batch.Count - from);
            for (var i = 0; i < count; i++)
            {
                keys[i] = batch.Key(from + i);
            }

            // Of keys that were neighbours so far, the next are probably in the cache.
            var nearbyBefore = _index.RestoredNearby;
            if (!_areNeighbours)
            {
                _index.Expect(keys[..count]);
            }

            for (var i = 0; i < count; i++)
            {
                _index.Restore(keys[i].Span, batch.Item(from + i));
            }

            _areNeighbours = _index.RestoredNearby - nearbyBefore > count / 2;
        }
    }

    /// <summary>Keys, one after the other, and what is known of each.</summary>
    private sealed class Batch
    {
        private readonly KeyRevision[] _items = new KeyRevision[BatchKeys];
        private readonly int[] _ends = new int[BatchKeys];
        private byte[] _keys = new byte[BatchBytes];

        public int Count { get; private set; }

        public bool IsFull => Count == BatchKeys || BytesUsed >= BatchBytes;

        private int BytesUsed => Count == 0 ? 0 : _ends[Count - 1];

        public void Add(ReadOnlySpan<byte> key, in KeyRevision item)
        {
            var start = BytesUsed;
            if (key.Length > _keys.Length - start)
            {
                Array.Resize(ref _keys, start + key.Length);
            }

            key.CopyTo(_keys.AsSpan(start));
            _ends[Count] = start + key.Length;
            _items[Count] = item;
            Count++;
        }

        public ReadOnlyMemory<byte> Key(int number)
        {
            var start = number == 0 ? 0 : _ends[number - 1];
            return _keys.AsMemory(start, _ends[number] - start);
        }

        public ref readonly KeyRevision Item(int number) => ref _items[number];

        public void Clear() => Count = 0;
    }
}
