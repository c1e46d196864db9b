namespace RaftKv.Rpc.Client;

/// <summary>What one call asks for. The default asks for nothing special.</summary>
/// <example><code>
/// await channel.UnaryAsync(range, request, new RpcCallOptions { Timeout = TimeSpan.FromSeconds(2), IsSafeToRetry = true });
/// </code></example>
public readonly record struct RpcCallOptions
{
    /// <summary>
    /// From now until the call must have ended, all attempts and waits included. The server is told. A call that takes
    /// longer ends DEADLINE_EXCEEDED. Null: no deadline.
    /// </summary>
    public TimeSpan? Timeout { get; init; }

    /// <summary>Sent with the call. Not to be changed while the call runs.</summary>
    public RpcMetadata? Metadata { get; init; }

    /// <summary>Ends the call: the caller sees <see cref="OperationCanceledException"/> with this token, the server a reset stream.</summary>
    public CancellationToken CancellationToken { get; init; }

    /// <summary>
    /// The call may reach a server twice without harm, so it is repeated when it ends UNAVAILABLE, as
    /// <see cref="RpcChannelOptions.RetryAttempts"/> says and only while no response message was delivered.
    /// </summary>
    /// <remarks>
    /// Without it a call moves on to another address only when no server can have seen it: no connection came up, or
    /// the server said that it did not process the stream. A call whose requests are a stream is never repeated.
    /// </remarks>
    public bool IsSafeToRetry { get; init; }

    /// <summary>Wait until an address can be reached, instead of failing UNAVAILABLE when none can.</summary>
    public bool WaitForReady { get; init; }

    /// <summary>Which of the channel's addresses the call goes to, and to no other. Null: the channel picks.</summary>
    /// <remarks>One that the channel does not have ends the call FAILED_PRECONDITION. While the address is left alone after a
    /// failure the call ends UNAVAILABLE at once, unseen by any server.</remarks>
    public Uri? Address { get; init; }

    /// <summary>Compress request messages that are large enough to gain from it.</summary>
    public bool GzipRequests { get; init; }

    /// <summary>Overrides <see cref="RpcChannelOptions.MaxReceiveMessageBytes"/>.</summary>
    public int? MaxReceiveMessageBytes { get; init; }

    /// <summary>Overrides <see cref="RpcChannelOptions.MaxSendMessageBytes"/>.</summary>
    public int? MaxSendMessageBytes { get; init; }
}
