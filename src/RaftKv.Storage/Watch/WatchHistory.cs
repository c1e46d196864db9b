using RaftKv.Raft;
using RaftKv.Storage.Mvcc;

namespace RaftKv.Storage.Watch;

/// <summary>
/// Tells watchers of what is no longer among the recent changes, from the key space. A watcher of one key follows the
/// history of that key in the index. All others look through pieces of the whole history, which are kept for a while, so
/// that those who are near each other read them once.
/// </summary>
/// <remarks>On any thread, without the hub's lock.</remarks>
internal sealed class WatchHistory(WatchOptions options, WatchFaults faults)
{
    // How many pieces one call looks through at most, so that the other watchers of the stream are not kept waiting.
    private const int PiecesAtATime = 4;

    // How many records of one key are fetched together.
    private const int KeyRevisionsAtATime = 64;

    private readonly Lock _gate = new();

    // The one that was asked for last comes last.
    private readonly List<Piece> _pieces = [];

    /// <summary>Goes a bounded part of the way.</summary>
    /// <param name="view">Of the key space; not compacted past <paramref name="from"/>.</param>
    /// <param name="watcher">For whom.</param>
    /// <param name="from">Where it stands.</param>
    /// <param name="upTo">The last revision to tell of.</param>
    /// <param name="taken">Receives the events, with what was before them if that is wanted.</param>
    /// <returns>Where it stands then.</returns>
    public long Read(KeySpaceView view, Watcher watcher, long from, long upTo, List<TakenEvent> taken)
    {
        Invariant.Holds(from >= view.Compacted);
        Invariant.Holds(upTo <= view.Revision);
        var slice = new Slice(this, view, watcher, taken);
        if (watcher.Range.IsSingle)
        {
            return ReadKey(slice, from, upTo);
        }

        for (var i = 0; i < PiecesAtATime && from <= upTo && !slice.IsFull; i++)
        {
            from = slice.Add(PieceWith(view, from, upTo), from, upTo);
        }

        return from;
    }

    public void Clear()
    {
        lock (_gate)
        {
            _pieces.Clear();
        }
    }

    private long ReadKey(Slice slice, long from, long upTo)
    {
        var key = slice.Watcher.Range.Start.Span;
        var items = new List<KeyRevision>();
        slice.View.Keys.History(key, from, upTo, options.ResponseRevisions + 1, items);
        var next = upTo + 1;
        if (items.Count > options.ResponseRevisions)
        {
            // The rest was left out, possibly of the last revision too.
            next = items[^1].Modified.Main;
            items.RemoveAll(item => item.Modified.Main == next);
        }

        items.RemoveAll(item => !(item.IsLive ? slice.Watcher.WantsPuts : slice.Watcher.WantsDeletes));
        for (var i = 0; i < items.Count;)
        {
            if (slice.IsFull)
            {
                return items[i].Modified.Main;
            }

            var end = EndOfGroup(items, i, Math.Min(KeyRevisionsAtATime, slice.Room));
            var records = new RecordChain();
            slice.View.Read([.. items[i..end].Select(item => item.Modified)], records);
            foreach (var change in records.Events)
            {
                slice.Add(change);
            }

            i = end;
        }

        return next;
    }

    // Few enough that a full response is noticed in time, and never a part of a revision.
    private int EndOfGroup(List<KeyRevision> items, int from, int max)
    {
        var bytes = 0L;
        var end = from;
        while (end < items.Count
            && ((end < from + max && bytes < options.ResponseBytes)
                || items[end].Modified.Main == items[end - 1].Modified.Main))
        {
            bytes += items[end++].Bytes;
        }

        return end;
    }

    // Whoever needs a piece that somebody else is loading waits for it.
    private Piece PieceWith(KeySpaceView view, long from, long upTo)
    {
        while (true)
        {
            var piece = FindOrAdd(from, upTo);
            lock (piece)
            {
                if (piece.End == 0)
                {
                    Load(piece, view, upTo);
                }

                // It may have been cut short by its size, or by the revision that whoever loaded it had in sight.
                if (from < piece.End)
                {
                    return piece;
                }
            }
        }
    }

    private Piece FindOrAdd(long from, long upTo)
    {
        lock (_gate)
        {
            for (var i = _pieces.Count - 1; i >= 0; i--)
            {
                var known = _pieces[i];
                var end = known.End == 0 ? Math.Min(known.First + options.HistoryRevisions, upTo + 1) : known.End;
                if (known.First <= from && from < end)
                {
                    _pieces.RemoveAt(i);
                    _pieces.Add(known);
                    return known;
                }
            }

            var piece = new Piece(from);
            _pieces.Add(piece);
            return piece;
        }
    }

    private void Load(Piece piece, KeySpaceView view, long upTo)
    {
        var last = Math.Min(upTo, piece.First + options.HistoryRevisions - 1);
        var records = new RecordChain { MaxBytes = Math.Min(options.ResponseBytes, options.HistoryBytes) };
        try
        {
            var end = view.ReadHistory(piece.First, last, records);
            piece.Fill([.. records.Events], records.Bytes, end);
        }
        catch
        {
            lock (_gate)
            {
                _pieces.Remove(piece);
            }

            throw;
        }

        lock (_gate)
        {
            var bytes = 0L;
            for (var i = _pieces.Count - 1; i >= 0; i--)
            {
                bytes += _pieces[i].Bytes;
                if (bytes > options.HistoryBytes && _pieces[i] != piece)
                {
                    _pieces.RemoveAt(i);
                }
            }
        }
    }

    /// <summary>All changes from one revision to another. Filled once, by whoever has its lock first.</summary>
    private sealed class Piece(long first)
    {
        private long _bytes;
        private long _end;

        public long First { get; } = first;

        /// <summary>The revision after its last one; 0 until it is filled.</summary>
        public long End => Volatile.Read(ref _end);

        public long Bytes => Volatile.Read(ref _bytes);

        public WatchEvent[] Events { get; private set; } = [];

        public void Fill(WatchEvent[] events, long bytes, long end)
        {
            Events = events;
            Volatile.Write(ref _bytes, bytes);
            Volatile.Write(ref _end, end);
        }
    }

    /// <summary>Copies records out of the store, many into one array.</summary>
    private sealed class RecordChain : IHistorySink
    {
        private const int ChunkBytes = 64 * 1024;

        private byte[] _chunk = [];
        private int _used;

        public long MaxBytes { get; init; } = long.MaxValue;

        public List<WatchEvent> Events { get; } = [];

        public long Bytes { get; private set; }

        public void Accept(Revision revision, ReadOnlySpan<byte> record)
        {
            if (record.Length > _chunk.Length - _used)
            {
                _chunk = new byte[record.Length > ChunkBytes / 4 || Events.Count == 0 ? record.Length : ChunkBytes];
                _used = 0;
            }

            var copy = _chunk.AsMemory(_used, record.Length);
            record.CopyTo(copy.Span);
            _used += record.Length;
            Bytes += record.Length;
            Events.Add(new WatchEvent(revision, copy, RecordFormat.Read(record).IsTombstone));
        }

        public bool EndOfRevision(long main) => Bytes < MaxBytes;
    }

    /// <summary>What one watcher is told of history in one response.</summary>
    private sealed class Slice(WatchHistory history, KeySpaceView view, Watcher watcher, List<TakenEvent> taken)
    {
        private long _bytes;
        private int _revisions;
        private long _lastMain = -1;

        public KeySpaceView View { get; } = view;

        public Watcher Watcher { get; } = watcher;

        /// <summary>How many more revisions fit.</summary>
        public int Room => history.Options.ResponseRevisions - _revisions;

        public bool IsFull => Room <= 0 || _bytes >= history.Options.ResponseBytes;

        /// <summary>Looks through a piece until it ends or there is enough; says where to go on.</summary>
        public long Add(Piece piece, long from, long upTo)
        {
            var index = IndexOf(piece.Events, from);
            for (; index < piece.Events.Length; index++)
            {
                var change = piece.Events[index];
                var main = change.Revision.Main;
                if (main > upTo)
                {
                    return upTo + 1;
                }

                if (main != _lastMain && IsFull)
                {
                    return main;
                }

                if (Watcher.Range.Contains(change.Key))
                {
                    Add(change);
                }
            }

            return Math.Min(piece.End, upTo + 1);
        }

        public void Add(WatchEvent change)
        {
            var isLost = change.IsDelete && history.Faults.LosesDeletesAtCompacted
                && change.Revision.Main == View.Compacted;
            if (isLost || !Watcher.Wants(change))
            {
                return;
            }

            var before = Watcher.WantsBefore ? change.LookUpBefore(View, history.Faults) : null;
            taken.Add(new TakenEvent(change, before));
            _bytes += change.Record.Length + (before?.Length ?? 0);
            if (change.Revision.Main != _lastMain)
            {
                _lastMain = change.Revision.Main;
                _revisions++;
            }
        }

        private static int IndexOf(WatchEvent[] events, long main)
        {
            var low = 0;
            var high = events.Length;
            while (low < high)
            {
                var middle = (low + high) >>> 1;
                if (events[middle].Revision.Main < main)
                {
                    low = middle + 1;
                }
                else
                {
                    high = middle;
                }
            }

            return low;
        }
    }

    private WatchOptions Options => options;

    private WatchFaults Faults => faults;
}
