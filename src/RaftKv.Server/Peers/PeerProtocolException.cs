namespace RaftKv.Server.Peers;

/// <summary>Bytes of a peer that are not what the protocol allows. The connection they came by is given up: after a
/// mistake nobody knows where the next frame begins.</summary>
public sealed class PeerProtocolException(string message) : Exception(message);
