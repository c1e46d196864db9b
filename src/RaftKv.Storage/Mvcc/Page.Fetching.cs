using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;

namespace RaftKv.Storage.Mvcc;

/// <summary>Asking for the memory of a leaf before it is needed: the steps of <see cref="KeyIndex.Expect"/>. Between two
/// of them the memory comes. None of them waits for any.</summary>
internal sealed partial class Page
{
    private const int CacheLineBytes = 64;

    /// <summary>Asks for the page itself.</summary>
    public void Fetch() => Fetch(this, 2 * CacheLineBytes);

    /// <summary>Asks for what leads to a child.</summary>
    public void FetchChild(int index)
        => Fetch(ref Unsafe.As<Page, byte>(ref Unsafe.Add(ref MemoryMarshal.GetArrayDataReference(Children), index)));

    /// <summary>Asks for the slots.</summary>
    public void FetchSlots()
    {
        ref var first = ref Unsafe.As<Slot, byte>(ref MemoryMarshal.GetArrayDataReference(_slots));
        for (var offset = 0; offset < _count * SlotBytes; offset += CacheLineBytes)
        {
            Fetch(ref Unsafe.Add(ref first, offset));
        }
    }

    /// <summary>Asks for the prefix.</summary>
    public void FetchPrefix()
        => Fetch(ref Unsafe.Add(ref MemoryMarshal.GetArrayDataReference(_heap), _heap.Length - _prefixLength - 1));

    /// <summary>Asks for a key, or for its neighbour.</summary>
    public void FetchEntry(ReadOnlySpan<byte> key)
    {
        if (_count == 0 || key.Length < _prefixLength)
        {
            return;
        }

        var at = Math.Min(FirstFrom(Slots, HeadOf(key[_prefixLength..], [])), _count - 1);
        ref var first = ref MemoryMarshal.GetArrayDataReference(_heap);
        Fetch(ref Unsafe.Add(ref first, _slots[at].Key));
        Fetch(ref Unsafe.Add(ref first, Math.Min(_heap.Length - 1, _slots[at].Key + CacheLineBytes)));
        Fetch(ref Unsafe.Add(ref first, _slots[at].Payload));
        Fetch(ref Unsafe.Add(ref first, Math.Max(0, _heapStart - 1)));
    }

    // An address that the collector has just made wrong is no harm: nothing is read.
    private static unsafe void Fetch(object what, int bytes)
    {
        if (Sse.IsSupported)
        {
            var at = *(byte**)Unsafe.AsPointer(ref what);
            for (var offset = 0; offset < bytes; offset += CacheLineBytes)
            {
                Sse.Prefetch0(at + offset);
            }
        }
    }

    private static unsafe void Fetch(ref byte at)
    {
        if (Sse.IsSupported)
        {
            Sse.Prefetch0(Unsafe.AsPointer(ref at));
        }
    }
}
