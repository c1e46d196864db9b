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

    // More than that are rarely under way at once.
    private const int KeptWaiters = 4096;

    private readonly ConcurrentDictionary<ulong, AnswerWaiter> _waiting = new();
    private readonly ConcurrentQueue<AnswerWaiter> _idle = new();
    private readonly ConcurrentQueue<(ulong RequestId, long Since)> _byAge = new();
    private readonly List<(AnswerWaiter Waiter, Answer Answer)> _answered = [];
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
    /// <param name="requestId">Which; not zero.</param>
    /// <param name="cancellation">Ends the waiting, and nothing else.</param>
    public ValueTask<Answer> ExpectAsync(ulong requestId, CancellationToken cancellation = default)
    {
        Raft.Invariant.Holds(requestId != 0);
        var since = time.GetTimestamp();
        var waiter = _idle.TryDequeue(out var idle) ? idle : new AnswerWaiter(this);
        waiter.Begin(requestId, since);
        var answer = waiter.Task;
        var isNew = _waiting.TryAdd(requestId, waiter);
        Raft.Invariant.Holds(isNew);
        _byAge.Enqueue((requestId, since));
        waiter.GiveUpWith(cancellation);
        return answer;
    }

    /// <summary>The command will not be applied, or nobody waits any more.</summary>
    public void Refuse(ulong requestId, RequestRefusal reason)
    {
        if (_waiting.TryRemove(requestId, out var waiter))
        {
            Interlocked.Increment(ref _refusedCount);
            waiter.Refuse(new RequestRefusedException(reason));
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
            waiter.Proposed(requestId, term, now);
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
            if (waiter.Term is not 0 and var proposedIn && proposedIn < term)
            {
                Refuse(requestId, RequestRefusal.TimedOutAfterLeaderFailure);
            }
        }
    }

    /// <summary>Nobody waits for it any more.</summary>
    /// <returns>Whether anybody did, and is still to be told.</returns>
    public bool Forget(ulong requestId) => _waiting.TryRemove(requestId, out _);

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
        while (_byAge.TryPeek(out var oldest))
        {
            var isWaiting = _waiting.ContainsKey(oldest.RequestId);
            if (isWaiting && time.GetElapsedTime(oldest.Since) < timeout)
            {
                return;
            }

            _byAge.TryDequeue(out _);
            if (isWaiting)
            {
                Refuse(oldest.RequestId, ReasonForTimeout(oldest.Since));
            }
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
            waiter.Answer(answer with { Times = waiter.TimesUntil(_durableAt, _committedAt, now) });
        }

        _answered.Clear();
    }

    /// <summary>Its answer was taken.</summary>
    internal void Return(AnswerWaiter waiter)
    {
        if (_idle.Count < KeptWaiters)
        {
            _idle.Enqueue(waiter);
        }
    }
}
