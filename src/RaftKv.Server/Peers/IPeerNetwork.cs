using RaftKv.Raft;
using RaftKv.Raft.Messages;

namespace RaftKv.Server.Peers;

/// <summary>How a member reaches the others. Any thread may call.</summary>
public interface IPeerNetwork
{
    /// <summary>Takes a message to be sent with the next <see cref="Flush"/>, in order with others on its lane. Never
    /// waits.</summary>
    /// <returns>False if it was dropped: the peer is unknown or away, or too much is waiting. The core is then to be told
    /// with <see cref="RaftNode.ReportUnreachable"/>. What is lost later is told by
    /// <see cref="IPeerReceiver.Unreachable"/>.</returns>
    bool Send(in Message message);

    /// <summary>Sends what was taken. Never waits: what cannot leave at once leaves by itself.</summary>
    void Flush();

    /// <summary>
    /// Sends an <see cref="MessageKind.InstallSnapshot"/> together with the state it stands for. Its end is reported by
    /// <see cref="IPeerReceiver.SnapshotSent"/>, always and once, unless another snapshot for the same member takes its
    /// place before. The source is disposed of in any case.
    /// </summary>
    void SendSnapshot(in Message message, ISnapshotSource source);

    /// <summary>Begins to keep connections to a member, or changes where it is to be found.</summary>
    void AddPeer(NodeId id, IReadOnlyList<Uri> urls);

    /// <summary>Changes where a member is to be found. A connection to an address that is still valid stays.</summary>
    void UpdatePeer(NodeId id, IReadOnlyList<Uri> urls);

    /// <summary>Cuts off a member that was removed from the cluster, for good: it will be refused, and told why.</summary>
    void RemovePeer(NodeId id);

    /// <summary>Null for a member that was not added.</summary>
    PeerStatus? StatusOf(NodeId id);

    IReadOnlyList<PeerStatus> Statuses();
}

/// <summary>What comes in from the others. Called on threads of the transport, for different peers and lanes at once; nothing else comes
/// in on the same lane until the call returns.</summary>
public interface IPeerReceiver
{
    /// <summary>Messages of one peer, in their order. The span is valid during the call; what it refers to, for good.</summary>
    void Receive(ReadOnlySpan<Message> messages);

    /// <summary>Messages to this peer that <see cref="IPeerNetwork.Send"/> had accepted may be lost.</summary>
    void Unreachable(NodeId peer);

    /// <summary>A connection to this peer broke, and at none of its addresses new ones are accepted: most likely its process
    /// has ended. Said with every attempt until there is a connection again. <see cref="RaftNode.ReportGone"/>.</summary>
    void Gone(NodeId peer);

    /// <summary>How a snapshot went: <see cref="RaftNode.ReportSnapshot"/>.</summary>
    void SnapshotSent(NodeId peer, bool isDelivered);

    /// <summary>A peer begins to send a snapshot from its first byte. To refuse, throw; the peer is told the message.</summary>
    ValueTask<ISnapshotSink> BeginSnapshotAsync(SnapshotOffer offer, CancellationToken cancellation);

    /// <summary>That peer says that this member was removed from the cluster. Said with every attempt to connect.</summary>
    void Removed(NodeId by);

    /// <summary>That peer says that this member, which remembers nothing, has run before. It must not go on.</summary>
    void LostData(NodeId by);

    /// <summary>An invariant broke here, or a call of this interface threw. The stream it happened on is gone for good; the
    /// host stops the member.</summary>
    void Broken(Exception problem);
}
