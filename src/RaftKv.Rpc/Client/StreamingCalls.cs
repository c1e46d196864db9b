namespace RaftKv.Rpc.Client;

/// <summary>A call with one request and a stream of responses.</summary>
/// <example><code>
/// await using var call = channel.ServerStreaming(method, request);
/// await foreach (var response in call.Responses) { ... }
/// </code></example>
public sealed class RpcServerStreamingCall<TResponse> : IAsyncDisposable
{
    internal RpcServerStreamingCall(RpcResponseReader<TResponse> responses) => Responses = responses;

    public RpcResponseReader<TResponse> Responses { get; }

    /// <inheritdoc cref="RpcResponseReader{T}.HeadersAsync"/>
    public ValueTask<RpcMetadata> HeadersAsync() => Responses.HeadersAsync();

    /// <inheritdoc cref="RpcResponseReader{T}.DisposeAsync"/>
    public ValueTask DisposeAsync() => Responses.DisposeAsync();
}

/// <summary>A call with a stream of requests and one response.</summary>
/// <example><code>
/// await using var call = channel.ClientStreaming(method);
/// await call.Requests.WriteAsync(part);
/// var response = await call.ResponseAsync();
/// </code></example>
public sealed class RpcClientStreamingCall<TRequest, TResponse> : IAsyncDisposable
{
    private readonly RpcResponseReader<TResponse> _response;
    private readonly Task<TResponse> _reading;

    internal RpcClientStreamingCall(RpcRequestWriter<TRequest> requests, RpcResponseReader<TResponse> response)
    {
        Requests = requests;
        _response = response;

        // From the start: a server may answer before it has read all requests, and a writer that waits for room at a
        // server which reads no more would otherwise wait for ever.
        _reading = response.ReadOnlyAsync().AsTask();
        _ = ObserveAsync(_reading);
    }

    public RpcRequestWriter<TRequest> Requests { get; }

    /// <inheritdoc cref="RpcResponseReader{T}.Status"/>
    public RpcStatus? Status => _response.Status;

    /// <inheritdoc cref="RpcResponseReader{T}.Trailers"/>
    public RpcMetadata Trailers => _response.Trailers;

    /// <summary>Completes the requests, unless that was done, and waits for the response.</summary>
    public async ValueTask<TResponse> ResponseAsync()
    {
        await Requests.CompleteAsync().ConfigureAwait(false);
        return await _reading.ConfigureAwait(false);
    }

    /// <inheritdoc cref="RpcResponseReader{T}.HeadersAsync"/>
    public ValueTask<RpcMetadata> HeadersAsync() => _response.HeadersBesideReadAsync();

    /// <inheritdoc cref="RpcResponseReader{T}.DisposeAsync"/>
    public ValueTask DisposeAsync()
    {
        Requests.Release();
        return _response.DisposeAsync();
    }

    // A caller that disposes the call instead of asking for its response does not care how it ended.
    private static async Task ObserveAsync(Task reading)
        => await reading.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
}

/// <summary>A call with a stream of requests and a stream of responses.</summary>
/// <example><code>
/// await using var call = channel.Duplex(method);
/// await call.Requests.WriteAsync(first);
/// await foreach (var response in call.Responses) { await call.Requests.WriteAsync(next); }
/// </code></example>
public sealed class RpcDuplexCall<TRequest, TResponse> : IAsyncDisposable
{
    internal RpcDuplexCall(RpcRequestWriter<TRequest> requests, RpcResponseReader<TResponse> responses)
    {
        Requests = requests;
        Responses = responses;
    }

    public RpcRequestWriter<TRequest> Requests { get; }

    public RpcResponseReader<TResponse> Responses { get; }

    /// <inheritdoc cref="RpcResponseReader{T}.HeadersAsync"/>
    public ValueTask<RpcMetadata> HeadersAsync() => Responses.HeadersAsync();

    /// <inheritdoc cref="RpcResponseReader{T}.DisposeAsync"/>
    public ValueTask DisposeAsync()
    {
        Requests.Release();
        return Responses.DisposeAsync();
    }
}
