namespace RaftKv.Storage.Watch;

/// <summary>Learns that a stream has something to hand out.</summary>
public interface IWatchSignal
{
    /// <summary>
    /// The stream, of which <see cref="WatchStream.Take"/> said <see cref="WatchTake.Idle"/> or that is new, is not idle
    /// any more. Said once until it is idle again. Called on any thread, the applier's above all, and without locks: it
    /// should wake somebody up and return. It may still come when the stream was just disposed.
    /// </summary>
    void Ready(WatchStream stream);
}

/// <summary>What became of an attempt to take a response.</summary>
public enum WatchTake
{
    /// <summary>There is nothing; <see cref="IWatchSignal.Ready"/> says when there is.</summary>
    Idle,

    /// <summary>One response was written.</summary>
    Response,

    /// <summary>Nothing was written, but there is more to look through. The caller may do something else in
    /// between.</summary>
    Unfinished,
}
