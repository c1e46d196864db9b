namespace RaftKv.Server.Peers;

/// <summary>A connection ended, or could not be had. The message is a sentence for operators.</summary>
internal class PeerConnectionException(string message, Exception? inner = null) : Exception(message, inner);

/// <summary>Where the other member is to be found, nobody accepts connections.</summary>
internal sealed class PeerAbsentException(string message, Exception inner) : PeerConnectionException(message, inner);

/// <summary>The other member answered, and sent us away.</summary>
internal sealed class PeerRefusedException(PeerVerdict verdict, string message) : PeerConnectionException(message)
{
    public PeerVerdict Verdict { get; } = verdict;
}
