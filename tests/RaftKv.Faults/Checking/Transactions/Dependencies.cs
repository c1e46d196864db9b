using RaftKv.Faults.Histories;

namespace RaftKv.Faults.Checking.Transactions;

/// <summary>Why one transaction must stand before another. Weaker reasons, which need more to be a contradiction, come later.</summary>
[Flags]
internal enum Reason : byte
{
    None = 0,

    /// <summary>It wrote what the other overwrote.</summary>
    WriteWrite = 1,

    /// <summary>It wrote what the other read.</summary>
    WriteRead = 2,

    /// <summary>It read what the other overwrote.</summary>
    ReadWrite = 4,

    /// <summary>It was answered before the other began.</summary>
    Time = 8,
}

/// <summary>Transactions, and which of them must stand before which.</summary>
internal sealed class Dependencies
{
    private readonly Dictionary<int, Reason>[] _after;
    private readonly Dictionary<Invocation, int> _numbers = new(ReferenceEqualityComparer.Instance);

    public Dependencies(IReadOnlyList<Invocation> transactions)
    {
        Transactions = transactions;
        _after = new Dictionary<int, Reason>[transactions.Count];
        for (var i = 0; i < _after.Length; i++)
        {
            _after[i] = [];
            _numbers[transactions[i]] = i;
        }
    }

    public IReadOnlyList<Invocation> Transactions { get; }

    public int Count => _after.Length;

    public int NumberOf(Invocation transaction) => _numbers[transaction];

    public IReadOnlyDictionary<int, Reason> After(int transaction) => _after[transaction];

    public void Add(int before, int after, Reason reason)
    {
        if (before != after)
        {
            _after[before][after] = _after[before].GetValueOrDefault(after) | reason;
        }
    }

    /// <summary>Who was answered before whom began, without those that follow from others.</summary>
    public void AddTime()
    {
        // Touching operations overlap: beginnings first.
        var moments = new List<(long At, bool IsEnd, int Transaction)>();
        for (var i = 0; i < Transactions.Count; i++)
        {
            moments.Add((Transactions[i].Begin, false, i));
            if (Transactions[i].IsOk)
            {
                moments.Add((Transactions[i].End, true, i));
            }
        }

        // Ended, and followed by nobody who has ended since.
        var frontier = new HashSet<int>();
        var before = new int[Count][];
        foreach (var (_, isEnd, transaction) in moments.Order())
        {
            if (!isEnd)
            {
                before[transaction] = [.. frontier];
                foreach (var ended in frontier)
                {
                    Add(ended, transaction, Reason.Time);
                }
            }
            else
            {
                frontier.ExceptWith(before[transaction]);
                frontier.Add(transaction);
            }
        }
    }
}
