using System.Diagnostics;
using RaftKv.Faults.Histories;

namespace RaftKv.Faults.Checking;

/// <summary>What an object does, operation by operation.</summary>
internal interface ISequentialModel<TState>
    where TState : struct, IEquatable<TState>
{
    TState Initial { get; }

    /// <summary>Whether the operation, with the answer that it got, can be what happens next; and what is then.</summary>
    bool TryStep(in TState state, Invocation operation, out TState next);

    /// <summary>
    /// Whether operations of unknown outcome alone can lead from a state to one in which the operation fits. It is asked of
    /// the operation that must come next of those with an answer; "yes" is always right, and "no" saves trying.
    /// </summary>
    bool CanLeadTo(in TState state, Invocation operation);
}

/// <summary>How much a search may cost. Whichever is used up first ends it, without a result.</summary>
internal sealed record SearchBudget(long Steps, TimeSpan Time)
{
    public static readonly SearchBudget Usual = new(50_000_000, TimeSpan.FromMinutes(1));
}

/// <summary>
/// Looks for an order of operations that explains all answers, in which none stands before one that had ended before it
/// began: linearizability, of Herlihy and Wing 1990. Searched for as Wing and Gong did in 1993, with Lowe's memory of what
/// was tried (2017).
/// </summary>
/// <remarks>
/// An operation of unknown outcome may stand anywhere after its beginning, or nowhere; that is the fork. Those are tried
/// last, because most of them need not be anywhere.
/// <para>The list holds, in the order of time, the beginnings and the ends of all operations that have no place yet. What may
/// come next are the beginnings before the first end.</para>
/// </remarks>
internal sealed class LinearSearch<TState>
    where TState : struct, IEquatable<TState>
{
    private const int StepsBetweenLooksAtTheClock = 4096;

    private readonly ISequentialModel<TState> _model;
    private readonly Invocation[] _operations;
    private readonly Node _head;
    private readonly ulong[] _placed;
    private readonly HashSet<Tried> _tried = [];
    private readonly Stack<(Node Begin, TState Before)> _order = new();
    private readonly int[] _byRevision;

    // Where each stands in it; behind all, if it is not in it.
    private readonly int[] _rank;
    private int _unplaced;

    // All before it in _byRevision have a place.
    private int _nextByRevision;

    public LinearSearch(ISequentialModel<TState> model, IEnumerable<Invocation> operations)
    {
        _model = model;
        _operations = [.. operations.OrderBy(operation => operation.Begin)];
        _placed = new ulong[(_operations.Length + 63) / 64];
        _unplaced = _operations.Count(operation => operation.IsOk);
        _byRevision = [.. Enumerable.Range(0, _operations.Length)
            .Where(i => _operations[i] is { IsOk: true, Revision: not null })
            .OrderBy(i => _operations[i].Revision)
            .ThenBy(i => !_operations[i].Wrote)];
        _rank = new int[_operations.Length];
        Array.Fill(_rank, int.MaxValue);
        for (var i = 0; i < _byRevision.Length; i++)
        {
            _rank[_byRevision[i]] = i;
        }

        _head = Chain(_operations);
    }

    /// <summary>The operations, in the order of their beginnings.</summary>
    public IReadOnlyList<Invocation> Operations => _operations;

    /// <summary>The longest part of an order that was found, if none explains all: what came before it got stuck.</summary>
    public IReadOnlyList<Invocation> Longest { get; private set; } = [];

    /// <summary>What was the case after <see cref="Longest"/>.</summary>
    public TState AfterLongest { get; private set; }

    /// <summary>What could have come after <see cref="Longest"/>, and does not fit.</summary>
    public IReadOnlyList<Invocation> Misfits { get; private set; } = [];

    public Judgement Run(SearchBudget budget)
    {
        var clock = Stopwatch.StartNew();
        var state = _model.Initial;
        var steps = 0L;
        var isOnUnknown = false;
        var node = _head.Next;
        AfterLongest = state;
        while (_unplaced > 0)
        {
            if (++steps > budget.Steps || (steps % StepsBetweenLooksAtTheClock == 0 && clock.Elapsed > budget.Time))
            {
                return Judgement.Unknown;
            }

            if (node is { IsEnd: false })
            {
                if (_operations[node.Index].IsOk != isOnUnknown && TryPlace(node, state, out var next))
                {
                    _order.Push((node, state));
                    state = next;
                    RememberLongest(state);
                    (node, isOnUnknown) = (_head.Next, false);
                }
                else
                {
                    node = node.Next;
                }
            }
            else if (!isOnUnknown)
            {
                // None of those with an answer fits: then one without, of the same beginnings.
                (node, isOnUnknown) = (_head.Next, true);
            }
            else if (_order.TryPop(out var last))
            {
                TakeBack(last.Begin);
                state = last.Before;
                isOnUnknown = !_operations[last.Begin.Index].IsOk;
                node = last.Begin.Next;
            }
            else
            {
                return Judgement.Fail;
            }
        }

        return Judgement.Pass;
    }

    private static Node Chain(Invocation[] operations)
    {
        // At the same moment beginnings come first: operations that touch are taken to overlap.
        var nodes = new List<(long At, Node Node)>();
        for (var i = 0; i < operations.Length; i++)
        {
            var begin = new Node(i, isEnd: false);
            nodes.Add((operations[i].Begin, begin));
            if (operations[i].IsOk)
            {
                begin.End = new Node(i, isEnd: true);
                nodes.Add((operations[i].End, begin.End));
            }
        }

        var head = new Node(-1, isEnd: false);
        var last = head;
        foreach (var (_, node) in nodes.OrderBy(node => node.At).ThenBy(node => node.Node.IsEnd))
        {
            last.Next = node;
            node.Previous = last;
            last = node;
        }

        return head;
    }

    private bool TryPlace(Node node, in TState state, out TState next)
    {
        var operation = _operations[node.Index];
        if (!_model.TryStep(state, operation, out next) || (!operation.IsOk && next.Equals(state)))
        {
            return false;
        }

        Flip(node.Index);
        if (!IsPromising(next) || !_tried.Add(new Tried((ulong[])_placed.Clone(), next)))
        {
            Flip(node.Index);
            return false;
        }

        _unplaced -= operation.IsOk ? 1 : 0;
        node.Leave();
        node.End?.Leave();
        return true;
    }

    private bool IsPromising(in TState state)
    {
        while (_nextByRevision < _byRevision.Length && IsPlaced(_byRevision[_nextByRevision]))
        {
            _nextByRevision++;
        }

        return _nextByRevision == _byRevision.Length || _model.CanLeadTo(state, _operations[_byRevision[_nextByRevision]]);
    }

    private bool IsPlaced(int index) => (_placed[index >> 6] & (1UL << index)) != 0;

    private void TakeBack(Node node)
    {
        node.End?.ComeBack();
        node.ComeBack();
        Flip(node.Index);
        _unplaced += _operations[node.Index].IsOk ? 1 : 0;
    }

    private void Flip(int index)
    {
        _placed[index >> 6] ^= 1UL << index;
        _nextByRevision = Math.Min(_nextByRevision, _rank[index]);
    }

    private void RememberLongest(in TState state)
    {
        if (_order.Count <= Longest.Count && _unplaced > 0)
        {
            return;
        }

        Longest = [.. _order.Reverse().Select(step => _operations[step.Begin.Index])];
        AfterLongest = state;
        var misfits = new List<Invocation>();
        for (var node = _head.Next; node is { IsEnd: false }; node = node.Next)
        {
            if (_operations[node.Index].IsOk)
            {
                misfits.Add(_operations[node.Index]);
            }
        }

        Misfits = misfits;
    }

    private sealed class Node(int index, bool isEnd)
    {
        public int Index { get; } = index;

        public bool IsEnd { get; } = isEnd;

        public Node? End { get; set; }

        public Node? Next { get; set; }

        public Node? Previous { get; set; }

        public void Leave()
        {
            Previous!.Next = Next;
            if (Next is not null)
            {
                Next.Previous = Previous;
            }
        }

        // What left last comes back first, so its neighbours are what they were.
        public void ComeBack()
        {
            Previous!.Next = this;
            if (Next is not null)
            {
                Next.Previous = this;
            }
        }
    }

    private readonly struct Tried(ulong[] placed, TState state) : IEquatable<Tried>
    {
        private readonly ulong[] _placed = placed;
        private readonly TState _state = state;

        public bool Equals(Tried other) => _state.Equals(other._state) && _placed.AsSpan().SequenceEqual(other._placed);

        public override bool Equals(object? obj) => obj is Tried other && Equals(other);

        public override int GetHashCode()
        {
            var hash = default(HashCode);
            hash.Add(_state);
            foreach (var word in _placed)
            {
                hash.Add(word);
            }

            return hash.ToHashCode();
        }
    }
}
