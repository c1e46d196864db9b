using RaftKv.Raft;
using RaftKv.Storage.Mvcc;

namespace RaftKv.Storage.Watch;

/// <summary>
/// One watcher: a cursor over main revisions. Everything it wants from before the cursor was handed out.
/// </summary>
/// <remarks>
/// A watcher is idle or pending. An idle one has been handed everything up to the hub's revision, so that its cursor may
/// lag behind without meaning anything; it becomes pending with the first change that matters to it, and the cursor moves
/// to there. All of this is guarded by the hub's lock.
/// </remarks>
internal sealed class Watcher(WatchStream stream, long id, KeyRange range, in WatchCreate request)
{
    public WatchStream Stream { get; } = stream;

    public long Id { get; } = id;

    /// <summary>Its own copy.</summary>
    public KeyRange Range { get; } = range;

    public bool WantsBefore { get; } = request.PrevKv;

    public bool WantsProgress { get; } = request.ProgressNotify;

    public bool AllowsFragments { get; } = request.Fragment;

    public bool WantsPuts { get; } = !request.NoPut;

    public bool WantsDeletes { get; } = !request.NoDelete;

    /// <summary>Where it was asked to begin; 0 for what comes after its creation.</summary>
    public required long Start { get; init; }

    /// <summary>What it listens to; null once history that it needs is compacted.</summary>
    public WatchTarget? Target { get; set; }

    /// <summary>Where it stands among the watchers of the target.</summary>
    public int Place { get; set; }

    public long Cursor { get; private set; }

    /// <summary>Whether it is, or soon will be again, in its stream's queue.</summary>
    public bool IsPending { get; set; }

    /// <summary>The next one in that queue.</summary>
    public Watcher? NextPending { get; set; }

    /// <summary>Cancelled by the client, or the stream is gone.</summary>
    public bool IsRemoved { get; set; }

    /// <summary>Whether it was handed events since the last progress tick.</summary>
    public bool HadEvents { get; set; }

    public bool Wants(WatchEvent change) => change.IsDelete ? WantsDeletes : WantsPuts;

    /// <summary>Everything up to a revision has been handed out, or did not concern it.</summary>
    public void MoveTo(long cursor)
    {
        Invariant.Holds(cursor >= Cursor);
        Cursor = cursor;
    }

    /// <summary>Only to make a mistake on purpose.</summary>
    public void MoveBack(long cursor) => Cursor = cursor;
}
