using System.Buffers;
using System.Runtime.InteropServices;
using RaftKv.Raft;
using RaftKv.Storage.Mvcc;

namespace RaftKv.Storage.Watch;

/// <summary>
/// How responses come about. The stream picks a bounded number of events under the hub's lock, moves the cursors past
/// them, and then hands out one response after the other without it.
/// </summary>
/// <remarks>
/// <code>
///   replies to requests | what the watchers in the queue are told | progress, if that was all
/// </code>
/// <para>Whatever was picked is handed out before anything else is looked at. So a reply to a cancellation comes after
/// the last events, and progress after all events up to its revision.</para>
/// <para>Among the recent changes, a response is about one revision, which is also that of its header; or, for a watcher
/// that has more than a few of them before it, about several whole ones, with the last of them in the header. History is
/// told up to a thousand revisions at a time, with the hub's revision in the header.</para>
/// </remarks>
public sealed partial class WatchStream
{
    // What an event counts for beside its record, and a reply.
    private const int OverheadBytes = 64;

    // How many of the recent changes one watcher looks through under one hold of the lock.
    private const int LooksAtATime = 1024;

    // Lists that were longer than this are not kept for the next time.
    private const int KeptCapacity = 4096;

    // More revisions than this are told together.
    private const int ToldSingly = 4;

    // Of the thread that takes, until they are handed out.
    private List<TakenEvent> _events = [];
    private List<StreamResponse> _responses = [];
    private int _nextResponse;
    private long _takenBytes;
    private int _takers;

    /// <summary>Writes the next response, an <c>etcdserverpb.WatchResponse</c>. By one thread at a time.</summary>
    /// <param name="header">What the member says of itself.</param>
    /// <param name="output">Where to; one message a call.</param>
    /// <exception cref="Records.RecordCorruptException">A record of history is damaged. The watcher has been told nothing
    /// from there on.</exception>
    public WatchTake Take(WatchHeader header, IBufferWriter<byte> output)
    {
        var takers = Interlocked.Increment(ref _takers);
        Invariant.Holds(takers == 1);
        try
        {
            if (_isDisposed)
            {
                ForgetTaken();
                return WatchTake.Idle;
            }

            if (_nextResponse == _responses.Count)
            {
                var isIdle = Fill();
                if (_responses.Count == 0)
                {
                    return isIdle ? WatchTake.Idle : WatchTake.Unfinished;
                }
            }

            ref var response = ref CollectionsMarshal.AsSpan(_responses)[_nextResponse];
            if (response.NeedsBefore)
            {
                LookUpBefore();
            }

            if (Write(ref response, header, output))
            {
                _nextResponse++;
                if (_nextResponse == _responses.Count)
                {
                    ForgetTaken();
                }
            }

            return WatchTake.Response;
        }
        finally
        {
            Interlocked.Decrement(ref _takers);
        }
    }

    /// <summary>Writes a response or the next part of it; says whether it is complete.</summary>
    private bool Write(ref StreamResponse response, WatchHeader header, IBufferWriter<byte> output)
    {
        var events = CollectionsMarshal.AsSpan(_events).Slice(response.FirstEvent, response.EventCount);
        var prelude = response.PreludeBytes(header);
        var bytes = (long)prelude;
        foreach (ref readonly var taken in events[response.SentEvents..])
        {
            bytes += StreamResponse.BytesOf(taken);
        }

        var limit = _hub.Options.FragmentBytes;
        var isSplit = response.SentEvents > 0
            || (response.AllowsFragments && events.Length > 1 && bytes >= limit);
        if (!isSplit)
        {
            response.Write(header, isFragment: false, events, bytes, output);
            return true;
        }

        var from = response.SentEvents;
        var to = from;
        bytes = prelude + StreamResponse.FragmentMarkBytes;
        while (to < events.Length)
        {
            var next = StreamResponse.BytesOf(events[to]);
            if (to > from && bytes + next >= limit)
            {
                break;
            }

            bytes += next;
            to++;
        }

        var isLast = to == events.Length;
        bytes -= isLast ? StreamResponse.FragmentMarkBytes : 0;
        response.Write(header, !isLast, events[from..to], bytes, output);
        response.SentEvents = to;
        return isLast;
    }

    /// <summary>Picks what is handed out next; says whether there is nothing left to pick.</summary>
    private bool Fill()
    {
        ForgetTaken();
        Watcher? behind;
        KeySpaceView? view;
        long upTo;
        lock (_hub.Gate)
        {
            if (_isDisposed)
            {
                return true;
            }

            if (_hub.Faults.TellsProgressTooEarly)
            {
                TakeProgress();
            }

            TakeReplies();
            behind = TakeEvents(out view);
            upTo = _hub.Revision;
            if (behind is null)
            {
                var isAll = _pendingCount == 0 && _replies.Count == 0;
                if (isAll)
                {
                    TakeProgress();
                    _isSignalled = _responses.Count > 0;
                }

                return isAll;
            }

            // The rest is told from the recent changes; the history of one key costs the same wherever it ends.
            upTo = behind.Range.IsSingle ? upTo : Math.Min(upTo, _hub.Recent.FirstRevision - 1);
        }

        Invariant.Holds(view is not null);
        CatchUp(behind, view, upTo);
        return false;
    }

    private void TakeReplies()
    {
        while (_takenBytes < _hub.Options.StreamBytes && _replies.TryDequeue(out var reply))
        {
            if (reply.Kind == ReplyKind.Progress)
            {
                // It may have become untrue, and then there are events to tell of instead.
                Invariant.Holds(reply.Watcher is not null);
                if (IsUpToDate(reply.Watcher))
                {
                    Add(new StreamResponse { WatchId = reply.WatchId, Revision = _hub.Revision });
                }

                continue;
            }

            Add(new StreamResponse
            {
                WatchId = reply.WatchId,
                Revision = reply.Revision,
                IsCreated = reply.Kind is ReplyKind.Created or ReplyKind.Refused,
                IsCanceled = reply.Kind is not ReplyKind.Created,
                CompactRevision = reply.CompactRevision,
                CancelReason = reply.Reason,
            });
        }
    }

    private void TakeProgress()
    {
        if (_progressRequests > 0 && CanTellProgress())
        {
            for (var i = 0; i < _progressRequests; i++)
            {
                Add(new StreamResponse { WatchId = NoWatcher, Revision = _hub.Revision });
            }
        }

        _progressRequests = 0;
    }

    /// <summary>Looks at the watchers in the queue, one after the other, until all were looked at or enough is taken.</summary>
    /// <param name="view">The history to read, if a watcher is returned.</param>
    /// <returns>One that is too far behind to be told of recent changes, out of the queue; null if there is
    /// none.</returns>
    private Watcher? TakeEvents(out KeySpaceView? view)
    {
        view = null;
        Watcher? behind = null;
        for (var turns = _pendingCount; turns > 0 && _takenBytes < _hub.Options.StreamBytes; turns--)
        {
            var watcher = Dequeue();
            if (watcher.IsRemoved)
            {
                continue;
            }

            if (!IsFarBehind(watcher))
            {
                var isDone = watcher.Cursor >= watcher.Target!.KnownFrom ? TakeMatches(watcher) : TakeRecent(watcher);
                if (isDone)
                {
                    watcher.MoveTo(Math.Max(watcher.Cursor, _hub.Revision + 1));
                    watcher.IsPending = false;
                }
                else
                {
                    Enqueue(watcher);
                }
            }
            else if (behind is not null)
            {
                Enqueue(watcher);
            }
            else
            {
                view = _hub.Space.OpenView();
                if (watcher.Cursor < view.Compacted && _hub.Faults.SkipsWhatIsCompacted)
                {
                    watcher.MoveTo(view.Compacted);
                }

                if (watcher.Cursor < view.Compacted)
                {
                    EndAsCompacted(watcher, view.Compacted);
                    view.Dispose();
                    view = null;
                }
                else
                {
                    behind = watcher;
                }
            }
        }

        return behind;
    }

    private bool IsFarBehind(Watcher watcher)
    {
        var target = watcher.Target;
        Invariant.Holds(target is not null);
        target.ForgetBefore(_hub.Recent.FirstPosition);
        return watcher.Cursor < target.KnownFrom && watcher.Cursor < _hub.Recent.FirstRevision;
    }

    /// <summary>What its target remembers; says whether that was all.</summary>
    private bool TakeMatches(Watcher watcher)
    {
        var target = watcher.Target!;
        var i = target.IndexOf(watcher.Cursor);
        var told = new ToldTogether(watcher, _events.Count, AreMany(target, i));
        while (i < target.MatchCount && _takenBytes < _hub.Options.StreamBytes)
        {
            var main = target.At(i).Main;
            var bytes = _takenBytes;
            var first = _events.Count;
            for (; i < target.MatchCount && target.At(i).Main == main; i++)
            {
                Pick(watcher, _hub.Recent[target.At(i).Position]);
            }

            EndRevision(ref told, main, first, _takenBytes - bytes);
        }

        EndResponse(ref told, _events.Count);
        return i == target.MatchCount;
    }

    private static bool AreMany(WatchTarget target, int from)
    {
        var revisions = 0;
        for (var i = from; i < target.MatchCount && revisions <= ToldSingly; i++)
        {
            revisions += i == from || target.At(i).Main != target.At(i - 1).Main ? 1 : 0;
        }

        return revisions > ToldSingly;
    }

    /// <summary>What can be found among the recent changes; says whether all were looked at.</summary>
    private bool TakeRecent(Watcher watcher)
    {
        if (_hub.Faults.RepeatsEventsAtJoin && watcher.Cursor > Math.Max(watcher.Start, _hub.Recent.FirstRevision))
        {
            watcher.MoveBack(watcher.Cursor - 1);
        }

        var recent = _hub.Recent;
        var position = recent.PositionOf(watcher.Cursor);
        var end = position + LooksAtATime;
        var told = new ToldTogether(watcher, _events.Count, _hub.Revision - watcher.Cursor >= ToldSingly);
        while (position < recent.NextPosition && position < end && _takenBytes < _hub.Options.StreamBytes)
        {
            var main = recent[position].Revision.Main;
            var bytes = _takenBytes;
            var first = _events.Count;
            for (; position < recent.NextPosition && recent[position].Revision.Main == main; position++)
            {
                if (watcher.Range.Contains(recent[position].Key))
                {
                    Pick(watcher, recent[position]);
                }
            }

            EndRevision(ref told, main, first, _takenBytes - bytes);
        }

        EndResponse(ref told, _events.Count);
        return position == recent.NextPosition;
    }

    private void Pick(Watcher watcher, WatchEvent change)
    {
        if (watcher.Wants(change))
        {
            _events.Add(new TakenEvent(change, watcher.WantsBefore ? change.Before : null));
            _takenBytes += change.Record.Length + OverheadBytes;
        }
    }

    // Its events are those from the first on.
    private void EndRevision(ref ToldTogether told, long main, int first, long bytes)
    {
        // Nothing is told twice.
        Invariant.Holds(main >= told.Watcher.Cursor);
        told.Watcher.MoveTo(main + 1);
        if (first == _events.Count)
        {
            return;
        }

        if (!told.AreSeveral || told.Bytes + bytes > _hub.Options.StreamBytes)
        {
            EndResponse(ref told, first);
        }

        told.Revision = main;
        told.Bytes += bytes;
    }

    private void EndResponse(ref ToldTogether told, int end)
    {
        AddEvents(told.Watcher, told.Revision, told.FirstEvent, end, told.Watcher.WantsBefore);
        told.FirstEvent = end;
        told.Bytes = 0;
    }

    /// <summary>Reads history for a watcher, which is out of the queue meanwhile but counts as pending.</summary>
    private void CatchUp(Watcher watcher, KeySpaceView view, long upTo)
    {
        var first = _events.Count;
        var next = watcher.Cursor;
        try
        {
            next = _hub.History.Read(view, watcher, next, upTo, _events);
        }
        catch
        {
            _events.RemoveRange(first, _events.Count - first);
            throw;
        }
        finally
        {
            view.Dispose();
            lock (_hub.Gate)
            {
                if (watcher.IsRemoved)
                {
                    _events.RemoveRange(first, _events.Count - first);
                }
                else
                {
                    var isSkipping = next > upTo && _hub.Faults.LosesEventsAtJoin;
                    watcher.MoveTo(isSkipping ? Math.Max(next, _hub.Revision + 1) : next);
                    AddEvents(watcher, _hub.Revision, first, _events.Count, needsBefore: false);
                    Enqueue(watcher);
                }
            }
        }
    }

    private void EndAsCompacted(Watcher watcher, long compacted)
    {
        _hub.Detach(watcher);
        watcher.IsPending = false;
        _compactedCount++;
        Add(new StreamResponse { WatchId = watcher.Id, IsCanceled = true, CompactRevision = compacted });
    }

    private void AddEvents(Watcher watcher, long revision, int firstEvent, int end, bool needsBefore)
    {
        var count = end - firstEvent;
        if (count == 0)
        {
            return;
        }

        watcher.HadEvents = true;
        if (_hub.Faults.SplitsRevisions && count > 1)
        {
            AddResponse(watcher, revision, firstEvent, count / 2, needsBefore);
            firstEvent += count / 2;
            count -= count / 2;
        }

        AddResponse(watcher, revision, firstEvent, count, needsBefore);
    }

    private void AddResponse(Watcher watcher, long revision, int firstEvent, int count, bool needsBefore)
        => _responses.Add(new StreamResponse
        {
            WatchId = watcher.Id,
            Revision = revision,
            AllowsFragments = watcher.AllowsFragments,
            NeedsBefore = needsBefore,
            FirstEvent = firstEvent,
            EventCount = count,
        });

    private void Add(in StreamResponse response)
    {
        _responses.Add(response);
        _takenBytes += OverheadBytes;
    }

    /// <summary>Looks up what was before the events of the next response, and of as many after it as fit the
    /// budget.</summary>
    private void LookUpBefore()
    {
        KeySpaceView view;
        lock (_hub.Gate)
        {
            view = _hub.Space.OpenView();
        }

        var events = CollectionsMarshal.AsSpan(_events);
        var responses = CollectionsMarshal.AsSpan(_responses);
        var end = _nextResponse;
        using (view)
        {
            for (var bytes = 0L; end < responses.Length && bytes < _hub.Options.StreamBytes; end++)
            {
                ref var response = ref responses[end];
                if (!response.NeedsBefore)
                {
                    continue;
                }

                foreach (ref var taken in events.Slice(response.FirstEvent, response.EventCount))
                {
                    var before = taken.Before ?? taken.Event.Before ?? taken.Event.LookUpBefore(view, _hub.Faults);
                    taken.Event.Remember(before);
                    taken = taken with { Before = before };
                    bytes += before.Length;
                }
            }
        }

        lock (_hub.Gate)
        {
            foreach (ref var response in responses[_nextResponse..end])
            {
                if (!response.NeedsBefore)
                {
                    continue;
                }

                response.NeedsBefore = false;
                foreach (ref readonly var taken in events.Slice(response.FirstEvent, response.EventCount))
                {
                    _hub.Recent.CountBefore(taken.Event);
                }
            }
        }
    }

    private Watcher Dequeue()
    {
        Invariant.Holds(_firstPending is not null);
        var watcher = _firstPending;
        _firstPending = watcher.NextPending;
        _lastPending = _firstPending is null ? null : _lastPending;
        watcher.NextPending = null;
        _pendingCount--;
        _hub.PendingCount--;
        return watcher;
    }

    private void ForgetTaken()
    {
        _nextResponse = 0;
        _takenBytes = 0;
        _responses.Clear();
        _events.Clear();
        if (_events.Capacity > KeptCapacity)
        {
            _events = [];
        }

        if (_responses.Capacity > KeptCapacity)
        {
            _responses = [];
        }
    }

    /// <summary>The response that a watcher is about to be given.</summary>
    private struct ToldTogether(Watcher watcher, int firstEvent, bool areSeveral)
    {
        public readonly Watcher Watcher => watcher;

        /// <summary>Whether it may be about more revisions than one.</summary>
        public readonly bool AreSeveral => areSeveral;

        public int FirstEvent { get; set; } = firstEvent;

        /// <summary>The last that it is about.</summary>
        public long Revision { get; set; }

        public long Bytes { get; set; }
    }
}
