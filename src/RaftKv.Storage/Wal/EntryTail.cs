using RaftKv.Raft;
using RaftKv.Raft.Log;

namespace RaftKv.Storage.Wal;

/// <summary>
/// The newest entries, in memory, up to a number of bytes: what followers that keep up are sent from. It borrows
/// the payloads from whoever appended them and copies none.
/// </summary>
internal sealed class EntryTail(long bytesMax)
{
    private const int FirstCapacity = 16;

    private Entry[] _ring = new Entry[FirstCapacity]; // A power of two, so that wrapping is a mask.
    private int _head;
    private int _count;
    private long _bytes;

    /// <summary>The index of the oldest entry held; what comes next, if there is none.</summary>
    public ulong First { get; private set; } = 1;

    public ulong Next => First + (ulong)_count;

    public ref readonly Entry this[ulong index]
    {
        get
        {
            Invariant.Holds(index >= First);
            Invariant.Holds(index < Next);
            return ref _ring[(_head + (int)(index - First)) & (_ring.Length - 1)];
        }
    }

    public void Add(in Entry entry)
    {
        Invariant.Holds(entry.Index == Next);
        if (_count == _ring.Length)
        {
            Grow();
        }

        _ring[(_head + _count) & (_ring.Length - 1)] = entry;
        _count++;
        _bytes += entry.CountedBytes;
        while (_bytes > bytesMax)
        {
            DropFirst();
        }
    }

    /// <summary>Forgets an entry and all after it. If they are older than what is held, everything.</summary>
    public void CutFrom(ulong index)
    {
        while (_count > 0 && Next > index)
        {
            _count--;
            ref var last = ref _ring[(_head + _count) & (_ring.Length - 1)];
            _bytes -= last.CountedBytes;
            last = default;
        }

        if (_count == 0)
        {
            First = index;
        }
    }

    public void DropThrough(ulong index)
    {
        while (_count > 0 && First <= index)
        {
            DropFirst();
        }

        if (_count == 0)
        {
            First = Math.Max(First, index + 1);
        }
    }

    public void Restart(ulong first)
    {
        CutFrom(0);
        First = first;
    }

    private void DropFirst()
    {
        ref var first = ref _ring[_head];
        _bytes -= first.CountedBytes;
        first = default; // Lets the payload go.
        _head = (_head + 1) & (_ring.Length - 1);
        _count--;
        First++;
    }

    private void Grow()
    {
        var ring = new Entry[_ring.Length * 2];
        var toEnd = _ring.Length - _head;
        _ring.AsSpan(_head, toEnd).CopyTo(ring);
        _ring.AsSpan(0, _head).CopyTo(ring.AsSpan(toEnd));
        _ring = ring;
        _head = 0;
    }
}
