using RaftKv.Raft;
using RaftKv.Storage.Mvcc;

namespace RaftKv.Storage.Watch;

/// <summary>
/// One client's stream: any number of watchers, told of in one sequence of responses. Requests come on any thread, and
/// are answered in that sequence; responses are taken by one thread at a time.
/// </summary>
public sealed partial class WatchStream : IDisposable
{
    /// <summary>The id in replies that speak of no watcher: a failed creation, or progress of all of them.</summary>
    public const long NoWatcher = -1;

    // Watchers taken out under one hold of the lock when a stream ends.
    private const int DisposedAtATime = 1000;

    private static readonly byte[] SmallestKey = [0];

    private readonly WatchHub _hub;
    private readonly Dictionary<long, Watcher> _watchers = [];
    private readonly Queue<Reply> _replies = [];

    // Watchers with something to be told, in the order in which they will be looked at.
    private Watcher? _firstPending;
    private Watcher? _lastPending;
    private int _pendingCount;

    private long _nextId;
    private int _compactedCount;
    private int _progressRequests;

    // The greatest of all watchers there were: progress may have to wait for it.
    private long _lastStart;

    // Whether Ready was called since the stream was idle.
    private bool _isSignalled;
    private volatile bool _isDisposed;

    internal WatchStream(WatchHub hub, IWatchSignal signal)
    {
        _hub = hub;
        Signal = signal;
    }

    /// <summary>Replies to requests that were not taken yet. A caller that takes in no more requests while there are many
    /// bounds what a client can pile up.</summary>
    public int QueuedReplies
    {
        get
        {
            lock (_hub.Gate)
            {
                return _replies.Count + _progressRequests;
            }
        }
    }

    internal IWatchSignal Signal { get; }

    /// <summary>Where it stands among the hub's streams.</summary>
    internal int Place { get; set; }

    /// <summary>Creates a watcher, or replies why not. Whether the client may is settled before.</summary>
    /// <returns>The watcher's id; <see cref="NoWatcher"/> if there is none.</returns>
    public long Create(in WatchCreate request)
    {
        var key = request.Key.IsEmpty ? SmallestKey : request.Key.ToArray();
        var range = KeyRange.Of(key, request.RangeEnd.ToArray());
        var reason = request.StartRevision < 0 ? WatchErrors.NegativeStart : range.IsEmpty ? WatchErrors.EmptyRange : null;
        Watcher? watcher = null;
        bool isReady;
        lock (_hub.Gate)
        {
            if (_isDisposed)
            {
                return NoWatcher;
            }

            if (reason is null && request.WatchId != 0 && _watchers.ContainsKey(request.WatchId))
            {
                reason = WatchErrors.DuplicateId;
            }

            if (reason is null)
            {
                watcher = Add(range, request);
            }
            else
            {
                _replies.Enqueue(new Reply(ReplyKind.Refused, NoWatcher, _hub.Revision) { Reason = reason });
            }

            isReady = BecomesReady();
        }

        SignalIf(isReady);
        return watcher?.Id ?? NoWatcher;
    }

    /// <summary>Replies that a watcher was not created, for a reason of the caller's.</summary>
    public void Refuse(string reason)
    {
        bool isReady;
        lock (_hub.Gate)
        {
            _replies.Enqueue(new Reply(ReplyKind.Refused, NoWatcher, _hub.Revision) { Reason = reason });
            isReady = BecomesReady();
        }

        SignalIf(isReady);
    }

    /// <summary>Ends a watcher. Nothing is told of it after the reply.</summary>
    /// <returns>False, and no reply, if there is no such watcher.</returns>
    public bool Cancel(long watchId)
    {
        bool isReady;
        lock (_hub.Gate)
        {
            if (!_watchers.Remove(watchId, out var watcher))
            {
                return false;
            }

            Remove(watcher);
            _replies.Enqueue(new Reply(ReplyKind.Canceled, watchId, _hub.Revision));
            isReady = BecomesReady();
        }

        SignalIf(isReady);
        return true;
    }

    /// <summary>
    /// The client wants to know how far it has been told. It is answered after everything that is on its way, and not at
    /// all if a watcher is far behind, was overtaken by compaction, or has not begun.
    /// </summary>
    public void RequestProgress()
    {
        bool isReady;
        lock (_hub.Gate)
        {
            if (!CanTellProgress())
            {
                return;
            }

            _progressRequests++;
            isReady = BecomesReady();
        }

        SignalIf(isReady);
    }

    /// <summary>The timer of the stream has fired: watchers that asked for it, and were told nothing since the last tick,
    /// learn how far they are.</summary>
    public void ProgressTick()
    {
        bool isReady;
        lock (_hub.Gate)
        {
            foreach (var watcher in _watchers.Values)
            {
                if (watcher.WantsProgress && !watcher.HadEvents && IsUpToDate(watcher))
                {
                    _replies.Enqueue(new Reply(ReplyKind.Progress, watcher.Id, 0) { Watcher = watcher });
                }

                watcher.HadEvents = false;
            }

            isReady = _replies.Count > 0 && BecomesReady();
        }

        SignalIf(isReady);
    }

    /// <summary>Ends all watchers. Nothing can be taken any more.</summary>
    public void Dispose()
    {
        while (true)
        {
            lock (_hub.Gate)
            {
                if (!_isDisposed)
                {
                    _isDisposed = true;
                    _hub.Close(this);
                }

                foreach (var (id, watcher) in _watchers.Take(DisposedAtATime).ToArray())
                {
                    _watchers.Remove(id);
                    Remove(watcher);
                }

                if (_watchers.Count == 0)
                {
                    _replies.Clear();
                    _hub.PendingCount -= _pendingCount;
                    _firstPending = _lastPending = null;
                    _pendingCount = 0;
                    return;
                }
            }
        }
    }

    /// <summary>Under the gate.</summary>
    /// <returns>Whether the stream must be signalled.</returns>
    internal bool Enqueue(Watcher watcher)
    {
        Invariant.Holds(watcher.NextPending is null);
        watcher.IsPending = true;
        if (_lastPending is null)
        {
            _firstPending = watcher;
        }
        else
        {
            _lastPending.NextPending = watcher;
        }

        _lastPending = watcher;
        _pendingCount++;
        _hub.PendingCount++;
        return BecomesReady();
    }

    /// <summary>The key space was replaced. Under the gate.</summary>
    /// <param name="next">Up to there, idle watchers have been told everything.</param>
    /// <returns>Whether the stream must be signalled.</returns>
    internal bool Resume(long next)
    {
        var isReady = false;
        foreach (var watcher in _watchers.Values)
        {
            if (watcher.Target is not null && !watcher.IsPending)
            {
                watcher.MoveTo(Math.Max(watcher.Cursor, next));
                if (watcher.Cursor <= _hub.Revision)
                {
                    isReady |= Enqueue(watcher);
                }
            }
        }

        return isReady;
    }

    private Watcher Add(KeyRange range, in WatchCreate request)
    {
        var id = request.WatchId;
        if (id == 0)
        {
            while (_watchers.ContainsKey(_nextId))
            {
                _nextId++;
            }

            id = _nextId++;
        }

        var start = request.StartRevision == 0 ? _hub.Revision + 1 : request.StartRevision;
        var watcher = new Watcher(this, id, range, request) { Start = request.StartRevision };
        watcher.MoveTo(_hub.Faults.ForgetsFutureStart ? Math.Min(start, _hub.Revision + 1) : start);
        _watchers.Add(id, watcher);
        _replies.Enqueue(new Reply(ReplyKind.Created, id, _hub.Revision));
        var compacted = _hub.Space.PublishedCompacted;
        if (start < compacted && request.StartRevision != 0)
        {
            _compactedCount++;
            _replies.Enqueue(new Reply(ReplyKind.Compacted, id, 0) { CompactRevision = compacted });
            return watcher;
        }

        _hub.Attach(watcher);
        _lastStart = Math.Max(_lastStart, request.StartRevision);
        if (watcher.Cursor <= _hub.Revision)
        {
            // The signal is given by the caller, for the reply.
            var wasSignalled = _isSignalled;
            Enqueue(watcher);
            _isSignalled = wasSignalled;
        }

        return watcher;
    }

    private void Remove(Watcher watcher)
    {
        watcher.IsRemoved = true;
        _compactedCount -= watcher.Target is null ? 1 : 0;
        _hub.Detach(watcher);
    }

    private bool IsUpToDate(Watcher watcher)
        => watcher.Target is not null && watcher.Start <= _hub.Revision
            && (!watcher.IsPending || _hub.Faults.TellsProgressTooEarly);

    private bool CanTellProgress()
    {
        if (_watchers.Count == 0 || _compactedCount > 0)
        {
            return false;
        }

        if (_lastStart > _hub.Revision)
        {
            // It may be gone by now.
            _lastStart = _watchers.Values.Max(watcher => watcher.Start);
            if (_lastStart > _hub.Revision)
            {
                return false;
            }
        }

        for (var watcher = _firstPending; watcher is not null; watcher = watcher.NextPending)
        {
            if (!watcher.IsRemoved && IsFarBehind(watcher) && !_hub.Faults.TellsProgressTooEarly)
            {
                return false;
            }
        }

        return true;
    }

    private bool BecomesReady()
    {
        if (_isSignalled)
        {
            return false;
        }

        _isSignalled = true;
        return true;
    }

    private void SignalIf(bool isReady)
    {
        if (isReady)
        {
            Signal.Ready(this);
        }
    }

    private enum ReplyKind : byte
    {
        Created,
        Refused,
        Canceled,
        Compacted,
        Progress,
    }

    /// <summary>What was answered to a request or a tick, in the order of those.</summary>
    private readonly record struct Reply(ReplyKind Kind, long WatchId, long Revision)
    {
        public string? Reason { get; init; }

        public long CompactRevision { get; init; }

        public Watcher? Watcher { get; init; }
    }
}

/// <summary>Why a watcher was not created, in the words that clients look for.</summary>
public static class WatchErrors
{
    public const string NegativeStart = "etcdserver: mvcc: required revision has been compacted";
    public const string EmptyRange = "mvcc: watcher range is empty";
    public const string DuplicateId = "mvcc: duplicate watch ID provided on the WatchStream";
}
