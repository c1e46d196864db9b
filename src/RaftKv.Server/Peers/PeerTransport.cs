using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using RaftKv.Raft;
using RaftKv.Raft.Messages;

namespace RaftKv.Server.Peers;

/// <summary>
/// The member's connections to the others. Each member connects to each other one, once per lane, and sends only on the
/// connections it made; so nobody has to agree on who connects, and both directions fail and recover by themselves.
/// <para>Incoming connections come from a listener that it does not own: see <see cref="Accept"/> and
/// <see cref="PeerHost"/>.</para>
/// </summary>
/// <example><code>
/// await using var transport = new PeerTransport(new PeerOptions { ClusterId = cluster, Self = self }, replica);
/// await using var host = await PeerHost.StartAsync(new PeerHostOptions { Listen = { address } }, transport);
/// transport.AddPeer(other, [new Uri("http://10.0.0.2:2380")]);
/// </code></example>
public sealed class PeerTransport : IPeerNetwork, IAsyncDisposable
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
            ObjectDisposedException.ThrowIf(_isDisposed, this);
            _incoming.Readmit(id);
            if (_peers.TryGetValue(id, out var known))
            {
                known.UpdateUrls([.. urls]);
                return;
            }

            var peer = new Peer(id, [.. urls], _dialer, _options, _receiver, _dispatch);
            _peers[id] = peer;
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

    /// <summary>
    /// A step in a listener's chain: takes the connections of peers, and passes all others on untouched, so that the port
    /// speaks HTTP as well. Behind TLS it sees what TLS has decrypted.
    /// </summary>
    public ConnectionDelegate Accept(ConnectionDelegate otherwise) => connection => ServeAsync(connection, otherwise);

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

    private async Task ServeAsync(ConnectionContext connection, ConnectionDelegate otherwise)
    {
        bool isPeer;
        PeerHello hello = default;
        if (Interlocked.Increment(ref _strangers) > _options.MaxStrangers)
        {
            Interlocked.Decrement(ref _strangers);
            connection.Abort(new ConnectionAbortedException("Too many connections that have not said who they are."));
            return;
        }

        try
        {
            using var limit = new CancellationTokenSource(_options.HandshakeTimeout, _options.Time);
            var input = connection.Transport.Input;
            isPeer = await HandshakeFrame.IsNextAsync(input, limit.Token).ConfigureAwait(false) is true;
            if (isPeer)
            {
                hello = PeerHello.Decode(await HandshakeFrame.ReadAsync(input, limit.Token).ConfigureAwait(false));
            }
        }
        catch (PeerProtocolException problem)
        {
            await AnswerAsync(connection, default, PeerVerdict.Malformed, problem.Message).ConfigureAwait(false);
            return;
        }
        catch (Exception gone) when (gone is OperationCanceledException or IOException or InvalidOperationException)
        {
            connection.Abort(new ConnectionAbortedException("It did not say in time who it is."));
            return;
        }
        finally
        {
            Interlocked.Decrement(ref _strangers);
        }

        if (!isPeer)
        {
            await otherwise(connection).ConfigureAwait(false);
            return;
        }

        var (verdict, reason) = _incoming.Judge(hello);
        if (verdict != PeerVerdict.Welcome)
        {
            await AnswerAsync(connection, hello, verdict, reason).ConfigureAwait(false);
            return;
        }

        var serving = ServePeerAsync(connection, hello);
        Track(serving);
        await serving.ConfigureAwait(false);
    }

    private async Task AnswerAsync(ConnectionContext connection, PeerHello hello, PeerVerdict verdict, string reason)
    {
        if (verdict != PeerVerdict.Welcome)
        {
            _options.Observer?.Invoke(new PeerEvent(
                PeerEventKind.Refused, hello.From, null, connection.RemoteEndPoint?.ToString() ?? "", reason));
        }

        var welcome = new PeerWelcome(
            verdict, PeerHello.Protocol, _options.ClusterId, _options.Self, _options.ProcessNonce, _options.ServerVersion, reason);
        try
        {
            await connection.Transport.Output.WriteAsync(welcome.Encode(), connection.ConnectionClosed).ConfigureAwait(false);
        }
        catch (Exception gone) when (gone is OperationCanceledException or IOException or InvalidOperationException)
        {
            // It did not wait for the answer; whoever reads next will see that.
        }
    }

    private async Task ServePeerAsync(ConnectionContext context, PeerHello hello)
    {
        var connection = new PeerConnection(
            context.Transport.Input,
            context.Transport.Output.AsStream(leaveOpen: true),
            isAbrupt => Close(context, isAbrupt),
            isCaller: false,
            _options);
        await using (connection.ConfigureAwait(false))
        {
            using var stopping = context.Features.Get<IConnectionLifetimeNotificationFeature>()?.ConnectionClosedRequested
                .UnsafeRegister(static one => ((PeerConnection)one!).Cut("The listener is stopping."), connection) ?? default;
            var stream = new IncomingStream(connection);
            if (await _incoming.EnterAsync(hello, stream).ConfigureAwait(false) is not { } member)
            {
                var (verdict, why) = _incoming.Judge(hello);
                await AnswerAsync(context, hello, verdict, why).ConfigureAwait(false);
                return;
            }

            var where = context.RemoteEndPoint?.ToString() ?? "";
            var reason = "";
            try
            {
                await AnswerAsync(context, hello, PeerVerdict.Welcome, "").ConfigureAwait(false);
                connection.Start();
                _options.Observer?.Invoke(new PeerEvent(PeerEventKind.Accepted, hello.From, hello.Lane, where, ""));
                if (_peers.TryGetValue(hello.From, out var peer))
                {
                    peer.Hurry();
                }

                await (hello.Lane == PeerLane.Snapshot
                    ? _incomingSnapshots.ServeAsync(connection, hello.From)
                    : ReceiveAsync(connection, member)).ConfigureAwait(false);
            }
            catch (PeerConnectionException end)
            {
                reason = end.Message;
            }
            catch (PeerProtocolException problem)
            {
                reason = problem.Message;
                await connection.EndAsync(problem.Message).ConfigureAwait(false);
            }
#pragma warning disable CA1031 // A mistake on this side, in the host or here: the host decides what becomes of the member.
            catch (Exception problem)
#pragma warning restore CA1031
            {
                reason = $"Member {Self} failed to take in what it was sent.";
                await connection.EndAsync(reason).ConfigureAwait(false);
                _receiver.Broken(problem);
            }
            finally
            {
                _incoming.Leave(member, hello.Lane, stream);
                _options.Observer?.Invoke(new PeerEvent(PeerEventKind.Left, hello.From, hello.Lane, where, reason));
            }
        }
    }

    private async Task ReceiveAsync(PeerConnection connection, IncomingMember member)
    {
        var batch = new List<Message>();
        while (true)
        {
            var frame = await connection.ReadAsync().ConfigureAwait(false);
            if (frame.Kind is not (FrameKind.Messages or FrameKind.MessagesWithEntries))
            {
                throw new PeerProtocolException($"A frame of kind {frame.Kind} came on a stream of messages.");
            }

            MessageCodec.Read(frame.Body, member.Id, _options.Self, batch);
            foreach (ref readonly var message in CollectionsMarshal.AsSpan(batch))
            {
                if (message.Kind == MessageKind.InstallSnapshot
                    || (frame.Kind == FrameKind.Messages && message.Entries.Length > 0))
                {
                    throw new PeerProtocolException($"A {message.Kind} message came where it may not.");
                }
            }

            member.Count(batch.Count, PeerFrame.HeaderBytes + frame.Body.Length);
            _receiver.Receive(CollectionsMarshal.AsSpan(batch));
            batch.Clear();
        }
    }

    private static void Close(ConnectionContext context, bool isAbrupt)
    {
        if (isAbrupt)
        {
            context.Abort(new ConnectionAbortedException("The peer's connection was cut."));
        }
        else
        {
            context.Transport.Input.CancelPendingRead();
        }
    }
}
