using System.Threading.Tasks.Sources;
using RaftKv.Raft;
using RaftKv.Storage.State;

namespace RaftKv.Server.Replica;

/// <summary>One who waits for the answer to a command. When that has been taken, it waits for another: a write would
/// leave nothing else behind that outlives it.</summary>
/// <remarks>Whoever takes it out of those that are waited for completes it, and nobody else: so it is completed once, and
/// never for a command that it does not wait for any more.</remarks>
internal sealed class AnswerWaiter(PendingAnswers answers) : IValueTaskSource<Answer>
{
    private readonly Lock _gate = new();
    private ManualResetValueTaskSourceCore<Answer> _answer = new() { RunContinuationsAsynchronously = true };
    private CancellationTokenRegistration _givingUp;

    // Zero between two commands.
    private ulong _requestId;
    private ulong _term;
    private long _since;
    private long _proposedAt;

    /// <summary>In which term the command was proposed last; zero if it was not.</summary>
    public ulong Term
    {
        get
        {
            lock (_gate)
            {
                return _term;
            }
        }
    }

    public ValueTask<Answer> Task => new(this, _answer.Version);

    public void Begin(ulong requestId, long since)
    {
        lock (_gate)
        {
            Invariant.Holds(_requestId == 0);
            (_requestId, _term, _proposedAt, _since) = (requestId, 0, 0, since);
        }
    }

    /// <summary>The command is given up with a token. Once it can be found among those that are waited for.</summary>
    public void GiveUpWith(CancellationToken cancellation)
        => _givingUp = cancellation.UnsafeRegister(
            static (self, token) => ((AnswerWaiter)self!).GiveUp(token), this);

    /// <summary>The command is in somebody's hands, if it is still this one that is waited for here.</summary>
    public void Proposed(ulong requestId, ulong term, long now)
    {
        lock (_gate)
        {
            if (_requestId == requestId)
            {
                (_term, _proposedAt) = (term, now);
            }
        }
    }

    public void Answer(in Answer answer) => _answer.SetResult(answer);

    public void Refuse(Exception reason) => _answer.SetException(reason);

    // Each stage begins where the one before has ended; what was known only later, or never, takes no time of its own.
    public StageTimes TimesUntil(long durableAt, long committedAt, long now)
    {
        lock (_gate)
        {
            var proposed = Math.Clamp(_proposedAt, _since, now);
            var durable = Math.Clamp(durableAt, proposed, now);
            var committed = Math.Clamp(committedAt, durable, now);
            return new StageTimes(proposed - _since, durable - proposed, committed - durable, now - committed);
        }
    }

    public Answer GetResult(short token)
    {
        Invariant.Holds(_answer.GetStatus(token) != ValueTaskSourceStatus.Pending);
        try
        {
            return _answer.GetResult(token);
        }
        finally
        {
            // Waits for one that is just giving it up, and comes too late.
            _givingUp.Dispose();
            _givingUp = default;
            _answer.Reset();
            lock (_gate)
            {
                _requestId = 0;
            }

            answers.Return(this);
        }
    }

    public ValueTaskSourceStatus GetStatus(short token) => _answer.GetStatus(token);

    public void OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags)
        => _answer.OnCompleted(continuation, state, token, flags);

    private void GiveUp(CancellationToken cancellation)
    {
        if (answers.Forget(_requestId))
        {
            Refuse(new OperationCanceledException(cancellation));
        }
    }
}
