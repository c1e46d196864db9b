namespace RaftKv.Load;

/// <summary>What clients ask, and whether an answer was good. Connections call it from threads of their own, each for its own clients.</summary>
public interface IWorkload
{
    /// <summary>The gRPC methods it calls, as paths.</summary>
    IReadOnlyList<string> Paths { get; }

    /// <summary>Each client opens one stream and asks on that, one message at a time.</summary>
    bool IsStreaming => false;

    /// <summary>The next request of a client.</summary>
    /// <param name="client">Number of the client, over all connections.</param>
    /// <param name="random">For this connection alone.</param>
    /// <param name="request">To write to, as protobuf.</param>
    /// <returns>The path's index in <see cref="Paths"/>.</returns>
    int Next(int client, Random random, RequestBuffer request);

    /// <summary>Looks at a response message.</summary>
    /// <returns>Whether a whole operation of this client ended with it.</returns>
    bool Answered(int client, ReadOnlySpan<byte> response) => true;
}
