using System.Collections.Concurrent;
using RaftKv.Raft;
using RaftKv.Raft.Messages;

namespace RaftKv.Server.Peers;

/// <summary>
/// The member's connections to the others. Each member connects to each other one, once per lane, and sends only on the
/// connections it made; so nobody has to agree on who connects, and both directions fail and recover by themselves.
/// <para>Incoming connections come from a listener that it does not own: see <see cref="PeerHost"/>. Each is read by a thread
/// of its own; outgoing ones are written by whoever sends, where that does not take waiting.</para>
/// </summary>
/// <example><code>
/// await using var transport = new PeerTransport(new PeerOptions { ClusterId = cluster, Self = self }, replica);
/// await using var host = await PeerHost.StartAsync(new PeerHostOptions { Listen = { address } }, transport);
/// transport.AddPeer(other, [new Uri("http://10.0.0.2:2380")]);
/// </code></example>
public sealed partial class PeerTransport : IPeerNetwork, IAsyncDisposable
{
    private readonly PeerOptions _options;
    private readonly IPeerReceiver _receiver;
    private readonly PeerDialer _dialer;
    private readonly SnapshotDispatch _dispatch;
    private readonly IncomingMembers _incoming;
    private readonly IncomingSnapshots _incomingSnapshots;
    private readonly ConcurrentDictionary<NodeId, Peer> _peers = new();

    // Removed peers on their way out, and what serves incoming connections; for disposal to wait for.
    private readonly ConcurrentDictionary<Task, bool> _ending = new();
    private readonly Lock _membership = new();

    // The peers again: made anew under the lock, read without it.
    private volatile Peer[] _flushed = [];
    private int _strangers;
    private bool _isDisposed;

    public PeerTransport(PeerOptions options, IPeerReceiver receiver)
    {
        _options = options;
        _receiver = receiver;
        _dialer = new PeerDialer(options);
        _dispatch = new SnapshotDispatch(options);
        _incoming = new IncomingMembers(options);
        _incomingSnapshots = new IncomingSnapshots(options, receiver);
    }

    public NodeId Self => _options.Self;

    public ulong ClusterId => _options.ClusterId;

    public bool Send(in Message message)
    {
        Invariant.Holds(message.From == _options.Self);
        Invariant.Holds(message.Kind != MessageKind.InstallSnapshot);
        return _peers.TryGetValue(message.To, out var peer) && peer.TrySend(message);
    }

    public void SendSnapshot(in Message message, ISnapshotSource source)
    {
        Invariant.Holds(message.From == _options.Self);
        Invariant.Holds(message.Kind == MessageKind.InstallSnapshot);
        if (_peers.TryGetValue(message.To, out var peer))
        {
            peer.Snapshots.Send(message, source);
            return;
        }

        Track(RefuseAsync(message.To, source));
    }

    public void AddPeer(NodeId id, IReadOnlyList<Uri> urls)
    {
        Check(id, urls);
        lock (_membership)
        {
            if (_isDisposed)
            {
                // The member stops, and its applier has not heard of it yet.
                return;
            }

            _incoming.Readmit(id);
            if (_peers.TryGetValue(id, out var known))
            {
                known.UpdateUrls([.. urls]);
                return;
            }

            var peer = new Peer(id, [.. urls], _dialer, _options, _receiver, _dispatch);
            _peers[id] = peer;
            _flushed = [.. _peers.Values];
            peer.Start();
        }
    }

    public void UpdatePeer(NodeId id, IReadOnlyList<Uri> urls)
    {
        Check(id, urls);
        if (_peers.TryGetValue(id, out var peer))
        {
            peer.UpdateUrls([.. urls]);
        }
    }

    public void RemovePeer(NodeId id)
    {
        lock (_membership)
        {
            var streams = _incoming.Remove(id);
            if (_peers.TryRemove(id, out var peer))
            {
                _flushed = [.. _peers.Values];
                peer.IsRemoved = true;
                Track(peer.DisposeAsync().AsTask());
            }

            foreach (var stream in streams)
            {
                Track(stream.Connection.EndAsync($"Member {id} was removed from the cluster.").AsTask());
            }
        }
    }

    public PeerStatus? StatusOf(NodeId id) => _peers.TryGetValue(id, out var peer) ? StatusOf(peer) : null;

    public IReadOnlyList<PeerStatus> Statuses() => [.. _peers.Values.OrderBy(peer => peer.Id).Select(StatusOf)];

    public void Flush()
    {
        foreach (var peer in _flushed)
        {
            peer.Flush();
        }
    }

    /// <summary>Sends what waits, says farewell to everybody, and ends.</summary>
    public async ValueTask DisposeAsync()
    {
        lock (_membership)
        {
            if (_isDisposed)
            {
                return;
            }

            _isDisposed = true;
        }

        var peers = _peers.Values.ToArray();
        _peers.Clear();
        _flushed = [];
        await Task.WhenAll(peers.Select(peer => peer.DisposeAsync().AsTask())).ConfigureAwait(false);
        await Task.WhenAll(_incoming.Stop().Select(
            stream => stream.Connection.EndAsync($"Member {Self} is stopping.").AsTask())).ConfigureAwait(false);

        await _incomingSnapshots.DisposeAsync().ConfigureAwait(false);
        while (!_ending.IsEmpty)
        {
            await Task.WhenAll(_ending.Keys).ConfigureAwait(false);
        }

        _dispatch.Dispose();
    }

    private void Check(NodeId id, IReadOnlyList<Uri> urls)
    {
        if (id.IsNone || id == _options.Self)
        {
            throw new ArgumentException($"Member {id} cannot be a peer of member {_options.Self}.", nameof(id));
        }

        if (urls.Count == 0)
        {
            throw new ArgumentException($"Member {id} has no address.", nameof(urls));
        }
    }

    private PeerStatus StatusOf(Peer peer)
    {
        var (messages, bytes) = _incoming.ReceivedFrom(peer.Id);
        return peer.Status(messages, bytes);
    }

    private async Task RefuseAsync(NodeId to, ISnapshotSource source)
    {
        await source.DisposeAsync().ConfigureAwait(false);
        _receiver.SnapshotSent(to, isDelivered: false);
    }

    private void Track(Task task)
    {
        _ending[task] = true;
        _ = task.ContinueWith(
            static (done, ending) => ((ConcurrentDictionary<Task, bool>)ending!).TryRemove(done, out _),
            _ending,
            CancellationToken.None,
            TaskContinuationOptions.ExecuteSynchronously,
            TaskScheduler.Default);
    }
}
