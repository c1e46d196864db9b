using RaftKv.Raft;

namespace RaftKv.Storage.State;

/// <summary>What came of a command.</summary>
/// <param name="Error">Why it had no effect; none if it had.</param>
/// <param name="Revision">Of the key space after it.</param>
/// <param name="Body">The response message as bytes, all but its header.</param>
public readonly record struct Answer(StateError Error, long Revision, ReadOnlyMemory<byte> Body)
{
    /// <summary>Where the command spent its time on this member.</summary>
    public StageTimes Times { get; init; }
}

/// <summary>Those who wait for answers on this member.</summary>
public interface IAnswerSink
{
    /// <summary>Whether anybody waits; if not, no answer is put together.</summary>
    bool IsAwaited(ulong requestId);

    /// <summary>Called on the thread that applies, for each request that is awaited.</summary>
    void Complete(ulong requestId, in Answer answer);
}

/// <summary>Told of what the rest of a member has to act upon. Called while a command is applied.</summary>
public interface IStateObserver
{
    void LeaseGranted(long id, long ttl)
    {
    }

    void LeaseRevoked(long id)
    {
    }

    /// <summary>What is left of a lease was agreed upon; 0 after a renewal.</summary>
    void LeaseCheckpointed(long id, long remainingTtl)
    {
    }

    /// <summary>Somebody joined, left, moved or told its name.</summary>
    void MembersChanged()
    {
    }

    void AlarmsChanged()
    {
    }

    /// <summary>Somebody's password was right, and this is the token that was made for it.</summary>
    void Authenticated(AuthUser user, string token)
    {
    }

    /// <summary>Nobody has to be somebody any more, and tokens are over.</summary>
    void AuthDisabled()
    {
    }

    /// <summary>Somebody raised an alarm, whether or not it stood already.</summary>
    /// <param name="alarm">Which.</param>
    /// <param name="index">Of the entry.</param>
    void AlarmRaised(Alarm alarm, ulong index)
    {
    }

    /// <summary>Members compare their states at an entry.</summary>
    void Marked(ulong index, ulong sum)
    {
    }

    /// <summary>A member has said what it came to at a mark.</summary>
    void SumTold(NodeId member, ulong index, ulong sum)
    {
    }
}
