using RaftKv.Raft;

namespace RaftKv.Server.Peers;

public enum PeerEventKind
{
    /// <summary>A stream to the peer is up.</summary>
    Connected,

    /// <summary>A stream to the peer was lost.</summary>
    Disconnected,

    /// <summary>An attempt failed. Said once per reason, not per attempt.</summary>
    CannotConnect,

    /// <summary>A stream from the peer is up.</summary>
    Accepted,

    /// <summary>A stream from the peer ended.</summary>
    Left,

    /// <summary>Somebody connected here and was sent away.</summary>
    Refused,

    /// <summary>A snapshot was delivered to the peer, or received from it, or not.</summary>
    Snapshot,
}

/// <summary>Something that happened between this member and another.</summary>
/// <param name="Kind">What it was.</param>
/// <param name="Peer">The other member; none if it did not say who it is.</param>
/// <param name="Lane">The stream, where it is about one.</param>
/// <param name="Where">The other end's address.</param>
/// <param name="Text">What to tell an operator; a sentence or empty.</param>
public readonly record struct PeerEvent(PeerEventKind Kind, NodeId Peer, PeerLane? Lane, string Where, string Text)
{
    public override string ToString()
        => $"{Kind} {(Peer.IsNone ? "" : $"member {Peer} ")}{Lane}{(Lane is null ? "" : " ")}{Where}{(Text.Length > 0 ? ": " : "")}{Text}";
}
