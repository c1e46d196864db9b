using System.Buffers;
using RaftKv.Protocol.Etcd;
using RaftKv.Server.Replica;
using RaftKv.Storage.Watch;

namespace RaftKv.Server.Api;

/// <summary>One watcher, for a service that waits for a change. Whether its caller may read what it watches is settled
/// before.</summary>
internal sealed class InnerWatch : IWatchSignal, IDisposable
{
    private readonly WakeUp _news = new();
    private readonly ArrayBufferWriter<byte> _bytes = new();
    private readonly WatchHeader _header;
    private readonly WatchStream _stream;

    public InnerWatch(IMember member, in WatchCreate what)
    {
        _header = new WatchHeader(member.ClusterId, member.Self.Value, member.Status.Term);
        _stream = member.Watches.OpenStream(this);
        _stream.Create(what);
    }

    /// <summary>Waits for events. By one at a time.</summary>
    /// <returns>Null if they are compacted away already: one has to look what is there now, and watch again from there.</returns>
    public async ValueTask<WatchResponse?> NextAsync(CancellationToken cancellation)
    {
        using var onCancel = cancellation.UnsafeRegister(static news => ((WakeUp)news!).Call(), _news);
        while (true)
        {
            cancellation.ThrowIfCancellationRequested();
            _bytes.ResetWrittenCount();
            switch (_stream.Take(_header, _bytes))
            {
                case WatchTake.Idle:
                    await _news.SleepAsync().ConfigureAwait(false);
                    break;
                case WatchTake.Unfinished:
                    await Task.Yield();
                    break;
                default:
                    var response = WatchResponse.Parser.ParseFrom(_bytes.WrittenSpan);
                    if (response.Canceled)
                    {
                        return null;
                    }

                    if (response.Events.Count > 0)
                    {
                        return response;
                    }

                    break;
            }
        }
    }

    public void Dispose() => _stream.Dispose();

    void IWatchSignal.Ready(WatchStream stream) => _news.Call();
}
