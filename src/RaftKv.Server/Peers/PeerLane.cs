namespace RaftKv.Server.Peers;

/// <summary>
/// The streams from one member to another, each a connection of its own, so that none waits for another's bytes. Order is
/// kept within a stream and not between them, which the core allows. The numbers are on the wire.
/// </summary>
public enum PeerLane : byte
{
    /// <summary>Small messages that leaders and elections live by: heartbeats, votes, acknowledgements, reads.</summary>
    Prompt = 1,

    /// <summary>Whatever carries entries, and every append even without, because appends build on each other.</summary>
    Bulk = 2,

    /// <summary>One snapshot.</summary>
    Snapshot = 3,
}
