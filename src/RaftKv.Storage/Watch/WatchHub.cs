using RaftKv.Raft;
using RaftKv.Storage.Mvcc;

namespace RaftKv.Storage.Watch;

/// <summary>
/// Who watches what, and how far each has been told. The applier announces what it has published; streams take what
/// concerns them when their clients have room for it.
/// </summary>
/// <remarks>
/// <code>
///   applier:   Collect(changes)  KeySpace.Publish()  Announce(revision)
///                                                      |  matched once, by key and by range
///                                                      v
///   recent changes  [ 71 72 73 74 75 76 ]     a stream's queue: watchers with something to be told
///                      ^        ^     ^                         |
///   cursors        far behind  behind  live                     v   Take, one response at a time
/// </code>
/// <para><b>One way to read.</b> A watcher is a cursor. What it is told next is looked up from the cursor on: among the
/// matches that its target remembers, else among the recent changes, else in the key space. Nothing is ever put into a
/// queue for a watcher; a stream that is not read from costs a few bytes a watcher, and is told everything later.</para>
/// <para><b>Threads.</b> The applier's calls come from one thread. Streams are called by any; each is drained by one at a
/// time. One lock guards positions and matches. It is held for as long as it takes to match a batch or to pick what a
/// stream is handed next, never while anything is read, encoded or sent.</para>
/// <para>The applier should complete a client's write only after it was announced: then a watcher that the client creates
/// next begins after its own write.</para>
/// </remarks>
public sealed class WatchHub
{
    private const int MinMatches = 16;
    private const int MaxMatches = 4096;

    private readonly WatchTargets _targets = new();
    private readonly List<WatchStream> _streams = [];

    // The applier's own.
    private readonly List<WatchEvent> _collected = [];
    private readonly List<WatchTarget> _found = [];
    private readonly List<WatchTarget> _touched = [];
    private readonly List<WatchStream> _ready = [];

    public WatchHub(KeySpace space)
        : this(space, new WatchOptions(), WatchFaults.None)
    {
    }

    /// <param name="space">Of which everything that is published counts as announced.</param>
    /// <param name="options">Bounds.</param>
    /// <param name="faults">None, except in tests.</param>
    public WatchHub(KeySpace space, WatchOptions options, WatchFaults faults)
    {
        Space = space;
        Options = options;
        Faults = faults;
        Revision = space.PublishedRevision;
        Recent = new RecentChanges(options, Revision + 1);
        History = new WatchHistory(options, faults);
    }

    /// <summary>Watchers of all streams.</summary>
    public int WatcherCount { get; private set; }

    /// <summary>Watchers that have something to be told: what clients have not read yet, or could not be told so
    /// far.</summary>
    public int PendingCount { get; internal set; }

    public int StreamCount => _streams.Count;

    internal WatchOptions Options { get; }

    internal WatchFaults Faults { get; }

    internal Lock Gate { get; } = new();

    // Below: under the gate.
    internal KeySpace Space { get; private set; }

    /// <summary>The last one announced.</summary>
    internal long Revision { get; private set; }

    internal RecentChanges Recent { get; }

    internal WatchHistory History { get; }

    /// <summary>A stream of a client.</summary>
    public WatchStream OpenStream(IWatchSignal signal)
    {
        var stream = new WatchStream(this, signal);
        lock (Gate)
        {
            stream.Place = _streams.Count;
            _streams.Add(stream);
        }

        return stream;
    }

    /// <summary>Takes note of changes, before <see cref="KeySpace.Publish"/> forgets them. By the applier.</summary>
    public void Collect(ReadOnlySpan<Change> changes)
    {
        foreach (ref readonly var change in changes)
        {
            _collected.Add(new WatchEvent(change.Revision, change.Record, change.IsDelete));
        }
    }

    /// <summary>Tells watchers of what was collected, now that readers can see it. By the applier.</summary>
    /// <param name="revision">The one that was published.</param>
    public void Announce(long revision)
    {
        lock (Gate)
        {
            Invariant.Holds(revision >= Revision);
            var last = Revision;
            var maxMatches = Math.Clamp(Options.RememberedMatches / Math.Max(1, _targets.Count), MinMatches, MaxMatches);
            foreach (var change in _collected)
            {
                // Revisions come one after the other, each of them whole.
                Invariant.Holds(change.Revision.Main == (change.Revision.Sub == 0 ? last + 1 : last));
                last = change.Revision.Main;
                Match(change, Recent.Add(change), maxMatches);
            }

            Invariant.Holds(last == revision);
            Revision = revision;
            foreach (var target in _touched)
            {
                Wake(target);
                target.EndBatch();
            }
        }

        _collected.Clear();
        _touched.Clear();
        SignalReady();
    }

    /// <summary>
    /// The key space was replaced by another one, further on: a snapshot was installed. All watchers go on from where they
    /// stand. By the applier. The space of before is not looked into any more by calls that begin after this one has
    /// returned.
    /// </summary>
    /// <param name="space">From now on.</param>
    public void Rebase(KeySpace space)
    {
        lock (Gate)
        {
            Invariant.Holds(space.PublishedRevision >= Revision);
            var before = Revision;
            Space = space;
            Revision = space.PublishedRevision;
            Recent.Clear(Revision + 1);
            foreach (var target in _targets.All())
            {
                target.Clear(Revision + 1);
            }

            foreach (var stream in _streams)
            {
                if (!Faults.KeepsPositionsOverSnapshot && stream.Resume(before + 1))
                {
                    _ready.Add(stream);
                }
            }
        }

        History.Clear();
        _collected.Clear();
        SignalReady();
    }

    /// <summary>Under the gate.</summary>
    internal void Attach(Watcher watcher)
    {
        _targets.Add(watcher, Revision + 1);
        WatcherCount++;
    }

    /// <summary>Under the gate.</summary>
    internal void Detach(Watcher watcher)
    {
        if (watcher.Target is not null)
        {
            _targets.Remove(watcher);
            WatcherCount--;
        }
    }

    /// <summary>Under the gate.</summary>
    internal void Close(WatchStream stream)
    {
        var last = _streams[^1];
        _streams[stream.Place] = last;
        last.Place = stream.Place;
        _streams.RemoveAt(_streams.Count - 1);
    }

    private void Match(WatchEvent change, long position, int maxMatches)
    {
        _targets.Find(change.Key, _found);
        foreach (var target in _found)
        {
            if (target.AddMatch(position, change, maxMatches))
            {
                _touched.Add(target);
            }
        }

        _found.Clear();
    }

    private void Wake(WatchTarget target)
    {
        var (first, last) = target.Batch;
        foreach (var watcher in target.Watchers)
        {
            var isWanted = (target.BatchHasPuts && watcher.WantsPuts) || (target.BatchHasDeletes && watcher.WantsDeletes);
            if (watcher.IsPending || watcher.Cursor > last || !isWanted)
            {
                continue;
            }

            // It was idle: nothing before this matters to it.
            watcher.MoveTo(Math.Max(watcher.Cursor, first));
            if (watcher.Stream.Enqueue(watcher))
            {
                _ready.Add(watcher.Stream);
            }
        }
    }

    private void SignalReady()
    {
        foreach (var stream in _ready)
        {
            stream.Signal.Ready(stream);
        }

        _ready.Clear();
    }
}
