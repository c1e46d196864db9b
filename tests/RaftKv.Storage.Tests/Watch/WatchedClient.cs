using System.Buffers;
using RaftKv.Protocol.Etcd;
using RaftKv.Protocol.Mvcc;
using RaftKv.Storage.Mvcc;
using RaftKv.Storage.Watch;

namespace RaftKv.Storage.Tests.Watch;

/// <summary>
/// A client that believes nothing: it takes the responses of its stream, decodes them, and holds each against what the
/// store was told to do and against every guarantee a watch gives. It reads only when it was told that there is something.
/// </summary>
internal sealed class WatchedClient : IWatchSignal
{
    public const ulong ClusterId = 0xcafe_babe_dead_beef;
    public const ulong MemberId = 0x1234_5678_9abc_def0;

    private static readonly WatchHeader Header = new(ClusterId, MemberId, raftTerm: 7);

    private readonly NaiveStore _store;
    private readonly long _fragmentBytes;
    private readonly Dictionary<long, Watching> _watchers = [];
    private readonly Queue<(long Id, string? Reason, WatchCreate Request, long Revision)> _creates = [];
    private readonly Queue<long> _cancels = [];
    private int _ready;
    private long _nextId;
    private int _progressRequests;
    private (long Id, List<Event> Events)? _parts;

    public WatchedClient(WatchHub hub, NaiveStore store, long fragmentBytes = 2 * 1024 * 1024)
    {
        _store = store;
        _fragmentBytes = fragmentBytes;
        Stream = hub.OpenStream(this);
    }

    public WatchStream Stream { get; }

    public bool IsReady => Volatile.Read(ref _ready) != 0;

    /// <summary>The last revision that was announced.</summary>
    public Func<long> Announced { get; init; } = () => long.MaxValue;

    public IEnumerable<long> Ids => _watchers.Keys;

    public int Responses { get; private set; }

    public int Events { get; private set; }

    /// <summary>All responses as they came.</summary>
    public List<WatchResponse> Log { get; } = [];

    public void Ready(WatchStream stream)
    {
        var before = Interlocked.Exchange(ref _ready, 1);
        Assert.Equal(0, before);
    }

    public void Create(WatchCreate request)
    {
        var reason = request.StartRevision < 0 ? "etcdserver: mvcc: required revision has been compacted"
            : IsEmpty(request) ? "mvcc: watcher range is empty"
            : request.WatchId != 0 && _watchers.ContainsKey(request.WatchId)
                ? "mvcc: duplicate watch ID provided on the WatchStream" : null;
        var id = reason is null ? request.WatchId : -1;
        if (reason is null && id == 0)
        {
            while (_watchers.ContainsKey(_nextId))
            {
                _nextId++;
            }

            id = _nextId++;
        }

        _creates.Enqueue((id, reason, request, Announced()));
        if (reason is null)
        {
            _watchers.Add(id, new Watching(request));
        }

        Assert.Equal(id, Stream.Create(request));
    }

    public void Cancel(long id)
    {
        var isKnown = _watchers.TryGetValue(id, out var watcher) && !watcher.IsCanceling;
        if (isKnown)
        {
            // The id is free again at once.
            watcher!.IsCanceling = true;
            _watchers.Remove(id);
            _canceling.Add((id, watcher));
            _cancels.Enqueue(id);
        }

        Assert.Equal(isKnown, Stream.Cancel(id));
    }

    // Cancelled, but the reply has not come yet; an id may be in use again meanwhile.
    private readonly List<(long Id, Watching Watcher)> _canceling = [];

    public void RequestProgress()
    {
        _progressRequests++;
        Stream.RequestProgress();
    }

    /// <summary>Whether responses are only kept, because the store is still being written on another thread.</summary>
    public bool IsCheckedLater { get; init; }

    /// <summary>Checks all that were kept.</summary>
    public void CheckLog()
    {
        foreach (var response in Log)
        {
            Check(response);
        }
    }

    /// <summary>Takes some responses; stops when there is nothing.</summary>
    /// <returns>Whether the stream was idle at last.</returns>
    public bool Drain(int responses)
    {
        var output = new ArrayBufferWriter<byte>();
        while (responses > 0)
        {
            // Before the last look, so that a signal right after it is not lost.
            Volatile.Write(ref _ready, 0);
            output.ResetWrittenCount();
            var take = Stream.Take(Header, output);
            if (take == WatchTake.Idle)
            {
                Assert.Equal(0, output.WrittenCount);
                NoteIdle();
                return true;
            }

            Volatile.Write(ref _ready, 1);
            if (take == WatchTake.Response)
            {
                responses--;
                var response = WatchResponse.Parser.ParseFrom(output.WrittenSpan);
                Log.Add(response);
                if (!IsCheckedLater)
                {
                    Check(response);
                }
            }
        }

        return false;
    }

    /// <summary>Nothing may be missing now.</summary>
    public void CheckComplete()
    {
        Assert.False(IsReady);
        Assert.Empty(_creates);
        Assert.Empty(_cancels);
        Assert.Null(_parts);
        foreach (var (id, watcher) in _watchers)
        {
            var missing = watcher.IsDead ? null : watcher.NextEvent(_store, Announced());
            Assert.True(missing is null, $"watcher {id} was not told of revision {missing?.Main}");
        }
    }

    /// <summary>Whether a progress request now must be answered.</summary>
    public bool MustAnswerProgress
        => _watchers.Count > 0
            && _watchers.Values.All(watcher => !watcher.IsDead && watcher.Request.StartRevision <= Announced());

    private static bool IsEmpty(in WatchCreate request)
        => request.RangeEnd.Length > 0 && request.RangeEnd.Span is not [0]
            && (request.Key.IsEmpty ? [0] : request.Key.Span).SequenceCompareTo(request.RangeEnd.Span) >= 0;

    private void NoteIdle()
    {
        foreach (var watcher in _watchers.Values)
        {
            watcher.KnownTo = Math.Max(watcher.KnownTo, Announced() == long.MaxValue ? 0 : Announced());
        }
    }

    private Watching Find(long id)
    {
        foreach (var (canceled, watcher) in _canceling)
        {
            if (canceled == id)
            {
                return watcher;
            }
        }

        Assert.True(_watchers.TryGetValue(id, out var found), $"nobody has the id {id}");
        return found;
    }

    private void Check(WatchResponse response)
    {
        Responses++;
        Assert.Equal(ClusterId, response.Header.ClusterId);
        Assert.Equal(MemberId, response.Header.MemberId);
        Assert.Equal(7ul, response.Header.RaftTerm);
        Assert.True(response.Header.Revision <= Announced());
        if (_parts is { } open)
        {
            Assert.Equal(open.Id, response.WatchId);
            Assert.NotEmpty(response.Events);
        }

        if (response.Created)
        {
            CheckCreated(response);
        }
        else if (response.Canceled)
        {
            CheckCanceled(response);
        }
        else if (response.Events.Count > 0)
        {
            CheckEvents(response);
        }
        else
        {
            CheckProgress(response);
        }
    }

    private void CheckCreated(WatchResponse response)
    {
        var (id, reason, request, revision) = _creates.Dequeue();
        Assert.Equal(id, response.WatchId);
        Assert.Empty(response.Events);
        Assert.Equal(reason is not null, response.Canceled);
        Assert.Equal(reason ?? "", response.CancelReason);
        Assert.Equal(0, response.CompactRevision);
        if (revision != long.MaxValue)
        {
            Assert.Equal(revision, response.Header.Revision);
        }

        if (reason is null)
        {
            var watcher = Find(id);
            Assert.False(watcher.IsCreated);
            watcher.IsCreated = true;
            watcher.From = request.StartRevision == 0 ? response.Header.Revision + 1 : request.StartRevision;
        }
    }

    private void CheckCanceled(WatchResponse response)
    {
        Assert.Empty(response.Events);
        Assert.Equal("", response.CancelReason);
        if (response.CompactRevision == 0)
        {
            Assert.Equal(_cancels.Dequeue(), response.WatchId);
            Assert.NotEqual(0, response.Header.Revision);
            var at = _canceling.FindIndex(entry => entry.Id == response.WatchId);
            Assert.True(_canceling[at].Watcher.IsCreated);
            _canceling.RemoveAt(at);
            return;
        }

        var watcher = Find(response.WatchId);
        Assert.True(watcher.IsCreated);
        Assert.False(watcher.IsDead);
        Assert.Equal(0, response.Header.Revision);
        Assert.True(response.CompactRevision <= _store.Compacted);
        var position = Math.Max(watcher.From, Math.Max(watcher.Last, watcher.KnownTo) + 1);
        Assert.True(
            position < response.CompactRevision,
            $"watcher {response.WatchId} at {position} was not overtaken by {response.CompactRevision}");
        watcher.IsDead = true;
    }

    private void CheckEvents(WatchResponse response)
    {
        var watcher = Find(response.WatchId);
        Assert.True(watcher.IsCreated);
        Assert.False(watcher.IsDead);
        Assert.Equal(0, response.CompactRevision);
        Assert.True(response.CalculateSize() < _fragmentBytes || response.Events.Count == 1 || !watcher.Request.Fragment);
        var parts = _parts?.Events ?? [];
        parts.AddRange(response.Events);
        _parts = response.Fragment ? (response.WatchId, parts) : null;
        if (response.Fragment)
        {
            Assert.True(watcher.Request.Fragment);
            return;
        }

        foreach (var told in parts)
        {
            Events++;
            var expected = watcher.NextEvent(_store, Announced());
            Assert.True(expected is not null, $"told of {told.Kv.ModRevision}, where nothing was to be told");
            Assert.Equal(expected.Kv, told.Kv);
            Assert.Equal(expected.IsDelete, told.Type == Event.Types.EventType.Delete);
            CheckBefore(watcher, expected, told.PrevKv);
            watcher.Skip();
            watcher.Last = expected.Main;
        }

        Assert.True(response.Header.Revision >= watcher.Last);
        var next = watcher.NextEvent(_store, Announced());
        Assert.True(next is null || next.Main > watcher.Last, $"revision {watcher.Last} was split");
        Assert.True(watcher.Last > watcher.Progress, $"told of {watcher.Last} after progress {watcher.Progress}");
    }

    private void CheckBefore(Watching watcher, NaiveEvent expected, KeyValue? told)
    {
        if (told is not null)
        {
            Assert.True(watcher.Request.PrevKv);
            Assert.Equal(expected.Before, told);
        }
        else if (watcher.Request.PrevKv && expected.Before is not null)
        {
            Assert.True(expected.Main - 1 < _store.Compacted, $"what was before {expected.Main} is missing");
        }
    }

    private void CheckProgress(WatchResponse response)
    {
        Assert.False(response.Fragment);
        var revision = response.Header.Revision;
        if (response.WatchId == -1)
        {
            Assert.True(_progressRequests-- > 0);

            // It may have been on its way already when a watcher was cancelled. Such a watcher counts until the reply
            // comes: had it been gone when the progress was told, the reply would have come first.
            var concerned = _watchers.Values.Concat(_canceling.Select(entry => entry.Watcher))
                .Where(watcher => watcher.IsCreated).ToArray();
            Assert.True(IsCheckedLater || concerned.Length > 0, "told of progress, with no watcher that it could be of");
            foreach (var watcher in concerned)
            {
                CheckProgress(watcher, revision);
            }
        }
        else
        {
            var watcher = Find(response.WatchId);
            Assert.True(watcher.Request.ProgressNotify);
            CheckProgress(watcher, revision);
        }
    }

    private void CheckProgress(Watching watcher, long revision)
    {
        Assert.True(watcher.IsCreated);
        Assert.False(watcher.IsDead);
        Assert.True(watcher.Request.StartRevision <= revision);
        Assert.True(revision >= watcher.Last);
        Assert.True(revision >= watcher.Progress);
        var missing = watcher.NextEvent(_store, revision);
        Assert.True(missing is null, $"progress {revision} before {missing?.Main} was told");
        watcher.Progress = revision;
    }

    private sealed class Watching(WatchCreate request)
    {
        private readonly KeyRange _range = KeyRange.Of(request.Key.IsEmpty ? new byte[1] : request.Key, request.RangeEnd);
        private int _next;

        public WatchCreate Request => request;

        public bool IsCreated { get; set; }

        public bool IsCanceling { get; set; }

        /// <summary>Overtaken by compaction.</summary>
        public bool IsDead { get; set; }

        /// <summary>The first revision it is to be told of.</summary>
        public long From { get; set; }

        /// <summary>The last one it was told of.</summary>
        public long Last { get; set; }

        public long Progress { get; set; }

        /// <summary>Up to there, there was nothing more to be told.</summary>
        public long KnownTo { get; set; }

        /// <summary>What it must be told next.</summary>
        public NaiveEvent? NextEvent(NaiveStore store, long upTo)
        {
            for (; _next < store.Events.Count; _next++)
            {
                var item = store.Events[_next];
                if (item.Main > upTo)
                {
                    return null;
                }

                if (item.Main >= From && _range.Contains(item.Key)
                    && !(item.IsDelete ? request.NoDelete : request.NoPut))
                {
                    return item;
                }
            }

            return null;
        }

        public void Skip() => _next++;
    }
}
