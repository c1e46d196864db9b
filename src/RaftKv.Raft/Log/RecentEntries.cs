namespace RaftKv.Raft.Log;

/// <summary>
/// The newest entries, in memory: everything not yet durable, and a bounded tail of what is, so that followers which
/// keep up and the application are served without touching the disk.
/// <para>
/// Entries are handed out as slices of the chunks they lie in, to the disk writer, to several followers and to the
/// application at once, without copying. That is sound because a slot is written once: appending fills slots nobody
/// has seen, truncating moves what remains to a fresh chunk, and dropping the front only lets go of whole chunks. A
/// slice that spans two chunks is copied, which is rare: see <see cref="StartBatch"/>.
/// </para>
/// </summary>
internal sealed class RecentEntries
{
    // A full chunk of entries is about 40 kB: large enough that few slices span two, small enough to stay out of the
    // large-object heap. Chunks start small because tests and simulations make members by the million.
    private const int SmallestChunk = 32;
    private const int LargestChunk = 1024;

    // A chunk is also closed when its payloads weigh this much, so that a bound in bytes can be kept by dropping
    // whole chunks.
    private const long ChunkBytes = 1 << 20;

    private readonly List<Chunk> _chunks = [];

    private LogPosition _last;

    public RecentEntries(LogPosition previous) => Reset(previous);

    /// <summary>The position just before the first entry in memory.</summary>
    public LogPosition Previous { get; private set; }

    /// <summary>The newest entry; <see cref="Previous"/> when there is none.</summary>
    public LogPosition Last => _last;

    /// <summary>The sum of <see cref="Entry.CountedBytes"/> over the entries in memory.</summary>
    public long Bytes { get; private set; }

    public int Count => (int)(_last.Index - Previous.Index);

    /// <summary>Forgets everything; the next entry follows <paramref name="previous"/>.</summary>
    public void Reset(LogPosition previous)
    {
        _chunks.Clear();
        Previous = previous;
        _last = previous;
        Bytes = 0;
    }

    /// <summary>
    /// So many entries are about to be appended. If they do not fit into what is left of the newest chunk they start a new
    /// one: what is appended together is written, sent and applied together, and need not be copied then. Costs at most
    /// the slots of one batch per chunk.
    /// </summary>
    public void StartBatch(int count)
    {
        if (count <= LargestChunk / 4 && _chunks.Count > 0 && _chunks[^1].Room < count)
        {
            _chunks[^1].Close();
        }
    }

    public void Append(in Entry entry)
    {
        Invariant.Holds(entry.Index == _last.Index + 1);
        Invariant.Holds(entry.Term >= _last.Term);

        var chunk = _chunks.Count > 0 ? _chunks[^1] : null;
        if (chunk is null || chunk.IsFull)
        {
            var capacity = chunk is null ? SmallestChunk : Math.Min(LargestChunk, chunk.Capacity * 4);
            chunk = new Chunk(entry.Index, capacity);
            _chunks.Add(chunk);
        }

        chunk.Add(entry);
        _last = entry.Position;
        Bytes += entry.CountedBytes;
    }

    /// <summary>Removes <paramref name="index"/> and everything after it.</summary>
    public void TruncateFrom(ulong index)
    {
        Invariant.Holds(index > Previous.Index);
        Invariant.Holds(index <= _last.Index);

        while (_chunks.Count > 0 && _chunks[^1].First >= index)
        {
            Bytes -= _chunks[^1].Bytes;
            _chunks.RemoveAt(_chunks.Count - 1);
        }

        if (_chunks.Count > 0 && _chunks[^1].Last >= index)
        {
            // The slots after the cut may be in the hands of a reader, so they must never be written again.
            Bytes -= _chunks[^1].Bytes;
            _chunks[^1] = _chunks[^1].CopyBefore(index);
            Bytes += _chunks[^1].Bytes;
        }

        _last = _chunks.Count > 0 ? _chunks[^1].At(_chunks[^1].Last).Position : Previous;
    }

    /// <summary>Lets go of old chunks, oldest first, while more than <paramref name="keepCount"/> entries or
    /// <paramref name="keepBytes"/> remain, but of nothing after <paramref name="through"/>.</summary>
    public void DropFront(ulong through, int keepCount, long keepBytes)
    {
        while (_chunks.Count > 1
            && _chunks[0].Last <= through
            && (Count - _chunks[0].Count >= keepCount || Bytes > keepBytes))
        {
            Previous = _chunks[0].At(_chunks[0].Last).Position;
            Bytes -= _chunks[0].Bytes;
            _chunks.RemoveAt(0);
        }
    }

    /// <summary>The term at an index from <see cref="Previous"/> to <see cref="Last"/>.</summary>
    public ulong TermAt(ulong index)
    {
        if (index == _last.Index)
        {
            return _last.Term;
        }

        return index == Previous.Index ? Previous.Term : At(index).Term;
    }

    public ref readonly Entry At(ulong index) => ref _chunks[ChunkOf(index)].At(index);

    /// <summary>The entries from <paramref name="first"/> to <paramref name="last"/>, both included, or as many from
    /// the front as fit in <paramref name="maxBytes"/>, but at least one.</summary>
    public ReadOnlyMemory<Entry> Slice(ulong first, ulong last, long maxBytes)
    {
        Invariant.Holds(first > Previous.Index);
        Invariant.Holds(last <= _last.Index);
        Invariant.Holds(first <= last);

        var number = ChunkOf(first);
        var end = LastWithin(number, first, last, maxBytes);
        if (end <= _chunks[number].Last)
        {
            return _chunks[number].Slice(first, end);
        }

        var copy = new Entry[end - first + 1];
        for (var filled = 0; filled < copy.Length; number++)
        {
            var part = _chunks[number].Slice(first + (ulong)filled, Math.Min(end, _chunks[number].Last));
            part.Span.CopyTo(copy.AsSpan(filled));
            filled += part.Length;
        }

        return copy;
    }

    private ulong LastWithin(int number, ulong first, ulong last, long maxBytes)
    {
        // Nearly always everything asked for is far below the bound, and the whole memory tells so at once.
        if (Bytes <= maxBytes)
        {
            return last;
        }

        var bytes = 0L;
        for (var index = first; index <= last; index++)
        {
            if (index > _chunks[number].Last)
            {
                number++;
            }

            bytes += _chunks[number].At(index).CountedBytes;
            if (bytes > maxBytes && index > first)
            {
                return index - 1;
            }
        }

        return last;
    }

    private int ChunkOf(ulong index)
    {
        // Nearly every question is about the newest chunk.
        var number = _chunks.Count - 1;
        while (_chunks[number].First > index)
        {
            number--;
        }

        return number;
    }

    private sealed class Chunk(ulong first, int capacity)
    {
        private readonly Entry[] _entries = new Entry[capacity];
        private bool _isClosed;

        public ulong First { get; } = first;

        public int Count { get; private set; }

        public long Bytes { get; private set; }

        public int Capacity => _entries.Length;

        public ulong Last => First + (ulong)Count - 1;

        public int Room => IsFull ? 0 : _entries.Length - Count;

        public bool IsFull => _isClosed || Count == _entries.Length || Bytes >= ChunkBytes;

        public void Close() => _isClosed = true;

        public void Add(in Entry entry)
        {
            _entries[Count++] = entry;
            Bytes += entry.CountedBytes;
        }

        public ref readonly Entry At(ulong index) => ref _entries[index - First];

        public ReadOnlyMemory<Entry> Slice(ulong from, ulong to)
            => _entries.AsMemory((int)(from - First), (int)(to - from + 1));

        public Chunk CopyBefore(ulong index)
        {
            var copy = new Chunk(First, Capacity);
            for (var kept = First; kept < index; kept++)
            {
                copy.Add(At(kept));
            }

            return copy;
        }
    }
}
