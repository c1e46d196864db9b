using System.Collections.Concurrent;
using System.Threading.Tasks.Sources;
using RaftKv.Raft;
using RaftKv.Storage.State;

namespace RaftKv.Server.Replica;

/// <summary>Who waits for a command that was proposed here.</summary>
/// <remarks>
/// The applier notes answers while it applies a batch and hands them out when the batch can be seen by readers: whoever
/// has been told of a write finds it.
/// </remarks>
public sealed class PendingAnswers(TimeProvider time, TimeSpan timeout) : IAnswerSink
{
    private const int MaxSpare = 4096;

    private readonly ConcurrentDictionary<ulong, Waiter> _waiting = new();
    private readonly ConcurrentQueue<(ulong RequestId, long Since)> _byAge = new();
    private readonly ConcurrentQueue<Waiter> _spare = new();
    private readonly List<(Waiter Waiter, Answer Answer)> _answered = [];

    public int Count => _waiting.Count;

    /// <summary>Why a request of a certain age was not answered in time, should that happen; on the thread that sweeps.</summary>
    public Func<long, RequestRefusal> ReasonForTimeout { get; set; } = _ => RequestRefusal.TimedOut;

    /// <summary>Begins to wait. Before the command is proposed.</summary>
    /// <param name="requestId">The command's.</param>
    /// <param name="cancellation">Ends the waiting, not the command.</param>
    public ValueTask<Answer> Expect(ulong requestId, CancellationToken cancellation = default)
    {
        var waiter = _spare.TryDequeue(out var spare) ? spare : new Waiter(this);
        var answer = waiter.Begin(requestId);
        var isNew = _waiting.TryAdd(requestId, waiter);
        Invariant.Holds(isNew);
        _byAge.Enqueue((requestId, time.GetTimestamp()));
        waiter.EndWith(cancellation);
        return answer;
    }

    /// <summary>The command will not be applied, or nobody waits any more.</summary>
    public void Refuse(ulong requestId, RequestRefusal reason)
    {
        if (_waiting.TryRemove(requestId, out var waiter))
        {
            waiter.Fail(new RequestRefusedException(reason));
        }
    }

    /// <summary>Nobody looks at the answer any more.</summary>
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
        foreach (var (waiter, answer) in _answered)
        {
            waiter.Tell(answer);
        }

        _answered.Clear();
    }

    // One object serves many requests, one after the other: it is spare again when its answer has been taken. What is
    // forgotten or never looked at is left to the garbage collector.
    private sealed class Waiter(PendingAnswers owner) : IValueTaskSource<Answer>
    {
        // What waits goes on elsewhere, however little it may do: it may be anything, in the process that this member is part
        // of, and must not hold the applier up.
        private ManualResetValueTaskSourceCore<Answer> _core = new() { RunContinuationsAsynchronously = true };
        private CancellationTokenRegistration _ending;
        private CancellationToken _cancellation;
        private ulong _requestId;

        public ValueTask<Answer> Begin(ulong requestId)
        {
            _requestId = requestId;
            return new ValueTask<Answer>(this, _core.Version);
        }

        public void EndWith(CancellationToken cancellation)
        {
            _cancellation = cancellation;
            _ending = cancellation.UnsafeRegister(static waiter => ((Waiter)waiter!).Cancel(), this);
        }

        public void Tell(in Answer answer) => _core.SetResult(answer);

        public void Fail(Exception reason) => _core.SetException(reason);

        Answer IValueTaskSource<Answer>.GetResult(short token)
        {
            try
            {
                return _core.GetResult(token);
            }
            finally
            {
                // Waits for a cancellation that is under way, which therefore cannot hit the next request.
                _ending.Dispose();
                _ending = default;
                _core.Reset();
                if (owner._spare.Count < MaxSpare)
                {
                    owner._spare.Enqueue(this);
                }
            }
        }

        ValueTaskSourceStatus IValueTaskSource<Answer>.GetStatus(short token) => _core.GetStatus(token);

        void IValueTaskSource<Answer>.OnCompleted(
            Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags)
            => _core.OnCompleted(continuation, state, token, flags);

        private void Cancel()
        {
            if (owner._waiting.TryRemove(new KeyValuePair<ulong, Waiter>(_requestId, this)))
            {
                Fail(new OperationCanceledException(_cancellation));
            }
        }
    }
}
