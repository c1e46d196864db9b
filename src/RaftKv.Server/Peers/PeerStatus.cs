using RaftKv.Raft;

namespace RaftKv.Server.Peers;

/// <summary>How things stand with one peer, for metrics, health and the checks before membership changes.</summary>
public sealed record PeerStatus
{
    public required NodeId Id { get; init; }

    public required IReadOnlyList<Uri> Urls { get; init; }

    /// <summary>For how long both message streams to the peer have been up; null while either is down. Being up means that
    /// the peer answered, so both directions work.</summary>
    public TimeSpan? ConnectedFor { get; init; }

    public bool IsConnected => ConnectedFor is not null;

    /// <summary>Of the newest keep-alive on the prompt stream.</summary>
    public TimeSpan? RoundTrip { get; init; }

    /// <summary>How long ago the peer was last heard on its quieter message stream; null while either is down.</summary>
    public TimeSpan? HeardAgo { get; init; }

    /// <summary>As the peer told when it last answered; empty before.</summary>
    public string ServerVersion { get; init; } = "";

    /// <summary>Why the last stream was lost or could not be had; empty if none was.</summary>
    public string LastError { get; init; } = "";

    /// <summary>How long ago that was.</summary>
    public TimeSpan? LastErrorAge { get; init; }

    public long SentMessages { get; init; }

    public long SentBytes { get; init; }

    /// <summary>Not sent, because there was no connection or too much was waiting.</summary>
    public long DroppedMessages { get; init; }

    public long ReceivedMessages { get; init; }

    public long ReceivedBytes { get; init; }

    /// <summary>How often a message stream to the peer was lost.</summary>
    public long Disconnects { get; init; }

    public long QueuedMessages { get; init; }

    public long QueuedBytes { get; init; }

    public long SnapshotsDelivered { get; init; }

    public long SnapshotsFailed { get; init; }

    public bool IsSendingSnapshot { get; init; }
}
