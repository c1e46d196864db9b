using System.Buffers;
using RaftKv.Storage.Watch;

namespace RaftKv.Simulation.Whole;

/// <summary>The streams of clients that watch: drained when they say that there is something, a few responses at a
/// time.</summary>
internal sealed partial class WholeMember : IWatchSignal
{
    private const int TicksOfProgress = 7;
    private const int ResponsesAtATime = 4;

    private readonly List<ClientStream> _streams = [];
    private readonly ArrayBufferWriter<byte> _response = new();
    private int _ticks;

    /// <summary>A client connects.</summary>
    public void Watch(WatchClient client, int attempt, in WatchCreate request)
    {
        var stream = _stages.Watches.OpenStream(this);
        _streams.Add(new ClientStream(client, attempt, stream));
        stream.Create(request);
    }

    /// <summary>A client has gone.</summary>
    public void Unwatch(WatchClient client)
    {
        foreach (var stream in _streams)
        {
            if (stream.Client == client)
            {
                stream.Stream.Dispose();
            }
        }

        _streams.RemoveAll(stream => stream.Client == client);
    }

    public void AskForProgress(WatchClient client)
    {
        foreach (var stream in _streams)
        {
            if (stream.Client == client)
            {
                stream.Stream.RequestProgress();
            }
        }
    }

    void IWatchSignal.Ready(WatchStream stream) => _runs[(int)Stage.Streams].Ring();

    private void TickStreams()
    {
        if (++_ticks % TicksOfProgress == 0)
        {
            foreach (var stream in _streams)
            {
                stream.Stream.ProgressTick();
            }
        }
    }

    private bool DrainStreams()
    {
        var header = new WatchHeader(clusterId: 1, _world.Self.Value, _standing.Term);
        var isMore = false;
        foreach (var stream in _streams)
        {
            var taken = WatchTake.Response;
            for (var i = 0; i < ResponsesAtATime && taken != WatchTake.Idle; i++)
            {
                _response.ResetWrittenCount();
                taken = stream.Stream.Take(header, _response);
                if (taken == WatchTake.Response)
                {
                    stream.Client.Send(stream.Attempt, _response.WrittenSpan);
                }
            }

            isMore |= taken != WatchTake.Idle;
        }

        return isMore;
    }

    private sealed record ClientStream(WatchClient Client, int Attempt, WatchStream Stream);
}
