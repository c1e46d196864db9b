using RaftKv.Raft;

namespace RaftKv.Simulation;

/// <summary>Whatever things happen to: a process, the network, a client, the trouble maker.</summary>
internal interface IActor
{
    /// <param name="what">Of the things that can happen to this actor.</param>
    /// <param name="argument">As given when it was scheduled.</param>
    void Happen(int what, ulong argument);
}

/// <summary>
/// Virtual time: a queue of what is to happen, ordered by (time, order of scheduling). Nothing else moves the clock, and
/// nothing happens but through this queue, so that the seed alone decides the history.
/// </summary>
internal sealed class Simulator
{
    public const long Microsecond = 1_000;
    public const long Millisecond = 1_000_000;
    public const long Second = 1_000_000_000;

    // A heap with four children per place: half as deep as a binary one, and the children share a cache line or two.
    private const int Arity = 4;

    private Step[] _heap = new Step[256];
    private int _count;
    private long _sequence;

    /// <summary>Nanoseconds since the beginning.</summary>
    public long Now { get; private set; }

    /// <summary>How many things have happened.</summary>
    public long StepCount { get; private set; }

    /// <summary>Everything that has happened, in one number. Two runs of a seed end with the same one.</summary>
    public ulong HistoryHash { get; private set; } = 14695981039346656037;

    public void Schedule(long at, IActor actor, int what, ulong argument = 0)
    {
        Invariant.Holds(at >= Now);
        if (_count == _heap.Length)
        {
            Array.Resize(ref _heap, 2 * _count);
        }

        var step = new Step(at, _sequence++, actor, what, argument);
        var place = _count++;
        while (place > 0)
        {
            var parent = (place - 1) / Arity;
            if (!step.IsBefore(_heap[parent]))
            {
                break;
            }

            _heap[place] = _heap[parent];
            place = parent;
        }

        _heap[place] = step;
    }

    /// <summary>Lets the next thing happen, unless it lies after <paramref name="until"/>: then time moves there.</summary>
    public bool TryStep(long until)
    {
        if (_count == 0 || _heap[0].At > until)
        {
            Now = Math.Max(Now, until);
            return false;
        }

        var step = _heap[0];
        RemoveFirst();
        Now = step.At;
        StepCount++;
        Note((ulong)step.At);
        Note((ulong)step.What ^ (step.Argument << 8));
        step.Actor.Happen(step.What, step.Argument);
        return true;
    }

    /// <summary>Adds a fact to <see cref="HistoryHash"/>.</summary>
    public void Note(ulong fact) => HistoryHash = Mix.Of(HistoryHash, fact);

    private void RemoveFirst()
    {
        var moved = _heap[--_count];
        _heap[_count] = default;
        var place = 0;
        while (true)
        {
            var first = (place * Arity) + 1;
            if (first >= _count)
            {
                break;
            }

            var earliest = first;
            var end = Math.Min(first + Arity, _count);
            for (var child = first + 1; child < end; child++)
            {
                if (_heap[child].IsBefore(_heap[earliest]))
                {
                    earliest = child;
                }
            }

            if (!_heap[earliest].IsBefore(moved))
            {
                break;
            }

            _heap[place] = _heap[earliest];
            place = earliest;
        }

        if (_count > 0)
        {
            _heap[place] = moved;
        }
    }

    private readonly struct Step(long at, long sequence, IActor actor, int what, ulong argument)
    {
        public long At { get; } = at;

        public IActor Actor { get; } = actor;

        public ulong Argument { get; } = argument;

        public int What { get; } = what;

        private long Sequence { get; } = sequence;

        public bool IsBefore(in Step other) => At != other.At ? At < other.At : Sequence < other.Sequence;
    }
}
