using System.Numerics;
using RaftKv.Raft;

namespace RaftKv.Storage.Leases;

/// <summary>
/// Timers by number, in milliseconds of a clock that somebody else reads. Setting, moving and cancelling one costs the
/// same however many there are.
/// </summary>
/// <remarks>
/// <para>Eight wheels of 64 slots. A slot of the first is one millisecond, a slot of the next a whole turn of the one
/// before. A timer lies where its time first differs from the time reached, six bits a wheel; when the time reaches a
/// slot of a higher wheel, its timers move down. So a timer moves at most seven times, and empty slots cost nothing.</para>
/// <code>
///   reached 1000 = 15:40     wheel 0 holds 1000…1023, its slots 40…63
///                            wheel 1 holds 1024…4095, its slots 16…63, and so on
///   timer   1010 = 15:50     wheel 0, slot 50
///   timer   2000 = 31:16     wheel 1, slot 31; when 1984 is reached it moves to wheel 0, slot 16
/// </code>
/// </remarks>
internal sealed class TimingWheel
{
    /// <summary>Times are below this: some 8900 years.</summary>
    public const long MaxTime = 1L << (Wheels * SlotBits);

    private const int Wheels = 8;
    private const int SlotBits = 6;
    private const int Slots = 1 << SlotBits;
    private const int Nobody = -1;

    private readonly int[] _first = new int[Wheels * Slots];

    // Per wheel, which of its slots hold timers.
    private readonly ulong[] _occupied = new ulong[Wheels];

    private Timer[] _timers = [];
    private long _reached;

    public TimingWheel() => Array.Fill(_first, Nobody);

    public bool IsSet(int timer) => timer < _timers.Length && _timers[timer].IsSet;

    /// <summary>Sets a timer, or moves it.</summary>
    /// <param name="timer">From 0 on; room is made for all numbers up to it.</param>
    /// <param name="when">When it is due. What lies in the past is due at once.</param>
    public void Set(int timer, long when)
    {
        Invariant.Holds(when < MaxTime);
        if (timer >= _timers.Length)
        {
            Array.Resize(ref _timers, Math.Max(timer + 1, _timers.Length * 2));
        }

        Cancel(timer);
        _timers[timer].When = when;
        Link(timer);
    }

    /// <summary>Nothing happens if it is not set.</summary>
    public void Cancel(int timer)
    {
        if (!IsSet(timer))
        {
            return;
        }

        ref var gone = ref _timers[timer];
        var slot = gone.Slot;
        if (gone.Previous != Nobody)
        {
            _timers[gone.Previous].Next = gone.Next;
        }
        else
        {
            _first[slot] = gone.Next;
            if (gone.Next == Nobody)
            {
                _occupied[slot >> SlotBits] &= ~(1ul << (slot & (Slots - 1)));
            }
        }

        if (gone.Next != Nobody)
        {
            _timers[gone.Next].Previous = gone.Previous;
        }

        gone.IsSet = false;
    }

    /// <summary>Takes out the timer that is due first, if one is.</summary>
    public bool TryTakeDue(long now, out int timer)
    {
        while (TryFindNext(out var slot, out var begins) && begins <= now)
        {
            _reached = Math.Max(_reached, begins);
            timer = _first[slot];
            if (slot < Slots)
            {
                Cancel(timer);
                return true;
            }

            // A higher wheel's slot is reached: its timers move down.
            _first[slot] = Nobody;
            _occupied[slot >> SlotBits] &= ~(1ul << (slot & (Slots - 1)));
            while (timer != Nobody)
            {
                var next = _timers[timer].Next;
                Link(timer);
                timer = next;
            }
        }

        _reached = Math.Max(_reached, now);
        timer = Nobody;
        return false;
    }

    /// <summary>The slot whose time comes first. The lowest wheel that holds anything has it: whatever lies higher
    /// differs from the time reached in a higher digit.</summary>
    private bool TryFindNext(out int slot, out long begins)
    {
        for (var wheel = 0; wheel < Wheels; wheel++)
        {
            if (_occupied[wheel] != 0)
            {
                var number = BitOperations.TrailingZeroCount(_occupied[wheel]);
                var shift = wheel * SlotBits;
                slot = (wheel << SlotBits) | number;
                begins = (_reached >> (shift + SlotBits) << (shift + SlotBits)) | ((long)number << shift);
                return true;
            }
        }

        (slot, begins) = (Nobody, 0);
        return false;
    }

    private void Link(int timer)
    {
        ref var set = ref _timers[timer];
        var when = Math.Max(set.When, _reached);

        // The highest digit in which the two differ; that of the first wheel if they are equal.
        var wheel = BitOperations.Log2((ulong)(when ^ _reached) | 1) / SlotBits;
        var slot = (wheel << SlotBits) | (int)((when >> (wheel * SlotBits)) & (Slots - 1));
        set.Slot = (short)slot;
        set.Previous = Nobody;
        set.Next = _first[slot];
        set.IsSet = true;
        if (set.Next != Nobody)
        {
            _timers[set.Next].Previous = timer;
        }

        _first[slot] = timer;
        _occupied[wheel] |= 1ul << (slot & (Slots - 1));
    }

    private struct Timer
    {
        public long When;
        public int Previous;
        public int Next;
        public short Slot;
        public bool IsSet;
    }
}
