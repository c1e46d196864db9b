using RaftKv.Storage.Watch;

namespace RaftKv.Benchmarks.Watch;

/// <summary>The streams that have something to say.</summary>
internal sealed class ReadyStreams : IWatchSignal
{
    private List<WatchStream> _ready = [];
    private List<WatchStream> _spare = [];

    public void Ready(WatchStream stream) => _ready.Add(stream);

    public List<WatchStream> Take()
    {
        (_ready, _spare) = (_spare, _ready);
        _ready.Clear();
        return _spare;
    }
}
