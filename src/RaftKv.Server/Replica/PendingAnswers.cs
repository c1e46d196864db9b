using System.Collections.Concurrent;
using RaftKv.Storage.State;

namespace RaftKv.Server.Replica;

/// <summary>Who waits for a command that was proposed here.</summary>
/// <remarks>
/// The applier notes answers while it applies a batch and hands them out when the batch can be seen by readers: whoever
/// has been told of a write finds it.
/// </remarks>
public sealed class PendingAnswers(TimeProvider time, TimeSpan timeout) : IAnswerSink
{
    /// <summary>The request id of what a member tells the others and waits for no answer to. Unlike what has none, followers
    /// pass it on as well.</summary>
    public const ulong NobodyWaits = ulong.MaxValue;

    private readonly ConcurrentDictionary<ulong, Waiter> _waiting = new();
    private readonly ConcurrentQueue<(ulong RequestId, long Since)> _byAge = new();
    private readonly List<(Waiter Waiter, Answer Answer)> _answered = [];
    private long _refusedCount;
    private long _durableAt;
    private long _committedAt;

    public int Count => _waiting.Count;

    /// <summary>How many were given up.</summary>
    public long RefusedCount => Interlocked.Read(ref _refusedCount);

    /// <summary>Why a request of a certain age was not answered in time, should that happen; on the thread that sweeps.</summary>
    public Func<long, RequestRefusal> ReasonForTimeout { get; set; } = _ => RequestRefusal.TimedOut;

    /// <summary>For those who compare ages.</summary>
    public TimeSpan Since(long timestamp) => time.GetElapsedTime(timestamp);

    public long Now => time.GetTimestamp();

    /// <summary>Begins to wait. Before the command is proposed.</summary>
    public Task<Answer> Expect(ulong requestId)
    {
        var since = time.GetTimestamp();
        var waiter = new Waiter { Since = since };
        var isNew = _waiting.TryAdd(requestId, waiter);
        Raft.Invariant.Holds(isNew);
        _byAge.Enqueue((requestId, since));
        return waiter.Task;
    }

    /// <summary>The command will not be applied, or nobody waits any more.</summary>
    public void Refuse(ulong requestId, RequestRefusal reason)
    {
        if (_waiting.TryRemove(requestId, out var waiter))
        {
            Interlocked.Increment(ref _refusedCount);
            waiter.TrySetException(new RequestRefusedException(reason));
        }
    }

    /// <summary>The command is in the hands of whoever leads a term; in nobody's if that is zero. By the replica.</summary>
    /// <param name="requestId">Which.</param>
    /// <param name="term">In which.</param>
    /// <param name="now">When.</param>
    public void Proposed(ulong requestId, ulong term, long now)
    {
        if (_waiting.TryGetValue(requestId, out var waiter))
        {
            waiter.Term = term;
            waiter.ProposedAt = now;
        }
    }

    /// <summary>What is completed from now on was durable here, and agreed upon, at these times. By the applier.</summary>
    public void BeginBatch(long durableAt, long committedAt) => (_durableAt, _committedAt) = (durableAt, committedAt);

    /// <summary>A leader of this term has had its first entry applied here, and so has everything before it: what was in the
    /// hands of earlier leaders, and still waits, is lost. By the replica.</summary>
    public void LostBefore(ulong term)
    {
        foreach (var (requestId, waiter) in _waiting)
        {
            if (waiter.Term != 0 && waiter.Term < term)
            {
                Refuse(requestId, RequestRefusal.TimedOutAfterLeaderFailure);
            }
        }
    }

    public void Forget(ulong requestId) => _waiting.TryRemove(requestId, out _);

    public void RefuseAll(RequestRefusal reason)
    {
        foreach (var requestId in _waiting.Keys)
        {
            Refuse(requestId, reason);
        }
    }

    /// <summary>Gives up those that have waited for too long.</summary>
    public void Sweep()
    {
        while (_byAge.TryPeek(out var oldest) && (time.GetElapsedTime(oldest.Since) >= timeout || !_waiting.ContainsKey(oldest.RequestId)))
        {
            _byAge.TryDequeue(out _);
            Refuse(oldest.RequestId, ReasonForTimeout(oldest.Since));
        }
    }

    public bool IsAwaited(ulong requestId) => _waiting.ContainsKey(requestId);

    public void Complete(ulong requestId, in Answer answer)
    {
        if (_waiting.TryRemove(requestId, out var waiter))
        {
            _answered.Add((waiter, answer));
        }
    }

    /// <summary>What was noted may be told now. By the applier.</summary>
    public void HandOut()
    {
        var now = _answered.Count > 0 ? time.GetTimestamp() : 0;
        foreach (var (waiter, answer) in _answered)
        {
            waiter.TrySetResult(answer with { Times = waiter.TimesUntil(_durableAt, _committedAt, now) });
        }

        _answered.Clear();
    }

    private sealed class Waiter() : TaskCompletionSource<Answer>(TaskCreationOptions.RunContinuationsAsynchronously)
    {
        /// <summary>In which it was proposed; zero if it was not. The replica's.</summary>
        public ulong Term { get; set; }

        public long Since { get; init; }

        /// <summary>When it was proposed last. The replica's.</summary>
        public long ProposedAt { get; set; }

        // Each stage begins where the one before has ended; what was known only later, or never, takes no time of its own.
        public StageTimes TimesUntil(long durableAt, long committedAt, long now)
        {
            var proposed = Math.Clamp(ProposedAt, Since, now);
            var durable = Math.Clamp(durableAt, proposed, now);
            var committed = Math.Clamp(committedAt, durable, now);
            return new StageTimes(proposed - Since, durable - proposed, committed - durable, now - committed);
        }
    }
}
