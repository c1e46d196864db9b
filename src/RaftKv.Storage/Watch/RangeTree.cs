using System.Diagnostics.CodeAnalysis;
using RaftKv.Raft;
using RaftKv.Storage.Mvcc;

namespace RaftKv.Storage.Watch;

/// <summary>Finds the ranges that contain a key. A range is in it once.</summary>
/// <remarks>
/// A search tree by the starts of the ranges, in which every node knows how far the ranges below it reach. It is kept in
/// balance by numbers that look like chance (a treap), so that it needs no rules for turning.
/// <code>
///                 [d, k) reaches to z
///                /                   \
///   [a, c) reaches to c       [f, g) reaches to z
///                                     \
///                                  [h, z) reaches to z
/// </code>
/// </remarks>
internal sealed class RangeTree<T>
    where T : class
{
    private Node? _root;
    private ulong _priorities;

    public int Count { get; private set; }

    public bool TryFind(KeyRange range, [NotNullWhen(true)] out T? item)
    {
        var node = _root;
        while (node is not null)
        {
            var order = Compare(range, node.Range);
            if (order == 0)
            {
                item = node.Item;
                return true;
            }

            node = order < 0 ? node.Left : node.Right;
        }

        item = null;
        return false;
    }

    /// <param name="range">Neither single nor empty, and not yet in the tree.</param>
    /// <param name="item">What is found with it.</param>
    public void Add(KeyRange range, T item)
    {
        Invariant.Holds(!range.IsSingle);
        var (smaller, greater) = Split(_root, range);
        _root = Join(Join(smaller, new Node(range, item, NextPriority())), greater);
        Count++;
    }

    public void Remove(KeyRange range)
    {
        _root = Without(_root, range);
        Count--;
    }

    /// <summary>Appends what belongs to the ranges that contain a key, in the order of the ranges.</summary>
    public void Find(ReadOnlySpan<byte> key, List<T> items) => Find(_root, key, items);

    /// <summary>Appends everything.</summary>
    public void All(List<T> items) => All(_root, items);

    internal void CheckInvariants()
    {
        var items = new List<T>();
        All(items);
        Invariant.Holds(items.Count == Count);
        Check(_root);
    }

    private static void Check(Node? node)
    {
        if (node is null)
        {
            return;
        }

        Invariant.Holds(node.Left is null || (node.Left.Priority <= node.Priority && Compare(node.Left.Range, node.Range) < 0));
        Invariant.Holds(node.Right is null || (node.Right.Priority <= node.Priority && Compare(node.Right.Range, node.Range) > 0));
        var reach = node.Reach;
        node.Measure();
        Invariant.Holds(CompareEnds(reach, node.Reach) == 0);
        Check(node.Left);
        Check(node.Right);
    }

    private static void Find(Node? node, ReadOnlySpan<byte> key, List<T> items)
    {
        while (node is not null && (node.Reach.IsOpen || key.SequenceCompareTo(node.Reach.End) < 0))
        {
            Find(node.Left, key, items);
            if (key.SequenceCompareTo(node.Range.Start.Span) < 0)
            {
                return;
            }

            if (node.Range.Contains(key))
            {
                items.Add(node.Item);
            }

            node = node.Right;
        }
    }

    private static void All(Node? node, List<T> items)
    {
        if (node is not null)
        {
            All(node.Left, items);
            items.Add(node.Item);
            All(node.Right, items);
        }
    }

    private static (Node? Smaller, Node? Greater) Split(Node? node, KeyRange range)
    {
        if (node is null)
        {
            return (null, null);
        }

        var order = Compare(range, node.Range);
        Invariant.Holds(order != 0);
        if (order < 0)
        {
            var (smaller, greater) = Split(node.Left, range);
            node.Left = greater;
            node.Measure();
            return (smaller, node);
        }
        else
        {
            var (smaller, greater) = Split(node.Right, range);
            node.Right = smaller;
            node.Measure();
            return (node, greater);
        }
    }

    private static Node? Join(Node? smaller, Node? greater)
    {
        if (smaller is null || greater is null)
        {
            return smaller ?? greater;
        }

        if (smaller.Priority >= greater.Priority)
        {
            smaller.Right = Join(smaller.Right, greater);
            smaller.Measure();
            return smaller;
        }

        greater.Left = Join(smaller, greater.Left);
        greater.Measure();
        return greater;
    }

    private static Node? Without(Node? node, KeyRange range)
    {
        Invariant.Holds(node is not null);
        var order = Compare(range, node.Range);
        if (order == 0)
        {
            return Join(node.Left, node.Right);
        }

        if (order < 0)
        {
            node.Left = Without(node.Left, range);
        }
        else
        {
            node.Right = Without(node.Right, range);
        }

        node.Measure();
        return node;
    }

    private static int Compare(KeyRange left, KeyRange right)
    {
        var order = left.Start.Span.SequenceCompareTo(right.Start.Span);
        return order != 0 ? order : CompareEnds(left, right);
    }

    private static int CompareEnds(KeyRange left, KeyRange right)
        => left.IsOpen || right.IsOpen ? left.IsOpen.CompareTo(right.IsOpen) : left.End.SequenceCompareTo(right.End);

    // The same for the same history of calls, in every process.
    private ulong NextPriority()
    {
        var mixed = _priorities += 0x9E3779B97F4A7C15;
        mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9;
        mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EB;
        return mixed ^ (mixed >> 31);
    }

    private sealed class Node(KeyRange range, T item, ulong priority)
    {
        public readonly KeyRange Range = range;
        public readonly T Item = item;
        public readonly ulong Priority = priority;
        public Node? Left;
        public Node? Right;

        // Of the ranges here and below, the one whose end is the last.
        public KeyRange Reach = range;

        public void Measure()
        {
            Reach = Range;
            if (Left is not null && CompareEnds(Left.Reach, Reach) > 0)
            {
                Reach = Left.Reach;
            }

            if (Right is not null && CompareEnds(Right.Reach, Reach) > 0)
            {
                Reach = Right.Reach;
            }
        }
    }
}
