using System.Text;
using RaftKv.Simulation.Members;

namespace RaftKv.Simulation.History;

/// <summary>
/// <b>The operations on a register can be put into one order in which each finds what the ones before it left, and no
/// operation stands before one that returned before it was called.</b> Herlihy and Wing 1990; searched for as Wing and Gong
/// 1993 did, with Lowe's memory of what has been tried.
/// <para>Each register is searched by itself, for a history is linearizable exactly if it is for each object. An operation
/// that never returned may stand anywhere after its call, or nowhere. Cannot see what no client ever looked at.</para>
/// </summary>
internal static class Linearizability
{
    /// <summary>Null if the history of every register can be explained; otherwise what cannot.</summary>
    public static string? Check(IReadOnlyList<Operation> history)
    {
        for (var key = 0; key < RegisterMachine.KeyCount; key++)
        {
            var operations = new List<Operation>();
            foreach (var operation in history)
            {
                if (operation.Key == key)
                {
                    operations.Add(operation);
                }
            }

            DropWhatNobodySaw(operations);
            if (operations.Count > 0 && new Search(operations).Run() is { } problem)
            {
                return problem;
            }
        }

        return null;
    }

    // An operation without an answer, whose value nobody ever found, can be left out: any order with it is also one
    // without it, since whoever came between it and the next change would have found its value. A read without an answer
    // says nothing at all.
    private static void DropWhatNobodySaw(List<Operation> operations)
    {
        var seen = new HashSet<ulong>();
        foreach (var operation in operations)
        {
            if (operation.IsKnown)
            {
                seen.Add(operation.Result.Value);
            }
        }

        operations.RemoveAll(
            operation => !operation.IsKnown
                && (operation.Kind == OperationKind.Read || !seen.Contains(operation.Value)));
    }

    /// <summary>
    /// A depth-first search over "what has been carried out so far and what the register holds then". The next candidates
    /// are those that were called before the first return of any that is still to come.
    /// </summary>
    private sealed class Search
    {
        private readonly Operation[] _operations;
        private readonly ulong[] _done;
        private readonly HashSet<State> _tried = [];
        private readonly int _known;
        private int _left;
        private int _fewest;
        private Operation? _stuckAt;
        private ulong _stuckWith;

        public Search(List<Operation> operations)
        {
            _operations = [.. operations];
            Array.Sort(_operations, static (one, other) => one.CalledAt != other.CalledAt
                ? one.CalledAt.CompareTo(other.CalledAt)
                : (one.Client, one.Number).CompareTo((other.Client, other.Number)));
            _done = new ulong[(_operations.Length + 63) / 64];
            foreach (var operation in _operations)
            {
                _left += operation.IsKnown ? 1 : 0;
            }

            _known = _left;
            _fewest = _left + 1;
        }

        public string? Run() => Explain(0, 0) ? null : Describe();

        // from: everything before it has been carried out.
        private bool Explain(ulong value, int from)
        {
            if (_left == 0)
            {
                return true;
            }

            while (from < _operations.Length && IsDone(from))
            {
                from++;
            }

            var firstReturn = Operation.Never;
            for (var i = from; i < _operations.Length && _operations[i].CalledAt <= firstReturn; i++)
            {
                if (!IsDone(i))
                {
                    firstReturn = Math.Min(firstReturn, _operations[i].ReturnedAt);
                }
            }

            for (var i = from; i < _operations.Length && _operations[i].CalledAt <= firstReturn; i++)
            {
                if (IsDone(i) || !TryCarryOut(_operations[i], value, out var after))
                {
                    Remember(i, value);
                    continue;
                }

                Mark(i, isDone: true);
                if (_tried.Add(new State((ulong[])_done.Clone(), after)) && Explain(after, from))
                {
                    return true;
                }

                Mark(i, isDone: false);
            }

            return false;
        }

        private static bool TryCarryOut(Operation operation, ulong value, out ulong after)
        {
            after = operation.Kind == OperationKind.Write
                || (operation.Kind == OperationKind.Swap && value == operation.Expected)
                ? operation.Value
                : value;
            if (!operation.IsKnown)
            {
                return after != value; // Else it might as well stand nowhere.
            }

            var isDone = operation.Kind != OperationKind.Swap || value == operation.Expected;
            return operation.Result.Value == value && operation.Result.IsDone == isDone;
        }

        private bool IsDone(int i) => (_done[i >> 6] & (1UL << i)) != 0;

        private void Mark(int i, bool isDone)
        {
            _done[i >> 6] ^= 1UL << i;
            if (_operations[i].IsKnown)
            {
                _left += isDone ? -1 : 1;
            }
        }

        private void Remember(int i, ulong value)
        {
            if (!IsDone(i) && _operations[i].IsKnown && _left < _fewest)
            {
                (_fewest, _stuckAt, _stuckWith) = (_left, _operations[i], value);
            }
        }

        private string Describe()
        {
            var text = new StringBuilder();
            text.Append($"no order explains it; at best {_known - _fewest} operations of {_known} ");
            text.Append($"can be carried out, then the register holds {_stuckWith}, but: {_stuckAt}\n");
            foreach (var operation in _operations)
            {
                text.Append("  ").Append(operation).Append('\n');
            }

            return text.ToString();
        }
    }

    private readonly struct State(ulong[] done, ulong value) : IEquatable<State>
    {
        private readonly ulong[] _done = done;
        private readonly ulong _value = value;

        public bool Equals(State other) => _value == other._value && _done.AsSpan().SequenceEqual(other._done);

        public override bool Equals(object? obj) => obj is State other && Equals(other);

        public override int GetHashCode()
        {
            var hash = _value;
            foreach (var word in _done)
            {
                hash = Mix.Of(hash, word);
            }

            return (int)hash;
        }
    }
}
