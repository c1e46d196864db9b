using System.Collections.Concurrent;
using RaftKv.Raft;
using RaftKv.Raft.Messages;
using RaftKv.Server.Hosting;
using RaftKv.Server.Peers;
using RaftKv.Server.Replica;
using RaftKv.Storage.State;

namespace RaftKv.Testing;

/// <summary>Where a running member is connected to the network: everything it says goes through the bytes of the wire.</summary>
internal sealed class Station : IPeerLink, IPeerNetwork, ILeaderCalls
{
    private readonly TestNetwork _network;
    private readonly RunningMember _member;
    private readonly ConcurrentDictionary<NodeId, IReadOnlyList<Uri>> _peers = new();
    private readonly List<Message> _decoded = [];
    private readonly CancellationTokenSource _ended = new();
    private readonly CancellationToken _end;

    public Station(TestNetwork network, RunningMember member, string name, Uri url)
    {
        _network = network;
        _member = member;
        Name = name;
        Url = url;
        _end = _ended.Token;
        network.Join(this);
    }

    public string Name { get; }

    public Uri Url { get; }

    public NodeId Self => _member.Self;

    public IPeerNetwork Network => this;

    public ILeaderCalls Leader => this;

    public IReadOnlyList<Uri> EndPoints => [];

    public bool Send(in Message message)
    {
        if (!_peers.ContainsKey(message.To) || _network.Reach(this, message.To) is not { } other)
        {
            return false;
        }

        // Only the replica sends, so there is one message at a time.
        var bytes = new byte[MessageCodec.BatchHeaderBytes + MessageCodec.BoundOf(message)];
        MessageCodec.WriteBatchHeader(bytes, messages: 1, message.Entries.Length);
        var length = MessageCodec.Write(message, bytes.AsSpan(MessageCodec.BatchHeaderBytes));
        _decoded.Clear();
        MessageCodec.Read(bytes.AsMemory(0, MessageCodec.BatchHeaderBytes + length), message.From, message.To, _decoded);
        other._member.Receive([_decoded[0]]);
        return true;
    }

    public void Flush()
    {
        // It has left already.
    }

    public void SendSnapshot(in Message message, ISnapshotSource source)
    {
        _network.SnapshotBegun();
        var sent = message;
        _ = Task.Run(() => CarryAsync(sent, source), CancellationToken.None);
    }

    public void AddPeer(NodeId id, IReadOnlyList<Uri> urls) => _peers[id] = urls;

    public void UpdatePeer(NodeId id, IReadOnlyList<Uri> urls) => _peers[id] = urls;

    public void RemovePeer(NodeId id)
    {
        if (_peers.TryRemove(id, out _) && _network.Reach(this, id) is { } other)
        {
            other._member.Removed(Self);
        }
    }

    public PeerStatus? StatusOf(NodeId id) => _peers.TryGetValue(id, out var urls) ? Status(id, urls) : null;

    public IReadOnlyList<PeerStatus> Statuses() => [.. _peers.OrderBy(peer => peer.Key).Select(peer => Status(peer.Key, peer.Value))];

    public ValueTask<long?> RenewLeaseAsync(Uri leader, long id, CancellationToken cancellation)
        => AskAsync(leader, member => member.RenewHereAsync(id, cancellation));

    public ValueTask<(bool IsAnswered, LeaseTime? Time)> GetLeaseTimeAsync(
        Uri leader, long id, bool wantsKeys, CancellationToken cancellation)
        => AskAsync<(bool, LeaseTime?)>(
            leader,
            async member => member.IsLeasing
                ? (true, await member.GetLeaseTimeAsync(id, wantsKeys, cancellation).ConfigureAwait(false))
                : default);

    public ValueTask<StateError?> ChangeMembersAsync(Uri leader, MemberChange change, CancellationToken cancellation)
        => AskAsync<StateError?>(
            leader,
            async member => member.Standing.IsLeader
                ? (await member.ChangeMembersHereAsync(change, cancellation).ConfigureAwait(false)).Error
                : null);

    public async ValueTask DisposeAsync()
    {
        _network.Leave(this);
        await _ended.CancelAsync().ConfigureAwait(false);
        _ended.Dispose();
    }

    private PeerStatus Status(NodeId id, IReadOnlyList<Uri> urls) => new()
    {
        Id = id,
        Urls = urls,
        ConnectedFor = _network.Reach(this, id) is null ? null : _network.Calm(),
        ServerVersion = Server.RaftKvNode.EtcdVersion,
    };

    private async ValueTask<T?> AskAsync<T>(Uri leader, Func<RunningMember, ValueTask<T?>> question)
    {
        if (_network.Reach(this, leader) is not { } other)
        {
            return default;
        }

        try
        {
            return await question(other._member).ConfigureAwait(false);
        }
        catch (RequestRefusedException refused) when (refused.Reason == RequestRefusal.NotLeader)
        {
            return default;
        }
    }

    private async Task CarryAsync(Message message, ISnapshotSource source)
    {
        var isDelivered = false;
        try
        {
            await using (source.ConfigureAwait(false))
            {
                if (_network.Reach(this, message.To) is { } other)
                {
                    var sink = await other._member.BeginSnapshotAsync(new SnapshotOffer(message, source.Id, source.Length), _end).ConfigureAwait(false);
                    await using (sink.ConfigureAwait(false))
                    {
                        await foreach (var piece in source.ReadAsync(0, _end).ConfigureAwait(false))
                        {
                            await sink.WriteAsync(piece.ToArray(), _end).ConfigureAwait(false);
                        }

                        await sink.CompleteAsync(_end).ConfigureAwait(false);
                        isDelivered = true;
                    }
                }
            }
        }
        catch (Exception cut) when (cut is OperationCanceledException or InvalidOperationException)
        {
            // One of the two has stopped, or does not listen.
        }
        finally
        {
            _member.SnapshotSent(message.To, isDelivered);
            _network.SnapshotEnded(isDelivered);
        }
    }
}
