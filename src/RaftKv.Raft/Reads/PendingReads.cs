namespace RaftKv.Raft.Reads;

/// <summary>Who asked, and the number it wants back with the answer.</summary>
internal readonly record struct Reader(NodeId From, ulong Token);

/// <summary>
/// Reads that wait for a quorum to confirm that their leader still leads. A read is confirmed by a round of heartbeats
/// that started after it arrived; reads that arrive while a round is under way share the next one.
/// <code>
/// a b     round 5, commit 80        c d e     wait for the next round
/// </code>
/// </summary>
internal sealed class PendingReads
{
    private List<Reader> _inRound = [];
    private List<Reader> _waiting = [];

    /// <summary>The heartbeat round the first reads wait for; zero if none is under way.</summary>
    public ulong Round { get; private set; }

    /// <summary>The commit index as the round started: what its reads must see.</summary>
    public ulong Index { get; private set; }

    public IReadOnlyList<Reader> InRound => _inRound;

    public bool AnyWaiting => _waiting.Count > 0;

    public void Add(Reader reader) => _waiting.Add(reader);

    public void StartRound(ulong round, ulong index)
    {
        Invariant.Holds(Round == 0);
        Invariant.Holds(round > 0);
        Invariant.Holds(_inRound.Count == 0);
        (_inRound, _waiting) = (_waiting, _inRound);
        Round = round;
        Index = index;
    }

    public void EndRound()
    {
        _inRound.Clear();
        Round = 0;
    }

    public void Clear()
    {
        _inRound.Clear();
        _waiting.Clear();
        Round = 0;
    }
}
