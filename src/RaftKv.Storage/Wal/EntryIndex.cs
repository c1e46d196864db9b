using RaftKv.Raft;

namespace RaftKv.Storage.Wal;

/// <summary>Where an entry's record lies. Sixteen bytes an entry is what remembering the log costs.</summary>
internal readonly record struct EntryLocation(ulong Term, uint Segment, uint Offset);

/// <summary>
/// The place of every entry there is, by index: a ring that grows, gives up its front to compaction and its back to
/// overwriting.
/// </summary>
internal sealed class EntryIndex
{
    private const int FirstCapacity = 64;

    private EntryLocation[] _ring = new EntryLocation[FirstCapacity]; // A power of two, so that wrapping is a mask.
    private int _head;

    /// <summary>The index of the first entry, whether it is there already or comes next.</summary>
    public ulong First { get; private set; } = 1;

    public int Count { get; private set; }

    /// <summary>The index that is added next.</summary>
    public ulong Next => First + (ulong)Count;

    public EntryLocation this[ulong index]
    {
        get
        {
            Invariant.Holds(index >= First);
            Invariant.Holds(index < Next);
            return _ring[(_head + (int)(index - First)) & (_ring.Length - 1)];
        }
    }

    public bool Contains(ulong index) => index >= First && index < Next;

    public void Add(EntryLocation location)
    {
        if (Count == _ring.Length)
        {
            Resize(_ring.Length * 2);
        }

        _ring[(_head + Count) & (_ring.Length - 1)] = location;
        Count++;
    }

    /// <summary>Forgets an entry and all after it.</summary>
    public void CutFrom(ulong index)
    {
        Invariant.Holds(index >= First);
        Invariant.Holds(index <= Next);
        Count = (int)(index - First);
    }

    /// <summary>Forgets all entries through one, which may lie beyond the last.</summary>
    public void DropThrough(ulong index)
    {
        if (index < First)
        {
            return;
        }

        if (index >= Next)
        {
            Restart(index + 1);
            return;
        }

        var dropped = (int)(index + 1 - First);
        _head = (_head + dropped) & (_ring.Length - 1);
        First += (ulong)dropped;
        Count -= dropped;
        if (_ring.Length > FirstCapacity && Count < _ring.Length / 8)
        {
            Resize(_ring.Length / 4);
        }
    }

    /// <summary>Forgets everything; this index comes next.</summary>
    public void Restart(ulong first)
    {
        _head = 0;
        Count = 0;
        First = first;
    }

    private void Resize(int capacity)
    {
        var ring = new EntryLocation[Math.Max(FirstCapacity, capacity)];
        var toEnd = Math.Min(Count, _ring.Length - _head);
        _ring.AsSpan(_head, toEnd).CopyTo(ring);
        _ring.AsSpan(0, Count - toEnd).CopyTo(ring.AsSpan(toEnd));
        _ring = ring;
        _head = 0;
    }
}
