using RaftKv.Rpc;

namespace RaftKv.Server.Gateway;

/// <summary>What a call of the gateway goes over: JSON values come in, texts go out.</summary>
internal interface IGatewayLine
{
    /// <summary>The next request; null after the last one. The caller disposes of it.</summary>
    /// <exception cref="GatewayInputException">It is no JSON.</exception>
    ValueTask<JsonText?> NextAsync(CancellationToken cancellation);

    /// <summary>Sends the one response of a call.</summary>
    ValueTask AnswerAsync(string json, CancellationToken cancellation);

    /// <summary>Sends a response of a stream, at once.</summary>
    ValueTask SendAsync(string json, CancellationToken cancellation);

    /// <summary>Says why the call ended.</summary>
    /// <param name="status">Not OK.</param>
    /// <param name="isStream">Whether responses may have been sent before.</param>
    /// <param name="cancellation">Ends the waiting.</param>
    ValueTask FailAsync(RpcStatus status, bool isStream, CancellationToken cancellation);
}
