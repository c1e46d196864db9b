using RaftKv.Raft;

namespace RaftKv.Server.Replica;

/// <summary>
/// Where reads wait until what is applied here is recent enough. All that arrive while a round is under way share the
/// next one.
/// </summary>
/// <remarks>
/// <code>
///   arrive ──> _arrived ──(a round begins)──> _asked ──(its index is known)──> _confirmed ──(it is applied)──> done
/// </code>
/// <para>Whoever only wants to know that somebody leads, and who, leaves a step earlier, and waits for nothing to be
/// applied.</para>
/// <para>A round that was lost with its leader is asked again under another token; what is answered then still covers
/// everything that waited for the lost one.</para>
/// </remarks>
public sealed class ReadGate(TimeProvider time, TimeSpan timeout)
{
    private readonly Lock _gate = new();
    private readonly List<(ulong Index, List<Waiter> Waiters)> _confirmed = [];
    private readonly List<Waiter> _assured = [];
    private List<Waiter> _arrived = [];
    private List<Waiter>? _asked;
    private long _refusedCount;
    private long _lostCount;
    private ulong _token;
    private ulong _applied;

    /// <summary>Reads that were given up.</summary>
    public long RefusedCount => Interlocked.Read(ref _refusedCount);

    /// <summary>Rounds that came to nothing.</summary>
    public long LostCount => Interlocked.Read(ref _lostCount);

    /// <summary>Waits. The caller rings the replica's bell afterwards.</summary>
    public Task WaitAsync() => Arrive(wantsState: true);

    /// <summary>Waits until a quorum has said, after this call, whom it follows. Where the member stands is as recent as
    /// that. The caller rings the replica's bell afterwards.</summary>
    public Task ConfirmAsync() => Arrive(wantsState: false);

    private Task Arrive(bool wantsState)
    {
        var waiter = new Waiter(time.GetTimestamp(), wantsState);
        lock (_gate)
        {
            _arrived.Add(waiter);
        }

        return waiter.Task;
    }

    /// <summary>Whether a round should begin now.</summary>
    public bool WantsRound
    {
        get
        {
            lock (_gate)
            {
                return _asked is null && _arrived.Count > 0;
            }
        }
    }

    /// <summary>A round begins, for all who have arrived.</summary>
    /// <param name="token">Never used before.</param>
    public void Asked(ulong token)
    {
        lock (_gate)
        {
            Invariant.Holds(_asked is null);
            _token = token;
            (_asked, _arrived) = (_arrived, []);
        }
    }

    /// <summary>The round came to nothing: those who asked go back to the front.</summary>
    public void Lost()
    {
        lock (_gate)
        {
            if (_asked is { } asked)
            {
                Interlocked.Increment(ref _lostCount);
                asked.AddRange(_arrived);
                (_arrived, _asked) = (asked, null);
            }
        }
    }

    /// <summary>The round has an answer.</summary>
    public void Confirmed(ulong token, ulong index)
    {
        List<Waiter>? done = null;
        lock (_gate)
        {
            if (_asked is null || token != _token)
            {
                return; // Of a round that was given up.
            }

            _assured.AddRange(_asked.Where(waiter => !waiter.WantsState));
            _asked.RemoveAll(waiter => !waiter.WantsState);
            if (index <= _applied)
            {
                done = _asked;
            }
            else if (_asked.Count > 0)
            {
                _confirmed.Add((index, _asked));
            }

            _asked = null;
        }

        Complete(done);
    }

    /// <summary>Where the member stands is published, as of everything that was confirmed. By the replica.</summary>
    public void StandingIsPublished()
    {
        List<Waiter> done;
        lock (_gate)
        {
            if (_assured.Count == 0)
            {
                return;
            }

            done = [.. _assured];
            _assured.Clear();
        }

        Complete(done);
    }

    /// <summary>Readers can see everything up to an index. By the applier.</summary>
    public void Applied(ulong index)
    {
        List<List<Waiter>>? done = null;
        lock (_gate)
        {
            _applied = index;
            for (var i = _confirmed.Count - 1; i >= 0; i--)
            {
                if (_confirmed[i].Index <= index)
                {
                    (done ??= []).Add(_confirmed[i].Waiters);
                    _confirmed.RemoveAt(i);
                }
            }
        }

        if (done is not null)
        {
            foreach (var waiters in done)
            {
                Complete(waiters);
            }
        }
    }

    /// <summary>Gives up those that have waited for too long.</summary>
    public void Sweep() => Refuse(RequestRefusal.TimedOut, waiter => time.GetElapsedTime(waiter.Since) >= timeout);

    public void RefuseAll(RequestRefusal reason) => Refuse(reason, static _ => true);

    private void Refuse(RequestRefusal reason, Func<Waiter, bool> isOver)
    {
        var over = new List<Waiter>();
        lock (_gate)
        {
            Take(_arrived);
            Take(_assured);
            if (_asked is not null)
            {
                Take(_asked);
            }

            foreach (var (_, waiters) in _confirmed)
            {
                Take(waiters);
            }
        }

        foreach (var waiter in over)
        {
            Interlocked.Increment(ref _refusedCount);
            waiter.TrySetException(new RequestRefusedException(reason));
        }

        void Take(List<Waiter> waiters)
        {
            over.AddRange(waiters.Where(isOver));
            waiters.RemoveAll(waiter => isOver(waiter));
        }
    }

    private static void Complete(List<Waiter>? waiters)
    {
        if (waiters is not null)
        {
            foreach (var waiter in waiters)
            {
                waiter.TrySetResult();
            }
        }
    }

    private sealed class Waiter(long since, bool wantsState) : TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)
    {
        public long Since { get; } = since;

        public bool WantsState { get; } = wantsState;
    }
}
