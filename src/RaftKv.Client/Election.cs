namespace RaftKv.Client;

/// <summary>Who leads, as an observer of an election sees it.</summary>
/// <param name="Leader">The leader's key, with what it says about itself as the value; null: nobody leads.</param>
/// <param name="Revision">As of which revision.</param>
public sealed record LeaderState(KeyValue? Leader, long Revision)
{
    /// <summary>Grows from leader to leader; 0 if nobody leads.</summary>
    public long FencingToken => Leader?.CreateRevision ?? 0;
}

/// <summary>How things stand for a candidate.</summary>
/// <param name="Leadership">What there is to lead with, from now until it is lost; null: others lead, or nobody.</param>
public sealed record CandidateState(LockHandle? Leadership)
{
    public bool IsLeader => Leadership is not null;
}
